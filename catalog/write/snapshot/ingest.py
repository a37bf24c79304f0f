"""Files of a source taken into the store: copied, linked or referenced in place.

Nothing is visible in the store before ``publish``; files seen before are not read again.
"""

import datetime
import hashlib
import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.completing import TakenFrom
from catalog.errors import CorruptData, ErrorKind, NotFound, StorageFailure, Unsupported
from catalog.formats.bounds import Claims
from catalog.formats.footer import ParquetSource
from catalog.formats.parquet import StoredFooter, read_footer
from catalog.formats.source import SourceFile
from catalog.hints import Option, hint
from catalog.interruption import check
from catalog.repository.datafiles import ETAG, guard_of, remote_guard
from catalog.repository.stat_records import StatRecord
from catalog.storage.external_files import remote_files
from catalog.storage.failures import machine_errors, machine_failure
from catalog.storage.store import (
    CopiesRemotely,
    ObjectStore,
    OpenFile,
    RemoteFile,
    StagedFile,
)
from catalog.threads import Threads

REMOTE_READ_BYTES = 16 << 20
"""Bytes hashed at a time where each part is a request."""

REQUESTS = 16
"""Requests about files of a source under way at a time."""


class Mode(StrEnum):
    """How the bytes of a source get into the catalog."""

    COPY = "copy"
    LINK = "link"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file of a source whose content is known.

    Attributes:
        staged: Its copy; None if it was not copied.
        reused: Whether its content was known without reading it.
        remote: The file as the server is going to copy it; None if it is not.
    """

    source: SourceFile
    token: str
    staged: StagedFile | None
    reused: bool
    remote: RemoteFile | None = None


def take(
    store: ObjectStore,
    source: SourceFile,
    mode: Mode,
    *,
    known: str | None,
    remote: RemoteFile | None = None,
    dry_run: bool,
) -> TakenFile:
    """Computes the content token of a file unless it is known, copying it if that is the mode.

    Raises:
        CorruptData: The file changed while it was read.
        StorageFailure: It cannot be read, or the store cannot take it.
    """
    if mode is Mode.REFERENCE:
        return TakenFile(source, reference_token(source), None, True)
    if known is not None:
        return TakenFile(source, known, None, True, remote)
    if remote is not None:
        token = f"sha256:{remote.sha256}" if remote.sha256 else reference_token(source)
        return TakenFile(source, token, None, False, remote)
    if mode is Mode.LINK and source.etag:
        raise Unsupported(
            f"{source.path} cannot be linked to",
            hint=hint("use {}, or {}", Option("mode", "copy"), Option("mode", "reference")),
        )
    if mode is Mode.LINK or dry_run:
        token = f"sha256:{_remote_hash(store, source) if source.etag else _hash(source)}"
        check_unchanged(source)
        return TakenFile(source, token, None, False)
    try:
        staged = _staged(store, source)
    except NotFound as error:
        raise changed(source.path) from error
    try:
        check_unchanged(source)
        if staged.size_bytes != source.size_bytes:
            raise changed(source.path)
    except BaseException:
        staged.discard()
        raise
    return TakenFile(source, f"sha256:{staged.sha256}", staged, False)


def _staged(store: ObjectStore, source: SourceFile) -> StagedFile:
    """Takes in a copy of a file, local or remote."""
    if not source.etag:
        return store.stage(source.path)
    local = store.scratch()
    remote_files(store, source.path).fetch(source.path, local, etag=source.etag)
    return store.take_over(local)


def copied_remotely(
    store: ObjectStore,
    files: Sequence[SourceFile],
    mode: Mode,
    *,
    seen: Mapping[str, RemoteFile],
    unknown: Sequence[SourceFile],
) -> dict[str, RemoteFile]:
    """Returns the files of a source that the server can copy by itself, by their paths.

    The server is asked about files of unknown content, since it may have a hash of them, unless
    its answer was seen already when their footers were read.

    Raises:
        CorruptData: One was changed since it was listed.
    """
    if mode is not Mode.COPY or not isinstance(store, CopiesRemotely):
        return {}
    far = [file for file in files if file.etag]
    if not far or not store.copies(_as_listed(far[0])):
        return {}

    known = {**{file.path: _as_listed(file) for file in far}, **seen}
    with Threads(REQUESTS) as pool:
        open_ones = [file for file in unknown if not known[file.path].sha256]
        known.update((one.uri, one) for one in pool.map(partial(_looked, store), open_ones))
    return known


def _as_listed(source: SourceFile) -> RemoteFile:
    modified = datetime.datetime.fromtimestamp(source.mtime_ns / 1e9, datetime.UTC)
    return RemoteFile(source.path, source.size_bytes, modified, source.etag)


def _looked(store: ObjectStore, source: SourceFile) -> RemoteFile:
    """Returns what the server says about a file, which must not have changed."""
    found = remote_files(store, source.path).look(source.path)
    if found is None or found.etag != source.etag:
        raise changed(source.path)
    return found


def readable_source(store: ObjectStore, source: SourceFile) -> ParquetSource:
    """Returns what reads a file of a source: its path, or the remote file, opened."""
    return _opened(store, source) if source.etag else source.path


def _opened(store: ObjectStore, source: SourceFile) -> OpenFile:
    opened = remote_files(store, source.path).open(source.path)
    if opened.found.etag != source.etag:
        raise changed(source.path)
    return opened


def footers(
    store: ObjectStore, files: Sequence[SourceFile]
) -> list[tuple[StoredFooter, RemoteFile | None]]:
    """Reads the footers of files of a source, many at a time where each is a request.

    Beside each is what the server said about the file if it is remote.
    """

    def one(file: SourceFile) -> tuple[StoredFooter, RemoteFile | None]:
        opened = readable_source(store, file)
        return read_footer(opened), None if isinstance(opened, str) else opened.found

    if not any(file.etag for file in files):
        return list(map(one, files))
    with Threads(REQUESTS) as pool:
        return list(pool.map(one, files))


def reference_token(source: SourceFile) -> str:
    """Returns the content token of a file that stays in its place."""
    own = guard(source)
    return own if source.etag else f"stat:{own}"


def guard(source: SourceFile) -> str:
    """Returns the guard of a file as it was found."""
    if source.etag:
        return f"{ETAG}{source.etag}++{source.size_bytes}"
    return f"{source.size_bytes}+{source.mtime_ns}+{source.inode}"


def recorded_token(records: Mapping[str, StatRecord], source: SourceFile) -> str | None:
    """Returns the content token of a file as a record has it, None if there is no valid one."""
    record, now = records.get(source.relative), source
    if record is None:
        return None
    recorded = (record.size_bytes, record.mtime_ns, record.ctime_ns, record.inode)
    same = recorded == (now.size_bytes, now.mtime_ns, now.ctime_ns, now.inode)
    return record.token if same else None


def check_unchanged(source: SourceFile) -> None:
    """Checks that a file is still as it was found.

    Raises:
        CorruptData: It was changed or removed since.
    """
    if source.etag:  # it is read under the condition of its ETag, and listed again at the end
        return
    try:
        with machine_errors(f"cannot look at {source.path}"):
            same = guard_of(os.stat(source.path)) == guard(source)
    except FileNotFoundError:
        same = False
    if not same:
        raise changed(source.path)


def changed(path: str) -> CorruptData:
    """Returns the error for a source that changes while it is read."""
    return CorruptData(
        f"{path} was changed while it was read; nothing was committed",
        kind=ErrorKind.SOURCE_CHANGED,
        hint="try again once the writer has finished",
    )


def place(
    store: ObjectStore, taken: Sequence[tuple[TakenFile, str]], mode: Mode
) -> list[str | None]:
    """Gives files their paths in the store, bringing in the bytes where they are missing.

    Returns:
        Per file, the guard that its data-file entry needs, None where the bytes are the
        store's own.
    """
    if mode is Mode.REFERENCE:
        return _guards(store, [one.source for one, _ in taken])
    if mode is Mode.LINK:
        shared = store.adopt([(one.source.path, path) for one, path in taken])
        for one, _ in taken:
            check_unchanged(one.source)
        return [
            guard(one.source) if reachable else None
            for (one, _), reachable in zip(taken, shared, strict=True)
        ]
    _copy_remotely(store, taken)
    batch = [(one.staged, path) for one, path in taken if one.staged is not None]
    try:
        for one, path in taken:
            if one.staged is None and one.remote is None and store.info(path) is None:
                staged = _staged(store, one.source)
                batch.append((staged, path))
                if f"sha256:{staged.sha256}" != one.token:
                    raise changed(one.source.path)
        store.publish(batch)
    except BaseException:
        for staged, _ in batch:
            staged.discard()
        raise
    return [None] * len(taken)


def _copy_remotely(store: ObjectStore, taken: Sequence[tuple[TakenFile, str]]) -> None:
    pairs = [(one.remote, path) for one, path in taken if one.remote is not None]
    if pairs and isinstance(store, CopiesRemotely):
        for (remote, _), there in zip(pairs, store.copy_in(pairs), strict=True):
            if not there:
                raise changed(remote.uri)


def _guards(store: ObjectStore, sources: Sequence[SourceFile]) -> list[str | None]:
    """Returns the guards of files that stay where they are, which are looked at once more.

    Raises:
        CorruptData: One was changed or removed since it was found.
    """

    def one(source: SourceFile) -> str:
        if source.etag:
            return remote_guard(_looked(store, source))
        check_unchanged(source)
        return guard(source)

    if not any(source.etag for source in sources):
        return list(map(one, sources))
    with Threads(REQUESTS) as pool:
        return list(pool.map(one, sources))


def discard(taken: Sequence[TakenFile]) -> None:
    """Deletes copies that are not needed."""
    for one in taken:
        if one.staged is not None:
            one.staged.discard()


def taken_from(store: ObjectStore, one: TakenFile, claims: Mapping[int, Claims]) -> TakenFrom:
    """Returns where a file is read before it has its place in the store."""
    source = one.source
    if one.staged is not None:
        path = one.staged.local_path
        return TakenFrom(source.path, path, lambda: path, True, claims)
    uri = source.path
    if source.etag:
        uri = remote_files(store, uri).guarded(uri, etag=source.etag)
    return TakenFrom(source.path, uri, partial(readable_source, store, source), False, claims)


def _remote_hash(store: ObjectStore, source: SourceFile) -> str:
    opened, digest = _opened(store, source), hashlib.sha256()
    while part := opened.read(REMOTE_READ_BYTES):
        check()
        digest.update(part)
    return digest.hexdigest()


def _hash(source: SourceFile) -> str:
    path = source.path
    try:
        with open(path, "rb", buffering=0) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if file.tell() != source.size_bytes:
                raise changed(path)
            return found
    except FileNotFoundError as error:
        raise changed(path) from error
    except OSError as error:
        failed = f"cannot read {path}"
        raise machine_failure(error, failed) or StorageFailure(
            f"{failed}: {error.strerror}", hint="check the file's permissions"
        ) from error
