"""Data handed over in memory, whatever library holds it, as a table of the engine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.engine.copying import copy_sql
from catalog.engine.file_types import column_types
from catalog.engine.quoting import literal
from catalog.engine.workspace import Workspace
from catalog.errors import CatalogError, ErrorKind, InvalidInput, Unsupported
from catalog.formats.source import Layout
from catalog.write.rows.arrow_input import arrow_reader, check_names
from catalog.write.rows.arrow_types import inexact
from catalog.write.rows.storable import is_inexact, stored_type


@dataclass(frozen=True, slots=True)
class Landed:
    """Rows that the engine has taken in.

    Attributes:
        table: A temporary table, its columns called ``s0``, ``s1`` …
        columns: Names and types of the columns as Parquet would give them back.
    """

    table: str
    columns: Layout


def land(work: Workspace, data: object) -> Landed:
    """Takes rows into the engine: a DuckDB relation, or what ``arrow_reader`` takes.

    Raises:
        InvalidInput: It is none of these, or its columns are missing, repeated or not named.
        Unsupported: A column has a type or value that Parquet cannot hold.
    """
    with data_errors():
        if isinstance(data, duckdb.DuckDBPyRelation):
            return _land_relation(work, data)
        reader = arrow_reader(data)
        return _land_batches(work, reader, list(reader.schema.names))


def _land_batches(work: Workspace, reader: pa.RecordBatchReader, names: Sequence[str]) -> Landed:
    renamed = pa.schema([field.with_name(f"s{n}") for n, field in enumerate(reader.schema)])
    refused: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for batch in reader:
                yield pa.RecordBatch.from_arrays(batch.columns, schema=renamed)
        except (CatalogError, duckdb.InterruptException) as error:
            refused.append(error)  # the engine would report it in words of its own
            raise

    con, source = work.con, work.name("landing")
    con.register(source, pa.RecordBatchReader.from_batches(renamed, batches()))
    try:
        return land_query(work, f"SELECT * FROM {source}", names)
    except duckdb.Error as error:
        if refused:
            raise refused[0] from error
        raise
    finally:
        con.unregister(source)


def land_query(work: Workspace, query: str, names: Sequence[str]) -> Landed:
    """Takes the rows of a query, whose columns get other names, into the engine; see ``land``."""
    con = work.con
    check_names(names)
    numbered = [f"s{n}" for n in range(len(names))]
    source = f"({query}) AS q({', '.join(numbered)})"
    kinds = con.sql(f"SELECT * FROM {source} LIMIT 0").types
    chosen = []
    for name, column, kind in zip(names, numbered, kinds, strict=True):
        wanted = stored_type(name, kind)
        if wanted != str(kind):
            chosen.append(f"CAST({column} AS {wanted}) AS {column}")
        elif wanted == "VARCHAR":  # without a collation, under which other texts would be the same
            chosen.append(f"{column} COLLATE C AS {column}")
        else:
            chosen.append(column)
    table = work.name("landed")
    con.execute(f"CREATE TEMP TABLE {table} AS SELECT {', '.join(chosen)} FROM {source}")
    try:
        for name, column, kind in zip(names, numbered, kinds, strict=True):
            if is_inexact(kind) and not _is_exact(work, table, column):
                raise inexact(name, str(kind))
        return Landed(table, _columns(work, table, names))
    except BaseException:
        con.execute(f"DROP TABLE {table}")
        raise


@contextmanager
def data_errors() -> Iterator[None]:
    """Raises the catalog's errors for rows that the engine cannot take.

    Raises:
        InvalidInput: The rows cannot be read, or not be brought into the table's types.
        Unsupported: A column has a type that the engine does not know.
    """
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException):
        raise
    except duckdb.NotSupportedError as error:
        raise Unsupported(
            f"the data has a type that tables cannot keep: {_reason(error)}",
            kind=ErrorKind.UNWRITABLE_TYPE,
            hint="cast it, e.g. to VARCHAR",
        ) from error
    except duckdb.Error as error:
        raise InvalidInput(
            f"the data cannot be read: {_reason(error)}", kind=ErrorKind.BAD_DATA
        ) from error


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _is_exact(work: Workspace, table: str, column: str) -> bool:
    """Returns, by writing and reading back, whether Parquet holds all values of a column."""
    con, path = work.con, Path(work.folder) / f"{table}_{column}.parquet"
    try:
        con.execute(copy_sql(f"SELECT {column} FROM {table}", str(path), ()))
        back = f"read_parquet({literal(str(path))}, hive_partitioning = false) AS b(back)"
        unlike = con.sql(
            f"SELECT count(*) FROM {table} POSITIONAL JOIN {back} "
            f"WHERE {column} IS DISTINCT FROM back OR "
            f"CAST({column} AS VARCHAR) IS DISTINCT FROM CAST(back AS VARCHAR)"
        ).fetchall()
    except duckdb.IOException as error:
        if "negative" not in str(error):
            raise
        return False
    finally:
        path.unlink(missing_ok=True)
    return unlike == [(0,)]


def _columns(work: Workspace, table: str, names: Sequence[str]) -> Layout:
    """Returns the columns with the types that Parquet gives back, by writing no rows."""
    path = Path(work.folder) / f"{table}.parquet"
    work.con.execute(copy_sql(f"SELECT * FROM {table} LIMIT 0", str(path), ()))
    try:
        found = column_types(work.con, str(path))
    finally:
        path.unlink()
    return tuple(zip(names, found, strict=True))


def _land_relation(work: Workspace, relation: duckdb.DuckDBPyRelation) -> Landed:
    """Takes a relation of another connection over by a file: Arrow would lose some types."""
    path = str(Path(work.folder) / f"{work.name('relation')}.parquet")
    names = list(relation.columns)
    check_names(names)
    there, back = [], []
    for n, (name, kind) in enumerate(zip(names, relation.types, strict=True)):
        moved = stored_type(name, kind, in_transit=True)
        there.append(f"CAST(#{n + 1} AS {moved}) AS s{n}")
        back.append(f"CAST(CAST(s{n} AS {moved}) AS {stored_type(name, kind)}) AS s{n}")
    try:
        relation.project(", ".join(there)).write_parquet(path)
        source = f"read_parquet({literal(path)}, hive_partitioning = false)"
        return land_query(work, f"SELECT {', '.join(back)} FROM {source}", names)
    finally:
        Path(path).unlink(missing_ok=True)
