"""Files that are read by parts, as a file object with a position."""

import io
from abc import abstractmethod
from typing import Any

from catalog.storage.store import RemoteFile


class PositionedFile(io.RawIOBase):
    """A file that is open for reading; a read is one call, at the position that was set before it.

    The engine sets the position and reads in two steps, from several threads.

    Attributes:
        found: What is known of the file.
    """

    def __init__(self, found: RemoteFile) -> None:
        super().__init__()
        self.found = found
        self._position = 0

    @abstractmethod
    def part(self, offset: int, length: int) -> bytes:
        """Returns bytes from an offset on, fewer only at the end."""

    @property
    def size(self) -> int:
        """Returns its size in bytes."""
        return self.found.size_bytes

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns True."""
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
        """Reads from the current position, as much as requested unless the file ends before."""
        position = self._position
        left = max(self.size - position, 0)
        wanted = left if length is None or length < 0 else min(length, left)
        data = self.part(position, wanted) if wanted else b""
        self._position = position + len(data)
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
