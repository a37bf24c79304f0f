"""The plan of a diff: what is compared with what, as pure values.

A table's plan says which columns pair up, by which key rows match, and lists independent
tasks, one per partition, over the files that the two sides do not share.
"""

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from catalog.diff.column_matching import match_columns, partitioned_alike, shared_files_say_the_same
from catalog.diff.forms import comparable
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.change import FileChanges
from catalog.model.datafile import DataFile
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar, TypeClass

Partition: TypeAlias = tuple[bytes | None, ...]
SideName: TypeAlias = Literal["f", "t"]
"""The older side (``f``, *from*) or the newer (``t``, *to*)."""

SIDES: tuple[SideName, SideName] = ("f", "t")

Status: TypeAlias = Literal["added", "removed", "modified", "unchanged"]

_NUMERIC = (TypeClass.INTEGER, TypeClass.WIDE_INTEGER, TypeClass.DECIMAL, TypeClass.FLOAT)
_AMOUNT = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(%?)")


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """Says how tables are to be compared.

    Attributes:
        key: Key columns; None means the tables' own.
        columns: Columns to compare; None means all.
        tolerance: By column, ``"0.5"`` or ``"1%"``.
        check_keys: Whether to look for NULL and duplicate keys in all rows.
        full_stats: Whether statistics cover all rows.
    """

    key: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    tolerance: Mapping[str, str] = field(default_factory=dict)
    check_keys: bool = False
    full_stats: bool = False


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Allows a difference: an amount, or a share of the older value if ``relative``."""

    amount: Fraction
    relative: bool


@dataclass(frozen=True, slots=True)
class ColumnPair:
    """Pairs a column of the older side with one of the newer.

    Attributes:
        before: The older side's column.
        after: The newer side's column.
        compared: Whether its cells count.
        key: Whether rows are matched by it.
        partition: Whether one of the sides is partitioned by it.
        tolerance: What differences are let pass.
    """

    before: Field
    after: Field
    compared: bool
    key: bool = False
    partition: bool = False
    tolerance: Tolerance | None = None

    @property
    def name(self) -> str:
        """Returns the column's name on the newer side."""
        return self.after.name


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """Describes a difference of two schemas; see the JSON form of a diff."""

    change: Literal[
        "column_added",
        "column_removed",
        "column_renamed",
        "type_changed",
        "key_changed",
        "partitioning_changed",
    ]
    column: str | None
    before: str | None
    after: str | None
    compared: bool = True


@dataclass(frozen=True, slots=True)
class DiffTask:
    """Is a piece of work that needs no other: files whose rows may match each other.

    Attributes:
        partition: The partition values; None where the whole tables are compared at once.
        before: Files of the older side.
        after: Files of the newer side.
    """

    partition: Partition | None
    before: tuple[DataFile, ...]
    after: tuple[DataFile, ...]


@dataclass(frozen=True, slots=True)
class TablePlan:
    """Says how one table is compared.

    Attributes:
        table: The table.
        status: What happened to it.
        before: The older snapshot; None if the table is new.
        after: The newer snapshot; None if the table is gone.
        key: Names of the key columns, on the newer side; empty: the whole row is the key.
        pairs: Columns on both sides that can be compared, in the newer side's order.
        added: Columns of the newer side only.
        schema_changes: Differences of the schemas.
        tasks: The work.
        files_added: Files that only the newer side has.
        files_removed: Files that only the older side has.
        files_kept: Files of both.
        partitions_skipped: Partitions whose files are the same.
        warnings: What the user should know.
    """

    table: str
    status: Status
    before: TableSnapshot | None
    after: TableSnapshot | None
    key: tuple[str, ...] = ()
    pairs: tuple[ColumnPair, ...] = ()
    added: tuple[Field, ...] = ()
    schema_changes: tuple[SchemaChange, ...] = ()
    tasks: tuple[DiffTask, ...] = ()
    files_added: int = 0
    files_removed: int = 0
    files_kept: int = 0
    partitions_skipped: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def shape(self) -> TableSnapshot:
        """Returns the newer snapshot, the older one if the table is gone."""
        shape = self.after or self.before
        assert shape is not None, "a plan needs a table on one side"
        return shape

    def side(self, side: SideName) -> TableSnapshot:
        """Returns a side's snapshot; the other one's if the table is missing there."""
        return (self.before if side == "f" else self.after) or self.shape

    def files(self, side: SideName) -> tuple[DataFile, ...]:
        """Returns the files of a side that the tasks open."""
        return tuple(
            file for task in self.tasks for file in (task.before if side == "f" else task.after)
        )

    @property
    def partitions_compared(self) -> int:
        """Returns how many partitions the tasks look at."""
        return len({f.partition for side in SIDES for f in self.files(side)})

    @property
    def key_pairs(self) -> tuple[ColumnPair, ...]:
        """Returns the columns that rows are matched by, in the key's order."""
        found = {pair.name: pair for pair in self.pairs if pair.key}
        return tuple(found[name] for name in self.key)

    @property
    def value_pairs(self) -> tuple[ColumnPair, ...]:
        """Returns the columns whose cells count, key columns apart."""
        return tuple(pair for pair in self.pairs if pair.compared and not pair.key)


