"""Tables of a page as values: columns, cells, and what cells hold."""

from collections.abc import Sequence
from typing import overload

from catalog.dataclasses import dataclass, replace
from catalog.diff.counts import Example
from catalog.report.figures import count, first_difference, plain

TEXT_SHOWN = 120
"""Characters of a value that are shown at once."""

FULL_SHOWN = 1_000
"""Characters up to which a value that is cut can be unfolded."""

FIRST_ROWS = 20
"""Rows of a table for which there is little room."""

LEAD = 24
"""Characters before the first difference that are shown of two values that are cut."""

_QUOTED = ("NULL", "nan", "NaN", "inf", "-inf")
"""Texts that stand in quotes, so that they are not taken for what is written the same way."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it is shown.

    Attributes:
        text: It, or the part of it that is shown.
        full: All of it if it is cut and can be unfolded; else empty.
        is_null: Whether there is none: NULL.
    """

    text: str
    full: str = ""
    is_null: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What it says; empty where ``value`` or ``change`` do.
        sort: The number that it is sorted by; None sorts it by its text.
        share: A share from 0 to 1 that is drawn as a bar.
        value: A value of data.
        change: A value before and after.
        link: The id of the place that it leads to.
        is_faint: Whether it is of less interest than others.
    """

    text: str = ""
    sort: float | int | None = None
    share: float | None = None
    value: Value | None = None
    change: tuple[Value, Value] | None = None
    link: str = ""
    is_faint: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; columns of numbers are aligned to the right."""

    name: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of the page.

    Attributes:
        name: What it is of; its caption.
        columns: Its columns; the first names the row.
        rows: Its rows, each with as many cells.
        note: What is to be known of it, such as how many rows are not shown.
        searched: What is searched for in it; empty if there is no search.
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    searched: str = ""


def number(amount: int | None) -> Cell:
    """Returns the cell of a count."""
    return Cell(count(amount), sort=amount, is_faint=amount == 0)


def named(text: str, link: str = "") -> Cell:
    """Returns the cell of a name."""
    return Cell(plain(text), link=link)


def value(text: str | None, *, numeric: bool = False) -> Value:
    """Returns a value as it is shown."""
    return _value(text, 0, numeric=numeric)


def changed(before: str | None, after: str | None) -> Cell:
    """Returns the cell of a change of value; of long ones the part around the first difference."""
    start = 0
    longest = max(len(before or ""), len(after or ""))
    if before is not None and after is not None and longest > TEXT_SHOWN:
        start = max(first_difference(before, after) - LEAD, 0)
    return Cell(change=(_value(before, start, numeric=False), _value(after, start, numeric=False)))


def example(one: Example) -> Cell:
    """Returns the cell of an example, with ``…`` where it leaves out some of its values."""
    lengths = one.lengths or (0, 0)
    pair = [
        _marked(text, one.skipped, length)
        for text, length in zip((one.before, one.after), lengths, strict=True)
    ]
    return changed(pair[0], pair[1])


def _marked(text: str | None, skipped: int, length: int) -> str | None:
    if text is None:
        return None
    start = "…" if skipped and text else ""
    return f"{start}{text}{'…' if length > skipped + len(text) else ''}"


def _value(text: str | None, start: int, *, numeric: bool) -> Value:
    if text is None:
        return Value("NULL", is_null=True)
    if not text or text != text.strip() or (not numeric and text in _QUOTED):
        shown = text if len(text) <= TEXT_SHOWN else _part(text, start)
        return Value(f"\N{LEFT DOUBLE QUOTATION MARK}{plain(shown)}\N{RIGHT DOUBLE QUOTATION MARK}")
    if len(text) <= TEXT_SHOWN:
        return Value(plain(text))
    full = plain(text) if len(text) <= FULL_SHOWN else ""
    return Value(plain(_part(text, start)), full)


def _part(text: str, start: int) -> str:
    """Returns the part of a long text from a place on, with ``…`` where something is left out."""
    start = max(min(start, len(text) - TEXT_SHOWN), 0)
    end = start + TEXT_SHOWN
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def limited(
    rows: Sequence[tuple[Cell, ...]], most: int, noun: str
) -> tuple[tuple[tuple[Cell, ...], ...], str]:
    """Returns the first rows, and how many more there are, in words."""
    more = len(rows) - most
    if more <= 0:
        return tuple(rows), ""
    return tuple(rows[:most]), f"… and {count(more)} more {noun}, which the JSON form has"


@overload
def first_rows(grid: Grid) -> Grid: ...


@overload
def first_rows(grid: None) -> None: ...


def first_rows(grid: Grid | None) -> Grid | None:
    """Returns a table with its first rows, and how many more there are."""
    if grid is None or len(grid.rows) <= FIRST_ROWS:
        return grid
    more = f"… and {count(len(grid.rows) - FIRST_ROWS)} more, which the JSON form has"
    return replace(grid, rows=grid.rows[:FIRST_ROWS], note=more)


def brief(grid: Grid | None) -> Grid | None:
    """Returns the first rows of a table, in which no value can be unfolded."""
    if grid is None:
        return None
    few = first_rows(grid)
    return replace(few, rows=tuple(tuple(map(_folded, row)) for row in few.rows))


def _folded(cell: Cell) -> Cell:
    if cell.value is not None and cell.value.full:
        return replace(cell, value=replace(cell.value, full=""))
    if cell.change is not None:
        before, after = (replace(one, full="") for one in cell.change)
        return replace(cell, change=(before, after))
    return cell
