"""The protocol by which the catalog keeps bytes, and what every store promises.

Paths are relative, ``/``-separated, without empty, ``.`` or ``..`` segments. Objects are
immutable but for those changed by ``swap`` and derived ones written by ``put``.
"""

import datetime
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from catalog.dataclasses import dataclass
from catalog.errors import Conflict, ErrorKind, InvalidInput, StorageFailure


class SwapLost(Conflict):
    """An object was no longer at the version a swap expected."""

    default_kind = ErrorKind.SWAP_LOST


class OutcomeUnknown(StorageFailure):
    """A write was sent and its answer lost: reading back must settle it."""

    default_kind = ErrorKind.OUTCOME_UNKNOWN


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's bytes, and the version token that a swap of it must name."""

    data: bytes
    version: str


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as a listing describes it.

    Attributes:
        modified: When the store says that it was written, aware UTC, by the store's own clock.
        identity: Tells it from another object that has its name later, with the time: size,
            modification time and inode of a local file, the generation or ETag in a bucket.
    """

    path: str
    size_bytes: int
    modified: datetime.datetime
    identity: str = ""


class StagedFile(Protocol):
    """A file taken in and hashed, not yet visible under any name."""

    @property
    def sha256(self) -> str:
        """Returns the hex digest of its bytes."""

    @property
    def size_bytes(self) -> int:
        """Returns its size."""

    @property
    def local_path(self) -> str:
        """Returns where its bytes can be read until it is published or discarded."""

    def discard(self) -> None:
        """Forgets it; does nothing once it is published."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file in a bucket, as a listing or a request about it describes it.

    Attributes:
        etag: What its content is known by.
        version: Its version id; empty where there is none, and in listings.
        sha256: Hex digest of its bytes; empty where the server knows none, or was not asked.
    """

    uri: str
    size_bytes: int
    modified: datetime.datetime
    etag: str
    version: str = ""
    sha256: str = ""


class OpenFile(Protocol):
    """A file in a bucket, open for reading by ranges; a binary file otherwise."""

    @property
    def found(self) -> RemoteFile:
        """Returns what is known of it."""

    @property
    def size(self) -> int:
        """Returns its size in bytes."""

    def read(self, length: int | None = -1, /) -> bytes:
        """Reads from the current position."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Sets where the next read begins."""

    def tell(self) -> int:
        """Returns where the next read begins."""

    def close(self) -> None:
        """Ends it."""


class RemoteFiles(Protocol):
    """What lists and reads files in buckets, by URI; safe to use from many threads.

    Attributes:
        scheme: How their URIs begin, e.g. ``s3://``.
    """

    scheme: str

    def list(self, uri: str) -> Iterator[RemoteFile]:
        """Yields the files whose URIs start with this one, in order.

        Raises:
            NotFound: The bucket does not exist.
        """

    def look(self, uri: str) -> RemoteFile | None:
        """Returns what is known of a file; None if there is none."""

    def open(self, uri: str, *, like: OpenFile | None = None) -> OpenFile:
        """Opens a file.

        Args:
            uri: The file.
            like: The same file as it was opened before, to be read as it was then.

        Raises:
            NotFound: There is none.
        """

    def guarded(self, uri: str, *, etag: str = "", size_bytes: int | None = None) -> str:
        """Returns a URI for ``open`` that opens a file only if it has an ETag, or a size."""

    def fetch(self, uri: str, target: str, *, etag: str) -> None:
        """Copies a file that must still have its ETag to a local one.

        Raises:
            CorruptData: It was changed, or is gone.
        """


