"""Contents of file sets, opened and copied: what comes out is what the hash says, or nothing."""

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO, cast

from catalog.errors import CorruptData, ErrorKind, NotFound
from catalog.hints import Option, hint
from catalog.repository.blobs import Blob
from catalog.storage.external_files import is_remote, remote_files
from catalog.storage.failures import machine_errors
from catalog.storage.store import ObjectStore

READ_BYTES = 1 << 20
"""Bytes read and hashed at a time."""

_ZEROS = bytes(READ_BYTES)

REMOTE_READ_BYTES = 16 << 20
"""Bytes read at a time where each part is a request."""


def open_content(store: ObjectStore, blob: Blob) -> BinaryIO:
    """Opens a content for reading, after all of it was compared with its hash.

    That of a bucket is fetched into a temporary file, which goes when it is closed.

    Raises:
        CorruptData: It is gone, or not what was committed.
    """
    with _source(store, blob) as source:
        if not is_remote(location(store, blob)):
            _hashed(source, blob, store)
            source.seek(0)
            return os.fdopen(os.dup(source.fileno()), "rb")
        with machine_errors("cannot write a temporary file"):
            temporary = tempfile.TemporaryFile(prefix="parquetry-")  # noqa: SIM115 - the caller's
            copy = cast(BinaryIO, temporary)
            try:
                _hashed(source, blob, store, copy)
            except BaseException:
                copy.close()
                raise
    copy.seek(0)
    return copy


def copy_content(store: ObjectStore, blob: Blob, target: str) -> None:
    """Copies a content to a local file that must not exist.

    Raises:
        CorruptData: It is gone, or not what was committed.
        FileExistsError: Something has that name.
    """
    with _source(store, blob) as source, open(target, "xb", buffering=0) as copy:
        _hashed(source, blob, store, cast(BinaryIO, copy))


def location(store: ObjectStore, blob: Blob) -> str:
    """Returns where a content lies: an absolute path or a URI."""
    return blob.place if blob.path is None else store.uri(blob.path)


@contextmanager
def _source(store: ObjectStore, blob: Blob) -> Iterator[BinaryIO]:
    """Opens a content as it lies there: a file, of its size."""
    remote = is_remote(location(store, blob))
    with _remote(store, blob) if remote else _local(store, blob) as source:
        yield source


@contextmanager
def _remote(store: ObjectStore, blob: Blob) -> Iterator[BinaryIO]:
    place = location(store, blob)
    files = remote_files(store, place)
    try:
        opened = files.open(files.guarded(place, size_bytes=blob.size_bytes))
    except NotFound as error:
        raise _changed(store, blob, "is gone") from error
    with closing(opened):
        yield cast(BinaryIO, opened)


def _local(store: ObjectStore, blob: Blob) -> BinaryIO:
    """Opens a local file: a stranger's catalog may name a device, a pipe, or any of the user's."""
    place = location(store, blob)
    try:
        with machine_errors(f"cannot read {place}"):
            descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _changed(store, blob, "is gone") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_size != blob.size_bytes:
        os.close(descriptor)
        raise _changed(store, blob, "was changed")
    return cast(BinaryIO, open(descriptor, "rb", buffering=0))


def _hashed(source: BinaryIO, blob: Blob, store: ObjectStore, copy: BinaryIO | None = None) -> None:
    """Reads a content, which must have its hash, and writes a copy of it if one is wanted.

    What is nothing but zeros becomes a hole.
    """
    digest = hashlib.sha256()
    step = REMOTE_READ_BYTES if is_remote(location(store, blob)) else READ_BYTES
    left = blob.size_bytes
    while left > 0 and (part := source.read(min(step, left))):
        digest.update(part)
        left -= len(part)
        rest = memoryview(part if copy is not None else b"")
        if len(part) == len(_ZEROS) and part == _ZEROS and copy is not None:
            copy.seek(len(part), os.SEEK_CUR)
            copy.truncate()
            continue
        while copy is not None and rest:
            rest = rest[copy.write(rest) :]
    if left or digest.hexdigest() != blob.sha256:
        raise _changed(store, blob, "was changed")


def _changed(store: ObjectStore, blob: Blob, happened: str) -> CorruptData:
    place = location(store, blob)
    own = "put a file with that content there, from a backup or from where it was taken"
    others = "restore the file, or take a snapshot again; {} protects contents from later writes"
    return CorruptData(
        f"{place}, the content {blob.sha256[:12]}, {happened} since it was committed",
        kind=ErrorKind.FILE_CHANGED,
        hint=hint(others, Option("mode", "copy")) if blob.place else own,
    )
