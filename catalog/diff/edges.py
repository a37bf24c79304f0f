"""Edges of ranges that numbers, dates and times are counted in: round ones, evenly spaced."""

import datetime
import math
from collections.abc import Sequence
from fractions import Fraction

RANGES = 32
"""Ranges at most: enough to see a shape, as few as one looks at."""

_DAY_US = 86_400_000_000
_STEPS_US = tuple(
    n * 1_000_000 for n in (1, 2, 5, 15, 30, 60, 120, 300, 900, 1800, 3600, 7200, 21600, 43200)
)
"""Steps of times below a day."""

_EPOCH = datetime.date(1970, 1, 1)


def round_edges(low: Fraction, high: Fraction, least_step: Fraction) -> list[Fraction]:
    """Returns edges whose distance is 1, 2 or 5 times a power of ten, from below ``low`` on.

    The last is above ``high``, the first no greater than ``low``.

    Args:
        low: The least value.
        high: The greatest.
        least_step: The least distance; 0 if there is none.
    """
    width = (high - low) / RANGES
    if not width:
        width = abs(low) / 10 or Fraction(1)
    power = Fraction(10) ** (len(str(math.floor(width))) - 1 if width >= 1 else -_places(width))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= width)
    step = max(step, least_step)
    first = math.floor(low / step)
    count = math.floor(high / step) - first + 1
    return [step * (first + n) for n in range(count + 1)]


def _places(width: Fraction) -> int:
    """Returns how many digits behind the point a number below 1 begins."""
    places = 1
    while width * 10**places < 1:
        places += 1
    return places


def day_edges(low: int, high: int) -> list[int] | None:
    """Returns edges of days since 1970: days, weeks, months or years; None if too far away."""
    try:
        first, last = (_EPOCH + datetime.timedelta(days) for days in (low, high))
        if high - low < RANGES:
            return list(range(low, high + 2))
        if high - low < 7 * (RANGES - 1):
            monday = low - first.weekday()
            return list(range(monday, high + 8, 7))
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        step = next((n for n in (1, 3) if months <= n * (RANGES - 1)), 0)
        if not step:
            years = last.year - first.year + 1
            step = 12 * next(
                n * 10**p for p in range(4) for n in (1, 2, 5) if years <= n * 10**p * (RANGES - 1)
            )
        start = (first.year * 12 + first.month - 1) // step
        end = (last.year * 12 + last.month - 1) // step + 1
        return [_month(step * n) for n in range(start, end + 1)]
    except (OverflowError, ValueError):
        return None


def _month(number: int) -> int:
    """Returns the first day of a month, in days since 1970."""
    return (datetime.date(number // 12, number % 12 + 1, 1) - _EPOCH).days


def time_edges(low: int, high: int) -> list[int] | None:
    """Returns edges of microseconds since 1970; None if too far away."""
    for step in _STEPS_US:
        if high - low < step * (RANGES - 1):
            first = low // step
            return [step * n for n in range(first, high // step + 2)]
    days = day_edges(low // _DAY_US, high // _DAY_US)
    return None if days is None else [day * _DAY_US for day in days]


def day_texts(days: Sequence[int]) -> tuple[str, ...]:
    """Returns days since 1970 as texts."""
    return tuple(str(_EPOCH + datetime.timedelta(day)) for day in days)


def time_texts(edges: Sequence[int]) -> tuple[str, ...]:
    """Returns microseconds since 1970 as texts: days if all are whole ones."""
    if not any(edge % _DAY_US for edge in edges):
        return day_texts([edge // _DAY_US for edge in edges])
    epoch = datetime.datetime(1970, 1, 1)
    return tuple(str(epoch + datetime.timedelta(microseconds=edge)) for edge in edges)
