"""Columns of many small files, read as if each file were a row group of one file in memory.

To open a file with Arrow, and to read some columns of it, takes longer than to decode a few
thousand values. So it is kept how and where a file stores each of its columns: then the bytes of
the columns that are wanted are put one behind the other, a footer of ours behind them, and Arrow
decodes all of them at once.

Source: Apache Parquet, ``parquet.thrift``.
"""

import os
import struct
from collections.abc import Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataclasses import dataclass
from catalog.formats.chunks import Damaged
from catalog.formats.footer import KNOWN_SCHEMAS, MAGIC, Footer, ParquetSource
from catalog.formats.thrift import Fields, read_struct, varint
from catalog.model.fingerprint import StoredChunk

MOST_BYTES = 1 << 31
"""What no chunk reaches that is joined with others."""

_INT96 = 3

_PLACE = struct.Struct("<QQII")
"""Where a chunk begins and how long it is; where in it its first page of values begins, and, plus
one, its dictionary, 0 if it has none."""

_ROOT = b"\x48\x06schema\x15"
"""How the first element of a schema begins: its name, and that a number of children follows."""

_STRUCTS = b"\x19\xfc"
"""How a list of structs begins, before their number."""

_CHUNK, _META, _DATA, _DICTIONARY, _END = b"\x26", b"\x1c", b"\x26", b"\x26", b"\0"
"""Fields of Thrift, each with its distance from the one before: the offset of a chunk, its
metadata; in these, where values and the dictionary begin."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What columns are read of: a file, its rows, and how it stores the columns, in order."""

    source: ParquetSource
    size_bytes: int
    rows: int
    chunks: Sequence[StoredChunk]


def stored_chunks(footer: Footer) -> list[StoredChunk | None] | None:
    """Returns how a file stores its columns, in order; None for those that cannot be joined.

    None in all if it has several row groups, or names a column twice.
    """
    elements = None if footer.schema == footer.raw else _top_elements(footer.schema)
    if elements is None or len(footer.groups) != 1:
        return None
    (group,) = footer.groups
    plain = {
        leaf.path[0]: (leaf, meta)
        for leaf, meta in zip(footer.leaves, group.chunks, strict=True)
        if len(leaf.path) == 1 and not leaf.repetition and leaf.kind != _INT96
    }
    found: list[StoredChunk | None] = []
    for name, element in elements:
        known = plain.get(name)
        chunk = None
        if known is not None and "." not in name and known[1].get(5) == group.rows:
            chunk = _packed(known[1])
        found.append(None if chunk is None else StoredChunk(element, chunk))
    return found


@lru_cache(KNOWN_SCHEMAS)
def _top_elements(raw: bytes) -> tuple[tuple[str, bytes], ...] | None:
    """Returns the columns of a schema by name, each as the footer has it; None if names repeat."""
    _, at = varint(raw, 1)
    at += 1
    count = raw[at] >> 4
    at += 1
    if count == 15:
        count, at = varint(raw, at)
    _, at = read_struct(raw, at)
    found: list[tuple[str, bytes]] = []
    within = 0
    for _ in range(count - 1):
        start = at
        fields, at = read_struct(raw, at)
        if within:
            within -= 1
        else:
            found.append((fields[4].decode(), raw[start:at]))
        within += fields.get(5, 0)
    return tuple(found) if len({name for name, _ in found}) == len(found) else None


def _packed(meta: Fields) -> bytes | None:
    """Returns where a chunk lies, and what its metadata say up to there."""
    data, dictionary, size = meta[9], meta.get(11), meta[7]
    start = data if dictionary is None else min(data, dictionary)
    behind = 0 if dictionary is None else dictionary - start + 1
    if max(data - start, behind, size) >= MOST_BYTES:
        return None
    names, encodings = meta[3], meta[2]
    if len(encodings) > 14 or len(names) != 1:
        return None
    stated = [
        b"\x15",
        _number(meta[1]),
        b"\x19",
        bytes([len(encodings) << 4 | 5]),
        *map(_number, encodings),
        b"\x19\x18",
        _unsigned(len(names[0])),
        names[0],
        b"\x15",
        _number(meta[4]),
        b"\x16",
        _number(meta[5]),
        b"\x16",
        _number(meta[6]),
        b"\x16",
        _number(size),
    ]
    return _PLACE.pack(start, size, data - start, behind) + b"".join(stated)


def joined_columns(files: Sequence[StoredFile]) -> pa.Table:
    """Returns columns of files, one file below the other, in the files' order.

    All of them have the same elements.

    Raises:
        Damaged: A file does not hold what was said of it.
        OSError: One cannot be read; Arrow raises its own errors, too.
    """
    parts, at, groups = [MAGIC], len(MAGIC), []
    for file in files:
        listed = []
        for content, chunk in zip(_contents(file), file.chunks, strict=True):
            _, size, data, dictionary = _PLACE.unpack_from(chunk.place)
            meta = [chunk.place[_PLACE.size :], _DATA, _number(at + data)]
            if dictionary:
                meta += [_DICTIONARY, _number(at + dictionary - 1)]
            listed.append(b"".join((_CHUNK, _number(at), _META, *meta, _END, _END)))
            parts.append(content)
            at += size
        sizes = b"\x16\0\x16", _number(file.rows), _END
        groups.append(b"".join((_STRUCTS, _unsigned(len(listed)), *listed, *sizes)))
    footer = _footer([one.element for one in files[0].chunks], groups, files)
    parts += [footer, struct.pack("<I", len(footer)), MAGIC]
    reader = pq.ParquetReader()
    reader.open(
        pa.BufferReader(pa.py_buffer(b"".join(parts))),
        pre_buffer=False,
        page_checksum_verification=True,
    )
    return reader.read_all(use_threads=False)


def _contents(file: StoredFile) -> list[bytes]:
    """Returns the bytes of the columns of a file."""
    places = [_PLACE.unpack_from(one.place)[:2] for one in file.chunks]
    if any(start + size > file.size_bytes for start, size in places):
        raise Damaged("a column is outside the file")
    if isinstance(file.source, str):
        opened = os.open(file.source, os.O_RDONLY)
        try:
            found = [os.pread(opened, size, start) for start, size in places]
        finally:
            os.close(opened)
    else:
        found = []
        for start, size in places:
            file.source.seek(start)
            found.append(file.source.read(size))
    if [len(content) for content in found] != [size for _, size in places]:
        raise Damaged("it ends within a column")
    return found


def _footer(
    elements: Sequence[bytes], groups: Sequence[bytes], files: Sequence[StoredFile]
) -> bytes:
    """Returns a footer of row groups that have such columns."""
    return b"".join(
        (
            b"\x15\x02",
            _STRUCTS,
            _unsigned(len(elements) + 1),
            _ROOT,
            _number(len(elements)),
            _END,
            *elements,
            b"\x16",
            _number(sum(file.rows for file in files)),
            _STRUCTS,
            _unsigned(len(groups)),
            *groups,
            _END,
        )
    )


def _number(value: int) -> bytes:
    """Returns a number from 0 as Thrift writes integers."""
    return _unsigned(value << 1)


def _unsigned(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)
