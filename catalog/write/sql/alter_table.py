"""ALTER TABLE: the columns afterwards are the engine's; field ids say which they were."""

from collections.abc import Sequence
from dataclasses import replace

from catalog.engine.connection import single_row
from catalog.engine.failures import engine_errors
from catalog.engine.quoting import identifier, type_sql
from catalog.errors import ErrorKind, InvalidInput, NotFound, Unsupported
from catalog.formats.source import Layout
from catalog.model.datafile import DataFile
from catalog.model.schema import Field, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType, common_type
from catalog.query.parse.definitions import Alteration, Altering
from catalog.query.parse.keywords import fold
from catalog.query.pending_write import WriteResult
from catalog.write.files.rewrite import FileEdit
from catalog.write.files.writer import with_own_schema
from catalog.write.rows.landing import land_query
from catalog.write.scope import Scope
from catalog.write.sql.create_table import read_constraints
from catalog.write.sql.scratch import (
    Scratch,
    check_row_ids,
    load,
    one_statement,
    perform,
)
from catalog.write.sql.statement import TableStatement
from catalog.write.table_write import TableWrite
from catalog.write.working_table import WorkingTable


def alter_table(statement: TableStatement, altering: Altering) -> tuple[WorkingTable, WriteResult]:
    """Runs an ALTER TABLE of columns and returns the table after it, and what it did.

    Data files are written again only for an added column whose DEFAULT is a value.

    Raises:
        InvalidInput: The key or partitioning needs the column.
        NotFound: There is no such column.
        Unsupported: The new type does not hold all values of the old one, or constraints.
    """
    context, table = statement.context, statement.table
    assert table.snapshot is not None, "columns are those of a table that is there"
    old = table.snapshot
    _check(table.name, old, altering)
    files: Sequence[DataFile] = ()
    if altering.has_default:
        check_row_ids(table.name, old)
        files = list(table.files(context.commits))
    with one_statement(context, table.name) as settings:
        files = context.verified(table.name, files)
        scratch = load(TableWrite(context, table, old), files)
        sql = statement.pending.spliced(scratch.table)
        perform(statement, settings, sql, single_thread=altering.has_default)
        if read_constraints(context.con, table.name, defaults=altering.has_default):
            raise Unsupported(
                "a key cannot be added with a column",
                kind=ErrorKind.UNSUPPORTED_CONSTRAINT,
                hint="CREATE OR REPLACE TABLE … PRIMARY KEY (…) AS",
            )
        names = list(context.con.sql(f"SELECT * FROM {scratch.table} LIMIT 0").columns)
        landed = land_query(context.work, f"SELECT * FROM {scratch.table} LIMIT 0", names)
        shape = with_own_schema(_altered(table.name, old, altering, columns=landed.columns))
        change, filled = FileEdit(), 0
        if altering.has_default and shape.last_field_id > old.last_field_id:
            with engine_errors():
                change, filled = _filled(TableWrite(context, table, shape), scratch)
    result = WriteResult(table.name, "alter", updated=filled)
    if (old.schema, old.key) == (shape.schema, shape.key):
        return table, result
    return statement.then(shape, change, Scope(whole=True)), result


def _column(old: TableSnapshot, altering: Altering) -> Field | None:
    """Returns the column that is to be changed; None if it does not exist."""
    wanted = fold(altering.column)
    return next((f for f in old.schema.fields if fold(f.name) == wanted), None)


def _check(name: str, old: TableSnapshot, altering: Altering) -> None:
    """Checks that a column can be changed, or may be missing."""
    column = _column(old, altering)
    if altering.kind is Alteration.ADD_COLUMN or (column is None and altering.lenient):
        return
    if column is None:
        raise NotFound(
            f"table {name} has no column {altering.column!r}; its columns are "
            f"{', '.join(old.schema.names)}",
            kind=ErrorKind.COLUMN_NOT_FOUND,
        )
    by_partition = column.id in old.partition_by
    by_key = column.id in old.key and altering.kind is Alteration.DROP_COLUMN
    if by_partition or by_key:
        what = "partitioned by" if by_partition else "keyed by"
        raise InvalidInput(
            f"cannot {altering.kind} {column.name!r}: table {name} is {what} it",
            kind=ErrorKind.PARTITIONING_MISMATCH if by_partition else ErrorKind.KEY_MISSING,
            hint="create the table again: CREATE OR REPLACE TABLE … AS",
        )


def _altered(
    name: str, old: TableSnapshot, altering: Altering, *, columns: Layout
) -> TableSnapshot:
    """Returns a table's shape with the columns that the engine has afterwards."""
    column = _column(old, altering)
    fields = list(old.schema.fields)
    last = old.last_field_id
    match altering.kind:
        case Alteration.ADD_COLUMN if column is None:
            last += 1
            fields.append(Field(last, *columns[-1]))
        case Alteration.DROP_COLUMN if column is not None:
            fields.remove(column)
        case Alteration.RENAME_COLUMN if column is not None:
            fields = [
                Field(f.id, new if f is column else f.name, f.type)
                for f, (new, _) in zip(fields, columns, strict=True)
            ]
        case Alteration.CHANGE_TYPE if column is not None:
            at = fields.index(column)
            fields[at] = Field(column.id, column.name, _wider(name, column, columns[at][1]))
    return replace(old, schema=Schema(tuple(fields)), last_field_id=last)


def _wider(name: str, column: Field, kind: DataType) -> DataType:
    """Returns the new type of a column, which must hold all that the old one can."""
    if common_type((column.type, kind)) != kind:
        raise Unsupported(
            f"column {column.name!r} of table {name} cannot become {kind}, which does not hold "
            f"every {column.type}",
            kind=ErrorKind.NARROWING_TYPE,
            hint=f"CREATE OR REPLACE TABLE {name} AS SELECT * REPLACE "
            f"(CAST({identifier(column.name)} AS {type_sql(kind)}) AS {identifier(column.name)}) "
            f"FROM {name}",
        )
    return kind


def _filled(write: TableWrite, scratch: Scratch) -> tuple[FileEdit, int]:
    """Writes all rows again with the values that the engine gave an added column.

    The engine may give the rows other ids for it, but leaves them in their order.
    """
    con, shape, name = write.con, write.shape, write.context.work.name
    hits, numbered = name("filled"), name("number")
    added = shape.schema.fields[-1]
    others = ", ".join(f"o.c{f.id}" for f in shape.schema.fields[:-1])
    value = f"CAST(t.{identifier(added.name)} AS {type_sql(added.type)})"
    con.execute(
        f"CREATE TEMP TABLE {hits} AS SELECT o.file, o.place, false AS gone, {others}, "
        f"{value} AS c{added.id} FROM {scratch.origin} o "
        f"JOIN (SELECT *, row_number() OVER (ORDER BY rowid) - 1 AS {numbered} "
        f"FROM {scratch.table}) t ON o.rowid = t.{numbered} WHERE {value} IS NOT NULL"
    )
    change = write.rewrite(scratch.files, hits)
    (count,) = single_row(con, f"SELECT count(*) FROM {hits}")
    return change, int(count)
