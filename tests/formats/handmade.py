"""Parquet files with any annotations, as no library writes them: one row group, plain values.

Source: Apache Parquet, ``parquet.thrift`` and "Data Pages"; Apache Thrift, "Compact protocol".
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

Thrift = tuple[str, Any]
"""A value of a struct in the compact protocol, with its kind: ``i32``, ``text``, ``struct`` …."""

_KINDS = {"bool": 1, "i8": 3, "i16": 4, "i32": 5, "i64": 6, "text": 8, "list": 9, "struct": 12}


class Physical(IntEnum):
    BOOLEAN = 0
    INT32 = 1
    INT64 = 2
    INT96 = 3
    FLOAT = 4
    DOUBLE = 5
    BYTE_ARRAY = 6
    FIXED = 7


class Converted(IntEnum):
    UTF8 = 0
    MAP = 1
    MAP_KEY_VALUE = 2
    LIST = 3
    ENUM = 4
    DECIMAL = 5
    DATE = 6
    TIME_MILLIS = 7
    TIME_MICROS = 8
    TIMESTAMP_MILLIS = 9
    TIMESTAMP_MICROS = 10
    UINT_8 = 11
    UINT_16 = 12
    UINT_32 = 13
    UINT_64 = 14
    INT_8 = 15
    INT_16 = 16
    INT_32 = 17
    INT_64 = 18
    JSON = 19
    BSON = 20
    INTERVAL = 21


def _logical(number: int, **fields: Thrift) -> dict[int, Thrift]:
    inner = {int(name[1:]): value for name, value in fields.items()}
    return {number: ("struct", inner)}


def _times(number: int) -> dict[str, dict[int, Thrift]]:
    return {
        f"{unit}{' UTC' if utc else ''}": _logical(
            number, _1=("bool", utc), _2=("struct", {place: ("struct", {})})
        )
        for place, unit in enumerate(("MILLIS", "MICROS", "NANOS"), 1)
        for utc in (False, True)
    }


LOGICAL: dict[str, dict[int, Thrift]] = {
    "STRING": _logical(1),
    "ENUM": _logical(4),
    "DECIMAL": _logical(5, _1=("i32", 2), _2=("i32", 9)),
    "DATE": _logical(6),
    **{f"TIME {name}": made for name, made in _times(7).items()},
    **{f"TIMESTAMP {name}": made for name, made in _times(8).items()},
    **{
        f"{'' if signed else 'U'}INT{bits}": _logical(10, _1=("i8", bits), _2=("bool", signed))
        for bits in (8, 16, 32, 64)
        for signed in (True, False)
    },
    "UNKNOWN": _logical(11),
    "JSON": _logical(12),
    "BSON": _logical(13),
    "UUID": _logical(14),
    "FLOAT16": _logical(15),
    "GEOMETRY": _logical(17),
    "GEOMETRY CRS84": _logical(17, _1=("text", "OGC:CRS84")),
    "GEOGRAPHY": _logical(18),
}
"""The newer annotations of plain values, by a name for each."""

LIST, MAP, VARIANT = _logical(3), _logical(2), _logical(16, _1=("i8", 1))

REQUIRED, OPTIONAL, REPEATED = range(3)


@dataclass(frozen=True)
class Leaf:
    """A column of plain values, ``raw`` as they are encoded; every list and map has one entry.

    ``bounds`` are what its statistics say: the least and the greatest value.
    """

    name: str
    physical: Physical
    raw: Sequence[bytes]
    converted: Converted | None = None
    logical: dict[int, Thrift] | None = None
    length: int | None = None
    bounds: tuple[bytes, bytes] | None = None
    repetition: int = REQUIRED


@dataclass(frozen=True)
class Group:
    """A group of columns."""

    name: str
    children: Sequence["Leaf | Group"]
    converted: Converted | None = None
    logical: dict[int, Thrift] | None = None
    repetition: int = REQUIRED


Node = Leaf | Group


@dataclass
class _File:
    body: bytearray = field(default_factory=lambda: bytearray(b"PAR1"))
    schema: list[dict[int, Thrift]] = field(default_factory=list)
    chunks: list[dict[int, Thrift]] = field(default_factory=list)


def write(path: Path, columns: Sequence[Node], *, geo: str | None = None) -> Path:
    """Writes a file of some columns, which have the same number of values."""
    rows = len(next(_leaves(columns)).raw)
    file = _File()
    file.schema.append({4: ("text", "schema"), 5: ("i32", len(columns))})
    for node in columns:
        _add(file, node, (), repeated=0, defined=0)
    orders = [{1: ("struct", {})} for _ in file.chunks]
    footer = {
        1: ("i32", 1),
        2: ("list", ("struct", file.schema)),
        3: ("i64", rows),
        4: ("list", ("struct", [_row_group(file, rows)])),
        6: ("text", "handmade"),
        7: ("list", ("struct", orders)),
    }
    if geo is not None:
        footer[5] = ("list", ("struct", [{1: ("text", "geo"), 2: ("text", geo)}]))
    end = _struct(footer)
    path.write_bytes(bytes(file.body) + end + struct.pack("<I", len(end)) + b"PAR1")
    return path


def _row_group(file: _File, rows: int) -> dict[int, Thrift]:
    size = len(file.body) - 4
    return {1: ("list", ("struct", file.chunks)), 2: ("i64", size), 3: ("i64", rows)}


def _leaves(nodes: Sequence[Node]) -> Iterator[Leaf]:
    for node in nodes:
        if isinstance(node, Leaf):
            yield node
        else:
            yield from _leaves(node.children)


def _add(file: _File, node: Node, above: tuple[str, ...], *, repeated: int, defined: int) -> None:
    path = (*above, node.name)
    repeated += node.repetition == REPEATED
    defined += node.repetition != REQUIRED
    element: dict[int, Thrift] = {3: ("i32", node.repetition), 4: ("text", node.name)}
    if node.converted is not None:
        element[6] = ("i32", int(node.converted))
        if node.converted is Converted.DECIMAL:
            element |= {7: ("i32", 2), 8: ("i32", 9)}
    if node.logical is not None:
        element[10] = ("struct", node.logical)
    if isinstance(node, Group):
        element[5] = ("i32", len(node.children))
        file.schema.append(element)
        for child in node.children:
            _add(file, child, path, repeated=repeated, defined=defined)
        return
    element[1] = ("i32", int(node.physical))
    if node.length is not None:
        element[2] = ("i32", node.length)
    file.schema.append(element)
    count = len(node.raw)
    values = b"".join(node.raw)
    if node.physical is Physical.BOOLEAN:
        bits = sum(bool(value[0]) << n for n, value in enumerate(node.raw))
        values = bits.to_bytes((count + 7) // 8, "little")
    levels = b"".join(
        struct.pack("<I", len(run)) + run
        for run, most in ((_run(count, 0), repeated), (_run(count, defined), defined))
        if most
    )
    page = levels + values
    about = {1: ("i32", count), 2: ("i32", 0), 3: ("i32", 3), 4: ("i32", 3)}
    head = {1: ("i32", 0), 2: ("i32", len(page)), 3: ("i32", len(page)), 5: ("struct", about)}
    start = len(file.body)
    file.body += _struct(head) + page
    size = len(file.body) - start
    chunk: dict[int, Thrift] = {
        1: ("i32", int(node.physical)),
        2: ("list", ("i32", [0, 3])),
        3: ("list", ("text", list(path))),
        4: ("i32", 0),
        5: ("i64", count),
        6: ("i64", size),
        7: ("i64", size),
        9: ("i64", start),
    }
    if node.bounds is not None:
        low, high = node.bounds
        chunk[12] = ("struct", {3: ("i64", 0), 5: ("text", high), 6: ("text", low)})
    file.chunks.append({2: ("i64", start), 3: ("struct", chunk)})


def _run(count: int, level: int) -> bytes:
    return _varint(count << 1) + bytes([level])


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _struct(fields: dict[int, Thrift]) -> bytes:
    out, last = bytearray(), 0
    for number in sorted(fields):
        kind, value = fields[number]
        mark = (1 if value else 2) if kind == "bool" else _KINDS[kind]
        step = number - last
        out += bytes([step << 4 | mark]) if step < 16 else bytes([mark]) + _value("i16", number)
        out += b"" if kind == "bool" else _value(kind, value)
        last = number
    return bytes([*out, 0])


def _value(kind: str, value: Any) -> bytes:
    match kind:
        case "i8":
            return struct.pack("b", value)
        case "i16" | "i32" | "i64":
            return _varint((value << 1) ^ (value >> 63))
        case "text":
            data = value if isinstance(value, bytes) else value.encode()
            return _varint(len(data)) + data
        case "struct":
            return _struct(value)
    inner, values = value
    many = bytes([0xF0 | _KINDS[inner]]) + _varint(len(values))
    head = many if len(values) > 14 else bytes([len(values) << 4 | _KINDS[inner]])
    return head + b"".join(_value(inner, one) for one in values)
