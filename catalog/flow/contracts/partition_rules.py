"""Partitions that a contract names, by the types of a table's partition columns."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.diff.plan import SideName
from catalog.errors import InvalidInput
from catalog.model.contracts import PartitionRange, PartitionRule
from catalog.model.partition import Partition
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.model.values import encode, parse
from catalog.write.conditions import constant


@dataclass(frozen=True, slots=True)
class _Range:
    """Values of the partition column at a place: from one to another, or NULL."""

    place: int
    field_id: int
    kind: Scalar
    low: bytes | None
    high: bytes | None
    null: bool

    def holds(self, value: bytes | None) -> bool:
        if value is None or self.null:
            return value is None and self.null
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)

    def sql(self, side: SideName) -> str:
        column = f"{side}_c{self.field_id}"
        if self.null:
            return f"{column} IS NULL"
        parts = [f"{column} IS NOT NULL"]
        if self.low is not None:
            parts.append(f"{column} >= {constant(self.low, self.kind)}")
        if self.high is not None:
            parts.append(f"{column} <= {constant(self.high, self.kind)}")
        return " AND ".join(parts)


@dataclass(frozen=True, slots=True)
class PartitionRules:
    """The partitions of a table that a contract names: each in all ranges of one of the rules."""

    rules: tuple[tuple[_Range, ...], ...]

    def hold(self, partition: Partition) -> bool:
        """Returns whether a partition, as files have it, is one of them."""
        return any(all(one.holds(partition[one.place]) for one in rule) for rule in self.rules)

    def sql(self, side: SideName) -> str:
        """Returns the condition that a row of a side is in one of them, in a remainder."""
        rules = (" AND ".join(f"({one.sql(side)})" for one in rule) for rule in self.rules)
        return "(" + (" OR ".join(f"({rule})" for rule in rules) or "false") + ")"


def partition_rules(rules: Sequence[PartitionRule], table: TableSnapshot) -> PartitionRules:
    """Returns the partitions of a table that rules name, typed.

    Raises:
        InvalidInput: The table is not partitioned by a column, or a value is not one of its type.
    """
    return PartitionRules(tuple(tuple(_typed(one, table) for one in rule) for rule in rules))


def _typed(stated: PartitionRange, table: TableSnapshot) -> _Range:
    fields = table.fields(table.partition_by)
    named = [n for n, f in enumerate(fields) if f.name == stated.column] or [
        n for n, f in enumerate(fields) if f.name.casefold() == stated.column.casefold()
    ]
    if len(named) != 1:
        known = ", ".join(f.name for f in fields)
        by = f"it is partitioned by {known}" if known else "it has no partitions"
        raise InvalidInput(f"{stated} is no partition of the table: {by}")
    field = fields[named[0]]
    assert isinstance(field.type, Scalar), "partition columns have scalar types"
    low, high = (_encoded(stated, text, field.type) for text in (stated.low, stated.high))
    if low is not None and high is not None and low > high:
        raise InvalidInput(f"{stated} names no partition: {stated.low} comes after {stated.high}")
    return _Range(named[0], field.id, field.type, low, high, stated.null)


def _encoded(stated: PartitionRange, text: str | None, kind: Scalar) -> bytes | None:
    if text is None:
        return None
    try:
        return encode(parse(text, kind), kind)
    except InvalidInput as error:
        raise InvalidInput(f"{stated} names no partition: {error.message}") from error
