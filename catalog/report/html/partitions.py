"""The partitions of a table on a page: where changed ones are among all."""

from catalog.dataclasses import dataclass
from catalog.diff.counts import PartitionCounts
from catalog.diff.view import TableView
from catalog.report.figures import count, plain
from catalog.report.html.charts import Calendar, Strip, picture
from catalog.report.html.grids import Cell, Column, Grid, limited, number, value
from catalog.report.partition_axes import Axis, in_order, partition_axes
from catalog.report.picture.partitions import span_words

MOST_PARTITIONS = 1_500
"""Partitions that are listed of a table."""

LABEL_WIDTH = 60
"""Columns of text that a partition value takes in a sentence."""

_KINDS = ("inserted", "deleted", "updated", "filled", "cleared", "corrected")


@dataclass(frozen=True, slots=True)
class AxisSection:
    """The partitions of a table by one of their columns.

    Attributes:
        name: The column.
        words: Which values changed, and what share of their rows.
        calendar: All of them, if they are dates.
        strip: All of them, if they are not.
    """

    name: str
    words: str
    calendar: Calendar | None
    strip: Strip | None


@dataclass(frozen=True, slots=True)
class PartitionSection:
    """The partitions of a table.

    Attributes:
        axes: By each partition column, which changed.
        grid: Those that changed, one line each.
    """

    axes: tuple[AxisSection, ...]
    grid: Grid


def partition_section(table: TableView) -> PartitionSection | None:
    """Returns the partitions of a table; None if it has none, or nothing changed in them."""
    own = in_order(table)
    if not own:
        return None
    return PartitionSection(tuple(map(_axis, partition_axes(table))), _grid(own))


def _axis(axis: Axis) -> AxisSection:
    drawn = picture(axis)
    return AxisSection(
        plain(axis.name),
        axis_words(axis),
        drawn if isinstance(drawn, Calendar) else None,
        drawn if isinstance(drawn, Strip) else None,
    )


def axis_words(axis: Axis) -> str:
    """Returns which values of a partition column changed, and what share of their rows."""
    return "; ".join(span_words(axis, LABEL_WIDTH))


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