def plan_table(
    table: str,
    before: TableSnapshot | None,
    after: TableSnapshot | None,
    changes: FileChanges,
    options: DiffOptions,
    *,
    shared_ids: int | None = None,
) -> TablePlan:
    """Plans the diff of one table.

    Args:
        table: The table.
        before: The older snapshot; None if there is none.
        after: The newer snapshot; None if there is none; not both.
        changes: The files in which they differ.
        options: How to compare.
        shared_ids: Greatest field id that means the same column on both sides; None if all
            do. Ids given since then, on branches of their own, say nothing.

    Raises:
        InvalidInput: The options name columns that cannot serve.
    """
    old, new = before or after, after or before
    assert old is not None and new is not None
    matched = match_columns(old, new, shared_ids)
    usable = [(a, b) for a, b in matched if comparable(a.type, b.type)]
    key = _key(table, old, new, options, usable)
    pairs = _pairs(table, old, new, usable, key, options)
    removed, added = changes.removed, changes.added
    if shared_files_say_the_same(old, new, matched):
        removed, added = without_shared(removed, added)
    shared = len(changes.removed) - len(removed)
    tasks = _tasks(removed, added, same_spec=partitioned_alike(old, new, matched))
    touched = len({f.partition for f in (*changes.removed, *changes.added)})
    compared = len({f.partition for f in (*removed, *added)})
    paired_after = {b.id for _, b in matched}
    schema_changes = _schema_changes(old, new, matched, usable)
    return TablePlan(
        table=table,
        status=_status(before, after, tasks, schema_changes),
        before=before,
        after=after,
        key=key,
        pairs=pairs,
        added=()
        if options.columns is not None
        else tuple(f for f in new.schema.fields if f.id not in paired_after),
        schema_changes=schema_changes,
        tasks=tasks,
        files_added=len(added),
        files_removed=len(removed),
        files_kept=changes.files_kept + shared,
        partitions_skipped=changes.partitions_kept + touched - compared,
        warnings=_warnings(old, new, options, matched, usable),
    )


def _status(
    before: TableSnapshot | None,
    after: TableSnapshot | None,
    tasks: Sequence[DiffTask],
    schema_changes: Sequence[SchemaChange],
) -> Status:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    return "modified" if tasks or schema_changes else "unchanged"


def _key(
    table: str,
    old: TableSnapshot,
    new: TableSnapshot,
    options: DiffOptions,
    usable: Sequence[tuple[Field, Field]],
) -> tuple[str, ...]:
    if options.key is None:
        return _own_key(old, new, usable) or ()
    names = [after.name for _, after in usable]
    key = options.key
    for name in key:
        if name not in names:
            raise InvalidInput(
                f"{name!r} cannot be a key of table {table}: both sides need such a column, of "
                "types that compare",
                kind=ErrorKind.BAD_KEY,
                hint=near(name, names),
            )
    if len(set(key)) < len(key):
        raise InvalidInput(f"the key {', '.join(key)} names a column twice", kind=ErrorKind.BAD_KEY)
    return tuple(key)


def _own_key(
    old: TableSnapshot, new: TableSnapshot, usable: Sequence[tuple[Field, Field]]
) -> tuple[str, ...] | None:
    """Returns the tables' key: the newer one's, else the older one's, if both sides have it.

    Returns:
        Names on the newer side; empty if no table has a key, None if no key serves.
    """
    for key, names in (
        (new.key, {after.id: after.name for _, after in usable}),
        (old.key, {before.id: after.name for before, after in usable}),
    ):
        if key and all(i in names for i in key):
            return tuple(names[i] for i in key)
    return None if new.key or old.key else ()


def _warnings(
    old: TableSnapshot,
    new: TableSnapshot,
    options: DiffOptions,
    matched: Sequence[tuple[Field, Field]],
    usable: Sequence[tuple[Field, Field]],
) -> tuple[str, ...]:
    """Returns what the user should know before trusting the counts."""
    found = [
        f"column {b.name!r} is not compared: {a.type} and {b.type} have no common form"
        for a, b in matched
        if (a, b) not in usable
    ]
    if options.key is None and _own_key(old, new, usable) is None:
        key = ", ".join(new.key_names or old.key_names)
        found.append(
            f"the key {key} is not on both sides, in types that compare: whole rows are matched, "
            "and none is updated"
        )
    return tuple(found)


