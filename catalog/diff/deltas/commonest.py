"""Ratios and differences that most cells have in common, though results were rounded.

If more than half of the cells have one, it is next to the median. So cells are looked at whose own
ratio is near that, each as a range: between the ratios that its rounding leaves possible. What most
ranges contain is what the cells have in common, and of that the number with the fewest digits.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from math import floor, log10
from typing import Any, NamedTuple

import numpy as np

from catalog.dataclasses import dataclass
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

_RATIOS = 1e-300, 1e300
"""Ratios that are looked at: next to them, arithmetic of doubles neither over- nor underflows."""

_ENOUGH = 4_096
"""Ranges that say which number most contain."""

_MANY = 16_384
"""Values above which a sample says first where those wanted are."""

_SAMPLE = 2_048
"""Values of that sample, or a few more."""

_ASIDE = 128
"""How far from its place in the sample a value is looked for: more than five standard errors."""

_BINS = 4_096
"""Parts of a stretch of numbers of which each is looked at as a whole."""

EXACT = 2.0**-50
"""Share of a quotient of doubles by which it may be off, with some to spare."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells by their values before and after, as doubles.

    Attributes:
        before: Values before.
        after: Values after.
        counts: How many cells have these values; None: one each.
    """

    before: Numbers
    after: Numbers
    counts: Numbers | None = None

    @property
    def total(self) -> int:
        """Returns how many cells there are."""
        return len(self.before) if self.counts is None else int(self.counts.sum())

    def only(self, chosen: Numbers) -> "Cells":
        """Returns those that a mask chooses."""
        if chosen.all():
            return self
        counts = None if self.counts is None else self.counts[chosen]
        return Cells(self.before[chosen], self.after[chosen], counts)


def count_cells(chosen: Numbers, counts: Numbers | None) -> int:
    """Returns how many cells a mask chooses of those that are as many as ``counts`` says."""
    return int(np.count_nonzero(chosen) if counts is None else counts[chosen].sum())


def at_places(values: Numbers, counts: Numbers | None, places: Sequence[int]) -> list[Any]:
    """Returns the values at some places of the order in which each is as often as it counts."""
    if counts is not None:
        order = np.argsort(values, kind="stable")
        ends = np.cumsum(counts[order])
        found: list[Any] = values[order[np.searchsorted(ends, places, side="right")]].tolist()
        return found
    if values.dtype == object:
        ordered = sorted(values.tolist())
        return [ordered[place] for place in places]
    first, last = min(places), max(places)
    found = _at_close_places(values, first, last)
    return [found[place - first] for place in places]


def _at_close_places(values: Numbers, first: int, last: int) -> list[Any]:
    """Returns the values from one place to another next to it in the order of all of them.

    Of many values, a sample says about where these are, so that only those between two others are
    put in order. Where most values are the same, none are.
    """
    start = 0
    if len(values) > _MANY:
        some = np.sort(values[:: len(values) // _SAMPLE])
        at = first * len(some) // len(values)
        middle, ends = some[at], (max(at - _ASIDE, 0), min(at + _ASIDE, len(some) - 1))
        below = int(np.count_nonzero(values < middle))
        if below <= first and last < below + int(np.count_nonzero(values == middle)):
            return [middle.item()] * (last - first + 1)
        low, high = some[list(ends)]
        below = int(np.count_nonzero(values < low))
        between = values[(values >= low) & (values <= high)]
        if below <= first and last < below + len(between):
            values, start = between, below
    wanted = [place - start for place in range(first, last + 1)]
    return list(np.partition(values, wanted)[wanted].tolist())


def common_ratio(
    cells: Cells, *, half_unit: float, rounding: float, middle: float | None = None
) -> Common | None:
    """Returns the ratio that more than half of the cells have, as far as rounding allows.

    Args:
        cells: The cells.
        half_unit: Half of the last decimal place of the values after; 0 if they have too many.
        rounding: Share of a value by which it is rounded, whatever its places.
        middle: The ratio in the middle, if all cells have one and it is known.
    """
    size = np.abs(cells.after / cells.before)
    own = cells.only((size > _RATIOS[0]) & (size < _RATIOS[1]))
    middle = middle if own is cells else None
    if own.total < 2 or 2 * own.total <= cells.total:
        return None
    size = np.abs(own.after)
    slack = half_unit * (1 + EXACT) + rounding * size
    telling = slack <= ROUNDED_SHARE * size
    found = None
    if 2 * count_cells(telling, own.counts) >= own.total:
        found = _rounded_ratio(own, slack, telling, middle)
    if found is None:
        found = _exact_ratio(own, middle)
    if found.value == "1" or 2 * found.cells <= cells.total:
        return None
    return found


def _rounded_ratio(
    cells: Cells, slack: Numbers, telling: Numbers, middle: float | None
) -> Common | None:
    """Returns the ratio that values have most of which say where theirs lies to a hundredth."""
    ratios = cells.after / cells.before
    ends = (cells.after - slack) / cells.before, (cells.after + slack) / cells.before
    ranges = _Ranges(np.minimum(*ends), np.maximum(*ends), cells.counts)
    own = ranges
    if not telling.all():
        own, ratios, middle = ranges.only(telling), ratios[telling], None
    middle = _middle(ratios, own.counts) if middle is None else middle
    found = _most_common(own, ranges, middle, reach=2 * ROUNDED_SHARE * abs(middle))
    if found is None:
        return None
    few_digits = len(found.value.normalize().as_tuple().digits) <= DIGITS
    return found.common if found.cells >= SEVERAL or few_digits else None


def _exact_ratio(cells: Cells, middle: float | None) -> Common:
    """Returns the median ratio, and how many cells have exactly that."""
    ratios = cells.after / cells.before
    middle = _middle(ratios, cells.counts) if middle is None else middle
    same = np.abs(ratios - middle) <= EXACT * abs(middle)
    ends = middle * (1 - 1e-12), middle * (1 + 1e-12)
    return Common(plain(simplest(min(ends), max(ends))), count_cells(same, cells.counts))


def common_difference(cells: Cells, *, rounding: float, middle: float) -> Common | None:
    """Returns the difference that more than half of some doubles have; see ``common_ratio``."""
    if cells.total < 2:
        return None
    differences = cells.after - cells.before
    slack = rounding * np.maximum(np.abs(cells.before), np.abs(cells.after))
    ranges = _Ranges(differences - slack, differences + slack, cells.counts)
    found = _most_common(ranges, ranges, middle, reach=float(slack.max()))
    if found is None or not found.value or 2 * found.cells <= cells.total:
        return None
    return found.common


def _middle(values: Numbers, counts: Numbers | None) -> float:
    total = len(values) if counts is None else int(counts.sum())
    return float(at_places(values, counts, [(total - 1) // 2])[0])


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Between which numbers the ratios or differences of cells lie.

    Attributes:
        low: The least that each may be.
        high: The greatest.
        counts: How many cells have that range; None: one each.
    """

    low: Numbers
    high: Numbers
    counts: Numbers | None

    def only(self, chosen: Numbers) -> "_Ranges":
        """Returns those that a mask chooses."""
        counts = None if self.counts is None else self.counts[chosen]
        return _Ranges(self.low[chosen], self.high[chosen], counts)

    def near(self, middle: float, reach: float) -> Numbers:
        """Returns which ranges come within reach of a number."""
        return (self.low <= middle + reach) & (self.high >= middle - reach)

    def most(self, middle: float, reach: float) -> int:
        """Returns a number of cells that no number is in the ranges of more than.

        All ranges come within reach of the middle. Each counts wherever its bins begin or end.
        """
        start, width = middle - reach, 2 * reach / _BINS
        if not width > 0:
            return len(self.low) if self.counts is None else int(self.counts.sum())
        ends = [np.clip((one - start) / width, -1, _BINS) for one in (self.low, self.high)]
        first, last = (end.astype(np.int64) for end in (ends[0], ends[1]))
        opened = np.bincount(np.maximum(first, 0), self.counts, minlength=_BINS + 2)
        closed = np.bincount(np.maximum(last, 0) + 1, self.counts, minlength=_BINS + 2)
        return int(np.cumsum(opened - closed).max())

    def narrowest(self, middle: float) -> "_Ranges":
        """Returns some thousand of the narrowest; of those as narrow, the nearest to a number."""
        if len(self.low) <= _ENOUGH:
            return self
        widths = self.high - self.low
        (widest,) = _at_close_places(widths, _ENOUGH, _ENOUGH)
        found = self.only(widths <= widest * (1 + 1e-6))
        if len(found.low) <= 2 * _ENOUGH:
            return found
        distances = np.abs((found.low + found.high) / 2 - middle)
        return found.only(distances <= _at_close_places(distances, _ENOUGH, _ENOUGH)[0])


