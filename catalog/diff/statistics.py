"""Statistics of columns that fingerprints do not describe, from reading the files."""

from collections.abc import Sequence
from fractions import Fraction

import duckdb
import numpy as np

from catalog.diff.counts import SideStats
from catalog.diff.exact_sums import finite_blocks, text_sum
from catalog.diff.fingerprints.summary import exact_float_total, float_total
from catalog.diff.forms import NUMBERS
from catalog.diff.kept_statistics import (
    Bounds,
    bound,
    exact_text,
    rounded_sum,
    with_double,
    with_sum,
)
from catalog.engine.connection import single_row
from catalog.model.schema import Field
from catalog.model.types import NULL_TYPE, Scalar, is_float


def float_texts(con: duckdb.DuckDBPyConnection, values: Sequence[float]) -> dict[float, str]:
    """Returns FLOATs in DuckDB's text form, by one query."""
    if not values:
        return {}
    query = "SELECT CAST(value AS VARCHAR) FROM (SELECT unnest(CAST(? AS FLOAT[])) AS value)"
    shown = con.execute(query, [list(values)]).fetchall()
    return {value: str(row[0]) for value, row in zip(values, shown, strict=True)}


def side_stats(
    con: duckdb.DuckDBPyConnection, relation: str, fields: Sequence[Field]
) -> dict[int, SideStats]:
    """Returns statistics by field id of a relation, its columns called ``c<field id>``."""
    try:
        rows, stats = _aggregated(con, relation, fields, sums=True)
    except duckdb.OutOfRangeException:
        rows, stats = _aggregated(con, relation, fields, sums=False)
        for field in fields:
            if _has_exact_sum(field) and stats[field.id].nulls < rows:
                total = text_sum(con, f"SELECT c{field.id} AS value FROM {relation}")
                values = rows - stats[field.id].nulls
                text = exact_text(total, field.type)
                stats[field.id] = with_sum(stats[field.id], values, text)
    for field in fields:
        values = rows - stats[field.id].nulls
        if is_float(field.type) and values:
            query = f"SELECT CAST(c{field.id} AS DOUBLE) AS value FROM {relation}"
            bounds = stats[field.id].low, stats[field.id].high
            rounded = _double_sum(con, query, bounds)
            stats[field.id] = with_double(stats[field.id], values, rounded)
    return stats


def _aggregated(
    con: duckdb.DuckDBPyConnection, relation: str, fields: Sequence[Field], *, sums: bool
) -> tuple[int, dict[int, SideStats]]:
    """Returns the number of rows, and statistics by field id, sums of doubles left out."""
    aggregates = [sql for field in fields for sql in _aggregates(field, sums=sums)]
    count, *values = single_row(
        con, f"SELECT {', '.join(['count(*)', *aggregates])} FROM {relation}"
    )
    rows = int(count)
    return rows, {f.id: _stats(rows, values[4 * n : 4 * n + 4]) for n, f in enumerate(fields)}


def _aggregates(field: Field, *, sums: bool) -> list[str]:
    column = f"c{field.id}"
    count, nothing = f"count({column})", "CAST(NULL AS VARCHAR)"
    if not isinstance(field.type, Scalar) or field.type == NULL_TYPE:
        return [count, nothing, nothing, nothing]
    bounds = [f"CAST({edge}({column}) AS VARCHAR)" for edge in ("min", "max")]
    if not sums or not _has_exact_sum(field):
        return [count, *bounds, nothing]
    return [count, *bounds, f"CAST(sum({column}) AS VARCHAR)"]


def _has_exact_sum(field: Field) -> bool:
    """Returns whether a column is summed up exactly: one of integers or decimals."""
    summed = isinstance(field.type, Scalar) and field.type.type_class in NUMBERS
    return summed and not is_float(field.type)


def _stats(rows: int, row: Sequence[object]) -> SideStats:
    count, low, high, total = row
    assert isinstance(count, int)
    stats = SideStats(rows - count, bound(low), bound(high))
    return stats if total is None else with_sum(stats, count, str(total))


def _double_sum(con: duckdb.DuckDBPyConnection, query: str, bounds: Bounds) -> float:
    """Returns the rounded sum of the column ``value`` of a query, which are doubles."""
    total, slack = Fraction(0), Fraction(0)
    for values in finite_blocks(con, query):
        part, off = float_total(values, float(np.abs(values).max()))
        total, slack = total + part, slack + off
    rounded = rounded_sum(total, slack, bounds)
    if rounded is None:
        rounded = rounded_sum(exact_float_total(finite_blocks(con, query)), Fraction(0), bounds)
    assert rounded is not None, "an exact sum is known"
    return rounded
