"""What happened to the columns of a table: one line each, and more of those that changed most."""

from collections.abc import Iterator

from catalog.dataclasses import dataclass
from catalog.diff.counts import SideStats
from catalog.diff.view import ColumnView, TableView
from catalog.report.figures import count, counted, grouped, plain, share
from catalog.report.html.charts import Histogram, covered, distribution_grid, histogram
from catalog.report.html.grids import Cell, Column, Grid, example, limited, named, number
from catalog.report.picture.deltas import delta_parts, statistic_parts
from catalog.report.picture.segments import segment_text
from catalog.report.words import covered_line, mean_texts, statistics_of

MOST_COLUMNS = 400
"""Changed columns that are listed of a table."""

MOST_DETAILS = 24
"""Columns of which more is shown."""

NOTE_WIDTH = 80
"""Columns of text that a value takes in a sentence."""

_STATISTICS = {"NULLs": "nulls", "mean": "mean", "sum": "total"}
"""Where each statistic is found."""


@dataclass(frozen=True, slots=True)
class ColumnSection:
    """More of a column that changed.

    Attributes:
        title: Its name as it is shown.
        lead: What happened to its cells, in words.
        notes: What explains it.
        examples: The most frequent changes of value.
        histogram: Values before and after, if they are put in ranges.
        values: Values before and after, if they are counted one by one.
        remark: Which rows these are of.
    """

    title: str
    lead: str
    notes: tuple[str, ...] = ()
    examples: Grid | None = None
    histogram: Histogram | None = None
    values: Grid | None = None
    remark: str = ""


def by_change(table: TableView) -> list[ColumnView]:
    """Returns the columns there is anything to say about, those with most changed cells first."""
    return sorted(table.touched_columns, key=lambda one: -_cells(one))


def column_grid(table: TableView) -> Grid | None:
    """Returns the table of changed columns, in the order of the schema."""
    columns = table.touched_columns
    if not columns:
        return None
    statistics = statistics_of(columns)
    tolerant = any(one.counts.within_tolerance for one in columns)
    most = max(_cells(one) for one in columns)
    every = [_row(one, table, statistics, (tolerant, most)) for one in columns]
    rows, note = limited(every, MOST_COLUMNS, "columns")
    head = [Column("column"), Column("type"), Column("changed", right=True)]
    head += [Column(kind, right=True) for kind in ("filled", "cleared", "corrected")]
    head += [Column("within tolerance", right=True)] if tolerant else []
    for name in statistics:
        head += [Column(f"{name} before", right=True), Column(f"{name} after", right=True)]
    same = len(table.columns) - len(columns)
    notes = [note, f"{counted(same, 'column')} did not change" if same else ""]
    notes.append(covered_line(table, statistics))
    said = "; ".join(one for one in notes if one)
    return Grid("Columns that changed", tuple(head), rows, _sentence(said), searched="columns")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _row(
    column: ColumnView, table: TableView, statistics: tuple[str, ...], how: tuple[bool, int]
) -> tuple[Cell, ...]:
    counts = column.counts
    tolerant, most = how
    cells = _cells(column)
    bar = Cell(count(cells), sort=cells, share=cells / most if most else 0)
    sides = [cell for name in statistics for cell in _statistic(name, counts.before, counts.after)]
    kinds = [number(one) for one in (counts.filled, counts.cleared, counts.corrected)]
    kinds += [number(counts.within_tolerance)] if tolerant else []
    return (named(column.name), Cell(_type(column)), bar, *kinds, *sides)


def _type(column: ColumnView) -> str:
    if column.types is None:
        return ""
    before, after = map(plain, column.types)
    return before if before == after else f"{before} → {after}"


def _cells(column: ColumnView) -> int:
    """Returns how many cells changed; of an added column, how many have a value."""
    return column.counts.changed or column.counts.filled


def _statistic(name: str, *sides: SideStats | None) -> tuple[Cell, Cell]:
    """Returns a statistic before and after."""
    found = [None if side is None else getattr(side, _STATISTICS[name]) for side in sides]
    means = mean_texts(*sides) if name == "mean" else ("", "")
    cells = []
    for one, side, text in zip(found, sides, means, strict=True):
        if one is None:
            cells.append(Cell("" if side is None else "none", is_faint=True))
        elif isinstance(one, int):
            cells.append(number(one))
        else:
            cells.append(Cell(text or grouped(str(one)), sort=_number(str(one))))
    before, after = cells
    return before, after


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def column_sections(table: TableView, place: str) -> tuple[ColumnSection, ...]:
    """Returns more of the columns that changed most."""
    return tuple(_details(one) for one in by_change(table)[:MOST_DETAILS])


def _details(column: ColumnView) -> ColumnSection:
    one = column.distribution
    bars = None if one is None else histogram(one, column.name)
    return ColumnSection(
        title=plain(column.name),
        lead=lead(column),
        notes=tuple(_notes(column)),
        examples=_examples(column),
        histogram=bars,
        values=None if one is None or bars is not None else distribution_grid(one, column.name),
        remark="" if one is None else covered(one),
    )


def _notes(column: ColumnView) -> Iterator[str]:
    """Yields what explains the changes of a column: by how much, and where."""
    for parts in (delta_parts(column, NOTE_WIDTH), statistic_parts(column, ())):
        if parts:
            yield "; ".join(parts)
    yield from (segment_text(one, NOTE_WIDTH) for one in column.segments)


def lead(column: ColumnView) -> str:
    """Returns what happened to the cells of a column: ``40 corrected``."""
    counts = column.counts
    kinds = ("filled", "cleared", "corrected")
    parts = [f"{count(n)} {kind}" for kind in kinds if (n := getattr(counts, kind))]
    return ", ".join(parts) or "no cell changed"


def _examples(column: ColumnView) -> Grid | None:
    """Returns the most frequent changes of value, and how much of all they are."""
    if not column.examples:
        return None
    cells = column.counts.changed
    rows = []
    for one in column.examples:
        part = None if one.count is None or not cells else min(one.count / cells, 1.0)
        key = ", ".join(f"{name} {'NULL' if v is None else v}" for name, v in one.key.items())
        rows.append(
            (
                example(one),
                number(one.count),
                Cell("" if part is None else share(one.count or 0, cells), sort=part, share=part),
                Cell(plain(key)),
            )
        )
    head = (
        Column("before → after"),
        Column("cells", right=True),
        Column("share", right=True),
        Column("for example"),
    )
    return Grid("Most frequent changes", head, tuple(rows), _covered(column))


def _covered(column: ColumnView) -> str:
    """Returns how many different changes there are, and how much of all the shown ones are."""
    shown = [one.count for one in column.examples]
    if None in shown or not column.counts.changed:
        return ""
    part = share(sum(one or 0 for one in shown), column.counts.changed)
    distinct = column.distinct
    different = "" if distinct is None else f" of {counted(distinct, 'different change')}"
    return f"{count(len(shown))} shown{different}: {part} of the changed cells."
