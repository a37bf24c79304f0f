"""A store in a bucket whose immutable objects are kept in a local cache once they are read."""

from typing import Any

from catalog.errors import ErrorKind, NotFound
from catalog.storage.bucket.service import Service
from catalog.storage.bucket.store import BucketStore
from catalog.storage.disk_cache import DiskCache
from catalog.storage.store import Stored

IMMUTABLE = ("catalog.json", "objects/", "refs/reflogs/", "lists/", "gc/lists/", "expired/")
"""Objects that never change; the description of a catalog does when it is upgraded."""

CHECKED = ("cache/fingerprints/", "cache/gathered/")
"""Derived objects that say what they were derived from: an old one is recognised."""

OWN = ("cache/stat/",)
"""Derived objects about files of this machine: nobody else has a use for them."""

WHOLE_BYTES = 4 << 20
"""Largest object that is kept whole when it is written."""


class CachedStore(BucketStore):
    """A store in a bucket, and a cache of what never changes; see ``ObjectStore``."""

    def __init__(self, uri: str, service: Service[Any], cache: DiskCache) -> None:
        super().__init__(uri, service)
        self.cache = cache
        self._service_of = service
        self._space = f"{service.endpoint} {self.location} "

    def uncached(self) -> BucketStore:
        """Returns the store without its cache."""
        return BucketStore(self.location, self._service_of)

    def read(self, path: str) -> Stored:
        """Returns an object."""
        if not path.startswith((*IMMUTABLE, *CHECKED, *OWN)):
            return super().read(path)
        known = self.cache.get(self._name(path))
        if known is not None:
            return Stored(known, "")
        if path.startswith(OWN):
            raise NotFound(f"no object {path}", kind=ErrorKind.OBJECT_NOT_FOUND)
        stored = super().read(path)
        self.cache.put(self._name(path), stored.data)
        return stored

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Returns part of an object."""
        if not path.startswith(IMMUTABLE):
            return super().read_range(path, offset, length)
        whole = self.cache.get(self._name(path))
        if whole is not None:
            return whole[offset : offset + length]
        part = f"{self._name(path)} {offset} {length}"
        known = self.cache.get(part)
        if known is not None:
            return known
        data = super().read_range(path, offset, length)
        ended = offset == 0 and len(data) < length
        self.cache.put(self._name(path) if ended else part, data)
        return data

    def create(self, path: str, data: bytes) -> str:
        """Creates an object that must not exist."""
        version = super().create(path, data)
        if path.startswith(IMMUTABLE) and len(data) <= WHOLE_BYTES:
            self.cache.put(self._name(path), data)
        return version

    def put(self, path: str, data: bytes) -> None:
        """Writes a derived object."""
        if not path.startswith(OWN):
            super().put(path, data)
        if path.startswith((*CHECKED, *OWN)):
            self.cache.put(self._name(path), data)

    def forget(self, path: str) -> None:
        """Drops the copy of an object."""
        self.cache.remove(self._name(path))

    def _name(self, path: str) -> str:
        return self._space + path
