"""Copies of local files: hashed on the way, or sharing their blocks."""

import fcntl
import hashlib
import os

from catalog.interruption import check

COPY_BYTES = 1 << 20
"""Bytes copied and hashed at a time: large enough that the calls do not count, small enough to
stay in the processor's cache between hashing and writing."""

_FICLONE = 0x40049409
"""Linux's request to share all blocks of a file with another (``ioctl_ficlone(2)``)."""


def copy_hashed(source: str, target: str) -> tuple[str, int]:
    """Copies a file, with its holes, and returns its hash and its size."""
    digest = hashlib.sha256()
    size_bytes, hole = 0, False
    with open(source, "rb", buffering=0) as reader, open(target, "xb", buffering=0) as writer:
        whole = bytearray(min(COPY_BYTES, os.fstat(reader.fileno()).st_size + 1))
        zeros, buffer = bytes(whole), memoryview(whole)
        while count := reader.readinto(buffer):
            check()
            chunk = buffer[:count]
            digest.update(chunk)
            size_bytes += count
            hole = count == COPY_BYTES and whole == zeros
            if hole:
                writer.seek(count, os.SEEK_CUR)
                continue
            written = 0
            while written < count:
                written += writer.write(chunk[written:])
        if hole:  # at its end, where nothing was written
            writer.truncate(size_bytes)
    return digest.hexdigest(), size_bytes


def reflink(source: str, target: str) -> bool:
    """Makes a file share all blocks of another; False if the file system cannot."""
    with open(source, "rb") as reader, open(target, "xb") as writer:
        try:
            fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
        except OSError:
            return False
        os.fsync(writer.fileno())
        return True
