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

from catalog.arrow_functions import call
from catalog.errors import CorruptData, Unsupported
from catalog.model.ids import excerpt
from catalog.repository.inflating import most_column_bytes

Columns: TypeAlias = Mapping[str, pa.Array]

_ZSTD = pa.Codec("zstd", compression_level=3)

ID_BYTES = 32
"""Length of an id."""

MAX_ROWS = 1000
"""Most rows of a node: change lists have up to so many, nodes of trees fewer."""

INTEGER_COLUMNS = frozenset(
    ("size", "rows", "files", "added", "nulls", "nans", "exact", "@offset", "@length")
) | {"elsewhere"}
BYTE_COLUMNS = frozenset(
    ("path", "token", "guard", "schema", "part", "low", "high", "first", "child", "name")
) | {"snapshot", "@pack", "blobs", "of"}
"""What columns hold, by their names up to a dot; others may hold either."""


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


def strings(values: Sequence[str]) -> pa.StringArray:
    """Returns a column of text."""
    return byte_strings([value.encode() for value in values]).cast(pa.string())


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
    lengths = call("binary_length", column)  # of 32 bits, none of them below zero
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
    """Returns a column that every node of its kind has, with a value in each row.

    Raises:
        CorruptData: It is missing, or has NULLs.
    """
    column = columns.get(name)
    if column is None or column.null_count:
        raise CorruptData(f"column {name!r} of a node is missing, or values of it are")
    return column


def counts(columns: Columns, name: str) -> list[int]:
    """Returns the values of a column of sizes or counts, which every node of its kind has.

    Raises:
        CorruptData: It is missing, or one is below zero.
    """
    values: list[int] = required(columns, name).to_pylist()
    if min(values, default=0) < 0:
        raise CorruptData(f"column {name!r} of a node has values below zero")
    return values


def texts(columns: Columns, name: str) -> list[str]:
    """Returns the values of a column of UTF-8, which every node of its kind has.

    Raises:
        CorruptData: It is missing, or not UTF-8.
    """
    try:
        return [value.decode() for value in required(columns, name).to_pylist()]
    except UnicodeDecodeError as error:
        raise CorruptData(f"column {name!r} of a node is not UTF-8") from error


def node_ids(columns: Columns, name: str) -> list[str]:
    """Returns the values of a column of ids, which every node of its kind has, as hex digits.

    Raises:
        CorruptData: It is missing, or one is not an id.
    """
    values = required(columns, name).to_pylist()
    if any(len(value) != ID_BYTES for value in values):
        raise CorruptData(f"column {name!r} of a node holds what is not an id")
    return [value.hex() for value in values]


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
    packed = bytes(_ZSTD.compress(raw, asbytes=True))
    if raw.size > most_column_bytes(len(packed)):
        raise Unsupported(f"{raw.size} bytes of statistics are too many for one stored node")
    return struct.pack("<I", raw.size) + packed


def decode(stored: bytes, what: str) -> dict[str, pa.Array]:
    """Reads the stored bytes of a node.

    Raises:
        CorruptData: The bytes are none that ``encode`` wrote.
    """
    try:
        (size,) = struct.unpack_from("<I", stored)
        if size > most_column_bytes(len(stored)):
            raise CorruptData(f"{what} is damaged: {len(stored)} bytes promise {size}")
        raw = _ZSTD.decompress(memoryview(stored)[4:], decompressed_size=size)
        messages = pa.ipc.MessageReader.open_stream(raw)
        schema = pa.ipc.read_schema(messages.read_next_message())
        for field in schema:
            _check_type(field.name, field.type, what)
        message = messages.read_next_message()
        if message.type != "record batch" or is_compressed(message.metadata):
            raise CorruptData(f"{what} is not readable: its rows are compressed twice")
        batch = pa.ipc.read_record_batch(message, schema)
        if batch.num_rows > MAX_ROWS:
            raise CorruptData(f"{what} is damaged: it has {batch.num_rows} rows")
        batch.validate(full=True)
        return dict(zip(batch.schema.names, batch.columns, strict=True))
    except (pa.ArrowException, struct.error, OSError, ValueError, StopIteration) as error:
        raise CorruptData(f"{what} is not readable: {error}") from error


def _check_type(name: str, kind: pa.DataType, what: str) -> None:
    """Checks, before any values are read, that a column has the type that its name tells."""
    word = name.partition(".")[0]
    wanted = [] if word in BYTE_COLUMNS else [pa.int64()]
    wanted += [] if word in INTEGER_COLUMNS else [pa.binary()]
    if kind not in wanted:
        raise CorruptData(f"{what} is not readable: column {excerpt(name)} has type {kind}")


def is_compressed(metadata: pa.Buffer) -> bool:
    """Returns whether the buffers of an Arrow message of a record batch are compressed.

    They would inflate to whatever they promise themselves. A message is a flatbuffer: a table
    ``Message``, whose third field points to the table ``RecordBatch``, whose fourth one is there if
    buffers are compressed.
    """
    data = bytes(metadata)

    def field(table: int, number: int) -> int:
        """Returns where a field of a table is; 0 if it is absent."""
        fields = table - int(struct.unpack_from("<i", data, table)[0])
        (length,) = struct.unpack_from("<H", data, fields)
        entry = 4 + 2 * number
        place = struct.unpack_from("<H", data, fields + entry)[0] if entry < length else 0
        return table + int(place) if place else 0

    def target(place: int) -> int:
        return place + int(struct.unpack_from("<I", data, place)[0])

    header = field(target(0), 2)
    return header != 0 and field(target(header), 3) != 0
