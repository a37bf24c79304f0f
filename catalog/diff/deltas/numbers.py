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

from catalog.arrow_functions import take
from catalog.dataclasses import replace
from catalog.diff.deltas.commonest import (
    EXACT,
    Cells,
    at_places,
    common_difference,
    common_ratio,
    count_cells,
)
from catalog.diff.deltas.durations import duration_text
from catalog.diff.deltas.measures import (
    Measure,
    Wholes,
    as_objects,
    doubles,
    is_finite,
    ticks,
    wholes,
)
from catalog.diff.findings import Common, NumberDelta
from catalog.diff.fingerprints.summary import exact_float_total, float_total
from catalog.engine.arrow_arrays import Numbers, from_numpy
from catalog.model.fingerprint import BLOCK_ROWS

SIGNIFICANT_DIGITS = 12
"""Digits of differences and sums of floats that are no decimal numbers, as of their statistics."""

SINGLE_ROUNDING = 2.0**-21
"""Share of a 32-bit float by which a result of a few operations is off; half a unit is 2⁻²⁴."""


_LARGE = 1e307
"""Doubles from which on nothing in common is looked for, as differences may overflow."""


class Measures(NamedTuple):
    """What is measured of the values before and after."""

    before: Measure
    after: Measure


@np.errstate(all="ignore")  # what is not finite is left out afterwards
def number_delta(
    before: pa.Array,
    after: pa.Array,
    measures: Measures,
    *,
    looked_at: int,
    counts: Numbers | None = None,
) -> NumberDelta | None:
    """Returns by how much the cells of a column changed; None if none has a finite difference.

    Args:
        before: What is measured of the values before; NULL counts for nothing.
        after: The same of the values after.
        measures: What that is.
        looked_at: How many corrected cells were looked at.
        counts: How many cells have these values before and after; None: one each.
    """
    finite = is_finite(before, measures.before.family) & is_finite(after, measures.after.family)
    if not finite.all():
        at = from_numpy(np.flatnonzero(finite))
        before, after = take(before, at), take(after, at)
        counts = None if counts is None else counts[finite]
    if not len(before):
        return None
    if measures.before.family != "number":
        delta = _of_times(before, after, measures, counts)
        return replace(delta, looked_at=looked_at)
    single = [pa.types.is_float32(column.type) for column in (before, after)]
    rounding = SINGLE_ROUNDING if any(single) else EXACT
    new = wholes(after, as_shown=all(single))
    old = None if new is None and _is_float(after) else wholes(before, as_shown=all(single))
    if old is None or new is None:
        cells = Cells(doubles(before), doubles(after), counts)
        delta = _of_doubles(cells, new, rounding=rounding)
    else:
        delta = _of_wholes(old, new, counts)
    return replace(delta, looked_at=looked_at)


def _is_float(column: pa.Array) -> bool:
    return bool(pa.types.is_floating(column.type))


