"""Annotations of Parquet columns that do not fit what is stored.

The engine believes the annotation and reads the bytes as another type than they are of; Arrow
ignores it. What either yields is not what the writer meant.

Source: Apache Parquet, ``parquet.thrift`` and "Logical Type Definitions".
"""

from catalog.formats.structure import Structure
from catalog.formats.thrift import Fields, read_struct

_PHYSICAL = ("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED")
_TIME, _TIMESTAMP, _UUID, _FLOAT16, _GEOMETRY, _GEOGRAPHY = 7, 8, 14, 15, 17, 18
_NAMES = {
    _TIME: "TIME",
    _TIMESTAMP: "TIMESTAMP",
    _UUID: "UUID",
    _FLOAT16: "FLOAT16",
    _GEOMETRY: "GEOMETRY",
    _GEOGRAPHY: "GEOGRAPHY",
}
_MILLIS = 1


def misplaced_annotation(structure: Structure) -> str | None:
    """Returns what is wrong with the first column that is annotated as what it cannot be.

    Only annotations that the engine follows count; None if there is none.
    """
    try:
        fields, _ = read_struct(structure.elements + b"\0")
    except (IndexError, ValueError):
        return None
    for element in fields.get(2, ()):
        physical, logical = element.get(1), element.get(10)
        if not isinstance(physical, int) or not isinstance(logical, dict) or len(logical) != 1:
            continue
        ((number, about),) = logical.items()
        stored = _PHYSICAL[physical] if 0 <= physical < len(_PHYSICAL) else str(physical)
        if number in _NAMES and not _fits(number, about, stored, element.get(2)):
            name = element.get(4, b"").decode(errors="replace")
            length = f"({element[2]})" if stored == "FIXED" and 2 in element else ""
            return f"column {name!r} is {_NAMES[number]}, which values of {stored}{length} are not"
    return None


def _fits(number: int, about: Fields, stored: str, length: int | None) -> bool:
    if number == _TIME:
        unit = about.get(2) if isinstance(about, dict) else None
        return stored == ("INT32" if isinstance(unit, dict) and _MILLIS in unit else "INT64")
    if number == _TIMESTAMP:
        return stored == "INT64"
    if number in (_UUID, _FLOAT16):
        return stored == "FIXED" and length == (16 if number == _UUID else 2)
    return stored == "BYTE_ARRAY"
