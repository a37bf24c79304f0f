"""Contracts: what a change may do to tables; pure values.

A contract is about rows: those may change as far as its limits say. Whatever else is changed of a
table (that it is there, its columns, key, partitioning, definition, checks) must be allowed.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal, TypeAlias, get_args

from catalog.dataclasses import dataclass, field
from catalog.model.ids import canonical_json, content_id

CONTRACT_VERSION = 1
"""Of the stored form."""

MAX_CONTRACT = 1 << 16
"""Most bytes of the stored form of a contract: it lies in the branch object."""

EVERY = "*"
"""Stands for every table: as a section, for those of which a contract says nothing else."""

ANY = "any"
"""A limit that allows everything."""

Nulls: TypeAlias = Literal["may-fall", "may-rise", "unchanged", "any"]
"""What NULLs of a column may do: in each partition, and in each cell of a row that stays."""

NULLS: tuple[Nulls, ...] = get_args(Nulls)

STRUCTURE = ("column_added", "column_removed", "column_renamed", "type_changed")
"""Changes of a schema that a contract can allow, as a diff names them."""

TYPE_WIDENED = "type_widened"
"""A change of a type to one that holds all values of the type before; part of ``type_changed``."""

SCHEMA_CHANGES = (*STRUCTURE, TYPE_WIDENED)
"""What a contract can say of a schema."""

PERMISSIONS = (
    "may_create",
    "may_drop",
    "may_replace",
    "may_change_keys",
    "may_change_partitioning",
    "may_change_definitions",
    "may_change_checks",
)
"""What is done to tables, apart from their rows and columns, that a contract can allow."""

COUNTED_ROWS = ("inserted", "deleted", "updated", "moved")
"""Rows that a contract can limit."""

COUNTED_CELLS = ("filled", "cleared", "corrected")
"""Cells of updated rows that a contract can limit."""


@dataclass(frozen=True, slots=True)
class Most:
    """The most that a contract allows: a number, or a share of what was there.

    Attributes:
        amount: The number, or the share, 1 being all; None if there is no limit.
        share: Whether it is a share.
    """

    amount: Fraction | None
    share: bool = False

    @property
    def limited(self) -> bool:
        """Returns whether it limits anything."""
        return self.amount is not None

    @property
    def nothing(self) -> bool:
        """Returns whether it allows nothing at all."""
        return self.amount == 0

    def allows(self, amount: int | Fraction, *, of: int | Fraction) -> bool:
        """Returns whether an amount is allowed, ``of`` being what was there; exactly."""
        if self.amount is None:
            return True
        return amount <= (self.amount * abs(Fraction(of)) if self.share else self.amount)

    def __str__(self) -> str:
        """Returns it as contracts state it: ``100``, ``0.5``, ``5%``, ``any``."""
        if self.amount is None:
            return ANY
        return f"{_decimal(self.amount * 100)}%" if self.share else _decimal(self.amount)


def _decimal(number: Fraction) -> str:
    """Returns a number that was read from decimal digits in decimal digits."""
    places = 0
    while number.denominator != 1 and (number * 10**places).denominator != 1:
        places += 1
    digits = str(int(number * 10**places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


@dataclass(frozen=True, slots=True)
class PartitionRange:
    """Values of one partition column: from the first to the last, both included.

    Attributes:
        column: The column.
        low: The first as text; None if there is none below which it ends.
        high: The last as text; None if there is none above which it ends.
        null: Whether it is NULL that is meant.
    """

    column: str
    low: str | None = None
    high: str | None = None
    null: bool = False

    def __str__(self) -> str:
        """Returns it as contracts state it; signs with a meaning there are escaped: ``%2F``."""
        column = self.column.replace("%", "%25").replace("/", "%2F").replace("=", "%3D")
        if self.null:
            return f"{column}=NULL"
        if self.low == self.high:
            return f"{column}={_escaped(self.low)}"
        return f"{column}={_escaped(self.low)}..{_escaped(self.high)}"


def _escaped(value: str | None) -> str:
    text = (value or "").replace("%", "%25").replace("/", "%2F").replace("..", "%2E%2E")
    return text.replace("N", "%4E", 1) if text == "NULL" else text


PartitionRule: TypeAlias = tuple[PartitionRange, ...]
"""Partitions: those that are in the ranges of all its columns."""


def partition_rule_text(rule: PartitionRule) -> str:
    """Returns partitions as contracts state them: ``month=2024-01..2024-03/region=EU``."""
    return "/".join(map(str, rule))


@dataclass(frozen=True, slots=True)
class ColumnLimits:
    """What may happen to a column; None: no limit.

    Attributes:
        nulls: What its NULLs may do.
        filled: Most cells that become a value from NULL.
        cleared: Most cells that become NULL.
        corrected: Most cells whose value becomes another.
        sum: By how much its sum may move.
        min: Least value, as text, that a cell may be given.
        max: Greatest value, as text, that a cell may be given.
        tolerance: Differences that do not count, as a diff takes them; empty for none.
    """

    nulls: Nulls | None = None
    filled: Most | None = None
    cleared: Most | None = None
    corrected: Most | None = None
    sum: Most | None = None
    min: str | None = None
    max: str | None = None
    tolerance: str = ""

    def to_json(self) -> dict[str, object]:
        """Returns the stored form, which is that of TOML with all numbers as texts."""
        return {name: str(value) for name in self.__slots__ if (value := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class TableLimits:
    """What may happen to the rows of a table; None: no limit.

    Attributes:
        partitions: The partitions whose rows may change.
        columns: The columns whose cells may change.
        where: A condition in SQL that changed rows meet, before and after; empty for none.
        inserted: Most rows that may be inserted.
        deleted: Most rows that may be deleted.
        updated: Most rows that may be updated.
        moved: Most rows that may be moved to another partition.
        max_loss: Most rows that there may be less than before, whatever comes and goes.
        unique_key: Whether the key, or some columns, must stay unique and not NULL.
        schema_changes: Which changes of the schema are allowed.
        column: Limits of columns, by name.
    """

    partitions: tuple[PartitionRule, ...] | None = None
    columns: tuple[str, ...] | None = None
    where: str = ""
    inserted: Most | None = None
    deleted: Most | None = None
    updated: Most | None = None
    moved: Most | None = None
    max_loss: Most | None = None
    unique_key: bool | tuple[str, ...] | None = None
    schema_changes: tuple[str, ...] | None = None
    column: Mapping[str, ColumnLimits] = field(default_factory=dict)

    @property
    def about_rows(self) -> bool:
        """Returns whether rows have to be compared to judge by them; not so for ``max_loss``."""
        counts = (self.most(name) for name in COUNTED_ROWS)
        return bool(
            any(one is not None and one.limited for one in counts)
            or self.partitions is not None
            or self.columns is not None
            or self.where
            or self.unique_key
            or self.column
        )

    def most(self, name: str) -> Most | None:
        """Returns a limit of rows by its name."""
        found = getattr(self, name)
        assert found is None or isinstance(found, Most), "a limit of rows"
        return found

    def over(self, other: "TableLimits") -> "TableLimits":
        """Returns these limits, and those of another where these say nothing."""
        mine = {name: getattr(self, name) for name in self.__slots__}
        return TableLimits(
            **{
                name: getattr(other, name) if value is None or value == "" else value
                for name, value in mine.items()
                if name != "column"
            },
            column={**other.column, **self.column},
        )

    def to_json(self) -> dict[str, object]:
        """Returns the stored form."""
        stored: dict[str, object] = {}
        if self.partitions is not None:
            stored["partitions"] = [partition_rule_text(rule) for rule in self.partitions]
        if self.columns is not None:
            stored["columns"] = list(self.columns)
        if self.where:
            stored["where"] = self.where
        for name in COUNTED_ROWS:
            if (most := self.most(name)) is not None:
                stored[name] = str(most)
        if self.max_loss is not None:
            stored["max_loss"] = str(self.max_loss)
        if self.unique_key is not None:
            unique = self.unique_key
            stored["unique_key"] = unique if isinstance(unique, bool) else list(unique)
        if self.schema_changes is not None:
            stored["schema_changes"] = list(self.schema_changes)
        if self.column:
            stored["column"] = {name: one.to_json() for name, one in self.column.items()}
        return stored


NO_LIMITS = TableLimits()


Comparison: TypeAlias = Literal["digests", "values"]
"""What the rows of a change are compared by."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What a change may do.

    Attributes:
        name: Its name.
        description: What it is for.
        tables: Tables whose rows and columns may change; None: all.
        unchanged: Tables of which nothing may change, also if they are derived.
        schema_changes: Which changes of the schemas of all tables are allowed.
        permissions: By each of ``PERMISSIONS``, the tables of which it is allowed.
        table: Limits by table; those of ``*`` hold where a table's own say nothing.
        compare: What rows are compared by: digests as well, or values alone.
    """

    name: str
    description: str = ""
    tables: tuple[str, ...] | None = None
    unchanged: tuple[str, ...] = ()
    schema_changes: tuple[str, ...] = ()
    permissions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    table: Mapping[str, TableLimits] = field(default_factory=dict)
    compare: Comparison = "digests"

    def names(self, table: str) -> bool:
        """Returns whether it says something about a table by its name."""
        own = (name for name in self.table if name != EVERY)
        return _among(table, (*(self.tables or ()), *self.unchanged, *own))

    def may_change(self, table: str) -> bool:
        """Returns whether a table's rows may change, not looking at limits or derivation."""
        if _among(table, self.unchanged):
            return False
        return self.tables is None or _among(table, self.tables)

    def must_not_change(self, table: str) -> bool:
        """Returns whether nothing of a table may change, however it came about."""
        return _among(table, self.unchanged)

    def allowed(self, permission: str) -> tuple[str, ...]:
        """Returns the tables of which one of ``PERMISSIONS`` is given."""
        return self.permissions.get(permission, ())

    def permits(self, permission: str, table: str) -> bool:
        """Returns whether something may be done to a table."""
        allowed = self.allowed(permission)
        return EVERY in allowed or _among(table, allowed)

    def limits(self, table: str) -> TableLimits:
        """Returns the limits of a table: its own, and those of every table."""
        folded = table.casefold()
        own = next((one for name, one in self.table.items() if name.casefold() == folded), None)
        every = self.table.get(EVERY, NO_LIMITS)
        return every if own is None else own.over(every)

    def permitted_schema_changes(self, table: str) -> tuple[str, ...]:
        """Returns the changes of a table's schema that are allowed."""
        own = self.limits(table).schema_changes
        return self.schema_changes if own is None else own

    def to_json(self) -> dict[str, object]:
        """Returns the stored form, without the name: what TOML says, all numbers as texts."""
        stored: dict[str, object] = {"version": CONTRACT_VERSION}
        if self.description:
            stored["description"] = self.description
        if self.tables is not None:
            stored["tables"] = list(self.tables)
        if self.unchanged:
            stored["unchanged"] = list(self.unchanged)
        if self.schema_changes:
            stored["schema_changes"] = list(self.schema_changes)
        stored |= {name: list(self.allowed(name)) for name in PERMISSIONS if self.allowed(name)}
        if self.compare != "digests":
            stored["compare"] = self.compare
        if self.table:
            stored["table"] = {name: limits.to_json() for name, limits in self.table.items()}
        return stored

    @property
    def digest(self) -> str:
        """Returns an id of what it means: two that mean the same have the same."""
        stored = self.to_json()
        stored.pop("description", None)
        return content_id(canonical_json(stored))


def _among(name: str, names: tuple[str, ...]) -> bool:
    folded = name.casefold()
    return any(one.casefold() == folded for one in names)
