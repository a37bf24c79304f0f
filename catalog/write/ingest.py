"""Files of a source taken into the store: copied, linked or referenced in place.

Nothing is visible in the store before ``publish``; files seen before are not read again.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from catalog.errors import CorruptData, NotFound, StorageFailure
from catalog.formats.hive import SourceFile
from catalog.repository.datafiles import guard_of
from catalog.repository.stat_records import StatRecord
from catalog.storage.store import ObjectStore, StagedFile

READ_BYTES = 1 << 20
"""Bytes hashed at a time."""


class Mode(StrEnum):
    """Says how the bytes of a source get into the catalog."""

    COPY = "copy"
    LINK = "link"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Taken:
    """Holds a file of a source whose content is known.

    Attributes:
        source: The file.
        token: What its content is known by.
        staged: Its copy; None if it was not copied.
        reused: Whether its content was known without reading it.
    """

    source: SourceFile
    token: str
    staged: StagedFile | None
    reused: bool


def take(
    store: ObjectStore,
    source: SourceFile,
    mode: Mode,
    record: StatRecord | None,
    *,
    dry_run: bool,
) -> Taken:
    """Learns the content of a file, copying it on the way if that is the mode.

    Args:
        store: Where to.
        source: The file as it was found.
        mode: How.
        record: What is known of it from before.
        dry_run: Whether nothing may be copied.

    Raises:
        CorruptData: The file changed while it was read.
        StorageFailure: It cannot be read, or the store cannot take it.
    """
    if mode is Mode.REFERENCE:
        return Taken(source, f"stat:{guard(source)}", None, True)
    if record is not None and matches(record, source):
        return Taken(source, record.token, None, True)
    if mode is Mode.LINK or dry_run:
        token = f"sha256:{_hash(source.path)}"
        check_unchanged(source)
        return Taken(source, token, None, False)
    try:
        staged = store.stage(source.path)
    except NotFound as error:
        raise changed(source.path) from error
    try:
        check_unchanged(source)
    except CorruptData:
        staged.discard()
        raise
    return Taken(source, f"sha256:{staged.sha256}", staged, False)


def guard(source: SourceFile) -> str:
    """Returns the guard of a file as it was found."""
    return f"{source.size_bytes}+{source.mtime_ns}+{source.inode}"


def matches(record: StatRecord, source: SourceFile) -> bool:
    """Tells whether a file is still what a record says."""
    return (record.size_bytes, record.mtime_ns, record.ctime_ns, record.inode) == (
        source.size_bytes,
        source.mtime_ns,
        source.ctime_ns,
        source.inode,
    )


def check_unchanged(source: SourceFile) -> None:
    """Checks that a file is still as it was found.

    Raises:
        CorruptData: It was changed or removed since.
    """
    try:
        same = guard_of(os.stat(source.path)) == guard(source)
    except FileNotFoundError:
        same = False
    if not same:
        raise changed(source.path)


def changed(path: str) -> CorruptData:
    """Returns the error for a source that changes while it is read."""
    return CorruptData(
        f"{path} was changed while it was read; nothing was committed",
        kind="source-changed",
        hint="run the command again once the writer has finished",
    )


def place(store: ObjectStore, taken: Sequence[tuple[Taken, str]], mode: Mode) -> list[str | None]:
    """Gives files their names in the store, bringing in the bytes where they are missing.

    Args:
        store: Where to.
        taken: Each file with its path in the store.
        mode: How; ``Mode.REFERENCE`` leaves the files where they are.

    Returns:
        Per file, the guard that its data-file entry needs, None where the bytes are the
        store's own.
    """
    if mode is Mode.REFERENCE:
        return [guard(one.source) for one, _ in taken]
    if mode is Mode.LINK:
        shared = store.adopt([(one.source.path, path) for one, path in taken])
        for one, _ in taken:
            check_unchanged(one.source)
        return [
            guard(one.source) if reachable else None
            for (one, _), reachable in zip(taken, shared, strict=True)
        ]
    batch = [(one.staged, path) for one, path in taken if one.staged is not None]
    try:
        for one, path in taken:
            if one.staged is None and store.info(path) is None:
                staged = store.stage(one.source.path)
                batch.append((staged, path))
                if f"sha256:{staged.sha256}" != one.token:
                    raise changed(one.source.path)
        store.publish(batch)
    except BaseException:
        for staged, _ in batch:
            staged.discard()
        raise
    return [None] * len(taken)


def discard(taken: Sequence[Taken]) -> None:
    """Forgets copies that are not needed."""
    for one in taken:
        if one.staged is not None:
            one.staged.discard()


def _hash(path: str) -> str:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(READ_BYTES))
    try:
        with open(path, "rb", buffering=0) as file:
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
    except FileNotFoundError as error:
        raise changed(path) from error
    except OSError as error:
        raise StorageFailure(
            f"cannot read {path}: {error.strerror}", hint="check who may read it"
        ) from error
    return digest.hexdigest()
