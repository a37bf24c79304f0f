"""Which changed rows of a table are wanted, and in which shape."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.errors import InvalidInput
from catalog.model.texts import check_integer, check_text, listed

CHANGES = ("inserted", "deleted", "updated")
"""What can happen to a row."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which changed rows are wanted; see ``TableDiff.changes``."""

    where: str | None = None
    change: str | None = None
    limit: int | None = None
    narrow: bool = False
    context: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Checks the values."""
        if self.where is not None:
            check_text(self.where, "a condition")
        if self.change not in (None, *CHANGES):
            raise InvalidInput(
                f"unknown change {self.change!r} of rows", hint=f"one of: {', '.join(CHANGES)}"
            )
        if self.limit is not None:
            check_integer(self.limit, "limit", least=0)


Columns: TypeAlias = Literal["all", "changed"] | Sequence[str]
"""Which columns of changed rows are shown."""

Shape: TypeAlias = Literal["nested", "flat"]
"""Whether changed rows have a struct for each side, or a column for each of its columns."""


def selected(
    where: str | None,
    change: str | None,
    limit: int | None,
    *,
    columns: Columns,
    context: Sequence[str],
) -> Selection:
    """Returns which rows are wanted, checked."""
    context = listed(context, "context")
    if isinstance(columns, str):
        if columns not in ("all", "changed"):
            raise InvalidInput(
                f"unknown columns {columns!r} of changed rows",
                hint='"all", "changed", or a list of names',
            )
        return Selection(where, change, limit, columns == "changed", context)
    return Selection(where, change, limit, False, context, listed(columns, "columns"))


RowReader: TypeAlias = Callable[[Selection], pa.RecordBatchReader]
"""Reads changed rows."""
