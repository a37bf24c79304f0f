"""Integers that stand for keys: matched between two sides, and searched for those that repeat.

Integers close together are looked up in an array with a place for each of them, others in tables
with a place for each of a few bits of theirs. Those that repeat are found by sorting: of integers
alone, without their places, processors sort many at once.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from catalog.dataclasses import dataclass
from catalog.diff.compare.align import Numbers, increases

DENSE = 4
"""Integers from one to the next over their number, up to which they are looked up in an array."""

SAMPLE = 4096
"""Codes that are looked at to see whether most of them are dense."""

ROUNDS = 24
"""Tables that are tried one after the other: each leaves a fifth of the codes to the next, unless
somebody chose codes for that. Those that are left in the end are sorted."""

CHUNK_CODES = 1 << 15
"""Codes processed at a time: few enough to stay in the caches through all steps."""

FLAG_BITS = 20
"""Bits of codes by which most of those are told apart that are not among a few others."""

_FACTOR = 0x9E3779B97F4A7C15
_STEP = 0xD1B54A32D192ED02
_APART = 0xBF58476D1CE4E5B9
"""Multiplying by an odd number can be undone, and its upper bits depend on all lower ones.

Whatever tells codes apart before they get into tables has a factor of its own, or those that are
left would meet in a part of each table.
"""


_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Partners:
    """The codes of two sides, matched.

    Attributes:
        places: For each code of the one side the place of an equal one of the other, -1 for none.
        repeated: The codes that several places of a side have, and the other side has, too.
    """

    places: Numbers
    repeated: Numbers


def partners(mine: Numbers, theirs: Numbers) -> Partners:
    """Matches the codes of two sides."""
    window = _dense_window([theirs])
    if window is None:
        return _found_in_tables(mine, theirs)
    low, high = window
    table = np.full(high - low + 1, -1, np.int64)
    inside = (theirs >= low) & (theirs <= high)
    table[theirs[inside] - low] = np.flatnonzero(inside)
    here = (mine >= low) & (mine <= high)
    several = np.unique(np.concatenate([repeated_codes([mine]), repeated_codes([theirs])]))
    if len(several):
        several = several[np.isin(several, mine) & np.isin(several, theirs)]
    if here.all():
        return Partners(np.asarray(table[mine - low]), several)
    places = np.where(here, table[np.where(here, mine - low, 0)], -1)
    apart, others = np.flatnonzero(~here), np.flatnonzero(~inside)
    if len(others):
        found = _found_in_tables(mine[apart], theirs[others]).places
        places[apart] = np.where(found < 0, -1, others[found])
    return Partners(places, several)


def repeated_codes(parts: Sequence[Numbers]) -> Numbers:
    """Returns the codes that occur several times among those of all parts."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return np.zeros(0, np.int64)
    if len(parts) == 1 and increases(parts[0]):
        return parts[0][:0]
    window = _dense_window(parts)
    if window is not None:
        low, high = window
        seen = np.zeros(high - low + 1, bool)
        dense, outside = 0, []
        for part in parts:
            inside = (part >= low) & (part <= high)
            whole = bool(inside.all())
            seen[(part if whole else part[inside]) - low] = True
            dense += int(np.count_nonzero(inside))
            if not whole:
                outside.append(part[~inside])
        if int(np.count_nonzero(seen)) == dense:
            parts = outside
    return _several(parts)


def repeated_among(codes: Numbers, parts: Sequence[Numbers]) -> Numbers:
    """Returns which of a few codes occur several times in all parts together."""
    bits = min((8 * len(codes)).bit_length(), FLAG_BITS)
    flags = np.zeros(1 << bits, bool)
    flags[_slots(codes, _APART, bits)] = True
    found = [codes[:0]]
    for part in parts:
        for start in range(0, len(part), CHUNK_CODES):
            some = part[start : start + CHUNK_CODES]
            found.append(some.compress(flags.take(_slots(some, _APART, bits))))
    several = _several(found)
    return several[np.isin(several, codes)]


