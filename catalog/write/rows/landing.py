"""Data handed over in memory, whatever library holds it, as a table of the engine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import duckdb
import pyarrow as pa

from catalog.engine.quoting import literal
from catalog.errors import CatalogError, ErrorKind, InvalidInput, Unsupported
from catalog.formats.parquet import read_footer
from catalog.formats.source import Layout
from catalog.write.rows.arrow_input import arrow_reader, check_names, inexact
from catalog.write.rows.storable import is_inexact, stored_type

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Landed:
    """Holds rows that the engine has.

    Attributes:
        table: A temporary table, its columns called ``s0``, ``s1`` …
        columns: Names and types of the columns as Parquet would give them back.
    """

    table: str
    columns: Layout


def land(con: duckdb.DuckDBPyConnection, data: object, folder: str) -> Landed:
    """Takes rows into the engine.

    Args:
        con: The engine.
        data: A pyarrow table, record batch, reader or dataset; a Polars or pandas frame; a
            DuckDB relation; a list of dictionaries; or anything else that speaks Arrow's C
            stream interface.
        folder: Where files may be put that are needed for a moment.

    Raises:
        InvalidInput: It is none of these, or its columns make no sense.
        Unsupported: A column has a type or value that Parquet has not.
    """
    with data_errors():
        if isinstance(data, duckdb.DuckDBPyRelation):
            return _land_relation(con, data, folder)
        reader = arrow_reader(data)
        names = list(reader.schema.names)
        renamed = pa.schema([pa.field(f"s{n}", f.type) for n, f in enumerate(reader.schema)])

        refused: list[CatalogError] = []

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                for batch in reader:
                    yield pa.RecordBatch.from_arrays(batch.columns, schema=renamed)
            except CatalogError as error:  # the engine would tell of it in words of its own
                refused.append(error)
                raise

        source = f"__parquetry_landing_{next(_NUMBERS)}"
        con.register(source, pa.RecordBatchReader.from_batches(renamed, batches()))
        try:
            return land_query(con, f"SELECT * FROM {source}", names, folder)
        except duckdb.Error as error:
            if refused:
                raise refused[0] from error
            raise
        finally:
            con.unregister(source)


def land_query(
    con: duckdb.DuckDBPyConnection, query: str, names: Sequence[str], folder: str
) -> Landed:
    """Takes the rows of a query into the engine; see ``land``.

    Args:
        con: The engine.
        query: The query.
        names: What its columns are called.
        folder: Where files may be put that are needed for a moment.
    """
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
    table = f"__parquetry_landed_{next(_NUMBERS)}"
    con.execute(f"CREATE TEMP TABLE {table} AS SELECT {', '.join(chosen)} FROM {source}")
    try:
        for name, column, kind in zip(names, numbered, kinds, strict=True):
            if is_inexact(kind):
                _check_exact(con, table, name, column, str(kind), folder)
        return Landed(table, _columns(con, table, names, folder))
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


def _check_exact(
    con: duckdb.DuckDBPyConnection, table: str, name: str, column: str, kind: str, folder: str
) -> None:
    """Checks by writing and reading back that Parquet holds all values of a column.

    Raises:
        Unsupported: It does not.
    """
    path = Path(folder) / f"{table}_{column}.parquet"
    try:
        con.execute(f"COPY (SELECT {column} FROM {table}) TO {literal(str(path))} (FORMAT parquet)")
        back = f"read_parquet({literal(str(path))}, hive_partitioning = false) AS b(back)"
        unlike = con.sql(
            f"SELECT count(*) FROM {table} POSITIONAL JOIN {back} "
            f"WHERE {column} IS DISTINCT FROM back OR "
            f"CAST({column} AS VARCHAR) IS DISTINCT FROM CAST(back AS VARCHAR)"
        ).fetchall()
    except duckdb.IOException as error:
        if "negative" not in str(error):
            raise
        raise inexact(name, kind) from error
    finally:
        path.unlink(missing_ok=True)
    if unlike != [(0,)]:
        raise inexact(name, kind)


def _columns(
    con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], folder: str
) -> Layout:
    """Asks Parquet itself what types the columns come back with."""
    path = Path(folder) / f"{table}.parquet"
    con.execute(f"COPY (SELECT * FROM {table} LIMIT 0) TO {literal(str(path))} (FORMAT parquet)")
    try:
        found = read_footer(str(path)).columns
    finally:
        path.unlink()
    return tuple((name, kind) for name, (_, kind) in zip(names, found, strict=True))


def _land_relation(
    con: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation, folder: str
) -> Landed:
    """Takes a relation of another connection over by a file: Arrow would lose some types."""
    path = str(Path(folder) / f"relation_{next(_NUMBERS)}.parquet")
    names = list(relation.columns)
    check_names(names)
    there, back = [], []
    for n, (name, kind) in enumerate(zip(names, relation.types, strict=True)):
        moved = stored_type(name, kind, in_transit=True)
        there.append(f"CAST(#{n + 1} AS {moved}) AS s{n}")
        back.append(f"CAST(s{n} AS {stored_type(name, kind)}) AS s{n}")
    try:
        relation.project(", ".join(there)).write_parquet(path)
        source = f"read_parquet({literal(path)}, hive_partitioning = false)"
        return land_query(con, f"SELECT {', '.join(back)} FROM {source}", names, folder)
    finally:
        Path(path).unlink(missing_ok=True)
