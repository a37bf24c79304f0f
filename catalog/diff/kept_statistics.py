"""Statistics of columns as the fingerprints of files have them, and the forms that all have.

Sums of doubles are the true sums, rounded, so that what was kept and what is read give the same,
in whatever order rows lie.
"""

import contextlib
import decimal
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from catalog.dataclasses import replace
from catalog.diff.counts import SideStats
from catalog.diff.forms import NUMBERS
from catalog.diff.route import Prints
from catalog.errors import CatalogError
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import ColumnSummary
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE, DataType, Scalar, TypeClass, is_float, is_integer
from catalog.model.values import decode, encode, encoded_ticks, float_text, text

SIGNIFICANT_DIGITS = 12
"""Digits of a sum of doubles: in other tools, further digits depend on the order of additions."""

_FLOAT = Scalar("FLOAT")

_TEXT = Scalar("VARCHAR")

_DAY_MICROS = 86_400_000_000
"""Ticks of 24:00, a time of day that the engine knows and Python does not."""

_ROUNDED = decimal.Context(
    prec=SIGNIFICANT_DIGITS, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX, traps=[]
)

Bounds: TypeAlias = tuple[str | None, str | None]

FloatTexts: TypeAlias = Callable[[Sequence[float]], Mapping[float, str]]
"""Gives FLOATs, none of them NaN, in DuckDB's text form, as far as it can."""

TextBounds: TypeAlias = Callable[[DataFile, int], ColumnSummary | None]
"""Gives the bounds of a file's column of text, by its field id, if they are soon found."""


def _unknown(file: DataFile, field_id: int) -> None:
    return None


def kept_stats(
    table: TableSnapshot,
    files: Sequence[DataFile],
    fields: Sequence[Field],
    *,
    prints: Prints,
    float_texts: FloatTexts,
    text_bounds: TextBounds = _unknown,
) -> dict[int, SideStats]:
    """Returns statistics by field id, of columns that the fingerprints describe in full.

    Those of FLOATs for which there is no text are left out. Text that they do not describe is
    looked up by ``text_bounds``.
    """
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
            summary = _summary(file, field, prints, held=held)
            if held == field.type == _TEXT and not _has_bounds(file, summary):
                summary = text_bounds(file, field.id)
            if summary is None:
                break
            summaries.append((file.rows, summary))
        else:
            known.append((field, summaries))
    bounds = [
        edge
        for field, summaries in known
        if field.type == _FLOAT
        for _, one in summaries
        for edge in (one.low, one.high)
    ]
    texts = float_texts(_floats(bounds))
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
        low = _value_text(min(one.low for one in full if one.low is not None), field.type, texts)
        high = _value_text(max(one.high for one in full if one.high is not None), field.type, texts)
    except (CatalogError, KeyError, ValueError, OverflowError):
        return None
    stats = SideStats(nulls, bound(low), bound(high))
    if field.type.type_class not in NUMBERS:
        return stats
    if any(one.total is None for one in full):
        return None
    total = sum((one.total for one in full if one.total is not None), Fraction(0))
    if not is_float(field.type):
        return with_sum(stats, rows - nulls, exact_text(total, field.type))
    slack = sum((one.slack for one in full), Fraction(0))
    rounded = rounded_sum(total, slack, (stats.low, stats.high))
    return None if rounded is None else with_double(stats, rows - nulls, rounded)


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


def _has_bounds(file: DataFile, summary: ColumnSummary | None) -> bool:
    """Returns whether the least and greatest value of a file's column are known, if it has any."""
    return summary is not None and (summary.low is not None or summary.nulls == file.rows)


def _value_text(encoded: bytes, kind: Scalar, texts: Mapping[float, str]) -> str | None:
    """Returns an encoded value in DuckDB's text form, a FLOAT's from those known."""
    if kind.type_class == TypeClass.TIME and encoded_ticks(encoded) == _DAY_MICROS:
        return "24:00:00"
    value = decode(encoded, kind)
    if kind != _FLOAT:
        return text(value, kind)
    assert isinstance(value, float)
    return "nan" if value != value else texts[value]


def _floats(encoded: Sequence[bytes | None]) -> list[float]:
    """Returns the different numbers among encoded FLOATs, those that are sound."""
    distinct: dict[float, None] = {}
    for one in dict.fromkeys(encoded):
        with contextlib.suppress(CatalogError, ValueError, OverflowError):
            value = None if one is None else decode(one, _FLOAT)
            if isinstance(value, float) and value == value:
                distinct[value] = None
    return list(distinct)


def bound(text: object) -> str | None:
    """Returns a bound in one form: zeros are equal, and all NaN, whichever came first."""
    return None if text is None else {"-0.0": "0.0", "-nan": "nan"}.get(str(text), str(text))


def with_sum(stats: SideStats, values: int, total: str) -> SideStats:
    """Adds an exact sum of a number of values, and the mean that follows."""
    return replace(stats, mean=float(Fraction(total) / values), total=total)


def with_double(stats: SideStats, values: int, total: float) -> SideStats:
    """Adds a rounded sum of a number of doubles, and the mean that follows."""
    mean = total / values + 0.0
    finite = abs(mean) < float("inf")
    return replace(stats, mean=mean if finite else None, total=float_text(total))


def rounded_sum(total: Fraction, slack: Fraction, bounds: Bounds) -> float | None:
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


def exact_text(total: Fraction, kind: DataType) -> str:
    """Returns the exact sum of integers or decimals in DuckDB's text form."""
    assert isinstance(kind, Scalar)
    scale = 0 if kind.decimal is None else kind.decimal[1]
    unscaled = int(total * 10**scale)
    sign, digits = "-" if unscaled < 0 else "", str(abs(unscaled)).rjust(scale + 1, "0")
    return sign + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)
