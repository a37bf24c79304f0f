"""Rows written to a table: appended, in place of others, or by key."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from catalog.engine.quoting import type_sql
from catalog.errors import InvalidInput
from catalog.formats.partition_types import declared_type
from catalog.formats.unify import Existing, Unified, column_ids, unify
from catalog.model.datafile import DataFile
from catalog.model.schema import Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar
from catalog.model.values import has_order
from catalog.write.context import WriteContext
from catalog.write.data_writer import DataWriter, paths_of, with_own_schema
from catalog.write.frames import Landed
from catalog.write.key_ranges import check_unique
from catalog.write.rewrite import FileChange
from catalog.write.scope import Scope
from catalog.write.upsert import upsert
from catalog.write.working import WorkingTable, same_shape

WriteMode = Literal["append", "overwrite", "overwrite_partitions", "upsert"]
MODES: tuple[WriteMode, ...] = ("append", "overwrite", "overwrite_partitions", "upsert")


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """Says how rows are to be written.

    Attributes:
        mode: ``append`` adds them, ``overwrite`` replaces the table, ``overwrite_partitions``
            the partitions among them, ``upsert`` replaces rows of the same key and adds the
            others.
        key: Key columns; None keeps the table's.
        partition_by: Partition columns, each with a declared type or None; None keeps the
            table's.
    """

    mode: WriteMode
    key: tuple[str, ...] | None = None
    partition_by: tuple[tuple[str, str | None], ...] | None = None


@dataclass(frozen=True, slots=True)
class WriteReport:
    """Tells what a transaction has done to a table so far.

    Attributes:
        table: The table.
        changed: Whether anything differs from the branch.
        files_added: Files that come.
        files_removed: Files that go.
        rows: Rows of the table afterwards.
        warnings: What the user should know.
    """

    table: str
    changed: bool
    files_added: int
    files_removed: int
    rows: int
    warnings: tuple[str, ...] = ()


def write_rows(
    context: WriteContext, table: WorkingTable, landed: Landed, request: WriteRequest
) -> WorkingTable:
    """Writes rows to a table and returns the table after it.

    Args:
        context: What writing needs.
        table: The table as it is; without a snapshot, it is made.
        landed: The rows.
        request: How.

    Raises:
        InvalidInput: The rows do not fit the table, or the request makes no sense.
        Unsupported: A column has a type that Parquet has not.
    """
    if request.mode not in MODES:
        raise InvalidInput(f"unknown mode {request.mode!r}", hint=f"one of {', '.join(MODES)}")
    shape = _shape(table, landed, request)
    staged = _staged(context, landed, shape)
    try:
        return _write(context, table, shape, landed, staged, request)
    finally:
        context.con.execute(f"DROP TABLE IF EXISTS {staged}")
        context.con.execute(f"DROP TABLE IF EXISTS {landed.table}")


def _write(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    landed: Landed,
    staged: str,
    request: WriteRequest,
) -> WorkingTable:
    old = table.snapshot
    reshaped = old is None or not same_shape(old, shape)
    if request.mode == "upsert" and old is not None:
        names = {name for name, _ in landed.columns}
        given = {field.id for field in shape.schema.fields if field.name in names}
        change = upsert(context, table, shape, staged, given)
        scope = Scope(whole=reshaped, files=frozenset(paths_of(change.removed)), keys=True)
    else:
        if request.mode == "upsert":
            check_unique(context.con, shape, staged, table.name)
        gone = _replaced(context, table, shape, staged, request.mode)
        append = request.mode == "append" and old is not None
        change = add_sorted(context, table, shape, staged, gone, append=append)
        replaced = request.mode == "overwrite" or old is None
        scope = Scope(
            whole=reshaped or replaced,
            partitions=_partitions(change)
            if request.mode == "overwrite_partitions"
            else frozenset(),
        )
    rows = sum(f.rows for f in change.added)
    lineage = {"operation": "write", "mode": request.mode, "rows": rows}
    if not (reshaped or change.removed or change.added):
        return table
    return table.then(shape, change, scope, lineage)


def _partitions(change: FileChange) -> frozenset[tuple[bytes | None, ...]]:
    return frozenset(file.partition for file in (*change.removed, *change.added))


def add_sorted(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    staged: str,
    gone: Sequence[DataFile],
    *,
    append: bool,
) -> FileChange:
    """Writes all rows of a table of the engine as new files, in place of others.

    Files whose rows are those of a file that goes are not written: that one stays.
    """
    going = list(gone)
    taken = paths_of(going) | set(table.added)
    writer = DataWriter(context.con, context.store, table.name, shape, taken=taken)
    with writer:
        added = writer.sorted(staged, append=append)
        alike = {file.identity: file for file in going}
        fresh = []
        for file in added:
            same = alike.pop(file.identity, None)
            if same is None:
                fresh.append(file)
            else:
                writer.forget(file)
                going.remove(same)
    return FileChange(tuple(going), tuple(fresh))


def _replaced(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    staged: str,
    mode: WriteMode,
) -> Sequence[DataFile]:
    if mode in ("append", "upsert") or table.snapshot is None:
        return ()
    files = list(table.files(context.commits))
    if mode == "overwrite" or not shape.partition_by:
        return files
    writer = DataWriter(context.con, context.store, table.name, shape)
    present = {partition for partition, _, _ in writer.partitions(staged)}
    return [file for file in files if file.partition in present]


def _shape(table: WorkingTable, landed: Landed, request: WriteRequest) -> TableSnapshot:
    """Returns the table's shape with the rows in it.

    Raises:
        InvalidInput: Columns, key or partitioning do not fit.
    """
    old = table.snapshot
    names = [name for name, _ in landed.columns]
    _check_spelling(names, old)
    partition = _partition_fields(table.name, landed, old, request)
    existing = None if old is None else Existing(old.schema, old.last_field_id)
    unified = unify(
        {landed.columns: "the data"},
        partition,
        existing,
        keep_columns=request.mode != "overwrite",
    )
    if old is None or request.mode == "overwrite":
        unified = replace(unified, schema=_in_order(unified.schema, names))
    start = TableSnapshot(unified.schema, unified.last_field_id) if old is None else old
    key = _key(table.name, unified, old, request)
    return with_own_schema(
        replace(
            start,
            schema=unified.schema,
            last_field_id=unified.last_field_id,
            key=key,
            partition_by=column_ids(
                unified.schema, [name for name, _ in partition], "partition column"
            ),
        )
    )


def _in_order(schema: Schema, names: Sequence[str]) -> Schema:
    """Returns a schema whose columns stand as the data has them, partition columns too."""
    return Schema(tuple(schema.named(name) for name in names))


def _check_spelling(names: Sequence[str], old: TableSnapshot | None) -> None:
    known = {} if old is None else {name.casefold(): name for name in old.schema.names}
    for name in names:
        same = known.get(name.casefold(), name)
        if same != name and old is not None and name not in old.schema.names:
            raise InvalidInput(
                f"column {name!r} of the data differs from {same!r} of the table in case only",
                kind="column-not-found",
                hint=f"call it {same!r}",
            )


def _partition_fields(
    name: str, landed: Landed, old: TableSnapshot | None, request: WriteRequest
) -> list[tuple[str, Scalar]]:
    kinds = dict(landed.columns)
    existing = {} if old is None else dict(old.partition_fields)
    wanted = request.partition_by
    if wanted is None:
        wanted = tuple((column, None) for column in existing)
    elif old is not None and request.mode != "overwrite" and [c for c, _ in wanted] != [*existing]:
        raise InvalidInput(
            f"table {name} is partitioned by {', '.join(existing) or 'nothing'}",
            kind="partitioning-mismatch",
            hint="mode overwrite may change the partitioning",
        )
    fields = []
    for column, declared in wanted:
        if column not in kinds:
            raise InvalidInput(
                f"partition column {column!r} is missing in the data, whose columns are "
                f"{', '.join(kinds)}",
                kind="column-not-found",
            )
        kind = existing.get(column) or kinds[column]
        if declared is not None:
            kind = declared_type(declared)
        if not isinstance(kind, Scalar) or not has_order(kind):
            raise InvalidInput(
                f"a table cannot be partitioned by {column!r}, which is {kind}",
                kind="partitioning-mismatch",
            )
        fields.append((column, kind))
    return fields


def _key(
    name: str, unified: Unified, old: TableSnapshot | None, request: WriteRequest
) -> tuple[int, ...]:
    key = old.key if old is not None else ()
    if request.key is not None:
        key = column_ids(unified.schema, request.key, "key column")
    lost = [i for i in key if unified.schema.by_id(i) is None]
    if lost:
        raise InvalidInput(
            f"a key column of table {name} is not in the data any more",
            kind="key-missing",
            hint="name the new key with key=[…], or key=[] for none",
        )
    if request.mode == "upsert" and not key:
        raise InvalidInput(
            f"upsert matches rows by key, and table {name} has none",
            kind="key-missing",
            hint="give key=[…]",
        )
    return key


def _staged(context: WriteContext, landed: Landed, shape: TableSnapshot) -> str:
    """Brings landed rows into the table's shape, as a table with columns ``c<field id>``."""
    places = {name: n for n, (name, _) in enumerate(landed.columns)}
    chosen = []
    for field in shape.schema.fields:
        place = places.get(field.name)
        source = "NULL" if place is None else f"s{place}"
        chosen.append(f"CAST({source} AS {type_sql(field.type)}) AS c{field.id}")
    staged = f"{landed.table}_staged"
    context.con.execute(
        f"CREATE TEMP TABLE {staged} AS SELECT {', '.join(chosen)} FROM {landed.table}"
    )
    return staged
