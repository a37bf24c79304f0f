"""Columnar nodes: their canonical content, hence their id, and their stored bytes.

A columnar node is a kind and some named columns of equal length, each of 64-bit integers
or of byte strings, with NULLs. A column of NULLs only is the same as no column. Columns
whose name starts with ``@`` are not part of the content: they hold places.

The id is never taken over bytes that a library produced, because equal Arrow tables give
unequal IPC bytes, and zstd's output changes between versions.
"""

import hashlib
import struct
import sys
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import CorruptData

Columns: TypeAlias = Mapping[str, pa.Array]

_ZSTD = pa.Codec("zstd", compression_level=3)


def integers(values: Sequence[int | None]) -> pa.Array:
    """Returns a column of 64-bit integers."""
    known = [value or 0 for value in values]
    data = struct.pack(f"={len(known)}q", *known)
    return pa.Array.from_buffers(pa.int64(), len(known), [_validity(values), pa.py_buffer(data)])


def byte_strings(values: Sequence[bytes | None]) -> pa.Array:
    """Returns a column of byte strings."""
    known = [value or b"" for value in values]
    ends = struct.pack(f"={len(known) + 1}i", 0, *accumulate(map(len, known)))
    parts = [_validity(values), pa.py_buffer(ends), pa.py_buffer(b"".join(known))]
    return pa.Array.from_buffers(pa.binary(), len(known), parts)


def _validity(values: Sequence[object]) -> pa.Buffer | None:
    """Returns the bitmap of values that are not NULL; None if all are.

    Arrays are put together by hand: ``pa.array`` imports pandas where it is installed, which takes
    longer than many a command.
    """
    if None not in values:
        return None
    bits = "".join(["0" if value is None else "1" for value in reversed(values)])
    return pa.py_buffer(int(bits, 2).to_bytes((len(values) + 7) // 8, "little"))


def node_id(kind: str, columns: Columns) -> str:
    r"""Returns the id of a node: the SHA-256 of its canonical content.

    The content is ``parquetry/<kind>/1\n``, the row count (u64), then for every column in
    byte order of its name, leaving out ``@`` columns and those of NULLs only: the length
    of the name (u16), the name, ``i`` or ``b``, a byte 0 or 1 per row (1: not NULL), and
    either the integers (i64, 0 for NULL) or the lengths (u32, 0 for NULL) followed by the
    bytes of all values. All numbers are little-endian.
    """
    digest = hashlib.sha256(f"parquetry/{kind}/1\n".encode())
    rows = len(next(iter(columns.values()))) if columns else 0
    digest.update(struct.pack("<Q", rows))
    for name in sorted(columns, key=str.encode):
        column = columns[name]
        if name.startswith("@") or column.null_count == len(column):
            continue
        encoded = name.encode()
        digest.update(struct.pack("<H", len(encoded)) + encoded)
        for part in _canonical(column):
            digest.update(part)
    return digest.hexdigest()


def _canonical(column: pa.Array) -> Sequence[bytes | memoryview]:
    if column.null_count or sys.byteorder != "little":
        return _canonical_values(column.to_pylist(), column.type == pa.int64())
    validity = b"\x01" * len(column)
    if column.type == pa.int64():
        return (b"i", validity, _values(column, 8))
    lengths = pc.binary_length(column)  # of 32 bits, none of them below zero
    return (b"b", validity, _values(lengths, 4), _bytes(column))


def _canonical_values(values: Sequence[int | bytes | None], are_integers: bool) -> Sequence[bytes]:
    count = len(values)
    validity = bytes([value is not None for value in values])
    if are_integers:
        return (b"i", validity, struct.pack(f"<{count}q", *[value or 0 for value in values]))
    known = [b"" if value is None else cast(bytes, value) for value in values]
    return (b"b", validity, struct.pack(f"<{count}I", *map(len, known)), b"".join(known))


def _values(column: pa.Array, width: int) -> memoryview:
    start = column.offset * width
    return memoryview(column.buffers()[1])[start : start + len(column) * width]


def _bytes(column: pa.Array) -> bytes | memoryview:
    _, offsets, data = column.buffers()
    if data is None:
        return b""
    start = column.offset * 4
    marks = memoryview(offsets)[start : start + 4 * (len(column) + 1)].cast("i")
    return memoryview(data)[marks[0] : marks[-1]]


def required(columns: Columns, name: str) -> pa.Array:
    """Returns a column that every node of its kind has.

    Raises:
        CorruptData: It is missing.
    """
    try:
        return columns[name]
    except KeyError as error:
        raise CorruptData(f"column {name!r} of a node is missing") from error


def optional(columns: Columns, name: str, count: int) -> list[Any]:
    """Returns the values of a column, ``count`` times None if it is missing."""
    return columns[name].to_pylist() if name in columns else [None] * count


def joined(parts: Sequence[Columns]) -> dict[str, pa.Array]:
    """Returns the rows of several nodes, at least one, as those of one."""
    types = {name: column.type for part in parts for name, column in part.items()}
    counts = [len(next(iter(part.values()))) for part in parts]
    return {
        name: pa.concat_arrays(
            [
                part[name] if name in part else pa.nulls(count, kind)
                for part, count in zip(parts, counts, strict=True)
            ]
        )
        for name, kind in types.items()
    }


def encode(columns: Columns) -> bytes:
    """Returns the stored bytes of a node: u32 length of the Arrow IPC stream, then a zstd frame."""
    kept = {n: c for n, c in columns.items() if c.null_count < len(c) or not len(c)}
    batch = pa.record_batch(list(kept.values()), names=list(kept))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    raw = sink.getvalue()
    return struct.pack("<I", raw.size) + bytes(_ZSTD.compress(raw, asbytes=True))


def decode(stored: bytes, what: str) -> dict[str, pa.Array]:
    """Reads the stored bytes of a node.

    Raises:
        CorruptData: The bytes are none that ``encode`` wrote.
    """
    try:
        (size,) = struct.unpack_from("<I", stored)
        raw = _ZSTD.decompress(memoryview(stored)[4:], decompressed_size=size)
        with pa.ipc.open_stream(raw) as reader:
            batch = reader.read_next_batch()
        batch.validate(full=True)
        named = list(zip(batch.schema.names, batch.columns, strict=True))
    except (pa.ArrowException, struct.error, OSError, ValueError, StopIteration) as error:
        raise CorruptData(f"{what} is not readable: {error}") from error
    columns = {}
    for name, column in named:
        if column.type not in (pa.int64(), pa.binary()):
            raise CorruptData(f"{what} is not readable: column {name} has type {column.type}")
        columns[name] = column
    return columns