class _Found(NamedTuple):
    """A number that cells have in common, and how many do."""

    value: Decimal
    cells: int

    @property
    def common(self) -> Common:
        """Returns it in text form."""
        return Common(plain(self.value), self.cells)


def _most_common(own: _Ranges, ranges: _Ranges, middle: float, *, reach: float) -> _Found | None:
    """Returns the number that most ranges contain; None if that is not more than half of them.

    The narrowest say best which number that is. Only if theirs is not that of most, all are asked.

    Args:
        own: Ranges that say where a number lies.
        ranges: Ranges to be counted.
        middle: The median of what the former are about.
        reach: How far from it the number may be.
    """
    near = own.near(middle, reach)
    least = len(own.low) if own.counts is None else int(own.counts.sum())
    if 2 * count_cells(near, own.counts) <= least:
        return None
    close = own.only(near)
    first = close.narrowest(middle)
    found = _counted(first, ranges)
    if len(first.low) == len(close.low) or 2 * found.cells > least:
        return found
    if own is ranges and 2 * close.most(middle, reach) <= least:
        return found
    return _counted(close, ranges)


def _counted(own: _Ranges, ranges: _Ranges) -> _Found:
    shared = _shared(own)
    value = simplest(*shared)
    at = min(max(float(value), shared[0]), shared[1])
    return _Found(value, count_cells((ranges.low <= at) & (at <= ranges.high), ranges.counts))


def _shared(ranges: _Ranges) -> tuple[float, float]:
    """Returns within which numbers about as many ranges contain each number, and the most do."""
    starts, opened = _accumulated(ranges.low, ranges.counts)
    ends, closed = _accumulated(ranges.high, ranges.counts)
    before = np.append(0, closed)[np.searchsorted(ends, starts, side="left")]
    contained = opened - before
    best = int(contained.max())
    least = best - best // _LENIENT
    at = int(contained.argmax())
    fewer = np.flatnonzero(contained < least)
    place = int(np.searchsorted(fewer, at))
    first = int(fewer[place - 1]) + 1 if place else 0
    last = int(fewer[place]) - 1 if place < len(fewer) else len(starts) - 1
    may_close = int(opened[last]) - least
    end = int(np.searchsorted(closed, may_close, side="right"))
    high = float(ends[min(end, len(ends) - 1)])
    return float(starts[first]), max(high, float(starts[last]))


def _accumulated(values: Numbers, counts: Numbers | None) -> tuple[Numbers, Numbers]:
    """Returns values in order, and how many cells there are up to each."""
    if counts is None:
        return np.sort(values), np.arange(1, len(values) + 1)
    order = np.argsort(values, kind="stable")
    return values[order], np.cumsum(counts[order])


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
