"""Data files given to a place outside of the catalog, under names of its own, as they are.

Their bytes are shared where that can be: by a reflink or a hard link on one file system, by a copy
that the server of a bucket makes. Only otherwise are they read.
"""

import os
from collections.abc import Sequence

from catalog.errors import Unsupported
from catalog.model.datafile import DataFile
from catalog.repository.datafiles import (
    LOOKS,
    copy,
    locate,
    not_as_committed,
    opened_locally,
)
from catalog.storage.external_files import is_remote, remote_files
from catalog.storage.store import CopiesRemotely, ObjectStore, RemoteFile, StagedFile
from catalog.threads import Threads

AT_ONCE = 64
"""Files that are copied through this machine before they get their names: they take its disk."""


def share(store: ObjectStore, target: ObjectStore, files: Sequence[tuple[DataFile, str]]) -> None:
    """Gives data files paths in another store; all are durable when the call returns.

    A file that is there already is left: names must stand for one content.

    Args:
        store: The store of the catalog.
        target: The other store.
        files: Each file, with its path in the other store.

    Raises:
        CorruptData: A file is gone, or not what was committed.
    """
    local = [pair for pair in files if not is_remote(locate(store, pair[0]))]
    remote = [pair for pair in files if is_remote(locate(store, pair[0]))]
    left = [*_linked(store, target, local), *_copied_by_server(store, target, remote)]
    for start in range(0, len(left), AT_ONCE):
        _copied(store, target, left[start : start + AT_ONCE])


def _linked(
    store: ObjectStore, target: ObjectStore, files: Sequence[tuple[DataFile, str]]
) -> Sequence[tuple[DataFile, str]]:
    """Links local files; returns them if they must be copied instead."""
    if not files or is_remote(target.location):
        return files
    for file, _ in files:
        with opened_locally(store, file):
            pass
    try:
        target.adopt([(locate(store, file), path) for file, path in files])
    except Unsupported:  # another file system, or one without links
        return files
    return ()


def _copied_by_server(
    store: ObjectStore, target: ObjectStore, files: Sequence[tuple[DataFile, str]]
) -> Sequence[tuple[DataFile, str]]:
    """Has a server copy files in buckets; returns them if it does not."""
    if not files or not isinstance(target, CopiesRemotely):
        return files

    def look(pair: tuple[DataFile, str]) -> RemoteFile:
        location = locate(store, pair[0])
        found = remote_files(store, location).look(location)
        if found is None or found.size_bytes != pair[0].size_bytes:
            raise not_as_committed(location)
        return found

    if not target.copies(look(files[0])):
        return files
    with Threads(LOOKS) as pool:
        found = list(pool.map(look, files))
    there = target.copy_in([(one, path) for one, (_, path) in zip(found, files, strict=True)])
    for one, is_there in zip(found, there, strict=True):
        if not is_there:
            raise not_as_committed(one.uri)
    return ()


def _copied(store: ObjectStore, target: ObjectStore, files: Sequence[tuple[DataFile, str]]) -> None:
    """Copies files through this machine."""
    staged: list[tuple[StagedFile, str]] = []
    try:
        for file, path in files:
            if target.info(path) is None:
                temporary = target.scratch()
                try:
                    copy(store, file, temporary)
                except BaseException:
                    if os.path.exists(temporary):
                        os.unlink(temporary)
                    raise
                staged.append((target.take_over(temporary), path))
        target.publish(staged)
    finally:
        for one, _ in staged:
            one.discard()
