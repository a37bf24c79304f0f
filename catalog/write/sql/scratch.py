"""Tables of the engine that stand for a table of the catalog while a statement runs on it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.engine.connection import single_row
from catalog.engine.copying import is_geometry
from catalog.engine.failures import engine_errors
from catalog.engine.quoting import identifier, literal, type_sql
from catalog.engine.settings import UserSettings
from catalog.engine.workspace import OWN_PREFIX
from catalog.errors import ErrorKind, Unsupported
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType, is_float
from catalog.query.parse.definitions import has_clause
from catalog.query.parse.keywords import fold
from catalog.write.context import WriteContext
from catalog.write.sql.statement import TableStatement
from catalog.write.table_write import TableWrite

DATABASE = "parquetry_writing"
"""The database in memory that the tables are in: there they have the names that users know."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Rows of a table as the engine has them.

    Attributes:
        write: The table of the catalog.
        table: The table on which a statement runs, as SQL.
        origin: A temporary table of the same rows in the same order, with the columns
            ``file`` (number of the file among ``files``), ``place`` (in it) and ``c<field id>``.
        files: The files that the rows are from.
        rows: How many rows there are; those that a statement adds have greater row ids.
        whole: Whether they are all rows of the files.
    """

    write: TableWrite
    table: str
    origin: str
    files: Sequence[DataFile]
    rows: int
    whole: bool = True


@contextmanager
def one_statement(context: WriteContext, name: str) -> Iterator[UserSettings]:
    """Puts the user's settings aside while a statement is handled, and cleans up after it."""
    con = context.con
    con.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {DATABASE}")
    settings = UserSettings(con)
    try:
        settings.put_aside()
        yield settings
    finally:
        settings.put_back()
        con.execute(f"DROP TABLE IF EXISTS {scratch_name(name)}")
        left = con.execute(
            "SELECT table_name FROM duckdb_tables() "
            f"WHERE temporary AND starts_with(table_name, {literal(OWN_PREFIX)})"
        ).fetchall()
        for (table,) in left:
            con.execute(f"DROP TABLE IF EXISTS {table}")


@contextmanager
def lasting_row_ids(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Keeps what happens inside in one transaction of the engine.

    Until it ends, rows that were there before keep their row ids, and those that come have
    greater ones.
    """
    con.execute("BEGIN")
    try:
        yield
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise


def scratch_name(name: str) -> str:
    """Returns what the engine's table for a table of the catalog is called, as SQL."""
    return f"{DATABASE}.main.{identifier(name.rpartition('.')[2])}"


def load(
    write: TableWrite, files: Sequence[DataFile] = (), *, conditions: Sequence[str] = ()
) -> Scratch:
    """Brings rows of files into the engine, if they meet conditions over ``c<field id>``.

    The file numbers and places of the rows are kept beside them:

        file  place  c1  c2          id  name
        0     0      1   a           1   a
        0     1      2   b           2   b
        1     0      3   c           3   c

    Raises:
        Unsupported: The engine cannot tell the table's columns apart.
    """
    _check_names(write.name, write.shape)
    con, fields = write.con, write.shape.schema.fields
    table, origin = scratch_name(write.name), write.context.work.name("origin")
    columns = ", ".join(f"c{f.id} {type_sql(f.type)}" for f in fields)
    floats = () if conditions else [f.id for f in fields if is_float(f.type)]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    with engine_errors():
        con.execute(f"CREATE TEMP TABLE {origin} (file INTEGER, place BIGINT, {columns})")
        for number, file in enumerate(files):
            relation = write.context.relation(write.shape, [file], nan_free=floats, numbered=True)
            chosen = ", ".join(f"c{f.id}" for f in fields)
            con.execute(
                f"INSERT INTO {origin} SELECT {number}, place, {chosen} FROM {relation}{where}"
            )
        named = ", ".join(f"c{f.id} AS {identifier(f.name)}" for f in fields)
        con.execute(f"CREATE TABLE {table} AS SELECT {named} FROM {origin}")
        (rows,) = single_row(con, f"SELECT count(*) FROM {origin}")
    return Scratch(write, table, origin, files, int(rows), whole=not conditions)


def perform(
    statement: TableStatement, settings: UserSettings, sql: str, *, single_thread: bool = False
) -> pa.Table | None:
    """Runs the user's statement under the user's settings and returns its RETURNING, if any.

    On a single thread, rows that it writes again come in the order of those read.
    """
    settings.put_back()
    if single_thread:
        settings.use_one_thread()
    relation = statement.con.sql(sql, params=statement.pending.params)
    answer = pa.table({}) if relation is None else relation.to_arrow_table()
    settings.put_aside()
    return answer if has_clause(statement.pending.statement, "returning") else None


def is_listlike(kind: DataType) -> bool:
    """Returns whether the engine updates values of a type by deleting and inserting rows."""
    match kind:
        case ListType() | MapType():
            return True
        case StructType(fields):
            return any(is_listlike(inner) for _, inner in fields)
        case Scalar():
            return kind.name.endswith("]") or kind.name == "VARIANT" or is_geometry(kind)


def _check_names(name: str, shape: TableSnapshot) -> None:
    seen: dict[str, str] = {}
    for column in shape.schema.names:
        other = seen.setdefault(fold(column), column)
        if other != column:
            raise Unsupported(
                f"the columns {other!r} and {column!r} of table {name} differ in case only, which "
                "SQL cannot tell apart",
                kind=ErrorKind.AMBIGUOUS_COLUMNS,
                hint="take a snapshot of the table with another name for one of them",
            )


def check_row_ids(name: str, shape: TableSnapshot) -> None:
    """Checks that the engine can tell the rows of a table apart.

    Raises:
        Unsupported: A column hides the rows' ids.
    """
    if any(fold(column) == "rowid" for column in shape.schema.names):
        raise Unsupported(
            f"rows of table {name} cannot be changed by SQL, since it has a column 'rowid'",
            kind=ErrorKind.AMBIGUOUS_COLUMNS,
            hint="rename it: ALTER TABLE … RENAME COLUMN rowid TO …",
        )
