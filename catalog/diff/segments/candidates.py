"""Columns that rows may have in common, and what reads them."""

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from catalog.diff.compare.arrays import is_plain
from catalog.diff.plan import ColumnPair, SideName, TablePlan
from catalog.model.datafile import DataFile
from catalog.model.types import Scalar, TypeClass

MOST_COLUMNS = 24
"""Columns that are looked at; those of the fewest values, as far as sizes tell."""

_KINDS = (TypeClass.BOOLEAN, TypeClass.INTEGER, TypeClass.TEXT, TypeClass.DATE)


class ColumnSource(Protocol):
    """Reads columns of one side's files by row groups."""

    @property
    def side(self) -> SideName:
        """Returns the side."""

    def group_rows(self, file: DataFile) -> Sequence[int]:
        """Returns the number of rows of each row group of a file.

        Raises:
            CorruptData: The file cannot be read.
        """

    def candidates(
        self, pairs: Sequence[ColumnPair], file: DataFile, group: int
    ) -> list[ColumnPair]:
        """Returns which of some columns have few values, to judge by a row group, or may have.

        Raises:
            CorruptData: The file cannot be read.
        """

    def column(self, pair: ColumnPair, file: DataFile, group: int) -> pa.Array | None:
        """Returns a column of a row group; None if the file does not hold it.

        Raises:
            CorruptData: The file cannot be read.
            Unreadable: Only the engine can read it.
        """


def possible_columns(plan: TablePlan, side: SideName) -> list[ColumnPair]:
    """Returns the columns whose values can be shown, the same on both sides."""
    return [pair for pair in plan.pairs if _is_possible(plan, pair, side)]


def _is_possible(plan: TablePlan, pair: ColumnPair, side: SideName) -> bool:
    kind = pair.on(side).type
    return (
        pair.compared
        and not (pair.key and len(plan.key) == 1)
        and not pair.partition
        and pair.before.type == pair.after.type
        and isinstance(kind, Scalar)
        and kind.type_class in _KINDS
        and is_plain(plan.side(side), pair.on(side).id)
    )
