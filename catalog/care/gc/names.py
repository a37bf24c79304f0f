"""Sets of names of objects, as arrays: eight bytes for each.

A name is what ``condemned.name_of`` makes of a path. An object that shares its name with one that
is needed stays, too: that is once in 2⁶⁴.
"""

from collections.abc import Iterable

import numpy as np

from catalog.repository.condemned import name_of

Names = np.ndarray[tuple[int], np.dtype[np.uint64]]
"""Names, ascending, each once."""

GATHERED = 1 << 18
"""Names held as Python's numbers before they become an array: some 10 MB."""


class NameSet:
    """Gathers names in little memory: eight bytes for each that is different."""

    def __init__(self) -> None:
        self._fresh: set[int] = set()
        self._parts: list[Names] = []

    def add(self, paths: Iterable[str]) -> None:
        """Takes the paths of objects."""
        self._fresh.update(map(name_of, paths))
        if len(self._fresh) >= GATHERED:
            self._settle()

    def _settle(self) -> None:
        self._parts.append(sorted_names(self._fresh))
        self._fresh.clear()
        if len(self._parts) > 8:
            self._parts = [np.unique(np.concatenate(self._parts))]

    def take(self, names: Names) -> None:
        """Takes names that ascend."""
        self._parts.append(names)

    def names(self) -> Names:
        """Returns all names."""
        self._settle()
        return np.unique(np.concatenate(self._parts))


def sorted_names(names: Iterable[int]) -> Names:
    """Returns names as an array, ascending."""
    found = np.fromiter(names, dtype=np.uint64)
    found.sort()
    return found


def among(names: Names, known: Names) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Returns, for each name, whether it is among others, which ascend."""
    if not len(known):
        return np.zeros(len(names), dtype=np.bool_)
    at = np.minimum(np.searchsorted(known, names), len(known) - 1)
    return np.equal(known[at], names)
