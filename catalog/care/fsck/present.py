"""Which objects are there, and of what size: a listing, held in 17 bytes an object."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from catalog.care.gc.objects import objects
from catalog.dataclasses import dataclass
from catalog.repository.condemned import name_of
from catalog.storage.store import ObjectStore

PART = 1 << 16
"""Objects gathered before they become an array."""

KINDS = ("packs", "data files", "contents", "lists", "reflog pages")


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Objects of a kind that nothing needs; garbage collection removes them.

    Attributes:
        objects: How many there are.
        size_bytes: Their sizes.
    """

    objects: int
    size_bytes: int


class Present:
    """The objects of a store as a listing had them.

    What was written since is looked for when it is asked for.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        parts = []
        names, sizes, kinds = list[int](), list[int](), list[int]()
        self.unknown = 0
        self.listed: Counter[str] = Counter()
        for kind, info in objects(store):
            if kind is None:
                self.unknown += 1
                continue
            self.listed[kind] += 1
            names.append(name_of(info.path))
            sizes.append(info.size_bytes)
            kinds.append(KINDS.index(kind))
            if len(names) == PART:
                parts.append(_arrays(names, sizes, kinds))
                names, sizes, kinds = [], [], []
        parts.append(_arrays(names, sizes, kinds))
        found = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
        order = np.argsort(found[0], kind="stable")
        self._names, self._sizes, self._kinds = (column[order] for column in found)
        self._needed = np.zeros(len(order), dtype=np.bool_)

    def _at(self, path: str) -> int | None:
        name = np.uint64(name_of(path))
        at = int(np.searchsorted(self._names, name))
        return at if at < len(self._names) and self._names[at] == name else None

    def size(self, path: str) -> int | None:
        """Returns the size of an object that something needs; None if there is none."""
        at = self._at(path)
        if at is None:
            info = self._store.info(path)
            return None if info is None else info.size_bytes
        self._needed[at] = True
        return int(self._sizes[at])

    def has(self, path: str) -> bool:
        """Returns whether an object was listed."""
        return self._at(path) is not None

    def need(self, path: str) -> None:
        """Takes note that something needs an object."""
        at = self._at(path)
        if at is not None:
            self._needed[at] = True

    def left_over(self) -> Mapping[str, LeftOver]:
        """Returns what nothing needs, by kind."""
        found = {}
        for number, kind in enumerate(KINDS):
            chosen = (self._kinds == number) & ~self._needed
            if count := int(chosen.sum()):
                found[kind] = LeftOver(count, int(self._sizes[chosen].sum()))
        return found


def _arrays(
    names: list[int], sizes: list[int], kinds: list[int]
) -> "tuple[np.ndarray[tuple[int], np.dtype[np.generic]], ...]":
    return (
        np.array(names, dtype=np.uint64),
        np.array(sizes, dtype=np.int64),
        np.array(kinds, dtype=np.uint8),
    )
