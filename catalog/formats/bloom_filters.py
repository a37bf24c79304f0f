"""Bloom filters of Parquet files: whether they are where the footer says.

An engine that looks for a value asks the filter of each row group first. Where there is none, the
query fails although all values can be read.

Source: Apache Parquet, "Parquet Bloom Filter".
"""

from typing import BinaryIO

from catalog.formats.footer import Footer
from catalog.formats.thrift import read_struct

_OFFSET, _LENGTH = 14, 15
"""The fields of a column chunk that say where its filter is, and how long with its header."""

_SIZE, _ALGORITHM, _HASH, _COMPRESSION = range(1, 5)

HEADER_BYTES = 64
"""More than the header of a filter takes, with kinds of one byte each and a size."""

BLOCK_BYTES = 32


def faulty_filters(path: str, footer: Footer) -> frozenset[int]:
    """Returns the leaves of a local file with a Bloom filter that is none, by their numbers.

    Raises:
        OSError: The file cannot be read.
    """
    places = {
        (number, chunk[_OFFSET], chunk.get(_LENGTH))
        for group in footer.groups
        for number, chunk in enumerate(group.chunks)
        if _OFFSET in chunk
    }
    if not places:
        return frozenset()
    with open(path, "rb", buffering=0) as file:
        size = file.seek(0, 2)
        return frozenset(
            number
            for number, offset, stated in places
            if not _is_filter(file, offset, stated=stated, size=size)
        )


def _is_filter(file: BinaryIO, offset: object, *, stated: object, size: int) -> bool:
    if type(offset) is not int or not 0 < offset < size:
        return False
    file.seek(offset)
    try:
        header, length = read_struct(file.read(HEADER_BYTES))
    except (IndexError, ValueError):
        return False
    kinds = (header.get(field) for field in (_ALGORITHM, _HASH, _COMPRESSION))
    if not all(isinstance(kind, dict) and list(kind) == [1] for kind in kinds):
        return False
    found = header.get(_SIZE)
    if type(found) is not int or found < BLOCK_BYTES or found % BLOCK_BYTES:
        return False
    whole = length + found
    return offset + whole <= size and stated in (None, whole)
