"""Counts of cells and rows as they are added up, and what they make of a table's counts."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from catalog.dataclasses import dataclass, field, replace
from catalog.diff.counts import ColumnCounts, PartitionCounts, RowCounts
from catalog.diff.plan import SIDES, TablePlan

Label: TypeAlias = tuple[tuple[str, str | None], ...]
"""A partition: its columns with their values in text form."""


@dataclass(slots=True)
class Cells:
    """The counts of one column's cells, while groups are added up."""

    filled: int = 0
    cleared: int = 0
    corrected: int = 0
    within: int = 0


@dataclass(slots=True)
class Tally:
    """The counts of a remainder.

    Attributes:
        moved: Updated rows that are in another partition now.
        added: By field id, pairs of rows that carry a value in an added column.
        partitions: Counts per partition where something changed.
    """

    inserted: int = 0
    deleted: int = 0
    updated: int = 0
    moved: int = 0
    cells: dict[str, Cells] = field(default_factory=dict)
    added: dict[int, int] = field(default_factory=dict)
    partitions: tuple[PartitionCounts, ...] = ()

    def touched(self, column: str) -> bool:
        """Returns whether a cell of a column differs, be it within its tolerance."""
        cells = self.cells.get(column, Cells())
        return bool(cells.filled or cells.cleared or cells.corrected or cells.within)


def nothing_yet(plan: TablePlan) -> Tally:
    """Returns counts of a plan's columns to which nothing was added."""
    return Tally(
        cells={pair.name: Cells() for pair in plan.value_pairs},
        added={added.id: 0 for added in plan.added},
    )


def in_order(
    plan: TablePlan, partitions: Mapping[Label, Sequence[int]]
) -> tuple[PartitionCounts, ...]:
    """Returns the counts of partitions in which something changed; none of tables without."""
    if not any(plan.side(side).partition_by for side in SIDES):
        return ()
    found = []
    for label in sorted(partitions, key=_label_order):
        if any(numbers := partitions[label]):
            inserted, deleted, updated, filled, cleared, corrected = numbers
            found.append(
                PartitionCounts(dict(label), inserted, deleted, updated, filled, cleared, corrected)
            )
    return tuple(found)


def _label_order(label: Label) -> tuple[object, ...]:
    return tuple((name, value is not None, value or "") for name, value in label)


def row_counts(plan: TablePlan, counts: Tally) -> RowCounts:
    """Returns the counts of a table's rows."""
    before, after = plan.rows
    return RowCounts(before, after, counts.inserted, counts.deleted, counts.updated, counts.moved)


def column_counts(
    plan: TablePlan, counts: Tally, described: Mapping[str, ColumnCounts]
) -> dict[str, ColumnCounts]:
    """Returns the counts of a table's columns by name; ``described`` has statistics of some."""
    columns = {}
    for pair in plan.pairs:
        if not pair.compared:
            continue
        stats = described.get(pair.name, ColumnCounts())
        cells = counts.cells.get(pair.name, Cells())
        columns[pair.name] = replace(
            stats,
            changed=cells.filled + cells.cleared + cells.corrected,
            filled=cells.filled,
            cleared=cells.cleared,
            corrected=cells.corrected,
            within_tolerance=cells.within,
        )
    for added in plan.added:
        columns[added.name] = ColumnCounts(filled=counts.added.get(added.id, 0))
    return columns
