"""What changed in one table, as it is judged: known from metadata, or found out when asked for."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Protocol

from catalog.dataclasses import dataclass
from catalog.diff.counts import TableCounts
from catalog.diff.held_rows import HeldRows, ShownRow
from catalog.diff.plan import ColumnPair, TablePlan
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot


@dataclass(frozen=True, slots=True)
class Compared:
    """The rows of a table, compared.

    Attributes:
        plan: How they were compared.
        counts: What was counted.
        held: The changed rows.
    """

    plan: TablePlan
    counts: TableCounts
    held: HeldRows


@dataclass(frozen=True, slots=True)
class Offenders:
    """Rows that break a rule: how many, and some of them."""

    count: int
    rows: Sequence[ShownRow] = ()


class ShapeChange(Protocol):
    """What changed in one table beside its rows: known from metadata."""

    @property
    def table(self) -> str:
        """Returns the table's name."""

    @property
    def before(self) -> TableSnapshot | None:
        """Returns the table before; None if there was none."""

    @property
    def after(self) -> TableSnapshot | None:
        """Returns the table after; None if there is none."""

    @property
    def plan(self) -> TablePlan:
        """Returns how its rows are compared, without tolerances."""


class TableChange(ShapeChange, Protocol):
    """What changed in one table between two commits."""

    def compared(self, tolerance: Mapping[str, str]) -> Compared:
        """Compares its rows, with tolerances by columns' names on the newer side."""

    def sum_before(self, pair: ColumnPair) -> Fraction:
        """Returns the sum of the finite values of a column before, exactly."""

    def bad_keys(self, compared: Compared, fields: Sequence[Field]) -> tuple[Offenders, Offenders]:
        """Returns rows that came with NULL in some columns, and those that share their values."""

    def unmet(self, compared: Compared, where: str) -> Offenders:
        """Returns changed rows that do not meet a condition, before or after."""
