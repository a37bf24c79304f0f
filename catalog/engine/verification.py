"""Data files compared with what was committed before the engine reads them.

The engine looks at no checksum, so what it is given is checked here first, as far as the catalog
was opened to do so: by size and guard, by the checksums in pages, or by the hash of the bytes.
"""

import hashlib
import io
import os
import time
from collections.abc import Iterable
from functools import partial
from typing import BinaryIO, cast

from catalog.errors import CorruptData, ErrorKind, NotFound
from catalog.formats.footer import ParquetSource, checked_metadata, committed_label
from catalog.formats.pages import check_pages
from catalog.model.datafile import DataFile
from catalog.repository.datafiles import Watch, locate, readable, verify
from catalog.repository.repository import Repository
from catalog.threads import Threads

READ_BYTES = 4 << 20
"""Bytes read at a time: in a bucket, each is a request."""

REST_NS = 2_000_000_000
"""How long a file must have been at rest for its times to be trusted: FAT's grain."""

HASHED = "sha256:"
"""Begins the tokens of files whose hash is known."""


def verified(
    repository: Repository, files: Iterable[DataFile], *, what: str, all_needed: bool = True
) -> Watch:
    """Checks that files are what was committed to a table, ``what``, as the catalog was opened to.

    Bytes that were checked once are not read again while the file keeps its times, or its ETag.

    Args:
        repository: The catalog.
        files: The files.
        what: The table, for messages.
        all_needed: Whether all will be opened; if not, the catalog's own may be missing.

    Returns:
        What compares local files again once they were read.

    Raises:
        CorruptData: A file was changed, replaced or removed.
    """
    files = list(files)
    deep = repository.verify != "size"
    watch = verify(repository.store, files, what=what, all_needed=all_needed, watch_own=deep)
    if deep:
        with Threads(os.cpu_count() or 1) as pool:
            for _ in pool.map(partial(_check, repository, watch, all_needed=all_needed), files):
                pass
    return watch


def _check(repository: Repository, watch: Watch, file: DataFile, *, all_needed: bool) -> None:
    """Checks the bytes of a file, unless they were checked before."""
    path = locate(repository.store, file)
    by_hash = repository.verify == "hash" and file.token.startswith(HASHED)
    found = watch.found.get(path)
    source: ParquetSource = path
    stamp: tuple[object, ...]
    if found is not None:
        stamp = found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
        rested = time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > REST_NS
    else:
        try:
            source = readable(repository.store, file)
        except NotFound as error:
            if all_needed:
                raise CorruptData(f"{path} is gone", kind=ErrorKind.FILE_CHANGED) from error
            return
        if isinstance(source, str):  # just uploaded from here, or missing and perhaps not needed
            return
        stamp, rested = (source.found.etag,), True
    known = (path, file.token if by_hash else "", *stamp)
    if known in repository.verified:
        return
    with _stream(source) as stream:
        if by_hash:
            _check_hash(stream, path, file.token)
        else:
            _check_pages(source, stream, path)
    if rested:
        repository.verified.add(known)


def _stream(source: ParquetSource) -> BinaryIO:
    if isinstance(source, str):
        return open(source, "rb", buffering=READ_BYTES)
    return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, source), READ_BYTES))


def _check_hash(stream: BinaryIO, path: str, token: str) -> None:
    digest = hashlib.sha256()
    while part := stream.read(READ_BYTES):
        digest.update(part)
    if f"{HASHED}{digest.hexdigest()}" != token:
        raise _damaged(path, "its bytes are not those that were committed")


def _check_pages(source: ParquetSource, stream: BinaryIO, path: str) -> None:
    try:
        check_pages(stream, checked_metadata(source, committed_label(path)))
    except CorruptData as error:
        raise _damaged(path, error.message) from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: str, why: str) -> CorruptData:
    return CorruptData(
        f"{path} is damaged: {why}",
        kind=ErrorKind.DAMAGED_PARQUET,
        hint="restore the file from a backup, or snapshot the table again",
    )
