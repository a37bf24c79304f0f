"""A store that reads another one and writes elsewhere: for dry runs."""

import threading
from collections.abc import Iterator, Sequence
from heapq import merge

from catalog.errors import AlreadyExists, ErrorKind, NotFound
from catalog.storage.local import LocalStore
from catalog.storage.store import (
    ObjectInfo,
    ObjectStore,
    StagedFile,
    Stored,
    SwapLost,
    check_path,
)


class OverlayStore:
    """A store, with changes that are kept apart from it; see ``ObjectStore`` for the methods.

    Args:
        inner: The store, which is only read.
        folder: A local directory that takes what is written.
    """

    def __init__(self, inner: ObjectStore, folder: str) -> None:
        self.inner = inner
        self.location = inner.location
        self.external_files = inner.external_files
        self._own = LocalStore(folder)
        self._gone: set[str] = set()
        self._lock = threading.Lock()

    def read(self, path: str) -> Stored:
        """Returns an object."""
        return self._of(path).read(path)

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Returns part of an object."""
        return self._of(path).read_range(path, offset, length)

    def info(self, path: str) -> ObjectInfo | None:
        """Returns what a listing would say of an object."""
        own = self._own.info(path)
        return own if own is not None or path in self._gone else self.inner.info(path)

    def create(self, path: str, data: bytes) -> str:
        """Creates an object that must not exist."""
        with self._lock:
            if self.info(path) is not None:
                raise AlreadyExists(f"object {path} exists", kind=ErrorKind.OBJECT_EXISTS)
            return self._own.create(path, data)

    def swap(self, path: str, data: bytes, *, version: str) -> str:
        """Replaces an object that must still be at a version."""
        with self._lock:
            if self._own.info(path) is not None:
                return self._own.swap(path, data, version=version)
            if self.info(path) is None or self.inner.read(path).version != version:
                raise SwapLost(f"object {path} was changed by another writer")
            return self._own.create(path, data)

    def put(self, path: str, data: bytes) -> None:
        """Writes a derived object."""
        self._own.put(path, data)

    def stage(self, source: str) -> StagedFile:
        """Takes in a copy of a local file."""
        return self._own.stage(source)

    def scratch(self) -> str:
        """Returns a fresh path for a local file."""
        return self._own.scratch()

    def take_over(self, source: str) -> StagedFile:
        """Takes in a local file that nobody else uses."""
        return self._own.take_over(source)

    def publish(self, files: Sequence[tuple[StagedFile, str]]) -> None:
        """Gives staged files their names."""
        new = [(staged, path) for staged, path in files if self.info(path) is None]
        self._own.publish(new)
        for staged, _ in files:
            staged.discard()

    def adopt(self, files: Sequence[tuple[str, str]]) -> list[bool]:
        """Makes local files readable as objects without copying their bytes."""
        return self._own.adopt(files)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields objects in path order."""
        own = {found.path: found for found in self._own.list(prefix)}
        hidden = own.keys() | self._gone
        others = (found for found in self.inner.list(prefix) if found.path not in hidden)
        yield from merge(own.values(), others, key=lambda found: found.path)

    def delete(self, path: str) -> None:
        """Removes an object."""
        with self._lock:
            self._gone.add(check_path(path))
            self._own.delete(path)

    def delete_listed(self, found: Sequence[ObjectInfo]) -> Sequence[bool]:
        """Removes objects that are still those that were listed."""
        gone = []
        for listed in found:
            with self._lock:
                now = self.info(listed.path)
                gone.append(now is None or now.identity == listed.identity)
                if gone[-1]:
                    self._gone.add(listed.path)
                    self._own.delete(listed.path)
        return gone

    def uri(self, path: str) -> str:
        """Returns where an engine reads the object."""
        return (self._own if self._own.info(path) is not None else self.inner).uri(path)

    def _of(self, path: str) -> ObjectStore:
        if self._own.info(path) is not None:
            return self._own
        if path in self._gone:
            raise NotFound(f"no object {path}", kind=ErrorKind.OBJECT_NOT_FOUND)
        return self.inner