class ObjectStore(Protocol):
    """Objects by path; every method is safe to call from many threads and processes."""

    @property
    def location(self) -> str:
        """Returns where the store is: an absolute path or a URI."""

    @property
    def external_files(self) -> RemoteFiles | None:
        """Returns what reads files in buckets, the store's own where ``uri`` returns URIs.

        None if the store was given no access of its own.
        """

    def read(self, path: str) -> Stored:
        """Returns an object.

        Raises:
            NotFound: There is none.
        """

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Returns ``length`` bytes from ``offset``, fewer only where the object ends.

        Raises:
            NotFound: There is none.
        """

    def info(self, path: str) -> ObjectInfo | None:
        """Returns what a listing would say of an object, None if there is none."""

    def create(self, path: str, data: bytes) -> str:
        """Creates an object that must not exist and returns its version.

        It is whole and durable when the call returns, and never seen in part.

        Raises:
            AlreadyExists: An object of that name exists, with any bytes.
            OutcomeUnknown: The answer was lost; it may or may not have happened.
        """

    def swap(self, path: str, data: bytes, *, version: str) -> str:
        """Replaces an object that must still be at ``version``; returns the new version.

        Raises:
            SwapLost: It is at another version, or gone.
            OutcomeUnknown: The answer was lost; it may or may not have happened.
        """

    def put(self, path: str, data: bytes) -> None:
        """Writes a derived object, replacing what is there; not necessarily durable."""

    def stage(self, source: str) -> StagedFile:
        """Takes in a copy of a local file and hashes it.

        Raises:
            NotFound: The source is missing.
            StorageFailure: It cannot be read, or the store cannot take it.
        """

    def scratch(self) -> str:
        """Returns a fresh path for a local file that ``take_over`` is going to be given."""

    def take_over(self, source: str) -> StagedFile:
        """Takes in a local file that nobody else uses, without a copy where that can be.

        The file is the store's from then on: it is gone from where it was.

        Raises:
            NotFound: The file is missing.
            StorageFailure: It cannot be read, or the store cannot take it.
        """

    def publish(self, files: Sequence[tuple[StagedFile, str]]) -> None:
        """Gives staged files their names; all are durable when the call returns.

        A file of that name already there is left: names of staged files come from their
        content.

        Args:
            files: Each file with its path in the store.
        """

    def adopt(self, files: Sequence[tuple[str, str]]) -> list[bool]:
        """Makes local files readable as objects without copying their bytes.

        By reflink where the file system can, else by hard link.

        Args:
            files: Each source with its path in the store; an object already there is left.

        Returns:
            For each, whether others can still reach its bytes (a hard link).

        Raises:
            Unsupported: The store cannot link to local files, or not across file systems.
        """

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yields the objects whose path starts with ``prefix``, mostly in path order."""

    def delete(self, path: str) -> None:
        """Removes an object; nothing happens if there is none."""

    def delete_listed(self, found: Sequence[ObjectInfo]) -> Sequence[bool]:
        """Removes objects that are still those that were listed.

        Local files, and objects of Google's and Microsoft's services, are compared by
        ``identity`` as they are removed. S3 compares nothing: list them right before.

        Args:
            found: The objects, as ``list`` described them.

        Returns:
            For each, whether it is gone now: False if there is another object of its name.
        """

    def uri(self, path: str) -> str:
        """Returns where an engine reads the object: an absolute path or a URI."""


@runtime_checkable
class KeepsCopies(Protocol):
    """A store that knows local files with the bytes of what it has just published."""

    def local_copy(self, path: str) -> str | None:
        """Returns a local file with the bytes of an object; None if it knows none."""


@runtime_checkable
class Forgets(Protocol):
    """A store that keeps copies of objects that hardly ever change."""

    def forget(self, path: str) -> None:
        """Drops its copy of an object, so that it is read anew."""


@runtime_checkable
class CopiesRemotely(Protocol):
    """A store whose server copies files: their bytes do not come here."""

    def copies(self, like: RemoteFile) -> bool:
        """Returns whether the server copies files such as this one, and only unchanged ones.

        Args:
            like: One of the files to be copied.
        """

    def copy_in(self, files: Sequence[tuple[RemoteFile, str]]) -> list[bool]:
        """Copies files under names derived from their content; all are durable then.

        Args:
            files: Each file, which must still have its ETag, with its path in the store. An
                object already there is left.

        Returns:
            For each, whether it is there: False if it was changed, or is gone.

        Raises:
            StorageFailure: The server did not copy one.
        """


@runtime_checkable
class CachesObjects(Protocol):
    """A store that keeps what it has read of another one."""

    def uncached(self) -> "ObjectStore":
        """Returns the other one."""


@runtime_checkable
class TakesTurns(Protocol):
    """A store whose writers can wait for each other before they race for an object.

    This is optional: the swap alone decides who wins. It saves losers from doing their work
    twice.
    """

    def turn(self, path: str) -> AbstractContextManager[None]:
        """Waits until no other writer is about to swap an object, but not for long."""


@runtime_checkable
class FinishesWrites(Protocol):
    """A store that may still be writing when a call has returned."""

    def finish_writes(self) -> None:
        """Waits until everything is there.

        Raises:
            CatalogError: Something could not be written.
        """


def check_path(path: str) -> str:
    """Returns a path that stays below a store's root.

    Raises:
        InvalidInput: It does not.
    """
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\x00" in part or "\\" in part for part in parts):
        raise InvalidInput(
            f"{path!r} is not a path inside the catalog", kind=ErrorKind.PATH_OUTSIDE
        )
    return path
