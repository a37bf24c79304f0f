"""Columns of dates, times and intervals as columns of text."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DAY_S = 86_400
"""Seconds of a day."""

PYTHON_DAYS = (-719_162, 2_932_897)
"""Days since 1970 for which Python has dates, the second exclusive: years 1 to 9999."""

TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Ticks of a second, by unit."""

INFINITE_DATE, INFINITE_MOMENT = 2**31 - 1, 2**63 - 1
"""What DuckDB stores for ``infinity``, in ticks; the negative is ``-infinity``."""

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
"""Numbers or truth values of a column."""


def timestamps(column: pa.Array) -> pa.Array:
    """Returns points in time as ``2024-01-31 12:00:00.500000``, with ``+00`` if they have a zone.

    Nanoseconds have nine digits and no zone; others have six digits, or none where all are 0.
    """
    unit, zone = column.type.unit, column.type.tz
    naive = column.view(pa.timestamp(unit))
    end = "" if zone is None or unit == "ns" else "+00"
    return _formed(naive, lambda ticks: _far_moment(ticks, TICKS[unit], end), end)


def dates(column: pa.Array) -> pa.Array:
    """Returns dates as ``2024-01-31``."""
    return _formed(column, _far_date)


def times(column: pa.Array) -> pa.Array:
    """Returns times of a day as ``12:00:00.500000``; nanoseconds have nine digits."""
    return _formed(column, lambda _: "24:00:00")


def intervals(column: pa.Array) -> pa.Array:
    """Returns intervals as DuckDB writes them: ``1 year 2 months 3 days 04:05:06.5``."""
    kind = np.dtype([("months", "<i4"), ("days", "<i4"), ("ns", "<i8")])
    stored = column.buffers()[1]
    found = np.frombuffer(stored, kind, count=column.offset + len(column))[column.offset :]
    months = found["months"].astype(np.int64)
    years = np.sign(months) * (np.abs(months) // 12)
    dated = [(years, "year"), (months - 12 * years, "month"), (found["days"], "day")]
    has_clock = (found["ns"] != 0) | ((months == 0) & (found["days"] == 0))
    parts = [_counts(numbers, word) for numbers, word in dated]
    parts.append(pc.if_else(pa.array(has_clock), _clock(found["ns"]), pa.scalar(None, pa.string())))
    formed = pc.binary_join_element_wise(*parts, " ", null_handling="skip")
    if not column.null_count:
        return formed
    return pc.if_else(column.is_valid(), formed, pa.scalar(None, pa.string()))


def fit_python(column: pa.Array) -> bool:
    """Returns whether Python has values for all dates, times or timestamps of a column."""
    kind = column.type
    is_finer = not pa.types.is_date(kind) and kind.unit == "ns"
    return not is_finer and not _are_far(column, _ticks(column)).any()


def _ticks(column: pa.Array) -> Numbers:
    width = pa.int64() if column.type.bit_width == 64 else pa.int32()
    ticks: Numbers = column.view(width).fill_null(0).to_numpy()
    return ticks


def _are_far(column: pa.Array, ticks: Numbers) -> Numbers:
    """Returns which moments Arrow cannot write: out of the years 1 to 9999, and 24:00:00."""
    kind = column.type
    if not pa.types.is_date(kind) and kind.unit == "ns" and not pa.types.is_time(kind):
        return np.isin(ticks, (INFINITE_MOMENT, -INFINITE_MOMENT))
    ticks_of_day = 1 if pa.types.is_date(kind) else DAY_S * TICKS[kind.unit]
    first, end = (0, 1) if pa.types.is_time(kind) else PYTHON_DAYS
    return np.logical_or(ticks < first * ticks_of_day, ticks >= end * ticks_of_day)


def _formed(column: pa.Array, far: Callable[[int], str], end: str = "") -> pa.Array:
    """Returns the text of moments, with an end; a function forms those that Arrow cannot write."""
    ticks = _ticks(column)
    where = _are_far(column, ticks)
    if not where.any():
        return _near(column, ticks, end)
    mask = pa.array(where)
    others, places = np.unique(ticks[where], return_inverse=True)
    texts = pa.array([far(int(one)) for one in others]).take(pa.array(places))
    near = pc.if_else(mask, pa.scalar(None, column.type), column)
    return pc.replace_with_mask(_near(near, ticks, end), mask, texts)


def _near(column: pa.Array, ticks: Numbers, end: str) -> pa.Array:
    """Returns the text of moments: with six digits after the second, or none if all are 0."""
    kind = column.type
    if pa.types.is_date(kind) or kind.unit == "ns":
        return column.cast(pa.string())
    is_time = pa.types.is_time(kind)
    is_whole = ticks % TICKS[kind.unit] == 0
    formed = column.cast(pa.time32("s") if is_time else pa.timestamp("s"), safe=False)
    formed = formed.cast(pa.string())
    if not is_whole.all():
        exact = column.cast(pa.time64("us") if is_time else pa.timestamp("us")).cast(pa.string())
        formed = pc.if_else(pa.array(is_whole), formed, exact)
    return pc.binary_join_element_wise(formed, end, "") if end else formed


def _far_date(days: int) -> str:
    """Returns a date as DuckDB writes it, in any year."""
    if abs(days) == INFINITE_DATE:
        return "infinity" if days > 0 else "-infinity"
    year, month, day = str(np.datetime64(days, "D")).rsplit("-", 2)
    shown = f"{abs(int(year) - (int(year) < 1)):04}-{month}-{day}"
    return shown if int(year) > 0 else f"{shown} (BC)"


def _far_moment(ticks: int, second: int, end: str) -> str:
    """Returns a point in time as DuckDB writes it, in any year, with six digits or none."""
    if abs(ticks) == INFINITE_MOMENT:
        return "infinity" if ticks > 0 else "-infinity"
    whole, rest = divmod(ticks, second)
    days, clock = divmod(whole, DAY_S)
    fraction = f".{rest * TICKS['us'] // second:06}" if rest else ""
    hms = f"{clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}"
    return f"{_far_date(days)} {hms}{fraction}{end}"


def _counts(numbers: Numbers, word: str) -> pa.Array:
    """Returns ``1 day``, ``2 days``; null for 0."""
    shown = pa.array(numbers, mask=numbers == 0).cast(pa.string())
    words = pc.if_else(pa.array(numbers == 1), f" {word}", f" {word}s")
    return pc.binary_join_element_wise(shown, words, "")


def _clock(nanoseconds: Numbers) -> pa.Array:
    """Returns hours, minutes and seconds, of which there may be more than a day."""
    hours, rest = np.divmod(np.abs(nanoseconds) // 1_000, 3600 * TICKS["us"])
    sign = pc.if_else(pa.array(nanoseconds < 0), "-", "")
    digits = pc.utf8_lpad(pa.array(hours).cast(pa.string()), 2, "0")
    clock = pa.array(rest).view(pa.time64("us")).cast(pa.string())
    minutes = pc.utf8_slice_codeunits(clock, 2, 8)
    fraction = pc.utf8_rtrim(pc.utf8_rtrim(pc.utf8_slice_codeunits(clock, 8), "0"), ".")
    return pc.binary_join_element_wise(sign, digits, minutes, fraction, "")