def _of_times(
    before: pa.Array, after: pa.Array, measures: Measures, counts: Numbers | None
) -> NumberDelta:
    unit = math.gcd(measures.before.tick_ns, measures.after.tick_ns)
    old = ticks(before, measures.before.tick_ns, unit_ns=unit)
    new = ticks(after, measures.after.tick_ns, unit_ns=unit)
    spread = _spread(_difference(old.values, new.values), counts)
    return NumberDelta(
        spread.cells,
        spread.up,
        spread.down,
        duration_text(spread.low * unit),
        duration_text(spread.twice_median * unit // 2),
        duration_text(spread.high * unit),
        common_difference=spread.common(lambda value: duration_text(value * unit)),
    )


def _of_wholes(old: Wholes, new: Wholes, counts: Numbers | None) -> NumberDelta:
    places = max(old.places, new.places)
    differences = _difference(old.at(places), new.at(places))
    spread = _spread(differences, counts)
    common = spread.common(lambda value: decimal_text(value, places))
    cells = Cells(old.doubles(), new.doubles(), counts)
    half_unit = 0.5 / 10.0 ** new.needed_places()
    ratios = _ratios(cells)
    ratio = _telling_ratio(cells, common, half_unit=half_unit, rounding=EXACT, middle=ratios.middle)
    return NumberDelta(
        spread.cells,
        spread.up,
        spread.down,
        decimal_text(spread.low, places),
        decimal_text(5 * spread.twice_median, places + 1),
        decimal_text(spread.high, places),
        total=decimal_text(_sum(differences, counts), places),
        ratios=ratios.told,
        common_ratio=ratio,
        common_difference=common,
    )


def _of_doubles(cells: Cells, new: Wholes | None, *, rounding: float) -> NumberDelta:
    """Returns the delta of doubles of which some are no decimal numbers of few places.

    Args:
        cells: The cells.
        new: Their values after as whole numbers, if they are decimal numbers.
        rounding: Share of a value by which it may be rounded.
    """
    before, after = cells.before, cells.after
    differences = after - before
    if not np.isfinite(differences).all():
        pairs = zip(before.tolist(), after.tolist(), strict=True)
        differences = as_objects([Fraction(new) - Fraction(old) for old, new in pairs])
    left, right = at_places(differences, cells.counts, _middle_places(cells.total))
    ratios, common, ratio = _ratios(cells), None, None
    if max(np.abs(before).max(), np.abs(after).max()) < _LARGE:
        half_unit = 0.0 if new is None else 0.5 / 10.0 ** new.needed_places()
        common = common_difference(cells, rounding=rounding, middle=left)
        ratio = _telling_ratio(
            cells, common, half_unit=half_unit, rounding=rounding, middle=ratios.middle
        )
    return NumberDelta(
        cells.total,
        count_cells(after > before, cells.counts),
        count_cells(after < before, cells.counts),
        _rounded(Fraction(differences.min())),
        _rounded((Fraction(left) + Fraction(right)) / 2),
        _rounded(Fraction(differences.max())),
        total=_double_sum(cells),
        ratios=ratios.told,
        common_ratio=ratio,
        common_difference=common,
    )


def _telling_ratio(
    cells: Cells,
    difference: Common | None,
    *,
    half_unit: float,
    rounding: float,
    middle: float | None,
) -> Common | None:
    """Returns the common ratio, unless a difference explains as many cells.

    Of values that vary little, each difference is nearly a ratio, too. See ``common_ratio``.
    """
    varies = difference is not None and cells.before.min() != cells.before.max()
    if difference is not None and varies and difference.cells >= cells.total:
        return None
    ratio = common_ratio(cells, half_unit=half_unit, rounding=rounding, middle=middle)
    if ratio is None or difference is None or not varies:
        return ratio
    return ratio if ratio.cells > difference.cells else None


def _difference(old: Numbers, new: Numbers) -> Numbers:
    if old.dtype != new.dtype:
        old, new = old.astype(object), new.astype(object)
    found: Numbers = new - old
    return found


class _Spread(NamedTuple):
    """How some differences are spread, as whole numbers.

    Attributes:
        cells: How many cells have one.
        up: How many of them are above 0.
        down: How many are below 0.
        low: The least.
        high: The greatest.
        middle: The one in the middle, the first of two.
        alike: How many are as that.
        twice_median: Twice their median.
    """

    cells: int
    up: int
    down: int
    low: int
    high: int
    middle: int
    alike: int
    twice_median: int

    def common(self, text: Callable[[int], str]) -> Common | None:
        """Returns the difference that more than half of several cells have."""
        if self.cells < 2 or 2 * self.alike <= self.cells or not self.middle:
            return None
        return Common(text(self.middle), self.alike)


def _middle_places(cells: int) -> list[int]:
    return [(cells - 1) // 2, cells // 2]


def _spread(values: Numbers, counts: Numbers | None) -> _Spread:
    cells = len(values) if counts is None else int(counts.sum())
    left, right = at_places(values, counts, _middle_places(cells))
    return _Spread(
        cells,
        count_cells(values > 0, counts),
        count_cells(values < 0, counts),
        int(values.min()),
        int(values.max()),
        left,
        count_cells(values == left, counts),
        left + right,
    )


def _sum(values: Numbers, counts: Numbers | None) -> int:
    """Returns the sum of whole numbers, which may need more bits than they."""
    if values.dtype == object:
        weighted = values if counts is None else values * counts.astype(object)
        return int(sum(weighted.tolist()))
    high, low = values >> 32, values & 0xFFFFFFFF
    if counts is not None:  # of so few cells that no product of a half has more than 63 bits
        high, low = high * counts, low * counts
    return (int(high.sum()) << 32) + int(low.sum())


class _Ratios(NamedTuple):
    """The ratios of cells.

    Attributes:
        told: The least, median and greatest of numbers on the same side of 0.
        middle: The one in the middle, the first of two; None if not all cells have one.
    """

    told: tuple[float, float, float] | None = None
    middle: float | None = None


def _ratios(cells: Cells) -> _Ratios:
    before, after = cells.before, cells.after
    own = cells.only(((before > 0) & (after > 0)) | ((before < 0) & (after < 0)))
    ratios = own.after / own.before
    if not len(ratios) or not ratios.min() or not np.isfinite(ratios.max()):
        return _Ratios()
    left, right = at_places(ratios, own.counts, _middle_places(own.total))
    told = float(ratios.min()), left + (right - left) / 2, float(ratios.max())
    return _Ratios(told, left if len(ratios) == len(before) else None)


def _double_sum(cells: Cells) -> str:
    """Returns the sum of the differences of doubles, of which no rounding can be seen."""
    values = np.concatenate([cells.after, -cells.before])
    if cells.counts is not None:
        values = _multiplied(values, np.concatenate([cells.counts, cells.counts]))
    total, slack = Fraction(0), Fraction(0)
    for start in range(0, len(values), BLOCK_ROWS):
        part, off = float_total(values[start : start + BLOCK_ROWS], math.inf)
        total, slack = total + part, slack + off
    ends = _rounded(total - slack), _rounded(total + slack)
    if ends[0] == ends[1]:
        return ends[0]
    blocks = range(0, len(values), BLOCK_ROWS)
    return _rounded(exact_float_total(values[at : at + BLOCK_ROWS] for at in blocks))


def _multiplied(values: Numbers, counts: Numbers) -> Numbers:
    """Returns doubles whose sum is that of some doubles, each as often as it counts."""
    if np.abs(values).max() > 1e290:
        return np.repeat(values, counts)
    upper = (values * (2.0**27 + 1)) - (values * (2.0**27 + 1) - values)
    return np.concatenate([upper * counts, (values - upper) * counts])


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
