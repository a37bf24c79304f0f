"""Logical column types, named as DuckDB names them.

A type is a ``Scalar`` (``BIGINT``, ``DECIMAL(10,2)``), a ``ListType``, a ``StructType``
or a ``MapType``. Its stored form is JSON: a string for scalars, an object with one key
(``list``, ``struct``, ``map``) for nested types, so that no field name needs quoting.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from catalog.errors import CorruptData


class TypeClass(StrEnum):
    """How values of a scalar type are ordered and encoded (see ``values``)."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    WIDE_INTEGER = "wide-integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    BINARY = "binary"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    UUID = "uuid"
    OTHER = "other"


INTEGER_BITS = {
    "TINYINT": (8, True),
    "SMALLINT": (16, True),
    "INTEGER": (32, True),
    "BIGINT": (64, True),
    "HUGEINT": (128, True),
    "UTINYINT": (8, False),
    "USMALLINT": (16, False),
    "UINTEGER": (32, False),
    "UBIGINT": (64, False),
}
"""Width in bits and signedness of the integer types."""

CLASSES = {
    "BOOLEAN": TypeClass.BOOLEAN,
    **dict.fromkeys(INTEGER_BITS, TypeClass.INTEGER),
    "UBIGINT": TypeClass.WIDE_INTEGER,
    "HUGEINT": TypeClass.WIDE_INTEGER,
    "DECIMAL": TypeClass.DECIMAL,
    "FLOAT": TypeClass.FLOAT,
    "DOUBLE": TypeClass.FLOAT,
    "VARCHAR": TypeClass.TEXT,
    "BLOB": TypeClass.BINARY,
    "DATE": TypeClass.DATE,
    "TIME": TypeClass.TIME,
    "TIMESTAMP": TypeClass.TIMESTAMP,
    "TIMESTAMP_NS": TypeClass.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": TypeClass.TIMESTAMP,
    "UUID": TypeClass.UUID,
}
"""Every scalar type whose values the catalog itself orders; others are kept as they are."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One scalar type, e.g. ``Scalar("BIGINT")`` or ``Scalar("DECIMAL(10,2)")``."""

    name: str

    @property
    def type_class(self) -> TypeClass:
        """Returns how its values are ordered and encoded."""
        return CLASSES.get(self.name.split("(")[0], TypeClass.OTHER)

    @property
    def decimal(self) -> tuple[int, int] | None:
        """Returns precision and scale of a DECIMAL, otherwise None."""
        match = _DECIMAL.fullmatch(self.name)
        return (int(match[1]), int(match[2])) if match else None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ListType:
    """A list type by the type of its elements."""

    element: "DataType"

    def __str__(self) -> str:
        return f"{self.element}[]"


@dataclass(frozen=True, slots=True)
class StructType:
    """A struct type by its fields, in order."""

    fields: tuple[tuple[str, "DataType"], ...]

    def __str__(self) -> str:
        inner = ", ".join(f"{_shown(name)} {kind}" for name, kind in self.fields)
        return f"STRUCT({inner})"


@dataclass(frozen=True, slots=True)
class MapType:
    """A map type by the types of its keys and values."""

    key: "DataType"
    value: "DataType"

    def __str__(self) -> str:
        return f"MAP({self.key}, {self.value})"


DataType: TypeAlias = Scalar | ListType | StructType | MapType


def is_integer(kind: DataType) -> bool:
    """Returns whether a type is an integer type of any width."""
    return isinstance(kind, Scalar) and kind.name in INTEGER_BITS


def is_float(kind: DataType) -> bool:
    """Returns whether a column of this type may hold NaN at its top level."""
    return isinstance(kind, Scalar) and kind.name in ("FLOAT", "DOUBLE")


def to_json(kind: DataType) -> str | dict[str, object]:
    """Returns the stored form of a type."""
    match kind:
        case Scalar(name):
            return name
        case ListType(element):
            return {"list": to_json(element)}
        case StructType(fields):
            return {"struct": [[name, to_json(inner)] for name, inner in fields]}
        case MapType(key, value):
            return {"map": [to_json(key), to_json(value)]}


