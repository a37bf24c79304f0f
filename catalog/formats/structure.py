"""How Parquet files store their columns, as far as it decides how the engine reads them.

Files of equal structures are read as columns of equal types, so that the engine is asked once.
"""

import json
import struct
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from catalog.formats.thrift import read_struct, varint

MAGIC = b"PAR1"

TAIL_BYTES = 1 << 16
"""Bytes at the end of a file that hold most footers; longer ones are read by a second request."""

_VERSION, _SCHEMA = b"\x15", b"\x19"
"""How the fields ``version`` and ``schema`` begin where they are the first of a footer."""

Footer: TypeAlias = bytes
"""The bytes of a footer without its length and the magic bytes."""


@dataclass(frozen=True, slots=True)
class Structure:
    """What of a footer decides the types of the columns.

    Attributes:
        elements: The schema as it is stored.
        geo: What the key ``geo`` says of columns, but for how far their values extend; empty if
            it is missing.
    """

    elements: bytes
    geo: str = ""


def read_tail(file: BinaryIO) -> tuple[Footer, bytes] | None:
    """Reads the end of a file: its footer, and all bytes from there on.

    Returns:
        Both; None if the file does not end as a Parquet file does.
    """
    size = file.seek(0, 2)
    start = max(0, size - TAIL_BYTES)
    file.seek(start)
    tail = file.read(size - start)
    if len(tail) < 8 or tail[-4:] != MAGIC:
        return None
    (length,) = struct.unpack("<I", tail[-8:-4])
    if length + 8 > size:
        return None
    if length + 8 > len(tail):
        file.seek(size - 8 - length)
        tail = file.read(8 + length)
    tail = tail[-8 - length :]
    return tail[:-8], tail


def structure_of(footer: Footer, geo: bytes | None) -> Structure:
    """Returns the structure that a footer, and the value of its key ``geo``, describe."""
    return Structure(_elements(footer), "" if geo is None else _shared(geo))


def _elements(footer: Footer) -> bytes:
    """Returns the part of a footer that holds the schema; all of it if it begins otherwise.

    A footer begins with ``version`` and ``schema``, a list of structs.
    """
    try:
        if footer[:1] != _VERSION:
            return footer
        _, at = varint(footer, 1)
        if footer[at : at + 1] != _SCHEMA:
            return footer
        count, kind = footer[at + 1] >> 4, footer[at + 1] & 15
        at += 2
        if count == 15:
            count, at = varint(footer, at)
        if kind != 12:
            return footer
        for _ in range(count):
            _, at = read_struct(footer, at)
    except (IndexError, ValueError):
        return footer
    return footer[:at]


def _shared(geo: bytes) -> str:
    """Returns what files of one structure share of ``geo``: all but the extents of the values."""
    try:
        found = json.loads(geo)
        for column in found["columns"].values():
            if isinstance(column.get("bbox"), list):
                column["bbox"] = len(column["bbox"])
        return json.dumps(found, sort_keys=True)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return repr(geo)
