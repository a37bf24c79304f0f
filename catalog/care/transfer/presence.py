"""Which objects a store has: asked one by one while they are few, by listings from then on."""

import hashlib
import secrets
from array import array
from bisect import bisect_left
from collections.abc import Sequence

from catalog.dataclasses import dataclass, field
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectInfo, ObjectStore
from catalog.threads import Threads

LOOKS_BEFORE_LISTING = 500
"""Objects that are looked at one by one: a listing of all takes a request for each thousand."""

LOOKS_AT_A_TIME = 16
"""Looks under way at a time where each is a request."""


@dataclass(frozen=True, slots=True)
class WantedObject:
    """An object that must be there; the size is None if nothing says it."""

    path: str
    size_bytes: int | None


@dataclass(slots=True)
class Absence:
    """Which of some objects are not there, and which are there with another size."""

    missing: list[WantedObject] = field(default_factory=list)
    wrong: list[WantedObject] = field(default_factory=list)

    def take(self, wanted: WantedObject, size_bytes: int | None) -> None:
        """Takes what is known of an object: its size there, None if it is not there."""
        if size_bytes is None:
            self.missing.append(wanted)
        elif wanted.size_bytes not in (None, size_bytes):
            self.wrong.append(wanted)


class Presence:
    """Knows what a store has.

    Of a listed object it holds its size and 64 bits of a hash of its path with a random salt:
    two of a million paths share these once in ten million times.

    Args:
        store: The store.
        many: Whether many objects are going to be asked for, so that it is listed at once.
    """

    def __init__(self, store: ObjectStore, *, many: bool) -> None:
        self._store = store
        self._salt = secrets.token_bytes(16)
        self._looks = LOOKS_BEFORE_LISTING if many else 0
        self._listed: dict[str, _Listing] = {}
        self._added: set[int] = set()

    def absent(self, wanted: Sequence[WantedObject]) -> Absence:
        """Returns those of some objects that are not there, or have another size."""
        found = Absence()
        unknown: list[WantedObject] = []
        for one in wanted:
            key = self._key(one.path)
            if key in self._added:
                continue
            folder = one.path.partition("/")[0]
            if folder not in self._listed and self._looks >= LOOKS_BEFORE_LISTING:
                self._listed[folder] = self._listing(folder)
            if folder in self._listed:
                found.take(one, self._listed[folder].size_of(key))
            else:
                self._looks += 1
                unknown.append(one)
        for one, info in zip(unknown, self._looked_at(unknown), strict=True):
            found.take(one, None if info is None else info.size_bytes)
        return found

    def add(self, path: str) -> None:
        """Takes it that an object is there now, as it should be."""
        self._added.add(self._key(path))

    def _key(self, path: str) -> int:
        digest = hashlib.blake2b(path.encode(), digest_size=8, salt=self._salt).digest()
        return int.from_bytes(digest, "little")

    def _listing(self, folder: str) -> "_Listing":
        keys, sizes = array("Q"), array("q")
        for info in self._store.list(f"{folder}/"):
            keys.append(self._key(info.path))
            sizes.append(info.size_bytes)
        return _Listing.of(keys, sizes)

    def _looked_at(self, wanted: Sequence[WantedObject]) -> list[ObjectInfo | None]:
        paths = [one.path for one in wanted]
        if is_remote(self._store.location) and len(paths) > 1:
            with Threads(LOOKS_AT_A_TIME) as pool:
                return list(pool.map(self._store.info, paths))
        return list(map(self._store.info, paths))


@dataclass(frozen=True, slots=True, eq=False)
class _Listing:
    """Keys of paths, ascending, and the size of each."""

    keys: "array[int]"
    sizes: "array[int]"

    @staticmethod
    def of(keys: "array[int]", sizes: "array[int]") -> "_Listing":
        import numpy as np

        order = np.argsort(np.asarray(keys), kind="stable")
        return _Listing(
            array("Q", np.asarray(keys)[order].tobytes()),
            array("q", np.asarray(sizes)[order].tobytes()),
        )

    def size_of(self, key: int) -> int | None:
        at = bisect_left(self.keys, key)
        return self.sizes[at] if at < len(self.keys) and self.keys[at] == key else None
