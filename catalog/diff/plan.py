"""The plan of a diff: what is compared with what, as pure values.

A table's plan lists the columns that pair up, the key that rows are matched by, and independent
tasks, one per partition, over the files that the two sides do not share.
"""

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.diff.column_matching import ColumnMatch, match_columns
from catalog.diff.forms import NUMBERS, common_forms
from catalog.diff.options import DiffOptions, Tolerance
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.datafile import DataFile, FileChanges
from catalog.model.derived import definition_text
from catalog.model.partition import Partition
from catalog.model.same_rows import regrouped as regrouped_files
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar

SideName: TypeAlias = Literal["f", "t"]
"""The older side (``f``, *from*) or the newer (``t``, *to*)."""

SIDES: tuple[SideName, SideName] = ("f", "t")

Status: TypeAlias = Literal["added", "removed", "modified", "unchanged"]


@dataclass(frozen=True, slots=True)
class ColumnPair:
    """A column of the older side and the same column of the newer.

    Attributes:
        number: Its place among the plan's pairs.
        compared: Whether its cells count.
        key: Whether rows are matched by it.
        partition: Whether one of the sides is partitioned by it.
        tolerance: Differences that do not count.
    """

    number: int
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

    def on(self, side: SideName) -> Field:
        """Returns the column of a side."""
        return self.before if side == "f" else self.after


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """A difference of two schemas; see the JSON form of a diff."""

    change: Literal[
        "column_added",
        "column_removed",
        "column_renamed",
        "type_changed",
        "key_changed",
        "partitioning_changed",
        "definition_changed",
    ]
    column: str | None
    before: str | None
    after: str | None
    compared: bool = True


@dataclass(frozen=True, slots=True)
class DiffTask:
    """An independent piece of work: files whose rows may match each other.

    Attributes:
        partition: The partition values; None where the whole tables are compared at once.
    """

    partition: Partition | None
    before: tuple[DataFile, ...]
    after: tuple[DataFile, ...]

    def files(self, side: SideName) -> tuple[DataFile, ...]:
        """Returns the files of a side."""
        return self.before if side == "f" else self.after


