"""Statistics of columns before and after, over the rows of some files.

They come from the files' fingerprints where those hold them, otherwise from reading. Sums of
doubles are the true sums, rounded, so both ways give the same, in whatever order rows lie.
"""

import contextlib
import decimal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TypeAlias

import duckdb
import numpy as np

from catalog.diff.compare.table_reader import TableReader
from catalog.diff.counts import SideStats
from catalog.diff.exact_sums import finite_blocks, text_sum
from catalog.diff.fingerprints.summary import exact_float_total, float_total
from catalog.diff.forms import NUMBERS
from catalog.diff.plan import SideName
from catalog.diff.route import Prints
from catalog.engine.connection import single_row
from catalog.errors import CatalogError
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import ColumnSummary
from catalog.model.schema import Field
from catalog.model.types import NULL_TYPE, DataType, Scalar, is_float, is_integer
from catalog.model.values import decode, encode, float_text, text

SIGNIFICANT_DIGITS = 12
"""Digits of a sum of doubles: in other tools, further digits depend on the order of additions."""

_FLOAT = Scalar("FLOAT")

_ROUNDED = decimal.Context(
    prec=SIGNIFICANT_DIGITS, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX, traps=[]
)

Bounds: TypeAlias = tuple[str | None, str | None]


def kept_stats(
    reader: TableReader, files: Sequence[DataFile], fields: Sequence[Field], *, side: SideName
) -> dict[int, SideStats]:
    """Returns statistics by field id, of columns that the fingerprints describe in full."""
    table = reader.plan.side(side)
    types = {
        name: {column.field_id: column.type for column in schema.columns}
        for name, schema in table.file_schemas.items()
    }
    known: list[tuple[Field, list[tuple[int, ColumnSummary]]]] = []
    for field in fields:
        if field.id in table.partition_by:
            continue
        summaries = []
        for file in files:
            held = types[file.file_schema].get(field.id, NULL_TYPE)
            summary = _summary(file, field, reader.prints, held=held)
            if summary is None:
                break
            summaries.append((file.rows, summary))
        else:
            known.append((field, summaries))
    bounds = [
        bound
        for field, summaries in known
        if field.type == _FLOAT
        for _, one in summaries
        for bound in (one.low, one.high)
    ]
    texts = _float_texts(reader.con, bounds)
    described = {}
    for field, summaries in known:
        stats = _summed_up(field, summaries, texts=texts)
        if stats is not None:
            described[field.id] = stats
    return described


def _summed_up(
    field: Field,
    summaries: Sequence[tuple[int, ColumnSummary]],
    *,
    texts: Mapping[float, str],
) -> SideStats | None:
    """Sums up a column of several files by their numbers of rows and summaries."""
    rows = sum(count for count, _ in summaries)
    nulls = sum(one.nulls for _, one in summaries)
    if not isinstance(field.type, Scalar) or field.type == NULL_TYPE or nulls == rows:
        return SideStats(nulls)
    full = [one for count, one in summaries if one.nulls < count]
    if any(one.low is None or one.high is None for one in full):
        return None
    try:
        low = _value_text(min(one.low for one in full if one.low), field.type, texts)
        high = _value_text(max(one.high for one in full if one.high), field.type, texts)
    except (CatalogError, ValueError, OverflowError):
        return None
    stats = SideStats(nulls, _bound(low), _bound(high))
    if field.type.type_class not in NUMBERS:
        return stats
    if any(one.total is None for one in full):
        return None
    total = sum((one.total for one in full if one.total is not None), Fraction(0))
    if not is_float(field.type):
        return _with_sum(stats, rows - nulls, _exact_text(total, field.type))
    slack = sum((one.slack for one in full), Fraction(0))
    rounded = _rounded(total, slack, (stats.low, stats.high))
    return None if rounded is None else _with_double(stats, rows - nulls, rounded)


