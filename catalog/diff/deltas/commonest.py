"""Ratios and differences that most cells have in common, though results were rounded.

If more than half of the cells have one, it is next to the median. So cells are looked at whose own
ratio is near that, each as a range: between the ratios that its rounding leaves possible. What most
ranges contain is what the cells have in common, and of that the number with the fewest digits.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from math import floor, log10
from typing import NamedTuple

import numpy as np

from catalog.diff.findings import Common
from catalog.engine.arrow_arrays import Numbers

ROUNDED_SHARE = 0.01
"""Share of a value above which half of its last place says too little of a ratio: from 3 to 4
units, any ratio between 1.17 and 1.5 is possible."""

DIGITS = 3
"""Digits of a ratio that a few rounded cells may have in common; with more, it could be chance."""

SEVERAL = 8
"""Cells from which on they may have more digits."""

_LENIENT = 1_000
"""Of so many cells that have a ratio, one may be left out for a ratio with fewer digits."""

EXACT = 2.0**-50
"""Share of a quotient of doubles by which it may be off, with some to spare."""


class Ranges(NamedTuple):
    """For each cell, between which numbers its ratio or difference lies."""

    low: Numbers
    high: Numbers


def common_ratio(
    before: Numbers, after: Numbers, *, half_unit: float, rounding: float
) -> Common | None:
    """Returns the ratio that more than half of the cells have, as far as rounding allows.

    Args:
        before: Doubles.
        after: Doubles.
        half_unit: Half of the last decimal place of the values after; 0 if they have too many.
        rounding: Share of a value by which it is rounded, whatever its places.
    """
    there = (before != 0) & (after != 0)
    old, new = before[there], after[there]
    if len(old) < 2 or 2 * len(old) <= len(before):
        return None
    slack = half_unit * (1 + EXACT) + rounding * np.abs(new)
    telling = slack <= ROUNDED_SHARE * np.abs(new)
    if 2 * np.count_nonzero(telling) >= len(old):
        found = _rounded_ratio(old, new, slack, telling)
    else:
        found = _exact_ratio(new / old)
    if found is None or found.value == "1" or 2 * found.cells <= len(before):
        return None
    return found


def _rounded_ratio(old: Numbers, new: Numbers, slack: Numbers, telling: Numbers) -> Common | None:
    """Returns the ratio that values have most of which say where theirs lies to a hundredth."""
    ends = (new - slack) / old, (new + slack) / old
    ranges = Ranges(np.minimum(*ends), np.maximum(*ends))
    middle = _middle((new / old)[telling])
    own = Ranges(ranges.low[telling], ranges.high[telling])
    shared = _shared(own, middle, reach=2 * ROUNDED_SHARE * abs(middle))
    if shared is None:
        return None
    value = simplest(*shared)
    cells = _count(ranges, shared, value)
    if cells >= SEVERAL or len(value.normalize().as_tuple().digits) <= DIGITS:
        return Common(plain(value), cells)
    return _exact_ratio(new / old)


def _exact_ratio(ratios: Numbers) -> Common:
    """Returns the median ratio, and how many cells have exactly that."""
    middle = _middle(ratios)
    same = np.abs(ratios - middle) <= EXACT * abs(middle)
    ends = middle * (1 - 1e-12), middle * (1 + 1e-12)
    return Common(plain(simplest(min(ends), max(ends))), int(np.count_nonzero(same)))


def common_difference(before: Numbers, after: Numbers, *, rounding: float) -> Common | None:
    """Returns the difference that more than half of some doubles have; see ``common_ratio``."""
    if len(before) < 2:
        return None
    differences = after - before
    slack = rounding * np.maximum(np.abs(before), np.abs(after))
    ranges = Ranges(differences - slack, differences + slack)
    middle = _middle(differences)
    shared = _shared(ranges, middle, reach=float(slack.max()))
    if shared is None:
        return None
    value = simplest(*shared)
    cells = _count(ranges, shared, value)
    return Common(plain(value), cells) if 2 * cells > len(before) and value else None


def _middle(values: Numbers) -> float:
    place = (len(values) - 1) // 2
    return float(np.partition(values, place)[place])


def _count(ranges: Ranges, shared: tuple[float, float], value: Decimal) -> int:
    """Returns how many ranges contain a number, or touch what most of them share."""
    at = min(max(float(value), shared[0]), shared[1])
    return int(np.count_nonzero((ranges.low <= at) & (at <= ranges.high)))


def _shared(ranges: Ranges, middle: float, *, reach: float) -> tuple[float, float] | None:
    """Returns the range that most ranges contain, of those within reach of the middle.

    None if that is not more than half of all ranges. Within it, about the same number of ranges
    contain each number.
    """
    near = (ranges.low <= middle + reach) & (ranges.high >= middle - reach)
    starts, ends = np.sort(ranges.low[near]), np.sort(ranges.high[near])
    if 2 * len(starts) <= len(near):
        return None
    open_ranges = np.arange(1, len(starts) + 1) - np.searchsorted(ends, starts, side="left")
    best = int(open_ranges.max())
    least = best - best // _LENIENT
    at = int(open_ranges.argmax())
    fewer = np.flatnonzero(open_ranges < least)
    place = int(np.searchsorted(fewer, at))
    first = int(fewer[place - 1]) + 1 if place else 0
    last = int(fewer[place]) - 1 if place < len(fewer) else len(starts) - 1
    high = float(ends[min(last + 1 - least, len(ends) - 1)])
    return float(starts[first]), max(high, float(starts[last]))


def simplest(low: float, high: float) -> Decimal:
    """Returns the number with the fewest digits from low to high, one next to their middle.

    Example:
        >>> simplest(1.18997, 1.19003), simplest(-30.2, 41.0)
        (Decimal('1.19'), Decimal('0'))
    """
    if low <= 0 <= high:
        return Decimal(0)
    ends = Decimal(low), Decimal(high)
    middle = (ends[0] + ends[1]) / 2
    places = -floor(log10(abs(float(middle)))) if float(middle) else 0
    for _ in range(18):
        found = middle.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
        if ends[0] <= found <= ends[1]:
            return found
        places += 1
    return Decimal(repr(float(middle)))


def plain(value: Decimal) -> str:
    """Returns a number as text, without zeros at the end of its places."""
    if value and not -15 <= value.adjusted() <= 20:
        return repr(float(value))
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
