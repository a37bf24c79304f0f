"""The live files of a table of another format, as files of a source."""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from catalog.errors import CorruptData, ErrorKind, StorageFailure
from catalog.formats.bucket import Prefix
from catalog.formats.source import SourceFile
from catalog.formats.table_state import LiveFile, TableState
from catalog.storage.external_files import check_readable, is_remote, remote_files
from catalog.storage.failures import machine_failure
from catalog.storage.store import ObjectStore, RemoteFile
from catalog.threads import Threads

LOOKS = 16
"""Files that are looked at one by one, at a time; more are listed with all that is beside them."""


def source_files(
    state: TableState, files: Sequence[LiveFile], store: ObjectStore
) -> dict[str, SourceFile]:
    """Finds live files where the log says they are, by their paths.

    Raises:
        CorruptData: One is missing, or not of the size that the log states.
        InvalidInput: One has a name that is not read.
    """
    far = [file for file in files if is_remote(file.path)]
    objects = _objects(state, far, store) if far else {}
    return {file.path: _found(state, file, objects) for file in files}


def _found(state: TableState, file: LiveFile, objects: Mapping[str, RemoteFile]) -> SourceFile:
    found = _remote(state, file, objects) if is_remote(file.path) else _local(state, file)
    if found.size_bytes != file.size_bytes:
        raise CorruptData(
            f"{file.path} has {found.size_bytes:,} bytes, and {file.size_bytes:,} in "
            f"{_version(state)}",
            kind=ErrorKind.LIVE_FILE_MISSING,
            hint="restore the file from a backup",
        )
    return found


def _local(state: TableState, file: LiveFile) -> SourceFile:
    path = file.path
    check_readable(path)
    try:
        found = os.stat(path)
    except FileNotFoundError as error:
        raise _missing(state, path) from error
    except OSError as error:
        failed = f"cannot read {path}"
        raise machine_failure(error, failed) or StorageFailure(
            f"{failed}: {error.strerror}", hint="check its permissions"
        ) from error
    if not stat.S_ISREG(found.st_mode):
        raise _missing(state, path)
    return SourceFile(
        path=path,
        relative=relative_path(state, path),
        size_bytes=found.st_size,
        mtime_ns=found.st_mtime_ns,
        ctime_ns=found.st_ctime_ns,
        inode=found.st_ino,
        hive=(),
    )


def _remote(state: TableState, file: LiveFile, objects: Mapping[str, RemoteFile]) -> SourceFile:
    found = objects.get(file.path)
    if found is None:
        raise _missing(state, file.path)
    folder, _, name = file.path.rpartition("/")
    listed = Prefix(folder, [found]).file(name, ())
    return SourceFile(
        path=file.path,
        relative=relative_path(state, file.path),
        size_bytes=listed.size_bytes,
        mtime_ns=listed.mtime_ns,
        ctime_ns=listed.ctime_ns,
        inode=listed.inode,
        hive=(),
        etag=listed.etag,
    )


def _objects(
    state: TableState, files: Sequence[LiveFile], store: ObjectStore
) -> dict[str, RemoteFile]:
    """Asks the server about files: one by one, or for all that lies below the table's root."""
    inside = f"{state.root}/"
    found: dict[str, RemoteFile] = {}
    if len(files) > LOOKS and any(file.path.startswith(inside) for file in files):
        found = {one.uri: one for one in remote_files(store, inside).list(inside)}
    others = [file.path for file in files if file.path not in found]
    if found:
        others = [path for path in others if not path.startswith(inside)]
    with Threads(LOOKS) as pool:
        looked: Iterable[RemoteFile | None] = pool.map(partial(_looked, store), others)
        found.update({one.uri: one for one in looked if one is not None})
    return found


def _looked(store: ObjectStore, uri: str) -> RemoteFile | None:
    return remote_files(store, uri).look(uri)


def relative_path(state: TableState, path: str) -> str:
    """Returns how records call a live file: relative to the table, unless it lies elsewhere."""
    inside = f"{state.root}/"
    return path.removeprefix(inside)


def _missing(state: TableState, path: str) -> CorruptData:
    return CorruptData(
        f"{path} is missing, and {_version(state)} has rows in it",
        kind=ErrorKind.LIVE_FILE_MISSING,
        hint="restore the file from a backup, or take a version whose files have not been deleted",
    )


def _version(state: TableState) -> str:
    return f"version {state.version.number} of {state.root}"