def _summary(
    file: DataFile, field: Field, prints: Prints, *, held: DataType
) -> ColumnSummary | None:
    """Returns what is known of a column in a file that holds it in some type, as if in its own."""
    if held == NULL_TYPE:
        return ColumnSummary(nulls=file.rows)
    if held != field.type and not (is_integer(held) and is_integer(field.type)):
        return None
    known = prints.get(file.identity)
    summary = None if known is None else known.summaries.get(field.id)
    if summary is None or held == field.type or summary.low is None or summary.high is None:
        return summary
    assert isinstance(held, Scalar) and isinstance(field.type, Scalar)
    return replace(
        summary,
        low=encode(decode(summary.low, held), field.type),
        high=encode(decode(summary.high, held), field.type),
    )


def _value_text(encoded: bytes, kind: Scalar, texts: Mapping[float, str]) -> str | None:
    """Returns an encoded value in DuckDB's text form, a FLOAT's from those known."""
    value = decode(encoded, kind)
    if kind != _FLOAT:
        return text(value, kind)
    assert isinstance(value, float)
    return "nan" if value != value else texts[value]


def _float_texts(
    con: duckdb.DuckDBPyConnection, encoded: Sequence[bytes | None]
) -> dict[float, str]:
    """Returns encoded FLOATs, those that are sound, in DuckDB's text form, by one query."""
    distinct: dict[float, None] = {}
    for bound in dict.fromkeys(encoded):
        with contextlib.suppress(CatalogError, ValueError, OverflowError):
            value = None if bound is None else decode(bound, _FLOAT)
            if isinstance(value, float) and value == value:
                distinct[value] = None
    if not distinct:
        return {}
    query = "SELECT CAST(value AS VARCHAR) FROM (SELECT unnest(CAST(? AS FLOAT[])) AS value)"
    shown = con.execute(query, [list(distinct)]).fetchall()
    return {value: str(row[0]) for value, row in zip(distinct, shown, strict=True)}


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
                text = _exact_text(total, field.type)
                stats[field.id] = _with_sum(stats[field.id], values, text)
    for field in fields:
        values = rows - stats[field.id].nulls
        if is_float(field.type) and values:
            query = f"SELECT CAST(c{field.id} AS DOUBLE) AS value FROM {relation}"
            bounds = stats[field.id].low, stats[field.id].high
            rounded = _double_sum(con, query, bounds)
            stats[field.id] = _with_double(stats[field.id], values, rounded)
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
    stats = SideStats(rows - count, _bound(low), _bound(high))
    return stats if total is None else _with_sum(stats, count, str(total))


def _bound(text: object) -> str | None:
    """Returns a bound in one form: zeros are equal, and all NaN, whichever came first."""
    return None if text is None else {"-0.0": "0.0", "-nan": "nan"}.get(str(text), str(text))


def _with_sum(stats: SideStats, values: int, total: str) -> SideStats:
    """Adds an exact sum of a number of values, and the mean that follows."""
    return replace(stats, mean=float(Fraction(total) / values), total=total)


def _with_double(stats: SideStats, values: int, total: float) -> SideStats:
    """Adds a rounded sum of a number of doubles, and the mean that follows."""
    mean = total / values + 0.0
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


def _double_sum(con: duckdb.DuckDBPyConnection, query: str, bounds: Bounds) -> float:
    """Returns the rounded sum of the column ``value`` of a query, which are doubles."""
    total, slack = Fraction(0), Fraction(0)
    for values in finite_blocks(con, query):
        part, off = float_total(values, float(np.abs(values).max()))
        total, slack = total + part, slack + off
    rounded = _rounded(total, slack, bounds)
    if rounded is None:
        rounded = _rounded(exact_float_total(finite_blocks(con, query)), Fraction(0), bounds)
    assert rounded is not None, "an exact sum is known"
    return rounded


def _exact_text(total: Fraction, kind: DataType) -> str:
    """Returns the exact sum of integers or decimals in DuckDB's text form."""
    assert isinstance(kind, Scalar)
    scale = 0 if kind.decimal is None else kind.decimal[1]
    unscaled = int(total * 10**scale)
    sign, digits = "-" if unscaled < 0 else "", str(abs(unscaled)).rjust(scale + 1, "0")
    return sign + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)
