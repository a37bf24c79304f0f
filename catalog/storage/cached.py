"""A store in a bucket whose immutable objects are kept in a local cache once they are read."""

from collections.abc import Iterator, Sequence

from catalog.errors import ErrorKind, NotFound
from catalog.storage.bucket.store import BucketStore
from catalog.storage.disk_cache import DiskCache
from catalog.storage.store import (
    ObjectInfo,
    RemoteFile,
    StagedFile,
    Stored,
)

IMMUTABLE = ("catalog.json", "objects/", "refs/reflogs/")
"""Objects that never change."""

CHECKED = ("cache/fingerprints/",)
"""Derived objects that say what they were derived from: an old one is recognised."""

OWN = ("cache/stat/",)
"""Derived objects about files of this machine: nobody else has a use for them."""

WHOLE_BYTES = 4 << 20
"""Largest object that is kept whole when it is written."""


class CachedStore:
    """A store in a bucket, and a cache of what never changes; see ``ObjectStore``.

    Args:
        inner: The store.
        cache: Keeps objects.

    Attributes:
        inner: The store.
        location: Its URI.
        external_files: Reads files by their URIs, the store's own among them.
    """

    def __init__(self, inner: BucketStore, cache: DiskCache) -> None:
        self.inner = inner
        self._cache = cache
        self.location = inner.location
        self.external_files = inner.external_files
        self._space = f"{inner.service.endpoint} {inner.location} "

    def read(self, path: str) -> Stored:
        """Returns an object."""
        if not path.startswith((*IMMUTABLE, *CHECKED, *OWN)):
            return self.inner.read(path)
        known = self._cache.get(self._name(path))
        if known is not None:
            return Stored(known, "")
        if path.startswith(OWN):
            raise NotFound(f"no object {path}", kind=ErrorKind.OBJECT_NOT_FOUND)
        stored = self.inner.read(path)
        self._cache.put(self._name(path), stored.data)
        return stored

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Returns part of an object."""
        if not path.startswith(IMMUTABLE):
            return self.inner.read_range(path, offset, length)
        whole = self._cache.get(self._name(path))
        if whole is not None:
            return whole[offset : offset + length]
        part = f"{self._name(path)} {offset} {length}"
        known = self._cache.get(part)
        if known is not None:
            return known
        data = self.inner.read_range(path, offset, length)
        ended = offset == 0 and len(data) < length
        self._cache.put(self._name(path) if ended else part, data)
        return data

    def info(self, path: str) -> ObjectInfo | None:
        """Returns what a listing would say of an object."""
        return self.inner.info(path)

    def create(self, path: str, data: bytes) -> str:
        """Creates an object that must not exist."""
        version = self.inner.create(path, data)
        if path.startswith(IMMUTABLE) and len(data) <= WHOLE_BYTES:
            self._cache.put(self._name(path), data)
        return version

    def swap(self, path: str, data: bytes, *, version: str) -> str:
        """Replaces an object that must still be at a version."""
        return self.inner.swap(path, data, version=version)

    def put(self, path: str, data: bytes) -> None:
        """Writes a derived object."""
        if not path.startswith(OWN):
            self.inner.put(path, data)
        if path.startswith((*CHECKED, *OWN)):
            self._cache.put(self._name(path), data)

    def stage(self, source: str) -> StagedFile:
        """Takes in a local file."""
        return self.inner.stage(source)

    def scratch(self) -> str:
        """Returns a fresh path for a local file."""
        return self.inner.scratch()

    def take_over(self, source: str) -> StagedFile:
        """Takes in a local file that nobody else uses."""
        return self.inner.take_over(source)

    def publish(self, files: Sequence[tuple[StagedFile, str]]) -> None:
        """Gives staged files their names."""
        self.inner.publish(files)

    def copies(self, like: RemoteFile) -> bool:
        """Tells whether the server copies files, and only as they are."""
        return self.inner.copies(like)

    def copy_in(self, files: Sequence[tuple[RemoteFile, str]]) -> list[bool]:
        """Has the server copy files."""
        return self.inner.copy_in(files)

    def adopt(self, files: Sequence[tuple[str, str]]) -> list[bool]:
        """Refuses: a bucket cannot link to local files."""
        return self.inner.adopt(files)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields objects in path order."""
        return self.inner.list(prefix)

    def delete(self, path: str) -> None:
        """Removes an object."""
        self.inner.delete(path)

    def uri(self, path: str) -> str:
        """Returns the object's URI."""
        return self.inner.uri(path)

    def local_copy(self, path: str) -> str | None:
        """Returns a local file with the bytes of an object that was just published."""
        return self.inner.local_copy(path)

    def _name(self, path: str) -> str:
        return self._space + path
