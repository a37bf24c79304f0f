"""Statistics of columns before and after, over the rows of some files.

They come from the files' fingerprints where those hold them, else from reading. Sums of doubles
are the true sums, rounded: so both ways give the same, in whatever order rows lie.
"""

import decimal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeAlias

import duckdb
import numpy as np

from catalog.diff.counts import SideStats
from catalog.diff.fingerprints.summary import exact_float_total, float_total
from catalog.diff.route import Prints
from catalog.engine.arrow_arrays import to_numpy
from catalog.engine.connection import cursor, single_row
from catalog.engine.quoting import type_sql
from catalog.errors import CatalogError
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import BLOCK_ROWS, ColumnSummary
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE, Scalar, TypeClass, is_float, is_integer
from catalog.model.values import decode, encode, float_text, text

SIGNIFICANT_DIGITS = 12
"""Digits of a sum of doubles: those beyond depend on the order of the additions, wherever else
such a sum is computed."""

_SUMMED = (TypeClass.INTEGER, TypeClass.WIDE_INTEGER, TypeClass.DECIMAL, TypeClass.FLOAT)
_ROUNDED = decimal.Context(
    prec=SIGNIFICANT_DIGITS, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX, traps=[]
)

Bounds: TypeAlias = tuple[str | None, str | None]


def kept_stats(
    con: duckdb.DuckDBPyConnection,
    table: TableSnapshot,
    field: Field,
    files: Sequence[DataFile],
    prints: Prints,
) -> SideStats | None:
    """Describes a column by what fingerprints tell; None if one does not tell all.

    Args:
        con: Writes values as text.
        table: The side's table.
        field: The column.
        files: The files whose rows are described.
        prints: Their fingerprints, as far as known.
    """
    rows = sum(file.rows for file in files)
    found = []
    for file in files:
        one = _summary(table, field, file, prints)
        if one is None:
            return None
        found.append(one)
    nulls = sum(one.nulls for one in found)
    if not isinstance(field.type, Scalar) or field.type == NULL_TYPE or nulls == rows:
        return SideStats(nulls)
    full = [one for one, file in zip(found, files, strict=True) if one.nulls < file.rows]
    if any(one.low is None or one.high is None for one in full):
        return None
    try:
        low = _value_text(con, min(one.low for one in full if one.low), field.type)
        high = _value_text(con, max(one.high for one in full if one.high), field.type)
    except (CatalogError, ValueError, OverflowError):
        return None
    bounds = _bound(low), _bound(high)
    if field.type.type_class not in _SUMMED:
        return SideStats(nulls, *bounds)
    if any(one.total is None for one in full):
        return None
    total = sum((one.total for one in full if one.total is not None), Fraction(0))
    if not is_float(field.type):
        return _with_sum(SideStats(nulls, *bounds), rows, total, _text(total, field))
    slack = sum((one.slack for one in full), Fraction(0))
    rounded = _rounded(total, slack, bounds)
    return None if rounded is None else _with_double(SideStats(nulls, *bounds), rows, rounded)


def _summary(
    table: TableSnapshot, field: Field, file: DataFile, prints: Prints
) -> ColumnSummary | None:
    """Returns what is known of a column in a file, as if it had the table's type there."""
    if field.id in table.partition_by:
        return None
    columns = table.file_schemas[file.file_schema].columns
    held = next((c.type for c in columns if c.field_id == field.id), NULL_TYPE)
    if held == NULL_TYPE:
        return ColumnSummary(nulls=file.rows)
    if held != field.type and not (is_integer(held) and is_integer(field.type)):
        return None
    known = prints.get(file.identity)
    found = None if known is None else known.summaries.get(field.id)
    if found is None or held == field.type or found.low is None or found.high is None:
        return found
    assert isinstance(held, Scalar) and isinstance(field.type, Scalar)
    return replace(
        found,
        low=encode(decode(found.low, held), field.type),
        high=encode(decode(found.high, held), field.type),
    )


def _value_text(con: duckdb.DuckDBPyConnection, encoded: bytes, kind: Scalar) -> str | None:
    """Returns an encoded value in DuckDB's text form."""
    value = decode(encoded, kind)
    if kind.name != "FLOAT":
        return text(value, kind)
    (shown,) = single_row(con, f"SELECT CAST(CAST(? AS {type_sql(kind)}) AS VARCHAR)", [value])
    return str(shown)


def side_stats(
    con: duckdb.DuckDBPyConnection, relation: str, fields: Sequence[Field]
) -> dict[int, SideStats]:
    """Describes columns of a relation.

    Args:
        con: Reads the relation.
        relation: SQL of the relation, its columns called ``c<field id>``.
        fields: The columns.

    Returns:
        The statistics by field id.
    """
    try:
        rows, found = _aggregated(con, relation, fields, sums=True)
    except duckdb.OutOfRangeException:
        rows, found = _aggregated(con, relation, fields, sums=False)
        for one in fields:
            found[one.id] = _with_exact_sum(con, relation, one, rows, found[one.id])
    for one in fields:
        if is_float(one.type) and found[one.id].nulls < rows:
            found[one.id] = _with_double_sum(con, relation, one, rows, found[one.id])
    return found


