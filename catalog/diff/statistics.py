"""Statistics of columns before and after, over the rows of some files."""

import math
from collections.abc import Sequence
from fractions import Fraction

import duckdb

from catalog.diff.counts import SideStats
from catalog.engine.connection import single_row
from catalog.model.schema import Field
from catalog.model.types import INTEGER_BITS, NULL_TYPE, Scalar, TypeClass, is_float
from catalog.model.values import float_text

SIGNIFICANT_DIGITS = 12
"""Digits of a sum of doubles: those beyond depend on the order of the additions."""

_SUMMED = (TypeClass.INTEGER, TypeClass.WIDE_INTEGER, TypeClass.DECIMAL, TypeClass.FLOAT)


def side_stats(
    con: duckdb.DuckDBPyConnection, relation: str, fields: Sequence[Field]
) -> tuple[int, dict[int, SideStats]]:
    """Describes columns of a relation.

    Args:
        con: Reads the relation.
        relation: SQL of the relation, its columns called ``c<field id>``.
        fields: The columns.

    Returns:
        The rows of the relation, and the statistics by field id.
    """
    try:
        return _aggregated(con, relation, fields, sums=True)
    except duckdb.OutOfRangeException:
        rows, found = _aggregated(con, relation, fields, sums=False)
        return rows, {
            one.id: _with_exact_sum(con, relation, one, rows, found[one.id]) for one in fields
        }


def _aggregated(
    con: duckdb.DuckDBPyConnection, relation: str, fields: Sequence[Field], *, sums: bool
) -> tuple[int, dict[int, SideStats]]:
    wanted = ["count(*)"]
    for one in fields:
        wanted += _aggregates(one, sums=sums)
    row = single_row(con, f"SELECT {', '.join(wanted)} FROM {relation}")
    rows = int(row[0])
    found = {one.id: _stats(one, rows, row[1 + 4 * n : 5 + 4 * n]) for n, one in enumerate(fields)}
    return rows, found


def _aggregates(field: Field, *, sums: bool) -> list[str]:
    column = f"c{field.id}"
    count, nothing = f"count({column})", "CAST(NULL AS VARCHAR)"
    if not isinstance(field.type, Scalar) or field.type == NULL_TYPE:
        return [count, nothing, nothing, nothing]
    bounds = [f"CAST({edge}({column}) AS VARCHAR)" for edge in ("min", "max")]
    if not sums or field.type.type_class not in _SUMMED:
        return [count, *bounds, nothing]
    if is_float(field.type):
        plain = f"sum(CAST({column} AS DOUBLE))"
        return [
            count,
            *bounds,
            f"CASE WHEN isfinite({plain}) THEN fsum(CAST({column} AS DOUBLE)) ELSE {plain} END",
        ]
    return [count, *bounds, f"CAST(sum({column}) AS VARCHAR)"]


def _stats(field: Field, rows: int, row: Sequence[object]) -> SideStats:
    count, low, high, total = row
    assert isinstance(count, int)
    bounds = _bound(low), _bound(high)
    if total is None:
        return SideStats(rows - count, *bounds)
    if isinstance(total, float):
        rounded = float(f"{total:.{SIGNIFICANT_DIGITS}g}") + 0.0
        mean = total / count + 0.0
        return SideStats(
            rows - count, *bounds, mean if math.isfinite(mean) else None, float_text(rounded)
        )
    return SideStats(rows - count, *bounds, _mean(Fraction(str(total)), count), str(total))


def _bound(text: object) -> str | None:
    """Returns a bound; both zeros are equal, so which of them is met first must not show."""
    return None if text is None else "0.0" if text == "-0.0" else str(text)


def _mean(total: Fraction, count: int) -> float:
    return float(total / count)


def _with_exact_sum(
    con: duckdb.DuckDBPyConnection, relation: str, field: Field, rows: int, stats: SideStats
) -> SideStats:
    """Adds the sum of a column whose sum does not fit DuckDB's widest type."""
    if not isinstance(field.type, Scalar) or field.type.type_class not in _SUMMED:
        return stats
    if is_float(field.type):
        _, found = _aggregated(con, relation, [field], sums=True)
        return found[field.id]
    total = Fraction(0)
    con.execute(
        f"SELECT CAST(c{field.id} AS VARCHAR) FROM {relation} WHERE c{field.id} IS NOT NULL"
    )
    while chunk := con.fetchmany(10_000):
        total += sum(Fraction(text) for (text,) in chunk)
    count = rows - stats.nulls
    if not count:
        return stats
    return SideStats(stats.nulls, stats.low, stats.high, _mean(total, count), _text(total, field))


def _text(total: Fraction, field: Field) -> str:
    assert isinstance(field.type, Scalar)
    scale = (
        0 if field.type.name in INTEGER_BITS or not field.type.decimal else field.type.decimal[1]
    )
    unscaled = int(total * 10**scale)
    sign, digits = "-" if unscaled < 0 else "", str(abs(unscaled)).rjust(scale + 1, "0")
    return sign + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)
