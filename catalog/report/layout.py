"""Aligned columns of text."""

from collections.abc import Sequence

from catalog.report.figures import clipped, columns_of, padded

GAP = "  "


def aligned(
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[bool],
    indent: int = 0,
    width: int | None = None,
) -> list[str]:
    """Returns rows of cells as lines with aligned columns.

    Args:
        rows: Cells; a header is a row like any other.
        right: By column, whether it is aligned to the right, as numbers are.
        indent: Blanks before each line.
        width: If given, the widest columns are cut until the lines fit.

    Returns:
        One line per row, without blanks at the end.
    """
    room = None if width is None else width - indent
    widths = widths_of(rows, columns=len(right), width=room)
    lines = []
    for row in rows:
        cells = [
            padded(clipped(cell, wide), wide, right=side)
            for cell, wide, side in zip(row, widths, right, strict=True)
        ]
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