def _aggregated(
    con: duckdb.DuckDBPyConnection, relation: str, fields: Sequence[Field], *, sums: bool
) -> tuple[int, dict[int, SideStats]]:
    wanted = ["count(*)"]
    for one in fields:
        wanted += _aggregates(one, sums=sums)
    row = single_row(con, f"SELECT {', '.join(wanted)} FROM {relation}")
    rows = int(row[0])
    found = {one.id: _stats(rows, row[1 + 4 * n : 5 + 4 * n]) for n, one in enumerate(fields)}
    return rows, found


def _aggregates(field: Field, *, sums: bool) -> list[str]:
    column = f"c{field.id}"
    count, nothing = f"count({column})", "CAST(NULL AS VARCHAR)"
    if not isinstance(field.type, Scalar) or field.type == NULL_TYPE:
        return [count, nothing, nothing, nothing]
    bounds = [f"CAST({edge}({column}) AS VARCHAR)" for edge in ("min", "max")]
    if not sums or field.type.type_class not in _SUMMED or is_float(field.type):
        return [count, *bounds, nothing]
    return [count, *bounds, f"CAST(sum({column}) AS VARCHAR)"]


def _stats(rows: int, row: Sequence[object]) -> SideStats:
    count, low, high, total = row
    assert isinstance(count, int)
    found = SideStats(rows - count, _bound(low), _bound(high))
    return found if total is None else _with_sum(found, rows, Fraction(str(total)), str(total))


def _bound(text: object) -> str | None:
    """Returns a bound; zeros are equal, and all NaN, so which is met first must not show."""
    return None if text is None else {"-0.0": "0.0", "-nan": "nan"}.get(str(text), str(text))


def _with_sum(stats: SideStats, rows: int, total: Fraction, shown: str) -> SideStats:
    """Adds an exact sum, and the mean that follows."""
    return replace(stats, mean=float(total / (rows - stats.nulls)), total=shown)


def _with_double(stats: SideStats, rows: int, total: float) -> SideStats:
    """Adds a rounded sum of doubles, and the mean that follows."""
    mean = total / (rows - stats.nulls) + 0.0
    finite = abs(mean) < float("inf")
    return replace(stats, mean=mean if finite else None, total=float_text(total))


def _rounded(total: Fraction, slack: Fraction, bounds: Bounds) -> float | None:
    """Returns the sum of doubles in significant digits; None if it is not known that closely."""
    low, high = bounds
    if "nan" in bounds or bounds == ("-inf", "inf"):
        return float("nan")
    if low == "-inf" or high == "inf":
        return float("-inf" if low == "-inf" else "inf")
    edges = {
        _ROUNDED.divide(decimal.Decimal(edge.numerator), decimal.Decimal(edge.denominator))
        for edge in (total - slack, total + slack)
    }
    return float(edges.pop()) + 0.0 if len(edges) == 1 else None


def _with_double_sum(
    con: duckdb.DuckDBPyConnection, relation: str, field: Field, rows: int, stats: SideStats
) -> SideStats:
    """Adds the sum of a column of doubles."""
    bounds = stats.low, stats.high

    def blocks() -> Iterator[np.ndarray[Any, Any]]:
        column = f"CAST(c{field.id} AS DOUBLE)"
        with cursor(con) as own:
            found = own.sql(f"SELECT {column} FROM {relation} WHERE isfinite({column})")
            for batch in found.to_arrow_reader(BLOCK_ROWS):
                values = to_numpy(batch.column(0))
                for start in range(0, len(values), BLOCK_ROWS):
                    yield values[start : start + BLOCK_ROWS]

    total, slack = Fraction(0), Fraction(0)
    for values in blocks():
        part, off = float_total(values, float(np.abs(values).max()))
        total, slack = total + part, slack + off
    rounded = _rounded(total, slack, bounds)
    if rounded is None:
        rounded = _rounded(exact_float_total(blocks()), Fraction(0), bounds)
    assert rounded is not None, "an exact sum is known"
    return _with_double(stats, rows, rounded)


def _with_exact_sum(
    con: duckdb.DuckDBPyConnection, relation: str, field: Field, rows: int, stats: SideStats
) -> SideStats:
    """Adds the sum of a column whose sum does not fit DuckDB's widest type."""
    if not isinstance(field.type, Scalar) or field.type.type_class not in _SUMMED:
        return stats
    if is_float(field.type) or stats.nulls == rows:
        return stats
    total = Fraction(0)
    con.execute(
        f"SELECT CAST(c{field.id} AS VARCHAR) FROM {relation} WHERE c{field.id} IS NOT NULL"
    )
    while chunk := con.fetchmany(10_000):
        total += sum(Fraction(text) for (text,) in chunk)
    return _with_sum(stats, rows, total, _text(total, field))


def _text(total: Fraction, field: Field) -> str:
    """Returns the exact sum of integers or decimals in DuckDB's text form."""
    assert isinstance(field.type, Scalar)
    scale = 0 if field.type.decimal is None else field.type.decimal[1]
    unscaled = int(total * 10**scale)
    sign, digits = "-" if unscaled < 0 else "", str(abs(unscaled)).rjust(scale + 1, "0")
    return sign + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)
