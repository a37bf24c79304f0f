"""Contents of files of a source: hashed, and staged as copies where they are going to be kept."""

import os
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from typing import BinaryIO, cast

from catalog.dataclasses import dataclass, replace
from catalog.errors import NotFound
from catalog.formats.file_sets.listing import FileListing
from catalog.formats.file_sets.media_types import HEAD_BYTES, media_type
from catalog.formats.file_sets.pictures import Picture, is_picture, look_at
from catalog.formats.source import SourceFile
from catalog.storage.failures import storage_errors
from catalog.storage.store import ObjectStore
from catalog.threads import Threads
from catalog.write.snapshot import ingest
from catalog.write.snapshot.ingest import Mode, TakenFile

THREADS = min(8, 2 * (os.cpu_count() or 1))
"""Files read at a time: hashing and reading leave Python's lock to others."""

BATCH_FILES = 32
"""Files that a thread takes at a time: to hand them out singly takes as long as reading them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What follows from a content, and the name it has.

    Attributes:
        picture: What it looks like; None if it is no image, or was not looked at.
    """

    media_type: str
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A file of a source that was read.

    Attributes:
        position: Where it is in the listing.
        taken: Its content, and the copy of it if one was staged.
        read_at: When it was opened, in nanoseconds.
        facts: What follows from it; None if the set has the content already.
    """

    position: int
    taken: TakenFile
    read_at: int
    facts: Facts | None

    @property
    def sha256(self) -> str:
        """Hex digest of the content."""
        return self.taken.token.removeprefix("sha256:")


def source_file(listing: FileListing, position: int) -> SourceFile:
    """Returns a file of a listing as what takes it in wants it."""
    path: str = listing.paths[position].as_py()
    return SourceFile(
        path=listing.location(path),
        relative=path,
        size_bytes=listing.sizes[position].as_py(),
        mtime_ns=listing.mtimes[position].as_py(),
        ctime_ns=listing.ctimes[position].as_py(),
        inode=listing.inodes[position].as_py() % (1 << 64),
        hive=(),
        etag=listing.etags[position] if listing.etags else "",
    )


@dataclass(frozen=True, slots=True)
class ContentReader:
    """Reads contents of a source.

    Attributes:
        mode: How contents get into the catalog.
        known_sizes: The sizes of contents that the catalog has: a file of such a size is hashed
            before it is copied, since it may be one of them.
        known: The hashes of all of these contents.
        pictures: Whether images are looked at.
        dry_run: Whether nothing may be written.
    """

    store: ObjectStore
    listing: FileListing
    mode: Mode
    known_sizes: Collection[int]
    known: Collection[str]
    pictures: bool
    dry_run: bool

    def read(self, positions: Sequence[int]) -> list[Content]:
        """Reads some files, many at a time; of equal contents one keeps its copy.

        Raises:
            CorruptData: A file was changed while it was read.
            StorageFailure: One cannot be read, or the store cannot take it.
            InvalidInput: An image would take too much memory.
        """
        found: list[Content] = []
        copies: set[str] = set()
        lock = threading.Lock()
        failed = threading.Event()

        def batch(start: int) -> None:
            for position in positions[start : start + BATCH_FILES]:
                if failed.is_set():
                    return
                try:
                    content = self._content(position)
                except BaseException:
                    failed.set()
                    raise
                with lock:
                    if content.taken.staged is not None and content.sha256 in copies:
                        content.taken.staged.discard()
                        content = replace(content, taken=replace(content.taken, staged=None))
                    elif content.taken.staged is not None:
                        copies.add(content.sha256)
                    found.append(content)

        try:
            with Threads(THREADS) as pool:
                try:
                    list(pool.map(batch, range(0, len(positions), BATCH_FILES)))
                finally:
                    failed.set()  # also if the user stops it: no thread begins another file
            return sorted(found, key=lambda content: content.position)
        except BaseException:
            ingest.discard([content.taken for content in found])
            raise

    def _content(self, position: int) -> Content:
        source = source_file(self.listing, position)
        read_at = time.time_ns()
        mode = Mode.LINK if self.mode is Mode.LINK else Mode.COPY
        hash_only = self.dry_run or self.mode is not Mode.COPY
        taken = ingest.take(
            self.store,
            source,
            mode,
            known=None,
            dry_run=hash_only or source.size_bytes in self.known_sizes,
        )
        try:
            is_known = taken.token.removeprefix("sha256:") in self.known
            facts = None if is_known else self.facts(source, taken)
            return Content(position, taken, read_at, facts)
        except BaseException:
            ingest.discard([taken])
            raise

    def facts(self, source: SourceFile, taken: TakenFile | None = None) -> Facts:
        """Returns what follows from a file's content and name.

        Raises:
            CorruptData: The file was changed while it was read.
            InvalidInput: It is an image that would take too much memory.
        """
        path: str | None = None if source.etag else source.path
        if taken is not None and taken.staged is not None:
            path = taken.staged.local_path
        name = source.path
        picture = None
        try:
            with (
                storage_errors(name, f"cannot read {name}"),
                closing(self._opened(source, path)) as file,
            ):
                kind = media_type(source.relative, file.read(HEAD_BYTES))
                if self.pictures and is_picture(kind):
                    file.seek(0)
                    size = source.size_bytes
                    picture = look_at(file, name=name, media_type=kind, size_bytes=size)
        except NotFound as error:
            raise ingest.changed(name) from error
        if path == source.path:
            ingest.check_unchanged(source)
        return Facts(kind, picture)

    def _opened(self, source: SourceFile, path: str | None) -> BinaryIO:
        if path is not None:
            return open(path, "rb")
        return cast(BinaryIO, ingest.readable_source(self.store, source))
