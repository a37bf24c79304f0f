"""Pages of Parquet columns: their checksums, and the values of those that are not nested.

Values come as they are encoded, decompressed. Arrow decodes values, but does not expose pages.
Anything that violates the format, or is rare, ends in an error: callers must be able to do
without.

Source: Apache Parquet, ``parquet.thrift`` and "Data Pages".
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataclasses import dataclass
from catalog.formats.thrift import Fields, read_struct, varint
from catalog.interruption import check

HEADER_BYTES = 256
"""Bytes that hold most headers; longer ones are read again."""

_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_RLE = 3
_CODECS = ("SNAPPY", "GZIP", "BROTLI", "ZSTD")


@dataclass(frozen=True, slots=True)
class Page:
    """The values of a page.

    Attributes:
        dictionary: Whether they are the dictionary of the pages that follow.
        values: How many there are, NULL included.
        encoding: Number of the encoding.
        levels: Which values are NULL, in RLE; empty if none is.
        data: The encoded values.
    """

    dictionary: bool
    values: int
    encoding: int
    levels: bytes
    data: memoryview


def pages(stream: BinaryIO, chunk: pq.ColumnChunkMetaData, *, nullable: bool) -> Iterator[Page]:
    """Yields the pages of a column, not nested, in a row group.

    Raises:
        ValueError: It is damaged, or has pages or a codec of an unknown kind.
        OSError: The file cannot be read; Arrow raises its own errors for that, too.
    """
    if not chunk.num_values:
        return
    if chunk.compression not in ("UNCOMPRESSED", *_CODECS):
        raise ValueError(chunk.compression)
    codec = None if chunk.compression == "UNCOMPRESSED" else pa.Codec(chunk.compression.lower())
    values = 0
    for header, body in _stored(stream, _start(chunk), chunk.total_compressed_size):
        page = _page(header, memoryview(body), codec, nullable=nullable)
        values += 0 if page.dictionary else page.values
        yield page
    if values != chunk.num_values:
        raise ValueError("the pages and the column differ in their number of values")


def check_pages(stream: BinaryIO, metadata: pq.FileMetaData) -> None:
    """Checks the pages of a file by their checksums, in the order in which they are stored.

    Many writers write none. Where the first column has none, the others are not read.

    Raises:
        ValueError: A page is damaged.
        OSError: The file cannot be read.
    """
    groups = (metadata.row_group(n) for n in range(metadata.num_row_groups))
    chunks = [group.column(n) for group in groups for n in range(group.num_columns)]
    found = False
    for start, size in sorted((_start(one), one.total_compressed_size) for one in chunks):
        for header, body in _stored(stream, start, size):
            checksum = header.get(4)
            if checksum is not None and (checksum ^ zlib.crc32(body)) & 0xFFFFFFFF:
                raise ValueError("a page does not have its checksum")
            found |= checksum is not None
        if not found:
            return


def _start(chunk: pq.ColumnChunkMetaData) -> int:
    """Returns where the pages of a column in a row group begin."""
    first: int = chunk.data_page_offset
    return min(first, chunk.dictionary_page_offset) if chunk.has_dictionary_page else first


def _stored(stream: BinaryIO, at: int, size: int) -> Iterator[tuple[Fields, bytes]]:
    """Yields the headers and the stored bytes of the pages that lie in a part of a file."""
    end = at + size
    while at < end:
        check()
        header, length = _header(stream, at, end)
        size = _number(header, 3)
        stream.seek(at + length)
        body = stream.read(size)
        at += length + len(body)
        if len(body) != size or at > end:
            raise ValueError("the file ends within a page")
        yield header, body


def _page(fields: Fields, body: memoryview, codec: pa.Codec | None, *, nullable: bool) -> Page:
    kind, size = _number(fields, 1), _number(fields, 2)
    if kind == _DICTIONARY:
        about = _inner(fields, 7)
        data = _decompressed(body, codec, size)
        return Page(True, _number(about, 1), _number(about, 2), b"", data)
    levels = b""
    if kind == _DATA:
        about = _inner(fields, 5)
        encoding = _number(about, 2)
        data = _decompressed(body, codec, size)
        if nullable:
            if _number(about, 3) != _RLE or len(data) < 4:
                raise ValueError("levels that are not in RLE")
            (length,) = struct.unpack_from("<I", data)
            levels, data = bytes(data[4 : 4 + length]), data[4 + length :]
    elif kind == _DATA_V2:
        about = _inner(fields, 8)
        encoding = _number(about, 4)
        length = _number(about, 5)
        if _number(about, 6) or bool(length) > nullable:
            raise ValueError("levels of a nested column")
        levels, rest = bytes(body[:length]), body[length:]
        data = _decompressed(rest, codec if about.get(7, True) else None, size - length)
    else:
        raise ValueError(f"a page of kind {kind}")
    values = _number(about, 1)
    return Page(False, values, encoding, _without_full(levels, values), data)


def _decompressed(body: memoryview, codec: pa.Codec | None, size: int) -> memoryview:
    if codec is not None:
        return memoryview(codec.decompress(body, size) if size else b"")
    if len(body) != size:
        raise ValueError("a page whose size is not the one in its header")
    return body


def _without_full(levels: bytes, values: int) -> bytes:
    """Returns levels of 0 or 1; nothing if they are one run of 1."""
    if not levels:
        return b""
    try:
        run, at = varint(levels, 0)
    except IndexError as error:
        raise ValueError("levels end within a run") from error
    full = run == values << 1 and levels[at:] == b"\1"
    return b"" if full else levels


def _number(fields: Fields, number: int) -> int:
    found = fields.get(number)
    if not isinstance(found, int) or not 0 <= found < 1 << 31:
        raise ValueError(f"{found} in field {number}")
    return found


def _inner(fields: Fields, number: int) -> Fields:
    found = fields.get(number)
    if not isinstance(found, dict):
        raise ValueError(f"{found} in field {number}")
    for inner in found:
        if isinstance(found[inner], int):
            _number(found, inner)
    return found


def _header(stream: BinaryIO, at: int, end: int) -> tuple[Fields, int]:
    """Reads the header of a page, and how long it is."""
    size = HEADER_BYTES
    while True:
        stream.seek(at)
        data = stream.read(min(size, end - at))
        try:
            return read_struct(data)
        except IndexError as error:
            if size >= end - at:
                raise ValueError("the file ends within the header of a page") from error
        size *= 16