def _several(parts: Sequence[Numbers]) -> Numbers:
    """Returns the codes that occur several times in all parts together, by sorting them."""
    ordered = np.concatenate([_NONE, *parts])
    ordered.sort()
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _found_in_tables(mine: Numbers, theirs: Numbers) -> Partners:
    places = np.full(len(mine), -1, np.int64)
    taken = np.zeros(len(theirs), bool)
    repeated = [mine[:0]]
    left: Numbers | range = range(len(mine))
    others: Numbers | range = range(len(theirs))
    for factor in _factors():
        if not len(left) or not len(others):
            break
        table = _Table(theirs, others, factor)
        left = table.match(mine, left, places=places, taken=taken)
        if isinstance(others, range):
            others = np.flatnonzero(~taken)
        else:
            others = others.compress(~taken.take(others))
        codes = theirs.take(others)
        winners = table.places(codes)
        lost = winners != others  # nobody looks for what got a place
        same = lost & (theirs.take(winners) == codes)
        repeated.append(codes.compress(same))
        others = others.compress(lost & ~same)
    if len(left) and len(others):
        left, others = np.asarray(left), np.asarray(others)
        rest = _found_by_sorting(mine[left], theirs[others])
        hits = left[rest.places >= 0]
        places[hits] = others[rest.places[rest.places >= 0]]
        taken[places[hits]] = True
        repeated.append(rest.repeated)
    hits = np.flatnonzero(places >= 0)
    if int(np.count_nonzero(taken)) < len(hits):
        owners = np.zeros(len(theirs), np.int64)
        owners[places[hits]] = hits
        repeated.append(mine[hits[owners[places[hits]] != hits]])
    several = np.unique(np.concatenate(repeated))
    if len(several):
        several = several[np.isin(several, mine) & np.isin(several, theirs)]
    return Partners(places, several)


def _found_by_sorting(mine: Numbers, theirs: Numbers) -> Partners:
    order = np.argsort(theirs, kind="stable")
    ordered = theirs[order]
    places = np.searchsorted(ordered, mine)
    places[places == len(ordered)] = 0
    found = np.where(ordered[places] == mine, order[places], -1)
    return Partners(found, ordered[1:][ordered[1:] == ordered[:-1]])


def _factors() -> Iterator[int]:
    factor = _FACTOR
    for _ in range(ROUNDS):
        yield factor
        factor = (factor * _STEP + _FACTOR | 1) % (1 << 64)


class _Table:
    """The places of some codes, by a number of their bits: of two that share it, one has it.

    Those of all codes are given as a range: then there is nothing to be gathered.
    """

    def __init__(self, codes: Numbers, left: Numbers | range, factor: int) -> None:
        self._codes = codes
        self._factor = factor
        self._bits = max((3 * len(left) // 2).bit_length(), 1)
        size = np.int32 if len(codes) < 1 << 31 else np.int64
        self._table = np.full(1 << self._bits, -1, size)
        for some, own in _pieces(codes, left):
            self._table[_slots(own, factor, self._bits)] = some

    def match(
        self, mine: Numbers, left: Numbers | range, *, places: Numbers, taken: Numbers
    ) -> Numbers:
        """Notes the places that some of a side's codes find, and by whom they are taken.

        Returns:
            Those that may find one in another table.
        """
        more = [_NONE]
        for some, codes in _pieces(mine, left):
            found = self.places(codes)
            equal = self._codes.take(found, mode="clip") == codes
            equal &= found >= 0
            hits = found.compress(equal)
            if isinstance(left, range):
                np.copyto(places[some[0] : some[0] + len(some)], found, where=equal)
            else:
                places[some.compress(equal)] = hits
            taken[hits] = True
            more.append(some.compress(~equal & (found >= 0)))
        return np.concatenate(more)

    def places(self, codes: Numbers) -> Numbers:
        """Returns the place of the only code that may equal each of some codes; -1 for none."""
        return self._table.take(_slots(codes, self._factor, self._bits)).astype(
            np.int64, copy=False
        )


def _pieces(codes: Numbers, left: Numbers | range) -> Iterator[tuple[Numbers, Numbers]]:
    """Yields the places of some codes, as many as are processed at a time, and these codes."""
    for start in range(0, len(left), CHUNK_CODES):
        if isinstance(left, range):
            end = min(start + CHUNK_CODES, len(left))
            yield np.arange(start, end), codes[start:end]
        else:
            some = left[start : start + CHUNK_CODES]
            yield some, codes.take(some)


def _slots(codes: Numbers, factor: int, bits: int) -> Numbers:
    """Returns a number of some bits for each code, the same for equal ones."""
    words = _words(codes, factor)
    words >>= np.uint64(64 - bits)
    return words.view(np.int64)


def _words(codes: Numbers, factor: int) -> Numbers:
    return np.asarray(codes.view(np.uint64) * np.uint64(factor))


def _dense_window(parts: Sequence[Numbers]) -> tuple[int, int] | None:
    """Returns the ends of a range in which an array can look up most of the codes.

    Codes that were given apart from the others, as new rows may be, can lie outside.
    """
    count = sum(len(part) for part in parts)
    if not count:
        return None
    low = min(int(part.min()) for part in parts if len(part))
    high = max(int(part.max()) for part in parts if len(part))
    if high - low < DENSE * count:
        return low, high
    step = max(1, count // SAMPLE)
    sample = np.sort(np.concatenate([part[::step] for part in parts]))
    cut = len(sample) // 16
    inner = int(sample[cut]), int(sample[-1 - cut])
    margin = (inner[1] - inner[0]) // 7 + 1
    low, high = max(low, inner[0] - margin), min(high, inner[1] + margin)
    return (low, high) if high - low < DENSE * count else None