def from_json(stored: object) -> DataType:
    """Reads the stored form of a type.

    Raises:
        CorruptData: The form is not one of format 1.
    """
    match stored:
        case str(name):
            return Scalar(name)
        case {"list": element}:
            return ListType(from_json(element))
        case {"struct": [*fields]}:
            return StructType(tuple(_field(pair) for pair in fields))
        case {"map": [key, value]}:
            return MapType(from_json(key), from_json(value))
    raise CorruptData(f"unknown column type in a stored schema: {stored!r}")


def _field(pair: object) -> tuple[str, DataType]:
    match pair:
        case [str(name), kind]:
            return name, from_json(kind)
    raise CorruptData(f"unknown struct field in a stored schema: {pair!r}")


def common_type(kinds: Sequence[DataType]) -> DataType | None:
    """Returns the narrowest type that holds every value of all the given types, one at least.

    It is None where no lossless one exists.
    """
    result: DataType | None = kinds[0]
    for kind in kinds[1:]:
        result = None if result is None else _common_pair(result, kind)
    return result


NULL_TYPE = Scalar("NULL")
"""The type of a column without any value; every other type holds it."""


def _common_pair(left: DataType, right: DataType) -> DataType | None:
    if left == right or right == NULL_TYPE:
        return left
    if left == NULL_TYPE:
        return right
    match left, right:
        case Scalar(), Scalar():
            return _common_scalar(left, right)
        case ListType(a), ListType(b):
            element = _common_pair(a, b)
            return ListType(element) if element is not None else None
        case StructType(a), StructType(b) if [n for n, _ in a] == [n for n, _ in b]:
            kinds = [_common_pair(x, y) for (_, x), (_, y) in zip(a, b, strict=True)]
            if any(kind is None for kind in kinds):
                return None
            return StructType(
                tuple((n, k) for (n, _), k in zip(a, kinds, strict=True) if k is not None)
            )
        case MapType(ka, va), MapType(kb, vb):
            key, value = _common_pair(ka, kb), _common_pair(va, vb)
            return MapType(key, value) if key is not None and value is not None else None
    return None


def _common_scalar(left: Scalar, right: Scalar) -> Scalar | None:
    names = {left.name, right.name}
    if names <= INTEGER_BITS.keys():
        return _common_integer(left.name, right.name)
    if names == {"FLOAT", "DOUBLE"}:
        return Scalar("DOUBLE")
    for integer, other in ((left, right), (right, left)):
        if integer.name not in INTEGER_BITS:
            continue
        bits, signed = INTEGER_BITS[integer.name]
        if bits <= {"DOUBLE": 32, "FLOAT": 16}.get(other.name, 0):
            return other
        if other.decimal is not None:
            digits = len(str(2 ** (bits - signed)))
            return _decimal(max(other.decimal[0] - other.decimal[1], digits), other.decimal[1])
    if left.decimal is not None and right.decimal is not None:
        (p1, s1), (p2, s2) = left.decimal, right.decimal
        return _decimal(max(p1 - s1, p2 - s2), max(s1, s2))
    return None


def _common_integer(left: str, right: str) -> Scalar | None:
    needed = [INTEGER_BITS[name] for name in (left, right)]
    signed = any(is_signed for _, is_signed in needed)
    bits = max(width + (1 if signed and not is_signed else 0) for width, is_signed in needed)
    fitting = [n for n, (w, s) in INTEGER_BITS.items() if s == signed and w >= bits]
    return Scalar(fitting[0]) if fitting else None


def _decimal(whole: int, scale: int) -> Scalar | None:
    return Scalar(f"DECIMAL({whole + scale},{scale})") if whole + scale <= 38 else None


def _shown(name: str) -> str:
    return name if _WORD.fullmatch(name) else '"' + name.replace('"', '""') + '"'
