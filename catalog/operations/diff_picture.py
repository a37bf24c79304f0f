"""Pictures of diffs, for those who draw them in Python; the command line draws its own."""

from catalog.diff.view import DiffView


class DiffPictures:
    """Draws the view of a diff."""

    def text(self, diff: DiffView, width: int) -> str:
        """Returns it as text, within a width in columns."""
        from catalog.report.text import render_diff

        return "\n".join(render_diff(diff, width=width))

    def page(self, diff: DiffView) -> str:
        """Returns it as one HTML file that needs no other."""
        from catalog.report.html.page import render_page

        return render_page(diff)
