"""Local files on their way into a bucket: hashed in place, and hashed again when sent."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, CorruptData, ErrorKind, NotFound, StorageFailure
from catalog.storage.failures import machine_failure
from catalog.storage.store import StagedFile


@dataclass(frozen=True, slots=True)
class _Local:
    """A local file as it was when it was hashed."""

    name: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @staticmethod
    def of(name: str, found: os.stat_result) -> "_Local":
        return _Local(name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)

    def is_unchanged(self) -> bool:
        try:
            return _Local.of(self.name, os.stat(self.name)) == self
        except OSError:
            return False


class HashedFile:
    """A local file that was hashed in place; see ``StagedFile``.

    Attributes:
        own: Whether the file is the store's, to be removed once it is published.
    """

    def __init__(self, local: _Local, sha256: str, *, own: bool) -> None:
        self.sha256 = sha256
        self.size_bytes = local.size_bytes
        self.local_path = local.name
        self.local = local
        self.own = own
        self.published = False

    def discard(self) -> None:
        """Forgets it."""
        if not self.published:
            self.remove()

    def remove(self) -> None:
        """Removes the local file if it is the store's."""
        if self.own:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.local_path)


@contextlib.contextmanager
def _reading(source: str, gone: CatalogError) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise gone from error
    except OSError as error:
        failed = f"cannot read {source}"
        raise machine_failure(error, failed) or StorageFailure(
            f"{failed}: {error.strerror}", hint="check its permissions"
        ) from error


def hashed(source: str, *, own: bool) -> HashedFile:
    """Hashes a local file, ``own`` if it belongs to the store.

    Raises:
        NotFound: There is none.
        StorageFailure: It cannot be read.
        CorruptData: It was changed meanwhile.
    """
    missing = NotFound(f"no file {source}", kind=ErrorKind.SOURCE_NOT_FOUND)
    with _reading(source, missing), open(source, "rb", buffering=0) as file:
        before = _Local.of(source, os.fstat(file.fileno()))
        digest = hashlib.file_digest(file, "sha256")
        after = _Local.of(source, os.fstat(file.fileno()))
    if before != after:
        raise changed(source)
    return HashedFile(after, digest.hexdigest(), own=own)


def read_staged(staged: StagedFile) -> bytes:
    """Returns the bytes of a file that must still have its hash.

    Raises:
        CorruptData: It was changed since it was hashed, or is gone.
        StorageFailure: It cannot be read.
    """
    source = staged.local_path
    with _reading(source, changed(source)):
        data = Path(source).read_bytes()
    if hashlib.sha256(data).hexdigest() != staged.sha256:
        raise changed(source)
    return data


class CheckedReader:
    """Reads a staged file in order, and fails at its end unless it still has its hash.

    A client that sends a file in parts gets no last part of one that was changed, and so never
    makes an object of it.
    """

    def __init__(self, file: BinaryIO, staged: StagedFile) -> None:
        self._file = file
        self._staged = staged
        self._digest = hashlib.sha256()
        self._position = 0

    def read(self, length: int = -1, /) -> bytes:
        """Returns the next bytes.

        Raises:
            CorruptData: The file ends here, and was changed since it was hashed.
            StorageFailure: It cannot be read.
        """
        source = self._staged.local_path
        with _reading(source, changed(source)):
            data = self._file.read(length)
        self._digest.update(data)
        self._position += len(data)
        ended = self._position >= self._staged.size_bytes or not (data or length == 0)
        if ended and self._digest.hexdigest() != self._staged.sha256:
            raise changed(source)
        return data

    def tell(self) -> int:
        """Returns how many bytes were read."""
        return self._position


@contextlib.contextmanager
def checked(staged: StagedFile) -> Iterator[CheckedReader]:
    """Opens a staged file, to be read in order.

    Raises:
        CorruptData: It is gone.
        StorageFailure: It cannot be read.
    """
    source = staged.local_path
    with contextlib.ExitStack() as held:
        with _reading(source, changed(source)):
            file = held.enter_context(open(source, "rb"))
        yield CheckedReader(file, staged)


def changed(source: str) -> CatalogError:
    """Returns the error for a file that changes while it is read."""
    return CorruptData(
        f"{source} was changed while it was read; nothing was committed",
        kind=ErrorKind.SOURCE_CHANGED,
        hint="run the command again once the writer has finished",
    )
