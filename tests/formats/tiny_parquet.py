"""Parquet files of one column and one value, with footers that no writer writes."""

import struct
from pathlib import Path
from typing import Any

BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(3, 13)
INT32, INT64, INT96, FLOAT, BYTES, FIXED = 1, 2, 3, 4, 6, 7
"""Physical types."""


def varint(number: int) -> bytes:
    """Returns an unsigned integer as Thrift writes it."""
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def integer(number: int) -> bytes:
    """Returns a signed integer as Thrift writes it."""
    return varint((number << 1) ^ (number >> 63))


def struct_of(fields: dict[int, tuple[int, Any]]) -> bytes:
    """Returns a struct of fields: by number, their kind and their value."""
    out, last = b"", 0
    for number, (kind, value) in sorted(fields.items()):
        step = number - last
        out += bytes([step << 4 | kind]) if step < 16 else bytes([kind]) + integer(number)
        out, last = out + _value(kind, value), number
    return out + b"\0"


def _value(kind: int, value: Any) -> bytes:
    if kind in (1, 2):
        return b""
    if kind == BYTE:
        return bytes([value])
    if kind in (I16, I32, I64):
        return integer(value)
    if kind == BINARY:
        text = value if isinstance(value, bytes) else value.encode()
        return varint(len(text)) + text
    if kind == STRUCT:
        return struct_of(value)
    inner, values = value
    head = (
        bytes([len(values) << 4 | inner])
        if len(values) < 15
        else (bytes([0xF0 | inner]) + varint(len(values)))
    )
    return head + b"".join(_value(inner, one) for one in values)


Fields = dict[int, tuple[int, Any] | None]


def write_tiny(
    path: Path,
    *,
    values: bytes = struct.pack("<q", 1),
    rows: int = 1,
    element: Fields | None = None,
    meta: Fields | None = None,
    chunk: Fields | None = None,
    group: Fields | None = None,
    footer: Fields | None = None,
    physical: int = INT64,
) -> None:
    """Writes a file of one required column ``a``; fields given replace those of its footer.

    None takes a field out.
    """
    header = struct_of(
        {
            1: (I32, 0),
            2: (I32, len(values)),
            3: (I32, len(values)),
            5: (STRUCT, {1: (I32, rows), 2: (I32, 0), 3: (I32, 3), 4: (I32, 3)}),
        }
    )
    page = header + values
    leaf = _with({1: (I32, physical), 3: (I32, 0), 4: (BINARY, "a")}, element)
    about = _with(
        {
            1: (I32, physical),
            2: (LIST, (I32, [0])),
            3: (LIST, (BINARY, ["a"])),
            4: (I32, 0),
            5: (I64, rows),
            6: (I64, len(page)),
            7: (I64, len(page)),
            9: (I64, 4),
        },
        meta,
    )
    stored = _with({2: (I64, 4), 3: (STRUCT, about)}, chunk)
    rowed = _with({1: (LIST, (STRUCT, [stored])), 2: (I64, len(page)), 3: (I64, rows)}, group)
    whole = _with(
        {
            1: (I32, 1),
            2: (LIST, (STRUCT, [{4: (BINARY, "schema"), 5: (I32, 1)}, leaf])),
            3: (I64, rows),
            4: (LIST, (STRUCT, [rowed])),
            6: (BINARY, "tiny"),
            7: (LIST, (STRUCT, [{1: (STRUCT, {})}])),
        },
        footer,
    )
    end = struct_of(whole)
    path.write_bytes(b"PAR1" + page + end + struct.pack("<I", len(end)) + b"PAR1")


def _with(fields: dict[int, tuple[int, Any]], other: Fields | None) -> dict[int, tuple[int, Any]]:
    merged = {**fields, **(other or {})}
    return {number: value for number, value in merged.items() if value is not None}
