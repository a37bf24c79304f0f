"""Files in a bucket, read by ranges: the end at once, all else when asked for, nothing ahead."""

import io
from dataclasses import dataclass
from typing import Any, Protocol

from catalog.errors import CorruptData, ErrorKind
from catalog.storage.store import RemoteFile

TAIL_BYTES = 1 << 16
"""First read of a file, at its end: it holds the footer of nearly every Parquet file."""

FETCH_BYTES = 16 << 20
"""Bytes fetched at a time: large enough that requests do not count."""

END_BYTES = 1 << 20
"""Most of an end that is held: the footer of a file of many columns and row groups."""


GUARD = "#parquetry-etag="
"""Separates a URI from the ETag that the file must have."""


class Ranges(Protocol):
    """What reads parts of files in buckets."""

    def range(self, uri: str, offset: int, length: int, *, etag: str) -> bytes:
        """Returns part of a file that must still have its ETag.

        Raises:
            CorruptData: It was changed since it was opened.
        """


@dataclass(slots=True)
class End:
    """What is known of a file, and its last bytes with those that were read next to them.

    Attributes:
        found: What is known.
        data: Its last bytes.
    """

    found: RemoteFile
    data: bytes


class RangedFile(io.RawIOBase):
    """A file in a bucket, open for reading.

    Attributes:
        end: What is known of it, shared by all that read the same file.
    """

    def __init__(self, ranges: Ranges, uri: str, end: End) -> None:
        super().__init__()
        self._ranges = ranges
        self._uri = uri
        self.end = end
        self._position = 0

    @property
    def found(self) -> RemoteFile:
        """Returns what is known of it."""
        return self.end.found

    @property
    def size(self) -> int:
        """Returns its size in bytes."""
        return self.found.size_bytes

    def readable(self) -> bool:
        """Tells that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tells that any part of it can be read."""
        return True

    def tell(self) -> int:
        """Returns where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Sets where the next read begins."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def read(self, length: int | None = -1) -> bytes:
        """Reads from the current position, exactly as much as requested."""
        left = max(self.size - self._position, 0)
        wanted = left if length is None or length < 0 else min(length, left)
        data = self._at(self._position, wanted)
        self._position += len(data)
        return data

    def readall(self) -> bytes:
        """Reads all that is left."""
        return self.read()

    def readinto(self, buffer: Any) -> int:
        """Reads into a buffer."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _at(self, offset: int, length: int) -> bytes:
        if length <= 0:
            return b""
        tail = self.end.data
        held = self.size - len(tail)
        if offset >= held:
            return tail[offset - held : offset - held + length]
        stop = min(offset + length, held)
        data = self._ranges.range(self._uri, offset, stop - offset, etag=self.found.etag)
        if len(data) != stop - offset:
            raise CorruptData(f"{self._uri} is truncated", kind=ErrorKind.FILE_CHANGED)
        if stop == held and len(data) + len(tail) <= END_BYTES:
            self.end.data = data + tail
        return data + tail[: offset + length - stop]


def split_guard(uri: str) -> tuple[str, str]:
    """Returns a URI, and the ETag that the file must have; empty if any will do."""
    plain, found, etag = uri.rpartition(GUARD)
    return (plain, etag) if found else (uri, "")


def file_changed(uri: str) -> CorruptData:
    """Returns the error for a file in a bucket that changes while it is read."""
    return CorruptData(
        f"{uri} was changed while it was read",
        kind=ErrorKind.FILE_CHANGED,
        hint="run the command again once the writer has finished",
    )
