"""A read-only filesystem of exactly the files that were named before, local and remote.

Their names in the engine begin with ``SCHEME``; no other name can be opened, and none listed.
"""

import datetime
import os
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from catalog.errors import NotFound, Unsupported
from catalog.storage.external_files import is_remote
from catalog.storage.positioned_file import PositionedFile
from catalog.storage.store import OpenFile, RemoteFile

if TYPE_CHECKING:
    from catalog.engine.filesystem import Files

SCHEME = "catalog-file://"
"""Begins the names of the files in the engine; the path or URI follows as it is."""


class AllowedFiles:
    """The files that may be read; see ``filesystem.Files``.

    Attributes:
        allowed: Their names in the engine.
    """

    scheme = SCHEME

    def __init__(self, remote: "Callable[[str], Files]") -> None:
        """Takes what returns the reader of a file in a bucket, by its URI."""
        self.allowed: set[str] = set()
        self._of_remote = remote
        self._remote: dict[str, Files] = {}
        self._lock = threading.Lock()

    def allow(self, uris: Iterable[str]) -> tuple[str, ...]:
        """Lets files be read from now on, and returns their names in the engine."""
        names = tuple(f"{SCHEME}{uri}" for uri in uris)
        self.allowed.update(names)
        return names

    def look(self, uri: str) -> RemoteFile | None:
        """Returns what is known of a file; None if it is not there, or not one of the allowed."""
        if uri not in self.allowed:
            return None
        path = uri.removeprefix(SCHEME)
        if is_remote(path):
            return self._files(path).look(path)
        try:
            return _described(path, os.stat(path))
        except FileNotFoundError:
            return None

    def open(self, uri: str, *, like: OpenFile | None = None) -> OpenFile:
        """Opens a file.

        Raises:
            Unsupported: It is not one of the allowed.
            NotFound: It is gone.
        """
        if uri not in self.allowed:
            raise Unsupported(f"{uri} is not a file of the tables that are read")
        path = uri.removeprefix(SCHEME)
        if is_remote(path):
            return self._files(path).open(path, like=like)
        try:
            return LocalFile(path)
        except FileNotFoundError as error:
            raise NotFound(f"{path} is gone") from error

    def _files(self, uri: str) -> "Files":
        scheme = uri.partition("://")[0]
        with self._lock:
            if scheme not in self._remote:
                self._remote[scheme] = self._of_remote(uri)
            return self._remote[scheme]


class LocalFile(PositionedFile):
    """A local file."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        super().__init__(_described(path, os.fstat(self._descriptor)))

    def part(self, offset: int, length: int) -> bytes:
        """Returns bytes from an offset on, fewer only at the end."""
        return os.pread(self._descriptor, length, offset)

    def close(self) -> None:
        """Closes it; does nothing if it is closed."""
        if not self.closed:
            super().close()
            os.close(self._descriptor)


def _described(path: str, found: os.stat_result) -> RemoteFile:
    modified = datetime.datetime.fromtimestamp(found.st_mtime, datetime.UTC)
    return RemoteFile(path, found.st_size, modified, etag="")
