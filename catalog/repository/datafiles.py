"""Data files as stored: where an engine reads them, and whether they are still the same.

A file that others can reach has a guard: ``<size>+<mtime_ns>+<inode>`` of a local file,
``etag:<etag>+<version>+<size>`` of an object in S3.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from catalog.errors import CorruptData
from catalog.model.datafile import DataFile
from catalog.storage.remote import is_remote, remote_files
from catalog.storage.store import KeepsCopies, ObjectStore, OpenFile, RemoteFile

ETAG = "etag:"
"""How the guards of remote files begin."""

LISTED_FILES = 4
"""Files of one folder from which on a listing of it is cheaper than a look at each."""

LOOKS = 16
"""Looks and listings under way at a time."""


def guard_of(found: os.stat_result) -> str:
    """Returns the guard of a file that others can reach: size, modification time, inode."""
    return f"{found.st_size}+{found.st_mtime_ns}+{found.st_ino}"


def remote_guard(found: RemoteFile) -> str:
    """Returns the guard of a file that lies elsewhere."""
    return f"{ETAG}{found.etag}+{found.version}+{found.size_bytes}"


def locate(store: ObjectStore, file: DataFile) -> str:
    """Returns where an engine reads a data file: an absolute path or a URI."""
    elsewhere = os.path.isabs(file.path) or is_remote(file.path)
    return file.path if elsewhere else store.uri(file.path)


def nearby(store: ObjectStore, file: DataFile) -> str | None:
    """Returns a local file with the bytes of a data file that was just sent elsewhere, if any."""
    return store.local_copy(file.path) if isinstance(store, KeepsCopies) else None


def readable(store: ObjectStore, file: DataFile) -> str | OpenFile:
    """Returns what reads a data file here: a local path, or the file opened where it lies.

    Raises:
        NotFound: It lies elsewhere, and is gone.
    """
    location = nearby(store, file) or locate(store, file)
    return remote_files(store, location).open(location) if is_remote(location) else location


def copy(store: ObjectStore, file: DataFile, target: str) -> None:
    """Copies a data file to a local file.

    Raises:
        CorruptData: It is gone, or cut off.
    """
    location = locate(store, file)
    if not is_remote(location):
        shutil.copyfile(location, target)
        return
    files = remote_files(store, location)
    found = files.look(location)
    if found is None or found.size_bytes != file.size_bytes:
        raise CorruptData(f"{location} is gone, or not what was committed", kind="file-changed")
    files.fetch(location, target, etag=found.etag)


def verify(store: ObjectStore, files: Iterable[DataFile], *, what: str) -> None:
    """Checks that linked and referenced files are still what was committed.

    Args:
        store: Where the files are.
        files: Those about to be read.
        what: Names the table and commit in errors.

    Raises:
        CorruptData: A file was changed, replaced or removed.
    """
    remote: list[DataFile] = []
    for file in files:
        if file.guard is None:
            continue
        if file.guard.startswith(ETAG):
            remote.append(file)
            continue
        path = locate(store, file)
        try:
            now: str | None = guard_of(os.stat(path))
        except OSError:
            now = None
        if now != file.guard:
            raise _changed(path, now is None, what)
    if remote:
        _verify_remote(store, remote, what)


def _verify_remote(store: ObjectStore, files: Sequence[DataFile], what: str) -> None:
    """Checks files that lie elsewhere: by one listing of a folder, or by a look at each of few."""
    reader = remote_files(store, files[0].path)
    folders: dict[str, list[DataFile]] = defaultdict(list)
    for file in files:
        folders[file.path.rpartition("/")[0] + "/"].append(file)

    def found(folder: str) -> dict[str, RemoteFile]:
        members = folders[folder]
        if len(members) >= LISTED_FILES:
            return {one.uri: one for one in reader.list(folder)}
        looked = (reader.look(file.path) for file in members)
        return {one.uri: one for one in looked if one is not None}

    with ThreadPoolExecutor(LOOKS) as pool:
        for folder, now in zip(folders, pool.map(found, folders), strict=True):
            for file in folders[folder]:
                one = now.get(file.path)
                if one is None or not _is_same(file.guard or "", one):
                    raise _changed(file.path, one is None, what)


def _is_same(guard: str, now: RemoteFile) -> bool:
    """Tells whether a remote file is what its guard says; listings do not tell versions."""
    etag, version, size = guard.removeprefix(ETAG).rsplit("+", 2)
    same_version = not version or not now.version or version == now.version
    return same_version and (etag, size) == (now.etag, str(now.size_bytes))


def _changed(path: str, gone: bool, what: str) -> CorruptData:
    happened = "is gone" if gone else "was changed"
    return CorruptData(
        f"{path} {happened} since {what} was committed",
        kind="file-changed",
        hint="restore the file, or snapshot the table again; "
        "--mode copy keeps data safe from later writes",
    )
