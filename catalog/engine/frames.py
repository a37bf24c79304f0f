"""Answers as data frames and as Arrow tables."""

import datetime
import importlib
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import duckdb
import pyarrow as pa

from catalog.engine.connection import borrowed
from catalog.errors import ErrorKind, Unsupported

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    class Relation(duckdb.DuckDBPyRelation):
        """DuckDB's relation, with the conversions that ``with_conversions`` adds."""

        def to_pandas(self) -> pd.DataFrame:
            """Returns the rows as a pandas frame."""

        def to_polars(self) -> pl.DataFrame:
            """Returns the rows as a Polars frame."""

        def to_arrow(self) -> pa.Table:
            """Returns the rows as an Arrow table."""

else:
    Relation = duckdb.DuckDBPyRelation

_ARROW_TYPES = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
}
"""Types whose values Python holds exactly, as Arrow has them."""

_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")

_ENDS = (datetime.date.max, datetime.date.min)
"""Days that may also stand for infinity, which Python's dates do not have."""


def require(package: str) -> Any:
    """Returns a package that a user may not have installed.

    Raises:
        Unsupported: It is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise Unsupported(
            f"{package} is not installed",
            kind=ErrorKind.EXTRA_NOT_INSTALLED,
            hint=f"pip install {package}",
        ) from error


def with_conversions(relation: duckdb.DuckDBPyRelation) -> Relation:
    """Returns a relation, which has ``to_pandas``, ``to_polars`` and ``to_arrow`` from now on.

    Its class is given them, so that it stays DuckDB's own, and what is derived from it has them
    too. What DuckDB has under these names is left alone.
    """
    for name, conversion in _CONVERSIONS.items():
        if not hasattr(duckdb.DuckDBPyRelation, name):
            setattr(duckdb.DuckDBPyRelation, name, conversion)
    return cast(Relation, relation)


def _to_pandas(self: duckdb.DuckDBPyRelation) -> "pd.DataFrame":
    """Returns the rows as a pandas frame; names that occur twice are numbered.

    Raises:
        Unsupported: pandas is not installed.
    """
    require("pandas")
    return self.df()


def _to_polars(self: duckdb.DuckDBPyRelation) -> "pl.DataFrame":
    """Returns the rows as a Polars frame; names that occur twice are numbered.

    Raises:
        Unsupported: Polars is not installed, or has no type for a column.
    """
    return polars_frame(self.to_arrow_table)


def _to_arrow(self: duckdb.DuckDBPyRelation) -> pa.Table:
    """Returns the rows as an Arrow table."""
    return self.to_arrow_table()


_CONVERSIONS = {"to_pandas": _to_pandas, "to_polars": _to_polars, "to_arrow": _to_arrow}


def pandas_frame(read: Callable[[], pa.Table]) -> "pd.DataFrame":
    """Returns an Arrow table as pandas has it, with whole numbers kept as such beside NULLs.

    Args:
        read: Returns the table; it is not called if pandas is missing.

    Raises:
        Unsupported: pandas is not installed.
    """
    require("pandas")
    with borrowed() as con:
        return con.from_arrow(read()).df()


def polars_frame(read: Callable[[], pa.Table]) -> "pl.DataFrame":
    """Returns an Arrow table as Polars has it; names that occur twice are numbered.

    Args:
        read: Returns the table; it is not called if Polars is missing.

    Raises:
        Unsupported: Polars is not installed, or has no type for a column.
    """
    polars = require("polars")
    table = read()
    for field in table.schema:
        if not _is_known_to_polars(field.type):
            raise Unsupported(
                f"Polars has no type for column {field.name!r}, which is {field.type}",
                hint=f"make it text in the query, as by CAST({field.name} AS VARCHAR)",
            )
    found: pl.DataFrame = polars.from_arrow(table.rename_columns(distinct(table.column_names)))
    return found


def _is_known_to_polars(kind: pa.DataType) -> bool:
    inner = (kind.field(n).type for n in range(kind.num_fields))
    odd = pa.types.is_interval(kind) or pa.types.is_union(kind)
    return not odd and all(_is_known_to_polars(one) for one in inner)


def distinct(names: Sequence[str]) -> list[str]:
    """Returns names of which none occurs twice, numbered as DuckDB does it.

    >>> distinct(["a", "a", "b"])
    ['a', 'a_1', 'b']
    """
    taken = {name.casefold() for name in names}
    seen: set[str] = set()
    found = []
    for name in names:
        new, number = name, 0
        while new.casefold() in seen or (number and new.casefold() in taken):
            number += 1
            new = f"{name}_{number}"
        seen.add(new.casefold())
        found.append(new)
    return found


def table_of_rows(
    rows: Sequence[tuple[object, ...]], columns: Sequence[tuple[str, str]]
) -> pa.Table:
    """Returns rows of Python values as an Arrow table.

    Args:
        rows: The rows.
        columns: Names of the columns, and their types as DuckDB names them.

    Raises:
        Unsupported: Python's values of a type do not say all that Arrow's do.
    """
    arrays = [_array([row[n] for row in rows], *column) for n, column in enumerate(columns)]
    return pa.Table.from_arrays(arrays, names=[name for name, _ in columns])


def _array(values: list[Any], name: str, kind: str) -> pa.Array:
    decimal = _DECIMAL.fullmatch(kind)
    arrow = pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else _ARROW_TYPES.get(kind)
    days = (v.date() if isinstance(v, datetime.datetime) else v for v in values)
    if arrow is None or (pa.types.is_temporal(arrow) and any(day in _ENDS for day in days)):
        raise Unsupported(
            f"column {name!r} of type {kind} was already read as values of Python",
            hint="fetch as Arrow before the next statement, or use a connection for each",
        )
    return pa.array(values, arrow)
