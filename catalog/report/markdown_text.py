"""Markdown tables whose cells cannot break out of them."""

from collections.abc import Sequence

from catalog.report.figures import plain

_SPECIAL = str.maketrans(
    {**{c: f"\\{c}" for c in "\\|*_`[]~"}, "<": "&lt;", ">": "&gt;", "&": "&amp;"}
)


def markdown_text(text: str) -> str:
    """Returns text that Markdown shows as it is."""
    return plain(text).translate(_SPECIAL)


def markdown_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[bool]
) -> list[str]:
    """Returns the lines of a Markdown table.

    Args:
        columns: Names of the columns.
        rows: Plain text; it is escaped here.
        right: By column, whether it is aligned to the right.
    """
    rule = ["---:" if side else "---" for side in right]
    body = [[markdown_text(cell) for cell in row] for row in (columns, *rows)]
    return [_line(body[0]), _line(rule), *(_line(row) for row in body[1:])]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
