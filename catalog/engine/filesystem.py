"""Remote files as DuckDB reads them: an fsspec filesystem of ranged reads.

DuckDB asks for exactly the column chunks that it needs. Nothing is read ahead or cached, so no
more is transferred than that, and answers are never stale.
"""

import datetime
import threading
from collections import OrderedDict
from typing import Any, Protocol

import fsspec

from catalog.errors import CorruptData, ErrorKind, NotFound
from catalog.storage.store import OpenFile, RemoteFile

KNOWN_FILES = 1000
"""Files whose ends are cached, some 64 kB each: DuckDB opens a file several times."""


class Files(Protocol):
    """What reads the files of a filesystem, by URI; ``RemoteFiles`` are such.

    Attributes:
        scheme: How their URIs begin, e.g. ``s3://``.
    """

    scheme: str

    def look(self, uri: str) -> RemoteFile | None:
        """Returns what is known of a file; None if there is none."""

    def open(self, uri: str, *, like: OpenFile | None = None) -> OpenFile:
        """Opens a file; see ``RemoteFiles``."""


class EngineFilesystem(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """The remote files of one connection, by URI; never listed: data files are named one by one."""

    cachable = False

    def __init__(self, files: Files) -> None:
        super().__init__(skip_instance_cache=True)
        self.protocol = files.scheme.removesuffix("://")
        self._files = files
        self._known: OrderedDict[str, OpenFile] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def unstrip_protocol(self, name: str) -> str:
        """Returns the URI of a file, which is also its name."""
        return name

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        """Opens a file for reading.

        Raises:
            NotImplementedError: The mode is one for writing.
        """
        if mode not in ("r", "rb"):
            raise NotImplementedError("remote files are read-only")
        with self._lock:
            like = self._known.get(path)
        try:
            file = self._files.open(path, like=like)
        except NotFound as error:
            raise CorruptData(f"{path} is gone", kind=ErrorKind.FILE_CHANGED) from error
        if like is None:
            with self._lock:
                self._known[path] = file
                if len(self._known) > KNOWN_FILES:
                    self._known.popitem(last=False)
        return file

    def size(self, path: str) -> int:
        """Returns a file's size."""
        return self._looked(path).size_bytes

    def modified(self, path: str) -> datetime.datetime:
        """Returns when a file was written."""
        return self._looked(path).modified

    def _looked(self, path: str) -> RemoteFile:
        with self._lock:
            known = self._known.get(path)
        found = self._files.look(path) if known is None else known.found
        if found is None:
            raise FileNotFoundError(path)
        return found

    def glob(self, path: str, **options: Any) -> list[str]:
        """Returns the one file of a name, without brackets around glob characters."""
        for character in "*?[":
            path = path.replace(f"[{character}]", character)
        return [path]

    def exists(self, path: str, **options: Any) -> bool:
        """Returns whether there is a file."""
        return self._files.look(path) is not None

    def isdir(self, path: str) -> bool:
        """Returns False: there are no directories."""
        return False
