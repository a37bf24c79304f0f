"""The shape that a table has with rows that are written to it, and the rows in that shape."""

from collections.abc import Sequence
from typing import Literal

from catalog.dataclasses import dataclass, replace
from catalog.engine.connection import single_row
from catalog.engine.quoting import type_sql
from catalog.errors import ErrorKind, InvalidInput
from catalog.formats.partition_types import declared_type
from catalog.formats.unify import Unified, column_ids, unify
from catalog.model.schema import Schema
from catalog.model.table import TableSnapshot
from catalog.model.texts import check_choice
from catalog.model.types import NULL_TYPE, DataType, Scalar
from catalog.model.values import has_order
from catalog.write.context import WriteContext
from catalog.write.files.writer import with_own_schema
from catalog.write.rows.landing import Landed
from catalog.write.working_table import WorkingTable

WIDE_COLUMNS = 64
"""Columns from which few rows are copied rather than renamed column by column: each renaming copies
what the engine knows of all columns."""

COPIED_CELLS = 1 << 24
"""Cells up to which rows are copied: some hundred megabytes."""

WriteMode = Literal["append", "overwrite", "overwrite_partitions", "upsert"]


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """How rows are to be written.

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

    def __post_init__(self) -> None:
        check_choice(self.mode, "mode", ("append", "overwrite", "overwrite_partitions", "upsert"))


def shape_with(table: WorkingTable, landed: Landed, request: WriteRequest) -> TableSnapshot:
    """Returns a table's shape with the rows in it.

    Raises:
        InvalidInput: Columns, key or partitioning do not fit.
    """
    old = table.snapshot
    names = [name for name, _ in landed.columns]
    if request.mode != "overwrite":
        _check_spelling(names, old)
    partition = _partition_fields(table, landed, request)
    unified = unify(
        {landed.columns: "the data"},
        partition,
        old,
        keep_columns=request.mode != "overwrite",
    )
    if old is None or request.mode == "overwrite":  # columns in the order of the data
        ordered = Schema(tuple(unified.schema.named(name) for name in names))
        unified = replace(unified, schema=ordered)
    start = TableSnapshot(unified.schema, unified.last_field_id) if old is None else old
    key = _key(table, unified, request)
    if request.mode == "upsert":
        _check_upsert(table.name, [f.name for f in unified.schema.fields if f.id in key], names)
    return with_own_schema(
        replace(
            start,
            schema=unified.schema,
            last_field_id=unified.last_field_id,
            key=key,
            partition_by=column_ids(unified.schema, [n for n, _ in partition], "partition column"),
        )
    )


def _check_spelling(names: Sequence[str], old: TableSnapshot | None) -> None:
    known = {} if old is None else {name.casefold(): name for name in old.schema.names}
    for name in names:
        same = known.get(name.casefold(), name)
        if same != name and old is not None and name not in old.schema.names:
            raise InvalidInput(
                f"column {name!r} of the data differs from {same!r} of the table in case only",
                kind=ErrorKind.COLUMN_NOT_FOUND,
                hint=f"call it {same!r}",
            )


def _partition_fields(
    table: WorkingTable, landed: Landed, request: WriteRequest
) -> list[tuple[str, Scalar]]:
    old = table.snapshot
    kinds = dict(landed.columns)
    existing = {} if old is None else dict(old.partition_fields)
    wanted = request.partition_by
    if wanted is None:
        wanted = tuple((column, None) for column in existing)
    elif old is not None and request.mode != "overwrite" and [c for c, _ in wanted] != [*existing]:
        raise InvalidInput(
            f"table {table.name} is partitioned by {', '.join(existing) or 'nothing'}",
            kind=ErrorKind.PARTITIONING_MISMATCH,
            hint="mode overwrite may change the partitioning",
        )
    fields = []
    for column, declared in wanted:
        if column not in kinds:
            raise InvalidInput(
                f"partition column {column!r} is missing in the data, whose columns are "
                f"{', '.join(kinds)}",
                kind=ErrorKind.COLUMN_NOT_FOUND,
            )
        kind: DataType = kinds[column]
        if declared is not None:
            kind = declared_type(declared)
        elif column in existing and (request.partition_by is None or request.mode != "overwrite"):
            kind = existing[column]
        if not isinstance(kind, Scalar) or not has_order(kind):
            raise InvalidInput(
                f"a table cannot be partitioned by {column!r}, which is {kind}",
                kind=ErrorKind.PARTITIONING_MISMATCH,
            )
        fields.append((column, kind))
    return fields


def _key(table: WorkingTable, unified: Unified, request: WriteRequest) -> tuple[int, ...]:
    key = table.snapshot.key if table.snapshot is not None else ()
    if request.key is not None:
        key = column_ids(unified.schema, request.key, "key column")
    if any(unified.schema.by_id(i) is None for i in key):
        raise InvalidInput(
            f"a key column of table {table.name} is no longer in the data",
            kind=ErrorKind.KEY_MISSING,
            hint="name the new key with key=[…], or key=[] for none",
        )
    return key


def _check_upsert(name: str, key: Sequence[str], given: Sequence[str]) -> None:
    """Checks that the rows of an upsert have a key."""
    missing = [column for column in key if column not in given]
    if missing:
        raise InvalidInput(
            f"upsert matches rows by key, and the data has no column {missing[0]!r}",
            kind=ErrorKind.KEY_MISSING,
        )
    if not key:
        raise InvalidInput(
            f"upsert matches rows by key, and table {name} has none",
            kind=ErrorKind.KEY_MISSING,
            hint="give key=[…]",
        )


def stage(context: WriteContext, landed: Landed, shape: TableSnapshot) -> None:
    """Brings landed rows into a table's shape: in place, so that many are not copied.

    Their columns are called ``c<field id>`` afterwards, in any order.

    Raises:
        InvalidInput: A partition column's values do not fit its type.
    """
    _check_partition_values(context, landed, shape)
    con, places = context.con, {name: n for n, (name, _) in enumerate(landed.columns)}
    if len(shape.schema.fields) >= WIDE_COLUMNS:
        (rows,) = single_row(con, f"SELECT count(*) FROM {landed.table}")
        if int(rows) * len(shape.schema.fields) <= COPIED_CELLS:
            _copy(context, landed, shape)
            return
    kinds = [str(kind) for kind in con.sql(f"SELECT * FROM {landed.table} LIMIT 0").types]
    for field in shape.schema.fields:
        place, kind = places.get(field.name), type_sql(field.type)
        if place is None:
            con.execute(f"ALTER TABLE {landed.table} ADD COLUMN c{field.id} {kind}")
            continue
        if kinds[place] != kind:
            con.execute(f"ALTER TABLE {landed.table} ALTER COLUMN s{place} TYPE {kind}")
        con.execute(f"ALTER TABLE {landed.table} RENAME COLUMN s{place} TO c{field.id}")


def _copy(context: WriteContext, landed: Landed, shape: TableSnapshot) -> None:
    """Brings rows into a table's shape by one statement, in which their order is kept."""
    con, places = context.con, {name: n for n, (name, _) in enumerate(landed.columns)}
    listed = [
        f"CAST({f's{places[field.name]}' if field.name in places else 'NULL'} AS "
        f"{type_sql(field.type)}) AS c{field.id}"
        for field in shape.schema.fields
    ]
    shaped = context.work.name("shaped")
    con.execute(f"CREATE TEMP TABLE {shaped} AS SELECT {', '.join(listed)} FROM {landed.table}")
    con.execute(f"DROP TABLE {landed.table}")
    con.execute(f"ALTER TABLE {shaped} RENAME TO {landed.table}")


def _check_partition_values(context: WriteContext, landed: Landed, shape: TableSnapshot) -> None:
    """Checks that partition values are the same in the column's type."""
    wanted = dict(shape.partition_fields)
    for number, (name, given) in enumerate(landed.columns):
        kind = wanted.get(name)
        if kind is None or given in (kind, NULL_TYPE):
            continue
        value, there = f"s{number}", f"TRY_CAST(s{number} AS {type_sql(kind)})"
        back = f"TRY_CAST({there} AS {type_sql(given)})"
        found = context.con.sql(
            f"SELECT CAST({value} AS VARCHAR) FROM {landed.table} "
            f"WHERE {back} IS DISTINCT FROM {value} LIMIT 1"
        ).fetchall()
        if found:
            raise InvalidInput(
                f"{found[0][0]!r} does not fit partition column {name!r}, which is {kind}",
                kind=ErrorKind.PARTITION_VALUE,
                hint=f"mode overwrite with partition_by={{{name!r}: {str(given)!r}}} "
                "changes the column's type",
            )
