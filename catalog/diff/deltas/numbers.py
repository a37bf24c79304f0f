"""By how much numbers and times of a column changed.

Differences of integers, decimals and times are exact, and so are those of floats that are decimal
numbers of few places; see ``measures``. Of other floats, differences and sums have 12 significant
digits. The order of cells has no effect.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from catalog.dataclasses import replace
from catalog.diff.deltas.commonest import EXACT, common_difference, common_ratio
from catalog.diff.deltas.durations import duration_text
from catalog.diff.deltas.measures import (
    Measure,
    Wholes,
    doubles,
    is_finite,
    ticks,
    wholes,
)
from catalog.diff.findings import Common, NumberDelta
from catalog.engine.arrow_arrays import Numbers, from_numpy

SIGNIFICANT_DIGITS = 12
"""Digits of differences and sums of floats that are no decimal numbers, as of their statistics."""

SINGLE_ROUNDING = 2.0**-21
"""Share of a 32-bit float by which a result of a few operations is off; half a unit is 2⁻²⁴."""


class Measures(NamedTuple):
    """What is measured of the values before and after."""

    before: Measure
    after: Measure


def number_delta(
    before: pa.Array, after: pa.Array, measures: Measures, *, looked_at: int
) -> NumberDelta | None:
    """Returns by how much the cells of a column changed; None if none has a finite difference.

    Args:
        before: What is measured of the values before; NULL counts for nothing.
        after: The same of the values after.
        measures: What that is.
        looked_at: How many corrected cells were looked at.
    """
    finite = is_finite(before, measures.before.family) & is_finite(after, measures.after.family)
    if not finite.all():
        at = from_numpy(np.flatnonzero(finite))
        before, after = before.take(at), after.take(at)
    if not len(before):
        return None
    if measures.before.family != "number":
        return replace(_of_times(before, after, measures), looked_at=looked_at)
    single = [pa.types.is_float32(column.type) for column in (before, after)]
    rounding = SINGLE_ROUNDING if any(single) else EXACT
    old, new = (wholes(column, as_shown=all(single)) for column in (before, after))
    if old is None or new is None:
        delta = _of_doubles(doubles(before), doubles(after), new, rounding=rounding)
    else:
        delta = _of_wholes(old, new, rounding=rounding)
    return replace(delta, looked_at=looked_at)


def _of_times(before: pa.Array, after: pa.Array, measures: Measures) -> NumberDelta:
    unit = math.gcd(measures.before.tick_ns, measures.after.tick_ns)
    old = ticks(before, measures.before.tick_ns, unit_ns=unit)
    new = ticks(after, measures.after.tick_ns, unit_ns=unit)
    differences = _difference(old.values, new.values)
    low, high, twice = _spread(differences)
    return NumberDelta(
        len(differences),
        int(np.count_nonzero(differences > 0)),
        int(np.count_nonzero(differences < 0)),
        duration_text(low * unit),
        duration_text(twice * unit // 2),
        duration_text(high * unit),
        common_difference=_exactly_common(differences, lambda value: duration_text(value * unit)),
    )


def _of_wholes(old: Wholes, new: Wholes, *, rounding: float) -> NumberDelta:
    places = max(old.places, new.places)
    differences = _difference(old.at(places), new.at(places))
    low, high, twice = _spread(differences)
    common = _exactly_common(differences, lambda value: decimal_text(value, places))
    befores, afters = old.doubles(), new.doubles()
    half_unit = 0.5 / 10.0 ** new.needed_places()
    ratio = common_ratio(befores, afters, half_unit=half_unit, rounding=EXACT)
    return NumberDelta(
        len(differences),
        int(np.count_nonzero(differences > 0)),
        int(np.count_nonzero(differences < 0)),
        decimal_text(low, places),
        decimal_text(5 * twice, places + 1),
        decimal_text(high, places),
        total=decimal_text(_sum(differences), places),
        ratios=_ratios(befores, afters),
        common_ratio=_telling(ratio, common, before=befores),
        common_difference=common,
    )


def _of_doubles(
    before: Numbers, after: Numbers, new: Wholes | None, *, rounding: float
) -> NumberDelta:
    """Returns the delta of doubles of which some are no decimal numbers of few places.

    Args:
        before: The values before.
        after: The values after.
        new: The values after as whole numbers, if they are decimal numbers.
        rounding: Share of a value by which it may be rounded.
    """
    scale = 0.25 if max(np.abs(before).max(), np.abs(after).max()) > 1e307 else 1.0
    differences = after * scale - before * scale
    order = [0, (len(differences) - 1) // 2, len(differences) // 2, len(differences) - 1]
    low, left, right, high = np.partition(differences, sorted(set(order)))[order].tolist()
    common = None
    half_unit = 0.0 if new is None else 0.5 / 10.0 ** new.needed_places()
    ratio = None
    if scale == 1.0:
        common = common_difference(before, after, rounding=rounding)
        ratio = common_ratio(before, after, half_unit=half_unit, rounding=rounding)
    return NumberDelta(
        len(differences),
        int(np.count_nonzero(differences > 0)),
        int(np.count_nonzero(differences < 0)),
        _rounded(Fraction(low) / Fraction(scale)),
        _rounded((Fraction(left) + Fraction(right)) / Fraction(2 * scale)),
        _rounded(Fraction(high) / Fraction(scale)),
        total=_rounded(_double_sum(before, after)),
        ratios=_ratios(before, after),
        common_ratio=_telling(ratio, common, before=before),
        common_difference=common,
    )


def _telling(ratio: Common | None, difference: Common | None, *, before: Numbers) -> Common | None:
    """Returns the common ratio, unless a difference explains as many cells.

    Of values that vary little, each difference is nearly a ratio, too.
    """
    if ratio is None or difference is None or before.min() == before.max():
        return ratio
    return ratio if ratio.cells > difference.cells else None


def _difference(old: Numbers, new: Numbers) -> Numbers:
    if old.dtype != new.dtype:
        old, new = old.astype(object), new.astype(object)
    found: Numbers = new - old
    return found


class _Spread(NamedTuple):
    """The least and the greatest of some whole numbers, and twice their median."""

    low: int
    high: int
    twice_median: int


def _spread(values: Numbers) -> _Spread:
    last = len(values) - 1
    middle = [last // 2, len(values) // 2]
    if values.dtype == object:
        ordered = sorted(values.tolist())
        return _Spread(ordered[0], ordered[-1], ordered[middle[0]] + ordered[middle[1]])
    left, right = np.partition(values, sorted(set(middle)))[middle].tolist()
    return _Spread(int(values.min()), int(values.max()), left + right)


def _exactly_common(values: Numbers, text: Callable[[int], str]) -> Common | None:
    """Returns what more than half of some whole numbers are."""
    if len(values) < 2:
        return None
    last = len(values) - 1
    middle = sorted(values.tolist())[last // 2] if values.dtype == object else None
    if middle is None:
        middle = int(np.partition(values, last // 2)[last // 2])
    cells = int(np.count_nonzero(values == middle))
    return Common(text(middle), cells) if 2 * cells > len(values) and middle else None


def _sum(values: Numbers) -> int:
    """Returns the sum of whole numbers, which may need more bits than they."""
    if values.dtype == object:
        return sum(values.tolist())
    low = values & 0xFFFFFFFF
    return (int((values >> 32).sum()) << 32) + int(low.sum())


def _ratios(before: Numbers, after: Numbers) -> tuple[float, float, float] | None:
    """Returns the least, median and greatest ratio of numbers on the same side of 0."""
    same = np.sign(before) * np.sign(after) > 0
    with np.errstate(over="ignore"):
        ratios = after[same] / before[same]
    ratios = ratios[np.isfinite(ratios)]
    if not len(ratios):
        return None
    last = len(ratios) - 1
    order = [0, last // 2, len(ratios) // 2, last]
    low, left, right, high = np.partition(ratios, sorted(set(order)))[order].tolist()
    return low, left + (right - left) / 2, high


def _double_sum(before: Numbers, after: Numbers) -> Fraction:
    values = after.tolist() + (-before).tolist()
    try:
        return Fraction(math.fsum(values))
    except OverflowError:
        return sum(map(Fraction, values), Fraction(0))


def _rounded(value: Fraction) -> str:
    """Returns a number with 12 significant digits."""
    try:
        return f"{float(value):.{SIGNIFICANT_DIGITS}g}"
    except OverflowError:
        number = Decimal(value.numerator) / Decimal(value.denominator)
        return f"{number:.{SIGNIFICANT_DIGITS - 1}e}"


def decimal_text(value: int, places: int) -> str:
    """Returns a whole number of a decimal place as text, without zeros at the end.

    Example:
        >>> decimal_text(-3512, 2), decimal_text(350, 1)
        ('-35.12', '35')
    """
    digits = f"{abs(value):0{places + 1}d}"
    whole, rest = digits[: len(digits) - places], digits[len(digits) - places :].rstrip("0")
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{rest}" if rest else f"{sign}{whole}"
