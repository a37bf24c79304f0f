"""Pictures of diffs, for those who print them in Python; the command line draws its own."""

from catalog.diff.view import DiffView


def diff_picture(diff: DiffView, width: int) -> str:
    """Returns the picture of a diff as one text, within a width in columns of text."""
    from catalog.report.text import render_diff

    return "\n".join(render_diff(diff, width=width))
