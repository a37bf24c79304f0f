"""Compressed bytes of strangers: no more comes out of them than was promised.

A few kilobytes of zlib inflate to megabytes, of zstd to gigabytes. So every length that is
promised has a bound, by what is stored and altogether, and what does not keep it is damaged.
"""

import zlib

from catalog.errors import CorruptData, Unsupported

SMALL_BYTES = 4 << 20
"""What anything stored may inflate to, however small it is."""

MAX_RATIO = 200
"""How many times its size something larger may inflate to: canonical JSON of the widest tables
shrinks to a twentieth, and base64 hardly at all."""

SMALL_COLUMNS_BYTES = 64 << 20
"""What any columnar node may inflate to: statistics that are the same in all files of a table of
thousands of columns shrink to very little."""

MAX_COLUMNS_RATIO = 1000
"""How many times its size a larger columnar node may inflate to."""

MAX_BYTES = 1 << 30
"""What nothing stored inflates to, and what no part of a pack is longer than."""


def most_bytes(stored: int) -> int:
    """Returns the length up to which JSON of some stored length is inflated."""
    return min(max(SMALL_BYTES, MAX_RATIO * stored), MAX_BYTES)


def most_column_bytes(stored: int) -> int:
    """Returns the length up to which a columnar node of some stored length is inflated."""
    return min(max(SMALL_COLUMNS_BYTES, MAX_COLUMNS_RATIO * stored), MAX_BYTES)


def inflated(packed: bytes, what: str, *, length: int | None = None) -> bytes:
    """Returns what a whole zlib stream holds: as many bytes as were promised, if any were.

    Raises:
        CorruptData: It is not one stream, or holds more or less, or far more than its size tells.
    """
    most = most_bytes(len(packed))
    if length is not None:
        if length > most:
            raise CorruptData(f"{what} is damaged: {len(packed)} bytes promise {length}")
        most = length
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(packed, most + 1)
    except zlib.error as error:
        raise CorruptData(f"{what} is not readable: {error}") from error
    whole = stream.eof and not stream.unused_data and not stream.unconsumed_tail
    if not whole or len(found) > most or len(found) != (len(found) if length is None else length):
        raise CorruptData(f"{what} is damaged: it does not hold what its length says")
    return found


def deflated(content: bytes) -> bytes:
    """Returns content as a zlib stream that ``inflated`` reads.

    What shrinks beyond all bounds, which only content made for that does, is stored as it is.

    Raises:
        Unsupported: The content is too long.
    """
    if len(content) > MAX_BYTES:
        raise Unsupported(f"{len(content)} bytes are too many for one stored object")
    packed = zlib.compress(content, 6)
    return packed if len(content) <= most_bytes(len(packed)) else zlib.compress(content, 0)