@dataclass(frozen=True, slots=True)
class TablePlan:
    """How one table is compared.

    Attributes:
        before: The older snapshot; None if the table is new.
        after: The newer snapshot; None if the table is gone.
        key: Names of the key columns, on the newer side; empty: the whole row is the key.
        pairs: Columns on both sides that can be compared, in the newer side's order.
        added: Columns of the newer side only.
        files_kept: Files of both.
        partitions_skipped: Partitions whose files are the same.
        regrouped: Files of either side alone that have the same rows as a whole, since some were
            put together from others: they are in no task.
        warnings: What the user should know before trusting the counts.
        ignored: Columns that were left out on purpose.
        tolerances: Columns with a tolerance, and what it is, as it was written.
        is_query: Whether it is what a query returns.
        groups_by_key: Whether the key is what that query groups by.
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
    files_kept: int = 0
    partitions_skipped: int = 0
    regrouped: tuple[tuple[DataFile, ...], tuple[DataFile, ...]] = ((), ())
    warnings: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    tolerances: tuple[tuple[str, str], ...] = ()
    is_query: bool = False
    groups_by_key: bool = False

    @property
    def shape(self) -> TableSnapshot:
        """Returns the newer snapshot, the older one if the table is gone."""
        shape = self.after or self.before
        assert shape is not None, "a plan needs a table on one side"
        return shape

    def side(self, side: SideName) -> TableSnapshot:
        """Returns a side's snapshot; the other one's if the table is missing there."""
        return self.snapshot(side) or self.shape

    @property
    def same_partitioning(self) -> bool:
        """Returns whether both sides are partitioned by the same columns of the same types.

        If not, files that both have may be listed with partition values of either type.
        """
        before, after = (self.side(side) for side in SIDES)
        kinds = [[kind for _, kind in one.partition_fields] for one in (before, after)]
        return before.partition_by == after.partition_by and kinds[0] == kinds[1]

    @property
    def rows(self) -> tuple[int, int]:
        """Returns how many rows the table has before and after."""
        before, after = self.before, self.after
        return 0 if before is None else before.rows, 0 if after is None else after.rows

    def snapshot(self, side: SideName) -> TableSnapshot | None:
        """Returns a side's snapshot; None if the table is missing there."""
        return self.before if side == "f" else self.after

    def files(self, side: SideName) -> tuple[DataFile, ...]:
        """Returns the files that only this side has."""
        return tuple(file for task in self.tasks for file in task.files(side))

    def differing_files(self, side: SideName) -> tuple[DataFile, ...]:
        """Returns the files that only this side has, also those whose rows are on both sides."""
        return (*self.files(side), *self.regrouped[SIDES.index(side)])

    @property
    def partitions_compared(self) -> int:
        """Returns the number of partitions with files that only one side has."""
        return len({f.partition for side in SIDES for f in self.differing_files(side)})

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
    *,
    changes: FileChanges,
    options: DiffOptions,
    shared_ids: int | None = None,
) -> TablePlan:
    """Plans the diff of one table, of which a side may be None, but not both.

    Field ids up to ``shared_ids`` mean the same column on both sides; None: all do. Branches reuse
    the ids given after that for columns of their own.

    Raises:
        InvalidInput: The options name columns that cannot serve.
    """
    old, new = before or after, after or before
    assert old is not None and new is not None
    columns = PairedColumns(table, match_columns(old, new, shared_ids))
    key = _key(columns, options)
    ignored = _ignored(columns, key, options)
    removed, added = changes.removed, changes.added
    if columns.match.shared_files_agree:
        removed, added = without_shared(removed, added)
    shared = len(changes.removed) - len(removed)
    believed = options.regrouped
    regrouped = _regrouped(columns.match, removed, added) if believed else ((), ())
    tasks = _tasks(*_without(regrouped, removed, added), same_spec=columns.match.partitions_agree)
    touched = len({f.partition for f in (*changes.removed, *changes.added)})
    compared = len({f.partition for f in (*removed, *added)})
    schema_changes = _schema_changes(columns, ignored)
    differ = tasks or regrouped[0] or schema_changes
    status: Status = "modified" if differ else "unchanged"
    if before is None or after is None:
        status = "added" if before is None else "removed"
    return TablePlan(
        table=table,
        status=status,
        before=before,
        after=after,
        key=key,
        pairs=_pairs(columns, key, options),
        added=_added(columns, options),
        schema_changes=schema_changes,
        tasks=tasks,
        files_kept=changes.files_kept + shared,
        partitions_skipped=changes.partitions_kept + touched - compared,
        regrouped=regrouped,
        warnings=(*_warnings(columns, options), *options.notes),
        ignored=ignored,
        tolerances=tuple((name, str(stated)) for name, stated in options.tolerance.items()),
    )


def _added(columns: "PairedColumns", options: DiffOptions) -> tuple[Field, ...]:
    """Returns the columns of the newer side only whose values count."""
    if options.columns is not None:
        return ()
    return tuple(f for f in columns.match.added if f.name not in options.ignore)


def _ignored(columns: "PairedColumns", key: Sequence[str], options: DiffOptions) -> tuple[str, ...]:
    """Returns the columns that are to be ignored, in the order of the table.

    Raises:
        InvalidInput: There is no such column, or rows are matched by it.
    """
    match = columns.match
    names = dict.fromkeys(f.name for f in (*match.new.schema.fields, *match.old.schema.fields))
    for name in options.ignore:
        if name not in names:
            raise InvalidInput(
                f"table {columns.table} has no column {name!r} to ignore",
                kind=ErrorKind.COLUMN_NOT_FOUND,
                hint=near(name, list(names)),
            )
        if name in key:
            raise InvalidInput(
                f"column {name!r} of {columns.table} cannot be ignored: rows are matched by it",
                kind=ErrorKind.BAD_KEY,
            )
    return tuple(name for name in names if name in options.ignore)


