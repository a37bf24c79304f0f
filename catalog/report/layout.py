"""Tables of text: aligned columns, and Markdown."""

import re
from collections.abc import Callable, Sequence

from catalog.report.figures import clipped, columns_of, padded, plain

GAP = "  "

UNLIMITED = 1 << 40
"""A width in columns that nothing reaches: everything is drawn in full."""

_BREAKS = re.compile(" (?!%)")
"""Where a line may be broken: a number stays with its percent sign."""

_SPECIAL = str.maketrans(
    {**{c: f"\\{c}" for c in "\\|*_`[]~"}, "<": "&lt;", ">": "&gt;", "&": "&amp;"}
)

_MENTION = re.compile(r"(?<!\w)(@(?=\w)|#(?=\d))")


def aligned(
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[bool],
    indent: int = 0,
    width: int | None = None,
    paint: Callable[[str, int, int], str] | None = None,
) -> list[str]:
    """Returns rows of cells, a header among them, as lines with aligned columns.

    Columns of numbers are aligned to the right. If a width is given, the widest columns are cut
    until the lines fit, the indent included. ``paint`` colours a cell, given its row and column.
    """
    room = None if width is None else width - indent
    widths = widths_of(rows, columns=len(right), width=room)
    lines = []
    for at, row in enumerate(rows):
        cells = []
        for place, (cell, wide, side) in enumerate(zip(row, widths, right, strict=True)):
            text = clipped(cell, wide)
            shown = padded(text, wide, right=side)
            if paint is not None and text:
                shown = shown.replace(text, paint(text, at, place), 1)
            cells.append(shown)
        lines.append((" " * indent + GAP.join(cells)).rstrip())
    return lines


def widths_of(rows: Sequence[Sequence[str]], *, columns: int, width: int | None) -> list[int]:
    """Returns how wide each column is, within a total if one is given."""
    widths = [max((columns_of(row[i]) for row in rows), default=0) for i in range(columns)]
    if width is None:
        return widths
    return _fitted(widths, width - len(GAP) * (columns - 1))


def _fitted(widths: list[int], room: int) -> list[int]:
    """Cuts the widest columns, each to no less than 8, until they fit."""
    fitted = list(widths)
    while sum(fitted) > room and max(fitted, default=0) > 8:
        widest = max(fitted)
        below = max((w for w in fitted if w < widest), default=0)
        at = [i for i, w in enumerate(fitted) if w == widest]
        excess = sum(fitted) - room
        step = max(1, min(widest - max(below, 8), -(-excess // len(at))))
        for i in at:
            fitted[i] = widest - step
    return fitted


def flowed(parts: Sequence[str], *, width: int, indent: int = 0, between: str = "; ") -> list[str]:
    """Returns parts of a sentence as lines of a width, broken between parts where that is enough.

    A part that is longer than a line is broken between words; a word that is longer stays whole.
    """
    lines: list[str] = []
    room = max(width - indent, 1)
    for number, part in enumerate(parts):
        text = part + (between.rstrip() if number < len(parts) - 1 else "")
        if lines and columns_of(f"{lines[-1]} {text}") <= room:
            lines[-1] += f" {text}"
            continue
        lines.append("")
        for word in _BREAKS.split(text):
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            if lines[-1] and columns_of(longer) > room:
                lines.append(word)
            else:
                lines[-1] = longer
    return [" " * indent + line for line in lines]


def markdown_text(text: str) -> str:
    """Returns text that Markdown shows as it is, and that does nothing.

    ``@name`` would notify somebody, and ``fixes #12`` would close an issue.
    """
    return _MENTION.sub(r"\1<!-- -->", plain(text).translate(_SPECIAL))


def markdown_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[bool]
) -> list[str]:
    """Returns the lines of a Markdown table of plain text, whose cells cannot break out of it."""
    rule = ["---:" if side else "---" for side in right]
    body = [[markdown_text(cell) for cell in row] for row in (columns, *rows)]
    return [_line(body[0]), _line(rule), *(_line(row) for row in body[1:])]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
