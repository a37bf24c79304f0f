"""The log of a table in a bucket, copied to where the library can read it.

So one access serves all buckets, the catalog's own, with its credentials and settings; and what is
read does not move. Data files are never copied for it.
"""

import os
import re
import shutil
import weakref
from collections.abc import Iterable

from catalog.errors import CorruptData, ErrorKind, NotFound
from catalog.formats.delta.folder import LOG, Commits
from catalog.storage.external_files import remote_files
from catalog.storage.failures import temporary_folder
from catalog.storage.store import ObjectStore
from catalog.threads import Threads

REQUESTS = 16
"""Files that are fetched at a time."""

_OF_VERSION = re.compile(rf"{LOG}/(\d{{20}})(\.json|\.checkpoint\..+)")
_SIDECAR = f"{LOG}/_sidecars/"
_VECTORS = re.compile(r"(?:.*/)?deletion_vector_[0-9A-Fa-f-]{36}\.bin")


class LogMirror:
    """A directory with the files of a log that some versions need."""

    def __init__(self, root: str, store: ObjectStore | None) -> None:
        self._root = root
        self._store = store
        self._files = remote_files(store, root)
        self._have: set[str] = set()
        self.path = temporary_folder()
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def fetch(self, commits: Commits, version: int) -> str:
        """Copies what a version is made up from, and returns the directory.

        Raises:
            CorruptData: A file is missing.
            StorageFailure: One cannot be read.
        """
        start = commits.start(version) or 0
        start_at = len(self._root) + 1
        needed = []
        for one in self._files.list(f"{self._root}/{LOG}/"):
            name = one.uri[start_at:]
            found = _OF_VERSION.fullmatch(name)
            if name.startswith(_SIDECAR) or (
                found is not None
                and (
                    int(found[1]) == start
                    or (found[2] == ".json" and start < int(found[1]) <= version)
                )
            ):
                needed.append(name)
        self._fetch(needed)
        return self.path

    def fetch_vectors(self) -> None:
        """Copies the files that say which rows are deleted."""
        start_at = len(self._root) + 1
        listed = (one.uri[start_at:] for one in self._files.list(f"{self._root}/"))
        self._fetch(name for name in listed if _VECTORS.fullmatch(name))

    def _fetch(self, names: Iterable[str]) -> None:
        fresh = [name for name in names if name not in self._have and _is_below(name)]
        for folder in {os.path.dirname(name) for name in fresh}:
            os.makedirs(os.path.join(self.path, folder), exist_ok=True)
        with Threads(REQUESTS) as pool:
            list(pool.map(self._copy, fresh))
        self._have.update(fresh)

    def _copy(self, name: str) -> None:
        uri = f"{self._root}/{name}"
        try:
            data = self._files.open(uri).read()
        except NotFound as error:
            raise CorruptData(
                f"{uri} was removed while the log was read",
                kind=ErrorKind.SOURCE_CHANGED,
                hint="try again",
            ) from error
        with open(os.path.join(self.path, name), "wb") as copy:
            copy.write(data)


def _is_below(name: str) -> bool:
    """Returns whether a key, in which a bucket allows anything, is a path below a directory."""
    return not {"", ".", ".."} & {*name.split("/")}