class PairedColumns:
    """The columns of both sides of a table, sorted by whether their types compare."""

    def __init__(self, table: str, match: ColumnMatch) -> None:
        self.table = table
        self.match = match
        self.usable: list[tuple[Field, Field]] = []
        self.unusable: list[tuple[Field, Field]] = []
        for before, after in match.pairs:
            fits = common_forms(before.type, after.type) is not None
            (self.usable if fits else self.unusable).append((before, after))

    def numbers(self) -> frozenset[str]:
        """Returns the names of columns of numbers on both sides."""
        return frozenset(b.name for a, b in self.usable if _are_numbers(a, b))

    def own_key(self) -> tuple[str, ...] | None:
        """Returns the table's key: the newer side's, else the older's, if both sides have it.

        Returns:
            Names on the newer side; empty if neither side has a key, None if no key serves.
        """
        old, new = self.match.old, self.match.new
        for key, names in (
            (new.key, {after.id: after.name for _, after in self.usable}),
            (old.key, {before.id: after.name for before, after in self.usable}),
        ):
            if key and all(i in names for i in key):
                return tuple(names[i] for i in key)
        return None if new.key or old.key else ()


def _key(columns: PairedColumns, options: DiffOptions) -> tuple[str, ...]:
    if options.key is None:
        return columns.own_key() or ()
    names = [after.name for _, after in columns.usable]
    for name in options.key:
        if name not in names:
            raise InvalidInput(
                f"{name!r} cannot be a key of table {columns.table}: both sides need such a "
                "column, of types that compare",
                kind=ErrorKind.BAD_KEY,
                hint=near(name, names),
            )
    return tuple(options.key)


def _warnings(columns: PairedColumns, options: DiffOptions) -> tuple[str, ...]:
    warnings = [
        f"column {b.name!r} is not compared: {a.type} and {b.type} have no common form"
        for a, b in columns.unusable
        if b.name not in options.ignore
    ]
    if options.key is None and columns.own_key() is None:
        key = ", ".join(columns.match.new.key_names or columns.match.old.key_names)
        warnings.append(
            f"the key {key} is not on both sides, in types that compare: whole rows are matched, "
            "and none is updated"
        )
    return tuple(warnings)


def _pairs(
    columns: PairedColumns, key: Sequence[str], options: DiffOptions
) -> tuple[ColumnPair, ...]:
    names = {after.name for _, after in columns.usable}
    for name in (*(options.columns or ()), *options.tolerance):
        if name not in names:
            raise InvalidInput(
                f"table {columns.table} has no column {name!r} on both sides that can be compared",
                kind=ErrorKind.COLUMN_NOT_FOUND,
                hint=near(name, sorted(names)),
            )
    old, new = columns.match.old, columns.match.new
    compared = names if options.columns is None else {*options.columns, *key}
    compared = compared - {*options.ignore}
    pairs = []
    for number, (before, after) in enumerate(columns.usable):
        pair = ColumnPair(
            number,
            before,
            after,
            compared=after.name in compared,
            key=after.name in key,
            partition=before.id in old.partition_by or after.id in new.partition_by,
            tolerance=options.tolerance_of(after.name),
        )
        if pair.tolerance is not None and (pair.key or not _are_numbers(pair.before, pair.after)):
            raise InvalidInput(
                f"column {pair.name!r} of {columns.table} cannot have a tolerance: only numbers "
                "that are not part of the key can",
                kind=ErrorKind.BAD_TOLERANCE,
            )
        pairs.append(pair)
    return tuple(pairs)


def _are_numbers(before: Field, after: Field) -> bool:
    return all(isinstance(f.type, Scalar) and f.type.type_class in NUMBERS for f in (before, after))


