"""A bounded cache of bytes in a local directory, shared by processes; losing it costs time only."""

import contextlib
import hashlib
import os
import random
import secrets
from collections.abc import Callable

MAX_BYTES = 512 << 20
"""Bytes kept by default: the metadata of catalogs with millions of files."""

TRIMS = 16
"""Times that a full cache's bytes are trimmed while as many are written: it grows past its
bound by one part in so many, on average."""

KEPT_SHARE = 0.8
"""Share of its bound that a trim leaves: the next is not due at once."""

DIGEST_BYTES = 32


class DiskCache:
    """Bytes by name, in files that are checked when they are read.

    Args:
        directory: Where; made when it is needed.
        max_bytes: Bytes kept, about; ``-1`` means unlimited.
        draw: Returns random numbers from 0 to 1, which decide who trims.
    """

    def __init__(
        self,
        directory: str,
        *,
        max_bytes: int = MAX_BYTES,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._draw = draw

    def get(self, name: str) -> bytes | None:
        """Returns what is kept under a name; None if there is nothing that can be trusted."""
        path = self._path(name)
        try:
            with open(path, "rb") as file:
                stored = file.read()
        except OSError:
            return None
        data = stored[DIGEST_BYTES:]
        with contextlib.suppress(OSError):
            if hashlib.sha256(data).digest() != stored[:DIGEST_BYTES]:
                os.unlink(path)
                return None
            os.utime(path)
        return data

    def put(self, name: str, data: bytes) -> None:
        """Keeps bytes under a name; where nothing can be written, nothing is kept."""
        path = self._path(name)
        temporary = f"{path}.{secrets.token_hex(8)}.partial"
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with open(temporary, "xb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            os.replace(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            return
        if self._max_bytes >= 0 and self._draw() * self._max_bytes < len(data) * TRIMS:
            self.trim()

    def remove(self, name: str) -> None:
        """Drops an entry."""
        with contextlib.suppress(OSError):
            os.unlink(self._path(name))

    def trim(self) -> None:
        """Removes what was not used for longest, if there is more than the bound."""
        found: list[tuple[float, int, str]] = []
        for folder, _, names in os.walk(self.directory):
            for name in names:
                path = os.path.join(folder, name)
                with contextlib.suppress(OSError):
                    at = os.stat(path)
                    found.append((at.st_mtime, at.st_size, path))
        left = sum(size for _, size, _ in found)
        if left <= self._max_bytes:
            return
        for _, size, path in sorted(found):
            if left <= self._max_bytes * KEPT_SHARE:
                return
            with contextlib.suppress(OSError):
                os.unlink(path)
            left -= size

    def _path(self, name: str) -> str:
        digest = hashlib.sha256(name.encode()).hexdigest()
        return os.path.join(self.directory, digest[:2], digest)
