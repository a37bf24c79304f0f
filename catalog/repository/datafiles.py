"""Data files as stored: where an engine reads them, and whether they are still the same."""

import os
from collections.abc import Iterable

from catalog.errors import CorruptData
from catalog.model.datafile import DataFile
from catalog.storage.store import ObjectStore


def guard_of(found: os.stat_result) -> str:
    """Returns the guard of a file that others can reach: size, modification time, inode."""
    return f"{found.st_size}+{found.st_mtime_ns}+{found.st_ino}"


def locate(store: ObjectStore, file: DataFile) -> str:
    """Returns where an engine reads a data file: an absolute path or a URI."""
    return file.path if os.path.isabs(file.path) else store.uri(file.path)


def verify(store: ObjectStore, files: Iterable[DataFile], *, what: str) -> None:
    """Checks that linked and referenced files are still what was committed.

    Args:
        store: Where the files are.
        files: Those about to be read.
        what: Names the table and commit in errors.

    Raises:
        CorruptData: A file was changed, replaced or removed.
    """
    for file in files:
        if file.guard is None:
            continue
        path = locate(store, file)
        try:
            now: str | None = guard_of(os.stat(path))
        except OSError:
            now = None
        if now != file.guard:
            happened = "is gone" if now is None else "was changed"
            raise CorruptData(
                f"{path} {happened} since {what} was committed",
                kind="file-changed",
                hint="restore the file, or snapshot the table again; "
                "--mode copy keeps data safe from later writes",
            )
