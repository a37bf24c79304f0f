"""Data handed over in memory, whatever library holds it, as a table of the engine."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from catalog.engine.quoting import identifier, literal
from catalog.errors import InvalidInput, Unsupported
from catalog.formats.parquet import Columns, read_footer

_NUMBERS = count(1)

_WIDE = re.compile(r"\bU?HUGEINT\b")
"""Integers of 128 bits, which Parquet lacks: as decimals of 38 digits they lose nothing."""


@dataclass(frozen=True, slots=True)
class Landed:
    """Holds rows that the engine has.

    Attributes:
        table: A temporary table, its columns called ``s0``, ``s1`` …
        columns: Names and types of the columns as Parquet would give them back.
    """

    table: str
    columns: Columns


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
        Unsupported: A column has a type that Parquet has not.
    """
    if isinstance(data, duckdb.DuckDBPyRelation):
        return _land_relation(con, data, folder)
    reader = _reader(data)
    names = list(reader.schema.names)
    renamed = pa.schema([pa.field(f"s{n}", f.type) for n, f in enumerate(reader.schema)])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=renamed)

    source = f"__parquetry_landing_{next(_NUMBERS)}"
    con.register(source, pa.RecordBatchReader.from_batches(renamed, batches()))
    try:
        return land_query(con, f"SELECT * FROM {source}", names, folder)
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
    _check_names(names)
    numbered = [f"s{n}" for n in range(len(names))]
    shape = con.sql(f"SELECT * FROM ({query}) AS q({', '.join(numbered)}) LIMIT 0")
    chosen = ", ".join(
        _storable(name, column, str(kind))
        for name, column, kind in zip(names, numbered, shape.types, strict=True)
    )
    table = f"__parquetry_landed_{next(_NUMBERS)}"
    con.execute(
        f"CREATE TEMP TABLE {table} AS SELECT {chosen} FROM ({query}) AS q({', '.join(numbered)})"
    )
    return Landed(table, _columns(con, table, names, folder))


def _columns(
    con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], folder: str
) -> Columns:
    """Asks Parquet itself what types the columns come back with."""
    path = Path(folder) / f"{table}.parquet"
    con.execute(f"COPY (SELECT * FROM {table} LIMIT 0) TO {literal(str(path))} (FORMAT parquet)")
    try:
        found = read_footer(str(path)).columns
    finally:
        path.unlink()
    return tuple((name, kind) for name, (_, kind) in zip(names, found, strict=True))


def _storable(name: str, column: str, kind: str) -> str:
    if kind.startswith(("UNION", "VARIANT", "GEOMETRY", "BIGNUM", "BIT", "AGGREGATE_STATE")):
        raise Unsupported(
            f"column {name!r} has type {kind}, which tables cannot keep",
            kind="unwritable-type",
            hint="cast it, e.g. to VARCHAR",
        )
    if kind == "VARCHAR":  # without a collation, under which other texts would be the same
        return f"{column} COLLATE C AS {column}"
    if _WIDE.search(kind) and '"' not in kind:
        return f"CAST({column} AS {_WIDE.sub('DECIMAL(38,0)', kind)}) AS {column}"
    return column


def _check_names(names: Sequence[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated or "" in names or not names:
        problem = f"several columns {repeated[0]!r}" if repeated else "a column without a name"
        raise InvalidInput(f"the data has {problem if names else 'no columns'}", kind="bad-columns")


def _land_relation(
    con: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation, folder: str
) -> Landed:
    """Takes a relation of another connection over by a file: Arrow would lose some types."""
    path = str(Path(folder) / f"relation_{next(_NUMBERS)}.parquet")
    names = list(relation.columns)
    _check_names(names)
    chosen = ", ".join(
        _storable(name, identifier(name), str(kind)).removesuffix(f" AS {identifier(name)}")
        + f" AS {identifier(name)}"
        for name, kind in zip(names, relation.types, strict=True)
    )
    relation.project(chosen).write_parquet(path)
    try:
        return land_query(con, f"SELECT * FROM read_parquet({literal(path)})", names, folder)
    finally:
        Path(path).unlink(missing_ok=True)


def _reader(data: Any) -> pa.RecordBatchReader:
    try:
        match data:
            case pa.RecordBatchReader():
                return data
            case pa.Table():
                return data.to_reader()
            case pa.RecordBatch():
                return pa.Table.from_batches([data]).to_reader()
            case list() | tuple() if data and all(isinstance(row, Mapping) for row in data):
                return pa.Table.from_pylist([dict(row) for row in data]).to_reader()
        module = type(data).__module__.partition(".")[0]
        if module == "pandas":
            return pa.Table.from_pandas(data, preserve_index=False).to_reader()
        if module == "polars" and hasattr(data, "collect"):
            data = data.collect()
        if hasattr(data, "scanner"):
            return data.scanner().to_reader()
        if hasattr(data, "__arrow_c_stream__"):
            return pa.RecordBatchReader.from_stream(data)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidInput(
            f"the data cannot be read as a table: {str(error).splitlines()[0]}", kind="bad-data"
        ) from error
    raise InvalidInput(
        f"cannot write a {type(data).__name__}",
        kind="bad-data",
        hint="give a pyarrow table or reader, a Polars or pandas frame, a DuckDB relation, "
        "or a list of dictionaries",
    )
