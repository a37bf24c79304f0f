"""Thrift's compact protocol, as the footers and page headers of Parquet files are written in it.

A struct comes as a dictionary of its fields by number: integers, bytes, lists, dictionaries. What
is read may be damaged or hostile: nothing is believed that the bytes at hand do not hold, and
nothing is read twice.

Source: Apache Thrift, "Compact protocol".
"""

import struct
from collections.abc import Callable
from typing import Any, TypeAlias

Fields: TypeAlias = dict[int, Any]

DEPTH = 16
"""Structs and lists within each other that are read; those of Parquet have seven at most."""

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE = range(1, 8)
_BINARY, _LIST, _SET, _MAP, _STRUCT, _UUID = range(8, 14)
_UUID_BYTES = 16


class ThriftError(ValueError):
    """Bytes that violate the protocol."""


def read_struct(data: bytes, at: int = 0, depth: int = 0, *, after: int = 0) -> tuple[Fields, int]:
    """Reads a struct, from the field that follows the one ``after``: its fields, and where it ends.

    Raises:
        IndexError: The data end within it.
        ThriftError: It violates the protocol.
    """
    if depth > DEPTH:
        raise ThriftError("structs too deep within structs")
    fields: Fields = {}
    number = after
    # long: the integers that most fields are are read without a call, which takes a third off
    while head := data[at]:
        at += 1
        kind = head & 15
        if head > 15:
            number += head >> 4
        else:
            number, at = signed(data, at)
        if number in fields:
            raise ThriftError(f"field {number} occurs twice")
        if kind in (_I32, _I64):
            found = data[at]
            at += 1
            if found > 127:
                found, at = varint(data, at - 1)
            fields[number] = (found >> 1) ^ -(found & 1)
        elif kind == _BINARY:
            size = data[at]
            at += 1
            if size > 127:
                size, at = varint(data, at - 1)
            end = at + size
            if end > len(data):
                raise IndexError(size)
            fields[number], at = data[at:end], end
        elif kind == _STRUCT:
            fields[number], at = read_struct(data, at, depth + 1)
        elif kind <= _FALSE:
            fields[number] = kind == _TRUE
        else:
            read = _ELEMENTS.get(kind)
            if read is None:
                raise ThriftError(f"a field of kind {kind}")
            fields[number], at = read(data, at, depth + 1)
    return fields, at + 1


def _binary(data: bytes, at: int, _: int) -> tuple[bytes, int]:
    size, at = varint(data, at)
    end = at + size
    if end > len(data):
        raise IndexError(size)
    return data[at:end], end


def _integer(data: bytes, at: int, _: int) -> tuple[int, int]:
    found = data[at]
    at += 1
    if found > 127:
        found, at = varint(data, at - 1)
    return (found >> 1) ^ -(found & 1), at


def _boolean(data: bytes, at: int, _: int) -> tuple[bool, int]:
    return data[at] == _TRUE, at + 1


def _byte(data: bytes, at: int, _: int) -> tuple[int, int]:
    return data[at] - ((data[at] & 128) << 1), at + 1


def _double(data: bytes, at: int, _: int) -> tuple[float, int]:
    if at + 8 > len(data):
        raise IndexError(at)
    return struct.unpack_from("<d", data, at)[0], at + 8


def _uuid(data: bytes, at: int, _: int) -> tuple[bytes, int]:
    if at + _UUID_BYTES > len(data):
        raise IndexError(at)
    return data[at : at + _UUID_BYTES], at + _UUID_BYTES


def _list(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    if depth > DEPTH:
        raise ThriftError("lists too deep within lists")
    head = data[at]
    at += 1
    count, kind = head >> 4, head & 15
    if count == 15:
        count, at = varint(data, at)
    if count > len(data) - at:
        raise IndexError(count)
    if kind == _I32 and count:  # encodings: a byte each
        small = data[at : at + count]
        if max(small) < 128:
            return [(byte >> 1) ^ -(byte & 1) for byte in small], at + count
    read = _ELEMENTS.get(kind)
    if read is None:
        raise ThriftError(f"a list of kind {kind}")
    found: list[Any] = []
    for _ in range(count):
        value, at = read(data, at, depth + 1)
        found.append(value)
    return found, at


def _map(data: bytes, at: int, depth: int) -> tuple[list[tuple[Any, Any]], int]:
    if depth > DEPTH:
        raise ThriftError("maps too deep within maps")
    count, at = varint(data, at)
    if not count:
        return [], at
    kinds = data[at]
    at += 1
    read_key, read_value = _ELEMENTS.get(kinds >> 4), _ELEMENTS.get(kinds & 15)
    if read_key is None or read_value is None:
        raise ThriftError(f"a map of kinds {kinds}")
    if 2 * count > len(data) - at:
        raise IndexError(count)
    found: list[tuple[Any, Any]] = []
    for _ in range(count):
        key, at = read_key(data, at, depth + 1)
        value, at = read_value(data, at, depth + 1)
        found.append((key, value))
    return found, at


_ELEMENTS: dict[int, Callable[[bytes, int, int], tuple[Any, int]]] = {
    _TRUE: _boolean,
    _FALSE: _boolean,
    _BYTE: _byte,
    _I16: _integer,
    _I32: _integer,
    _I64: _integer,
    _DOUBLE: _double,
    _BINARY: _binary,
    _LIST: _list,
    _SET: _list,
    _MAP: _map,
    _STRUCT: read_struct,
    _UUID: _uuid,
}
"""What reads an element of a list or map: there a boolean takes a byte."""


def signed(data: bytes, at: int) -> tuple[int, int]:
    """Reads an integer in zigzag, and where it ends."""
    found, at = varint(data, at)
    return (found >> 1) ^ -(found & 1), at


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Reads an unsigned integer of at most 64 bits, and where it ends."""
    found = shift = 0
    while True:
        byte = data[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            if found >> 64:
                raise ThriftError("a number of more than 64 bits")
            return found, at
        shift += 7
        if shift > 63:
            raise ThriftError("a number of more than 64 bits")
