"""Whether numbers are within a tolerance, by exact arithmetic in Python and numpy."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from catalog.diff.options import Tolerance
from catalog.engine.arrow_arrays import from_numpy, to_numpy

Numbers: TypeAlias = np.ndarray[Any, Any]

Compare: TypeAlias = Callable[[pa.Array, pa.Array], pa.Array]
"""Takes older and newer values, and returns a boolean of each row."""

_FACTOR_BITS = 25
"""Bits of a whole number that one half of a double may be multiplied by without rounding."""

_SPLITTER = float((1 << 27) + 1)

_SMALLEST, _LARGEST = 1e-200, 1e200
"""Doubles between which halves and products are exact and finite."""


def exactly_within(tolerance: Tolerance) -> Compare:
    """Returns what tells which numbers are within a tolerance, exactly.

    Values are DOUBLEs, or the texts of integers and decimals. NULL, NaN and the infinities are
    within no tolerance.
    """

    def within(before: pa.Array, after: pa.Array) -> pa.Array:
        found, settled = np.zeros(len(before), bool), np.zeros(len(before), bool)
        doubles = pa.types.is_floating(before.type) and pa.types.is_floating(after.type)
        if tolerance.relative and doubles and not before.null_count and not after.null_count:
            found, settled = _within_share(tolerance.amount, to_numpy(before), to_numpy(after))
        places = np.flatnonzero(~settled)
        if len(places):
            rows = from_numpy(places)
            older, newer = (side.take(rows).to_pylist() for side in (before, after))
            pairs = zip(older, newer, strict=True)
            found[places] = [_is_within(tolerance, *pair) for pair in pairs]
        return from_numpy(found)

    return within


def _is_within(tolerance: Tolerance, before: object, after: object) -> bool:
    left, right = _ratio(before), _ratio(after)
    if left is None or right is None:
        return False
    distance = abs(right[0] * left[1] - left[0] * right[1]) * tolerance.amount.denominator
    limit = abs(left[0]) if tolerance.relative else left[1]
    return distance <= limit * right[1] * tolerance.amount.numerator


def _ratio(value: object) -> tuple[int, int] | None:
    """Returns a number as a fraction; None for NULL and what is not finite."""
    if isinstance(value, float):
        return value.as_integer_ratio() if isfinite(value) else None
    return None if value is None else Decimal(str(value)).as_integer_ratio()


def _within_share(share: Fraction, before: Numbers, after: Numbers) -> tuple[Numbers, Numbers]:
    """Decides which doubles are no further apart than a share of the older.

    Returns:
        Which are, and for which that is settled.
    """
    top, bottom = share.numerator, share.denominator
    if top + bottom >= 1 << _FACTOR_BITS:
        return np.zeros(len(before), bool), np.zeros(len(before), bool)
    settled = np.ones(len(before), bool)
    for size in (np.abs(before), np.abs(after)):
        settled &= (size > _SMALLEST) & (size < _LARGEST)
    old, new = np.where(settled, before, 1.0), np.where(settled, after, 1.0)
    new = np.where(old < 0, -new, new)
    old = np.abs(old)
    # old * (bottom - top) <= new * bottom <= old * (bottom + top), of which one side is clear
    above = new > old
    found = _products_in_order(
        np.where(above, new, old),
        np.where(above, bottom, bottom - top),
        high=np.where(above, old, new),
        high_factor=np.where(above, bottom + top, bottom),
    )
    return found & settled, settled


def _products_in_order(
    low: Numbers, low_factor: Numbers, *, high: Numbers, high_factor: Numbers
) -> Numbers:
    """Returns where one product of a double and a short whole number is at most another.

    A double is split into halves so short that their products with the factors are exact. Products
    that are close have exact differences, too: the upper halves' as one is less than twice the
    other (Sterbenz); the lower halves' as both products are multiples of the smaller last place u
    of the two doubles, and the sum of their sizes is below 2⁵³ u: a lower half is at most 2²⁶ of
    its own last places, or 2⁻²⁶ of its double, so that the one product is at most 2⁵¹ u, and the
    other 2⁻²⁶ of about 2²⁵ · 2⁵³ u. Of products that are not close, the upper halves decide.
    """
    low_upper, low_lower = _halves(low)
    high_upper, high_lower = _halves(high)
    upper = low_upper * low_factor - high_upper * high_factor
    lower = high_lower * high_factor - low_lower * low_factor
    return np.asarray(upper <= lower)


def _halves(values: Numbers) -> tuple[Numbers, Numbers]:
    """Splits doubles into sums of two with at most 26 bits each (Veltkamp)."""
    scaled = values * _SPLITTER
    upper = scaled - (scaled - values)
    return upper, values - upper
