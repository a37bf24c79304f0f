"""Trees of files as sources: in a directory, and in a bucket that is a dictionary."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalog.errors import ErrorKind, StorageFailure
from catalog.formats.discover import discover
from catalog.formats.source import Discovery
from catalog.storage.store import RemoteFile

WHEN = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


class Bucket:
    """A store whose files are names only; also what reads them."""

    location = "mem://lake"
    scheme = "s3://"

    def __init__(self, names: list[str]) -> None:
        self.names = sorted(names)
        self.only = ""  # nothing else may be listed

    @property
    def external_files(self) -> "Bucket":
        return self

    def list(self, uri: str) -> Iterator[RemoteFile]:
        if not uri.startswith(f"s3://b/{self.only}"):
            raise StorageFailure(f"access to {uri} is denied", kind=ErrorKind.NOT_PERMITTED)
        return (self._file(name) for name in self.names if f"s3://b/{name}".startswith(uri))

    def look(self, uri: str) -> RemoteFile | None:
        return next((self._file(n) for n in self.names if f"s3://b/{n}" == uri), None)

    @staticmethod
    def _file(name: str) -> RemoteFile:
        return RemoteFile(f"s3://b/{name}", 4, WHEN, f"etag of {name}")


class Tree:
    """Files below one root, made of their names."""

    def __init__(self, root: Path, names: list[str], *, remote: bool) -> None:
        self.root = "s3://b" if remote else str(root)
        self.store: Any = Bucket(names) if remote else None
        if not remote:
            touch(root, *names)

    def found(self, source: str) -> Discovery:
        """Discovers a source, given below the root."""
        return discover(f"{self.root}/{source}", store=self.store)

    def files(self, source: str) -> list[str]:
        """Returns the paths below the root of the files that a source has."""
        return sorted(f.path[len(self.root) + 1 :] for f in self.found(source).files)


def touch(folder: Path, *names: str) -> str:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"PAR1")
    return str(folder)
