"""The partitions of a table on a page: where changed ones are among all."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from catalog.dataclasses import dataclass
from catalog.diff.counts import PartitionCounts
from catalog.diff.view import TableView
from catalog.report.figures import count, counted, plain, share
from catalog.report.html.charts import Calendar, Place, Strip, picture
from catalog.report.html.grids import Cell, Column, Grid, limited, number, value

MOST_PARTITIONS = 1_500
"""Partitions that are listed of a table."""

MOST_PLACES = 20_000
"""Partitions that are drawn; of more, only those that changed."""

_KINDS = ("inserted", "deleted", "updated", "filled", "cleared", "corrected")

_Values = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class PartitionSection:
    """The partitions of a table.

    Attributes:
        lead: Which changed, in a sentence.
        calendar: All of them, if they are dates.
        strip: All of them, if they are not.
        grid: Those that changed, one line each.
    """

    lead: str
    calendar: Calendar | None
    strip: Strip | None
    grid: Grid


def partition_section(table: TableView) -> PartitionSection | None:
    """Returns the partitions of a table; None if it has none, or nothing changed in them."""
    own = [one for one in table.partitions if one.values and one.rows_changed]
    if not own:
        return None
    drawn = picture(_places(table, own), next(iter(own[0].values)))
    return PartitionSection(
        _lead(table, own),
        drawn if isinstance(drawn, Calendar) else None,
        drawn if isinstance(drawn, Strip) else None,
        _grid(own),
    )


def _lead(table: TableView, own: list[PartitionCounts]) -> str:
    known = table.partitioning
    every = table.coverage.partitions_compared + table.coverage.partitions_skipped
    every = max(every, len(own)) if known is None else max(*known.count, len(own))
    first, last = (_named(one.values) for one in (own[0], own[-1]))
    span = first if len(own) == 1 else f"{first} … {last}"
    text = f"{count(len(own))} of {counted(every, 'partition')} changed: {span}"
    ends = [one.rows for one in own if one.rows is not None]
    if len(ends) == len(own) and (rows := sum(max(pair) for pair in ends)):
        changed = sum(one.rows_changed for one in own)
        text += f"; {share(min(changed, rows), rows)} of their rows"
    return f"{text}."


def _named(values: Mapping[str, str | None]) -> str:
    parts = (f"{name}={'NULL' if v is None else v[:80]}" for name, v in values.items())
    return plain("/".join(parts))


def _places(table: TableView, own: list[PartitionCounts]) -> list[Place]:
    """Returns partitions by the value of the outermost column, in their order."""
    sums: dict[str | None, list[int]] = {}
    known = table.partitioning
    unchanged = () if known is None else known.unchanged or ()
    if len(unchanged) > MOST_PLACES:
        unchanged = ()
    for values, rows in unchanged:
        place = sums.setdefault(values[0], [0, 0])
        place[1] += rows
    complete = all(one.rows is not None for one in own)
    for one in own:
        place = sums.setdefault(next(iter(one.values.values())), [0, 0])
        place[0] += one.rows_changed
        place[1] += max(one.rows) if one.rows is not None else 0
    ordered = sorted(sums.items(), key=lambda pair: _order(pair[0]))
    return [Place(v, changed, rows if complete else None) for v, (changed, rows) in ordered]


def _order(text: str | None) -> tuple[int, Decimal, str]:
    if text is None:
        return 0, Decimal(0), ""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return 2, Decimal(0), text
    return (1, found, "") if found.is_finite() else (2, Decimal(0), text)


def _grid(own: list[PartitionCounts]) -> Grid:
    """Returns what happened in each partition that changed, in order of their values."""
    names = list(own[0].values)
    most = max(one.rows_changed for one in own)
    known = any(one.rows is not None for one in own)
    every = [_partition(one, names, most, known=known) for one in own]
    rows, note = limited(every, MOST_PARTITIONS, "partitions")
    head = [Column(plain(name)) for name in names]
    head += [Column("rows before", right=True), Column("rows after", right=True)] if known else []
    head += [Column("changed", right=True)]
    head += [Column(kind, right=True) for kind in _KINDS]
    return Grid("Partitions that changed", tuple(head), rows, note, searched="partitions")


def _partition(
    one: PartitionCounts, names: list[str], most: int, *, known: bool
) -> tuple[Cell, ...]:
    before, after = one.rows or (None, None)
    bar = Cell(count(one.rows_changed), sort=one.rows_changed, share=one.rows_changed / most)
    return (
        *(Cell(value=value(one.values.get(name), numeric=True)) for name in names),
        *((number(before), number(after)) if known else ()),
        bar,
        *(number(getattr(one, kind)) for kind in _KINDS),
    )