def _schema_changes(columns: PairedColumns, ignored: Sequence[str]) -> tuple[SchemaChange, ...]:
    match = columns.match
    changes: list[SchemaChange] = []
    unusable = {after.id for _, after in columns.unusable}
    unusable |= {after.id for _, after in columns.usable if after.name in ignored}
    for a, b in match.pairs:
        if a.name != b.name:
            changes.append(SchemaChange("column_renamed", b.name, a.name, b.name))
        if a.type != b.type:
            types = str(a.type), str(b.type)
            changes.append(SchemaChange("type_changed", b.name, *types, b.id not in unusable))
    changes.extend(
        SchemaChange("column_added", f.name, None, str(f.type), False) for f in match.added
    )
    changes.extend(
        SchemaChange("column_removed", f.name, str(f.type), None, False) for f in match.removed
    )
    keys = _joined(match.old.key_names), _joined(match.new.key_names)
    if keys[0] != keys[1]:
        changes.append(SchemaChange("key_changed", None, *keys))
    specs = [_joined([n for n, _ in side.partition_fields]) for side in (match.old, match.new)]
    if specs[0] != specs[1]:
        changes.append(SchemaChange("partitioning_changed", None, specs[0], specs[1]))
    before, after = (definition_text(side.properties) for side in (match.old, match.new))
    if before != after:
        changes.append(SchemaChange("definition_changed", None, before, after))
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


_Files: TypeAlias = tuple[tuple[DataFile, ...], tuple[DataFile, ...]]


def _regrouped(
    match: ColumnMatch, removed: Sequence[DataFile], added: Sequence[DataFile]
) -> _Files:
    """Returns the files of each side that have the same rows as a whole; see ``TablePlan``.

    Both sides must have the same columns: what a file holds may mean something else in others.
    """
    old, new = match.old, match.new
    made = any(file.rows_of is not None for file in (*removed, *added))
    columns = [[(f.id, f.type) for f in side.schema.fields] for side in (old, new)]
    alike = sorted(columns[0], key=str) == sorted(columns[1], key=str)
    if not (made and alike and old.table_id == new.table_id and match.partitions_agree):
        return (), ()
    if any(before.id != after.id for before, after in match.pairs):
        return (), ()
    inner = {f.id for f in new.schema.fields if f.id not in new.partition_by}
    schemas = {**old.file_schemas, **new.file_schemas}
    found: tuple[list[DataFile], list[DataFile]] = ([], [])
    for before, after in by_partition(removed, added).values():
        same = regrouped_files(before, after, columns=inner, schemas=schemas)
        for side, files in zip(found, same, strict=True):
            side.extend(files)
    return tuple(found[0]), tuple(found[1])


def _without(gone: _Files, removed: Sequence[DataFile], added: Sequence[DataFile]) -> _Files:
    """Leaves out files of each side."""
    left = []
    for out, files in zip(gone, (removed, added), strict=True):
        ids = set(map(id, out))
        left.append(tuple(file for file in files if id(file) not in ids))
    return left[0], left[1]


def by_partition(
    removed: Sequence[DataFile], added: Sequence[DataFile]
) -> dict[Partition, tuple[list[DataFile], list[DataFile]]]:
    """Returns the files of each side by partition."""
    found: dict[Partition, tuple[list[DataFile], list[DataFile]]] = {}
    for number, files in enumerate((removed, added)):
        for file in files:
            found.setdefault(file.partition, ([], []))[number].append(file)
    return found


def _tasks(
    removed: Sequence[DataFile], added: Sequence[DataFile], *, same_spec: bool
) -> tuple[DiffTask, ...]:
    if not same_spec:
        both = DiffTask(None, tuple(removed), tuple(added))
        return (both,) if removed or added else ()
    partitions = by_partition(removed, added)
    return tuple(
        DiffTask(partition, *map(tuple, partitions[partition]))
        for partition in sorted(partitions, key=_partition_order)
    )


def _partition_order(partition: Partition) -> tuple[tuple[bool, bytes], ...]:
    return tuple((value is not None, value or b"") for value in partition)
