"""What changed between two tables, by the rules of the diff, one row after another."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.oracle.equality import Form, form_against
from tests.oracle.table import Column, Row, Table
from tests.oracle.text import has_text, text_of
from tests.oracle.tolerance import Tolerance
from tests.oracle.types import Decimal, Float, Integer, describe

Partition = tuple[tuple[str, str | None], ...]
"""The partition columns with their values as text, outermost first."""

_Pick = Callable[[Row], Hashable]


@dataclass(slots=True)
class RowCounts:
    """Counts rows: all of each side, and how those of the *to* side came about."""

    from_: int = 0
    to: int = 0
    inserted: int = 0
    deleted: int = 0
    updated: int = 0
    moved: int = 0


@dataclass(slots=True)
class CellCounts:
    """Counts the cells of one column in updated rows, and those that tolerance let pass."""

    changed: int = 0
    filled: int = 0
    cleared: int = 0
    corrected: int = 0
    within_tolerance: int = 0


@dataclass(slots=True)
class PartitionCounts:
    """Counts rows and cells of one partition."""

    inserted: int = 0
    deleted: int = 0
    updated: int = 0
    filled: int = 0
    cleared: int = 0
    corrected: int = 0


@dataclass(frozen=True, slots=True)
class KeyProblems:
    """Counts rows among the rows compared: with a NULL in the key, with a repeated key."""

    null_from: int = 0
    null_to: int = 0
    duplicate_from: int = 0
    duplicate_to: int = 0


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """Is a difference of the schemas."""

    change: Literal[
        "column_added",
        "column_removed",
        "column_renamed",
        "type_changed",
        "key_changed",
        "partitioning_changed",
    ]
    column: str | None = None
    from_: str | None = None
    to: str | None = None
    compared: bool = True


@dataclass(frozen=True, slots=True)
class RowChange:
    """Is one changed row, with its values on both sides as they stand in the tables."""

    change: Literal["inserted", "deleted", "updated"]
    changed_columns: tuple[str, ...]
    from_row: Row | None
    to_row: Row | None


@dataclass(slots=True)
class Diff:
    """Is all that changed.

    Attributes:
        key: The key columns that rows were matched by; empty if the whole row was the key.
        rows: Counts of rows.
        columns: Counts of cells for each compared column.
        added: For each added column, how many matched rows carry a value in it.
        partitions: Counts for each partition in which something changed.
        key_problems: Rows whose key cannot tell them apart.
        schema_changes: Differences of the schemas.
        changes: The changed rows.
    """

    key: tuple[str, ...] = ()
    rows: RowCounts = field(default_factory=RowCounts)
    columns: dict[str, CellCounts] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    partitions: dict[Partition, PartitionCounts] = field(default_factory=dict)
    key_problems: KeyProblems = field(default_factory=KeyProblems)
    schema_changes: list[SchemaChange] = field(default_factory=list)
    changes: list[RowChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Pair:
    """Is a column that both sides have, with the form its values share, if there is one."""

    name: str
    from_at: int
    to_at: int
    from_form: Form | None
    to_form: Form | None
    numeric: bool

    def from_value(self, row: Row) -> Hashable:
        """Gives the common form of the cell of a *from* row."""
        assert self.from_form is not None
        return self.from_form(row[self.from_at])

    def to_value(self, row: Row) -> Hashable:
        """Gives the common form of the cell of a *to* row."""
        assert self.to_form is not None
        return self.to_form(row[self.to_at])


def diff(
    from_: Table,
    to: Table,
    *,
    key: Iterable[str] | None = None,
    columns: Iterable[str] | None = None,
    tolerance: Mapping[str, Tolerance] | None = None,
) -> Diff:
    """Says what changed from one table to the other.

    Args:
        from_: The table before.
        to: The table after.
        key: The key columns, by their *to* names; else those of *to*, else of *from*.
        columns: The columns to compare beside the key; else all that both sides have.
        tolerance: Allowed differences of numeric columns that are no key columns.

    Returns:
        The counts and the changed rows.

    Raises:
        ValueError: A key column is missing on a side, or its types have no common form.
    """
    return _Differ(from_, to, key, columns, tolerance or {}).run()


def pair_columns(from_: Table, to: Table) -> list[Pair]:
    """Pairs the columns of both sides by field id, else by exact name, in *to* order."""
    rest = list(from_.columns)
    partners: dict[str, Column] = {}
    for column in to.columns:
        same_id = [c for c in rest if c.field_id is not None and c.field_id == column.field_id]
        if same_id:
            partners[column.name] = same_id[0]
            rest.remove(same_id[0])
    for column in to.columns:
        same_name = [c for c in rest if c.name == column.name]
        if column.name not in partners and same_name:
            partners[column.name] = same_name[0]
            rest.remove(same_name[0])
    return [
        _pair(column, partners[column.name], from_, to)
        for column in to.columns
        if column.name in partners
    ]


def _pair(column: Column, partner: Column, from_: Table, to: Table) -> Pair:
    return Pair(
        name=column.name,
        from_at=from_.position(partner.name),
        to_at=to.position(column.name),
        from_form=form_against(partner.type, column.type),
        to_form=form_against(column.type, partner.type),
        numeric=all(isinstance(c.type, Integer | Float | Decimal) for c in (column, partner)),
    )


class _Differ:
    def __init__(
        self,
        from_: Table,
        to: Table,
        key: Iterable[str] | None,
        columns: Iterable[str] | None,
        tolerance: Mapping[str, Tolerance],
    ) -> None:
        self.from_, self.to, self.tolerance = from_, to, tolerance
        self.pairs = pair_columns(from_, to)
        names = tuple(key) if key is not None else to.key or from_.key
        comparable = {pair.name: pair for pair in self.pairs if pair.from_form is not None}
        for name in names:
            if name not in comparable:
                raise ValueError(f"{name!r} cannot be a key column here")
        self.key = [comparable[name] for name in names]
        wanted = set(comparable if columns is None else columns)
        self.values = [p for p in comparable.values() if p.name in wanted and p.name not in names]
        partition_names = {*to.partition_by, *from_.partition_by}
        self.partition_pairs = [p for p in comparable.values() if p.name in partition_names]
        paired = {pair.to_at for pair in self.pairs}
        self.added = [(c.name, i) for i, c in enumerate(to.columns) if i not in paired]
        self.result = Diff(key=names, schema_changes=self.schema_changes())

    def run(self) -> Diff:
        out = self.result
        out.rows = RowCounts(from_=len(self.from_.rows), to=len(self.to.rows))
        out.columns = {pair.name: CellCounts() for pair in self.key + self.values}
        out.added = {name: 0 for name, _ in self.added}
        out.key_problems = self.find_key_problems()
        groups: dict[Hashable, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
        for row in self.from_.rows:
            groups[self.from_match(row)][0].append(row)
        for row in self.to.rows:
            groups[self.to_match(row)][1].append(row)
        paired: set[Hashable] = set()
        for match, (before, after) in groups.items():
            before, after = self.cancel(before, after)
            if self.key and len(before) == len(after) == 1:
                self.pair_rows(before[0], after[0])
                paired.add((match, self.to_values(after[0])))
            else:
                for row in before:
                    self.delete(row)
                for row in after:
                    self.insert(row)
        self.count_added(paired)
        return out

    def from_match(self, row: Row) -> Hashable:
        return tuple(pair.from_value(row) for pair in self.key or self.values)

    def to_match(self, row: Row) -> Hashable:
        return tuple(pair.to_value(row) for pair in self.key or self.values)

    def from_values(self, row: Row) -> Hashable:
        return tuple(pair.from_value(row) for pair in self.values)

    def to_values(self, row: Row) -> Hashable:
        return tuple(pair.to_value(row) for pair in self.values)

    def cancel(self, before: list[Row], after: list[Row]) -> tuple[list[Row], list[Row]]:
        """Strikes out equal rows, first those that lie in the same partition."""
        before, after = self.strike(
            before,
            after,
            lambda row: (self.from_values(row), partition_of(self.from_, row)),
            lambda row: (self.to_values(row), partition_of(self.to, row)),
        )
        return self.strike(before, after, self.from_values, self.to_values)

    @staticmethod
    def strike(
        before: list[Row], after: list[Row], of_before: _Pick, of_after: _Pick
    ) -> tuple[list[Row], list[Row]]:
        open_ = Counter(of_after(row) for row in after)
        struck: Counter[Hashable] = Counter()
        left: list[Row] = []
        for row in before:
            value = of_before(row)
            if open_[value] > 0:
                open_[value] -= 1
                struck[value] += 1
            else:
                left.append(row)
        right: list[Row] = []
        for row in after:
            value = of_after(row)
            if struck[value] > 0:
                struck[value] -= 1
            else:
                right.append(row)
        return left, right

    def pair_rows(self, before: Row, after: Row) -> None:
        changed: list[str] = []
        counts = PartitionCounts(updated=1)
        for pair in self.values:
            cells = self.result.columns[pair.name]
            if pair.from_value(before) == pair.to_value(after):
                continue
            old, new = before[pair.from_at], after[pair.to_at]
            allowed = self.tolerance.get(pair.name)
            if allowed is not None and pair.numeric and allowed.covers(old, new):
                cells.within_tolerance += 1
                continue
            changed.append(pair.name)
            cells.changed += 1
            kind = "filled" if old is None else "cleared" if new is None else "corrected"
            setattr(cells, kind, getattr(cells, kind) + 1)
            setattr(counts, kind, getattr(counts, kind) + 1)
        if not changed:
            return
        self.result.rows.updated += 1
        if any(p.from_value(before) != p.to_value(after) for p in self.partition_pairs):
            self.result.rows.moved += 1
        self.count(partition_of(self.to, after), counts)
        self.result.changes.append(RowChange("updated", tuple(changed), before, after))

    def delete(self, row: Row) -> None:
        self.result.rows.deleted += 1
        self.count(partition_of(self.from_, row), PartitionCounts(deleted=1))
        self.result.changes.append(RowChange("deleted", (), row, None))

    def insert(self, row: Row) -> None:
        self.result.rows.inserted += 1
        self.count(partition_of(self.to, row), PartitionCounts(inserted=1))
        self.result.changes.append(RowChange("inserted", (), None, row))

    def count(self, partition: Partition, more: PartitionCounts) -> None:
        counts = self.result.partitions.setdefault(partition, PartitionCounts())
        for kind in PartitionCounts.__slots__:
            setattr(counts, kind, getattr(counts, kind) + getattr(more, kind))

    def count_added(self, paired: set[Hashable]) -> None:
        """Counts values of added columns in matched rows, among the rows compared."""
        before: Counter[Hashable] = Counter(
            (self.from_match(row), self.from_values(row)) for row in self.from_.compared()
        )
        after: dict[Hashable, list[Row]] = defaultdict(list)
        for row in self.to.compared():
            after[(self.to_match(row), self.to_values(row))].append(row)
        for value, rows in after.items():
            matched = min(before[value], len(rows)) + (value in paired)
            for name, at in self.added:
                carrying = sum(row[at] is not None for row in rows)
                self.result.added[name] += min(matched, carrying)

    def find_key_problems(self) -> KeyProblems:
        if not self.key:
            return KeyProblems()
        before, after = self.from_.compared(), self.to.compared()
        return KeyProblems(
            null_from=sum(any(row[p.from_at] is None for p in self.key) for row in before),
            null_to=sum(any(row[p.to_at] is None for p in self.key) for row in after),
            duplicate_from=_repeated(self.from_match(row) for row in before),
            duplicate_to=_repeated(self.to_match(row) for row in after),
        )

    def schema_changes(self) -> list[SchemaChange]:
        from_paired = {pair.from_at for pair in self.pairs}
        found = [
            SchemaChange("column_removed", c.name, from_=describe(c.type))
            for i, c in enumerate(self.from_.columns)
            if i not in from_paired
        ]
        found += [
            SchemaChange("column_added", name, to=describe(self.to.columns[i].type))
            for name, i in self.added
        ]
        for pair in self.pairs:
            old, new = self.from_.columns[pair.from_at], self.to.columns[pair.to_at]
            if old.name != new.name:
                found.append(SchemaChange("column_renamed", new.name, old.name, new.name))
            if old.type != new.type:
                types = describe(old.type), describe(new.type)
                compared = pair.from_form is not None
                found.append(SchemaChange("type_changed", new.name, *types, compared=compared))
        if self.from_.key != self.to.key:
            keys = ", ".join(self.from_.key), ", ".join(self.to.key)
            found.append(SchemaChange("key_changed", None, *keys))
        if self.from_.partition_by != self.to.partition_by:
            specs = ", ".join(self.from_.partition_by), ", ".join(self.to.partition_by)
            found.append(SchemaChange("partitioning_changed", None, *specs))
        return found


def partition_of(table: Table, row: Row) -> Partition:
    """Says in which partition a row lies; all rows of an unpartitioned table lie in ``()``.

    Raises:
        TypeError: A partition column is nested.
    """
    places = [table.position(name) for name in table.partition_by]
    return tuple((table.columns[i].name, _text(table.columns[i], row[i])) for i in places)


def _text(column: Column, value: object) -> str | None:
    if value is None:
        return None
    if not has_text(column.type):
        raise TypeError(f"{column.name!r} cannot be a partition column")
    return text_of(column.type, value)


def _repeated(keys: Iterable[Hashable]) -> int:
    return sum(count for count in Counter(keys).values() if count > 1)
