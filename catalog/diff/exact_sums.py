"""Exact sums of the column ``value`` of a query, of any type of numbers."""

from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np

from catalog.diff.fingerprints.summary import exact_float_total
from catalog.engine.arrow_arrays import to_numpy
from catalog.engine.connection import single_row
from catalog.engine.relation import prepared_cursor
from catalog.model.fingerprint import BLOCK_ROWS
from catalog.model.types import DataType, is_float


def exact_sum(con: duckdb.DuckDBPyConnection, query: str, kind: DataType) -> Fraction:
    """Returns the sum of the values that are neither NULL, NaN nor infinite."""
    if is_float(kind):
        doubles = f"SELECT CAST(value AS DOUBLE) AS value FROM ({query})"
        return exact_float_total(finite_blocks(con, doubles))
    try:
        (total,) = single_row(con, f"SELECT CAST(sum(value) AS VARCHAR) FROM ({query})")
    except duckdb.OutOfRangeException:
        return text_sum(con, query)
    return Fraction(total or 0)


def text_sum(con: duckdb.DuckDBPyConnection, query: str) -> Fraction:
    """Returns the sum of integers or decimals, also if it is too large for DuckDB's widest type."""
    total = Fraction(0)
    con.execute(f"SELECT CAST(value AS VARCHAR) FROM ({query}) WHERE value IS NOT NULL")
    while chunk := con.fetchmany(10_000):
        total += sum(Fraction(text) for (text,) in chunk)
    return total


def finite_blocks(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[np.ndarray[Any, Any]]:
    """Yields the finite values of doubles, block by block."""
    with closing(prepared_cursor(con)) as own:
        finite = own.sql(f"SELECT value FROM ({query}) WHERE isfinite(value)")
        for batch in finite.to_arrow_reader(BLOCK_ROWS):
            values = to_numpy(batch.column(0))
            for start in range(0, len(values), BLOCK_ROWS):
                yield values[start : start + BLOCK_ROWS]