def _pairs(
    table: str,
    old: TableSnapshot,
    new: TableSnapshot,
    usable: Sequence[tuple[Field, Field]],
    key: Sequence[str],
    options: DiffOptions,
) -> tuple[ColumnPair, ...]:
    names = {after.name for _, after in usable}
    for name in (*(options.columns or ()), *options.tolerance):
        if name not in names:
            raise InvalidInput(
                f"table {table} has no column {name!r} on both sides that can be compared",
                kind=ErrorKind.COLUMN_NOT_FOUND,
                hint=near(name, sorted(names)),
            )
    pairs = []
    for before, after in usable:
        wanted = options.columns is None or after.name in options.columns
        pairs.append(
            ColumnPair(
                before,
                after,
                compared=wanted or after.name in key,
                key=after.name in key,
                partition=before.id in old.partition_by or after.id in new.partition_by,
                tolerance=_tolerance(table, before, after, key, options),
            )
        )
    return tuple(pairs)


def _tolerance(
    table: str, before: Field, after: Field, key: Sequence[str], options: DiffOptions
) -> Tolerance | None:
    stated = options.tolerance.get(after.name)
    if stated is None:
        return None
    stated = str(stated).strip()
    match = _AMOUNT.fullmatch(stated)
    numeric = all(
        isinstance(f.type, Scalar) and f.type.type_class in _NUMERIC for f in (before, after)
    )
    if match is None or not numeric or after.name in key:
        problem = "it is no number" if match is None else "only for numbers that are no key"
        raise InvalidInput(
            f"tolerance {stated!r} of column {after.name!r} of {table}: {problem}",
            kind=ErrorKind.BAD_TOLERANCE,
            hint="write e.g. amount=0.01 or amount=1%",
        )
    amount = Fraction(stated.rstrip("%"))
    return Tolerance(amount / 100 if match[3] else amount, bool(match[3]))


def _schema_changes(
    old: TableSnapshot,
    new: TableSnapshot,
    matched: Sequence[tuple[Field, Field]],
    usable: Sequence[tuple[Field, Field]],
) -> tuple[SchemaChange, ...]:
    changes: list[SchemaChange] = []
    for a, b in matched:
        if a.name != b.name:
            changes.append(SchemaChange("column_renamed", b.name, a.name, b.name))
        if a.type != b.type:
            compared = (a, b) in usable
            changes.append(SchemaChange("type_changed", b.name, str(a.type), str(b.type), compared))
    after_ids, before_ids = {b.id for _, b in matched}, {a.id for a, _ in matched}
    changes.extend(
        SchemaChange("column_added", f.name, None, str(f.type), False)
        for f in new.schema.fields
        if f.id not in after_ids
    )
    changes.extend(
        SchemaChange("column_removed", f.name, str(f.type), None, False)
        for f in old.schema.fields
        if f.id not in before_ids
    )
    if old.key_names != new.key_names:
        key = _joined(old.key_names), _joined(new.key_names)
        changes.append(SchemaChange("key_changed", None, *key))
    names = [tuple(name for name, _ in side.partition_fields) for side in (old, new)]
    if names[0] != names[1]:
        changes.append(
            SchemaChange("partitioning_changed", None, _joined(names[0]), _joined(names[1]))
        )
    return tuple(changes)


def near(name: str, known: Sequence[str]) -> str:
    """Returns a hint that names the nearest columns, or all."""
    found = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(found)}?" if found else f"there are: {', '.join(known)}"


def _joined(names: Sequence[str]) -> str | None:
    return ", ".join(names) or None


def without_shared(
    removed: Sequence[DataFile], added: Sequence[DataFile]
) -> tuple[tuple[DataFile, ...], tuple[DataFile, ...]]:
    """Leaves out files that are the same on both sides, as multisets, wherever they lie."""
    shared = Counter(f.identity for f in removed) & Counter(f.identity for f in added)

    def rest(files: Sequence[DataFile]) -> tuple[DataFile, ...]:
        left = shared.copy()
        kept = []
        for file in files:
            if left[file.identity] > 0:
                left[file.identity] -= 1
            else:
                kept.append(file)
        return tuple(kept)

    return rest(removed), rest(added)


def _tasks(
    removed: Sequence[DataFile], added: Sequence[DataFile], *, same_spec: bool
) -> tuple[DiffTask, ...]:
    if not same_spec:
        both = DiffTask(None, tuple(removed), tuple(added))
        return (both,) if removed or added else ()
    partitions: dict[Partition, tuple[list[DataFile], list[DataFile]]] = {}
    for file in removed:
        partitions.setdefault(file.partition, ([], []))[0].append(file)
    for file in added:
        partitions.setdefault(file.partition, ([], []))[1].append(file)
    return tuple(
        DiffTask(partition, tuple(partitions[partition][0]), tuple(partitions[partition][1]))
        for partition in sorted(partitions, key=_partition_order)
    )


def _partition_order(partition: Partition) -> tuple[tuple[bool, bytes], ...]:
    return tuple((value is not None, value or b"") for value in partition)
