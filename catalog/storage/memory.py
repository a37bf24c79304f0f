"""A store in memory, over one that it only reads: for work that leaves nothing behind."""

import datetime
import itertools
import threading
from collections.abc import Iterator, Sequence
from heapq import merge

from catalog.dataclasses import dataclass
from catalog.errors import AlreadyExists, ErrorKind, NotFound, Unsupported
from catalog.storage.external_files import FilesInS3
from catalog.storage.store import (
    ObjectInfo,
    ObjectStore,
    RemoteFiles,
    StagedFile,
    Stored,
    SwapLost,
    check_path,
)

NOWHERE = "/dev/null/memory"
"""The location of a store over none: no file or directory can be there."""


@dataclass(frozen=True, slots=True)
class _Object:
    data: bytes
    version: str
    modified: datetime.datetime


class MemoryStore:
    """Small objects in memory; see ``ObjectStore`` for the methods.

    It takes no data files, which may be larger than memory.

    Args:
        inner: A store that is read where nothing was written; None is an empty one.
        external_files: What reads files in buckets; None is that of the inner store.
    """

    def __init__(
        self, inner: ObjectStore | None = None, external_files: RemoteFiles | None = None
    ) -> None:
        self._inner = inner
        self.location = NOWHERE if inner is None else inner.location
        own = FilesInS3() if inner is None else inner.external_files
        self.external_files = own if external_files is None else external_files
        self._objects: dict[str, _Object | None] = {}
        self._versions = itertools.count(1)
        self._lock = threading.Lock()

    def read(self, path: str) -> Stored:
        """Returns an object."""
        known = self._objects.get(check_path(path))
        if known is not None:
            return Stored(known.data, known.version)
        return self._below(path).read(path)

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Returns part of an object."""
        known = self._objects.get(check_path(path))
        if known is not None:
            return known.data[offset : offset + length]
        return self._below(path).read_range(path, offset, length)

    def info(self, path: str) -> ObjectInfo | None:
        """Returns what a listing would say of an object."""
        known = self._objects.get(check_path(path))
        if known is not None:
            return _info(path, known)
        hidden = self._inner is None or path in self._objects
        return None if hidden or self._inner is None else self._inner.info(path)

    def create(self, path: str, data: bytes) -> str:
        """Creates an object that must not exist."""
        with self._lock:
            if self.info(path) is not None:
                raise AlreadyExists(f"object {path} exists", kind=ErrorKind.OBJECT_EXISTS)
            return self._write(path, data)

    def swap(self, path: str, data: bytes, *, version: str) -> str:
        """Replaces an object that must still be at a version."""
        with self._lock:
            if self.info(path) is None or self.read(path).version != version:
                raise SwapLost(f"object {path} was changed by another writer")
            return self._write(path, data)

    def put(self, path: str, data: bytes) -> None:
        """Writes a derived object."""
        with self._lock:
            self._write(check_path(path), data)

    def stage(self, source: str) -> StagedFile:
        """Refuses to take in a file."""
        raise _no_files()

    def scratch(self) -> str:
        """Refuses to give a file a place."""
        raise _no_files()

    def take_over(self, source: str) -> StagedFile:
        """Refuses to take in a file."""
        raise _no_files()

    def publish(self, files: Sequence[tuple[StagedFile, str]]) -> None:
        """Gives no staged file its name: there are none."""
        if files:
            raise _no_files()

    def adopt(self, files: Sequence[tuple[str, str]]) -> list[bool]:
        """Refuses to take in files."""
        raise _no_files()

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields objects in path order."""
        own = [
            _info(path, known)
            for path, known in sorted(self._objects.items())
            if known is not None and path.startswith(prefix)
        ]
        inner = () if self._inner is None else self._inner.list(prefix)
        others = (found for found in inner if found.path not in self._objects)
        yield from merge(own, others, key=lambda found: found.path)

    def delete(self, path: str) -> None:
        """Removes an object."""
        with self._lock:
            self._objects[check_path(path)] = None

    def delete_listed(self, found: Sequence[ObjectInfo]) -> Sequence[bool]:
        """Removes objects that are still those that were listed."""
        gone = []
        for listed in found:
            with self._lock:
                now = self.info(listed.path)
                gone.append(now is None or now.identity == listed.identity)
                if gone[-1]:
                    self._objects[listed.path] = None
        return gone

    def uri(self, path: str) -> str:
        """Returns where an engine reads the object: never in memory."""
        return self._below(path).uri(path)

    def _write(self, path: str, data: bytes) -> str:
        now = datetime.datetime.now(datetime.UTC)
        version = f"memory-{next(self._versions)}"
        self._objects[path] = _Object(data, version, now)
        return version

    def _below(self, path: str) -> ObjectStore:
        if self._inner is None or path in self._objects:
            raise NotFound(f"no object {path}", kind=ErrorKind.OBJECT_NOT_FOUND)
        return self._inner


def _info(path: str, known: _Object) -> ObjectInfo:
    return ObjectInfo(path, len(known.data), known.modified, known.version)


def _no_files() -> Unsupported:
    return Unsupported("a store in memory takes no data files")
