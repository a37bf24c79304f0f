"""CREATE TABLE: the engine reads it, and what comes of it is written as a table."""

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from catalog.engine.failures import engine_errors
from catalog.engine.quoting import identifier, literal
from catalog.errors import AlreadyExists, ErrorKind, InvalidInput, Unsupported
from catalog.query.parse.definitions import Creation, read_creation
from catalog.query.parse.keywords import fold
from catalog.query.pending_write import WriteResult
from catalog.write.context import WriteContext
from catalog.write.rows.landing import Landed, land_query
from catalog.write.rows.target_schema import WriteRequest
from catalog.write.rows.write import write_rows
from catalog.write.sql.new_keys import NewKeys
from catalog.write.sql.scratch import DATABASE, one_statement, perform, scratch_name
from catalog.write.sql.statement import TableStatement
from catalog.write.table_write import TableWrite
from catalog.write.working_table import WorkingTable


def create_table(statement: TableStatement) -> tuple[WorkingTable, WriteResult]:
    """Runs a CREATE TABLE and returns the table after it, and what it did.

    Raises:
        AlreadyExists: The table exists.
        Unsupported: It has constraints, defaults or types that tables do not have.
    """
    context, table, pending = statement.context, statement.table, statement.pending
    creation = read_creation(pending.statement)
    before = table.snapshot
    if before is not None and not creation.replaces:
        if creation.if_not_exists:
            return table, WriteResult(table.name, "create")
        raise AlreadyExists(
            f"table {table.name!r} exists",
            kind=ErrorKind.TABLE_EXISTS,
            hint="CREATE TABLE IF NOT EXISTS, or CREATE OR REPLACE TABLE",
        )
    scratch = scratch_name(table.name)
    own = [(span, "") for span in creation.own]
    with one_statement(context, table.name) as settings:
        perform(statement, settings, pending.spliced(scratch, *own))
        declared = read_constraints(context.con, table.name)
        names = list(context.con.sql(f"SELECT * FROM {scratch} LIMIT 0").columns)
        landed = land_query(context.work, f"SELECT * FROM {scratch}", names)
        if declared is not None and creation.key is not None:
            raise InvalidInput("the key is declared twice", kind=ErrorKind.SQL_ERROR)
        if declared is not None:
            creation = replace(creation, key=declared)
        request = _request(table, landed, creation)
        with engine_errors():
            written = write_rows(context, table, landed, request=request)
            warnings = _warnings(context, written, scratch)
    if written is table:
        return table, WriteResult(table.name, "create", warnings=warnings)
    result = WriteResult(
        table.name,
        "create",
        written.rows,
        deleted=0 if before is None else table.rows,
        warnings=warnings,
    )
    return replace(written, lineage=(*table.lineage, statement.lineage(written.snapshot))), result


def _warnings(context: WriteContext, written: WorkingTable, scratch: str) -> tuple[str, ...]:
    """Returns warnings about keys among the rows that are NULL or come several times."""
    shape = written.snapshot
    if shape is None or not shape.key:
        return ()
    keys = ", ".join(f"{identifier(f.name)} AS c{f.id}" for f in shape.fields(shape.key))
    rows = f"(SELECT {keys} FROM {scratch})"
    new = WorkingTable(written.name, None, None)
    return NewKeys(TableWrite(context, new, shape), rows, rows).warnings()


def read_constraints(
    con: duckdb.DuckDBPyConnection, name: str, *, defaults: bool = False
) -> tuple[str, ...] | None:
    """Returns the primary key that the engine's table of a statement has, None if it has none.

    Raises:
        Unsupported: It has other constraints, or defaults and must not.
    """
    where = f"database_name = '{DATABASE}' AND table_name = {literal(name.rpartition('.')[2])}"
    found = con.execute(
        "SELECT constraint_type, constraint_column_names FROM duckdb_constraints() "
        f"WHERE {where} ORDER BY constraint_index"
    ).fetchall()
    key = next((tuple(names) for kind, names in found if kind == "PRIMARY KEY"), None)
    for kind, names in found:
        if kind != "PRIMARY KEY" and not (kind == "NOT NULL" and set(names) <= set(key or ())):
            raise Unsupported(
                f"tables keep no constraint but a key: {kind} on {', '.join(names)}",
                kind=ErrorKind.UNSUPPORTED_CONSTRAINT,
                hint="leave it out",
            )
    given = con.execute(
        f"SELECT column_name FROM duckdb_columns() WHERE {where} AND column_default IS NOT NULL"
    ).fetchall()
    if given and not defaults:
        raise Unsupported(
            f"tables keep no default or generated value: that of column {given[0][0]!r}",
            kind=ErrorKind.UNSUPPORTED_CONSTRAINT,
            hint="leave it out",
        )
    return key


def _request(table: WorkingTable, landed: Landed, creation: Creation) -> WriteRequest:
    """Returns how the rows are written: key and partitioning, declared or as they were."""
    name, before = table.name, table.snapshot
    names = [column for column, _ in landed.columns]
    key = creation.key
    if key is None:
        old = () if before is None else before.key_names
        key = old if all(column in names for column in old) else ()
    partition_by = creation.partition_by
    if partition_by is None:
        old = () if before is None else tuple(n for n, _ in before.partition_fields)
        partition_by = tuple(column for column in old if column in names)
    kinds = {column: str(kind) for column, kind in landed.columns}
    spelled = _spelled(name, names, partition_by)
    return WriteRequest(
        "overwrite",
        _spelled(name, names, key),
        tuple((column, kinds[column]) for column in spelled),
    )


def _spelled(name: str, names: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Returns columns, which must exist, as the table spells them."""
    known = {fold(column): column for column in names}
    lost = [column for column in wanted if fold(column) not in known]
    if lost:
        raise InvalidInput(
            f"table {name} has no column {lost[0]!r}; its columns are {', '.join(names)}",
            kind=ErrorKind.COLUMN_NOT_FOUND,
        )
    return tuple(known[fold(column)] for column in wanted)
