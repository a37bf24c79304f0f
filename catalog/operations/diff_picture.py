"""Pictures of diffs, for those who draw them in Python; the command line draws its own."""

from catalog.diff.result import Diff
from catalog.diff.view import DiffView


class DiffPictures:
    """Draws the view of a diff."""

    def text(self, diff: DiffView, width: int, *, full: bool = False) -> str:
        """Returns it as text, within a width in columns; ``full`` leaves nothing out."""
        from catalog.report.picture.sheet import CAPPED, UNLIMITED
        from catalog.report.text import render_diff

        limits = UNLIMITED if full else CAPPED
        return "\n".join(render_diff(diff, width=width, limits=limits, more="full=True"))

    def markdown(self, diff: DiffView) -> str:
        """Returns it as Markdown."""
        from catalog.report.markdown.page import render_markdown

        return "\n".join(render_markdown(diff))

    def fragment(self, diff: DiffView) -> str:
        """Returns the most important of it as HTML that stands in another page."""
        from catalog.report.html.page import render_fragment

        return render_fragment(diff)

    def page(self, diff: Diff) -> str:
        """Returns it as one HTML file that needs no other, with some rows if it holds them."""
        from catalog.operations.diff_samples import with_samples
        from catalog.report.html.page import render_page, sample_size

        view = diff.view
        changed = [table.name for table in view.tables if table.rows_changed]
        if all(diff[name].holds_rows for name in changed):
            view = with_samples(diff, most=sample_size(view))
        return render_page(view)
