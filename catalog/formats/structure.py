"""How Parquet files store their columns, as far as it decides how the engine reads them.

Files of equal structures are read as columns of equal types, so that the engine is asked once.
"""

import json
from dataclasses import dataclass

from catalog.formats.thrift import read_struct, varint

_VERSION, _SCHEMA = b"\x15", b"\x19"
"""How the fields ``version`` and ``schema`` begin where they are the first of a footer."""


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


def structure_of(footer: bytes, geo: bytes | None) -> Structure:
    """Returns the structure that the bytes of a footer, and of its key ``geo``, describe."""
    return Structure(_elements(footer), "" if geo is None else _shared(geo))


def _elements(footer: bytes) -> bytes:
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
