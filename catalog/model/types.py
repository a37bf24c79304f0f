"""Logical column types, named as DuckDB names them.

A type is a ``Scalar`` (``BIGINT``, ``DECIMAL(10,2)``), a ``ListType``, a ``StructType``
or a ``MapType``. Its stored form is JSON: a string for scalars, an object with one key
(``list``, ``struct``, ``map``) for nested types, so that no field name needs quoting.

Names of scalar types are written into SQL, and stored ones may be anybody's. So both where they
are read and where they are written, only names that ``is_scalar_name`` knows are let through.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TypeAlias

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData
from catalog.model.ids import excerpt
from catalog.model.keywords import KEYWORDS


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

SCALAR_NAMES = frozenset(CLASSES) - {"DECIMAL"} | {
    "GEOMETRY",
    "INTERVAL",
    "JSON",
    "NULL",
    "TIME WITH TIME ZONE",
    "TIMESTAMPTZ_NS",
    "TIMESTAMP_MS",
    "TIMESTAMP_S",
    "TIME_NS",
    "VARIANT",
}
"""The scalar types without parameters that columns of tables and files may have."""

MAX_DIGITS = 38
"""Most digits of a DECIMAL."""

MAX_DEPTH = 100
"""Most levels of nesting: schemas of Parquet files that have more are refused by its readers."""

_GEOMETRY = re.compile(r"GEOMETRY\('(?:[^'\0]|'')*'\)")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DECIMAL = re.compile(r"DECIMAL\(([1-9][0-9]?),(0|[1-9][0-9]?)\)")


def is_scalar_name(name: str) -> bool:
    """Returns whether a text names a scalar type: nothing else in it, in its one spelling.

    ``DECIMAL`` has precision and scale, and ``GEOMETRY`` may have a coordinate system as a quoted
    text.

    Example:
        >>> is_scalar_name("DECIMAL(10,2)"), is_scalar_name("DECIMAL(10,2)) || (SELECT 1")
        (True, False)
    """
    if name in SCALAR_NAMES:
        return True
    match = _DECIMAL.fullmatch(name)
    if match is not None:
        return int(match[2]) <= int(match[1]) <= MAX_DIGITS
    return _GEOMETRY.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Scalar:
    """One scalar type, e.g. ``Scalar("BIGINT")`` or ``Scalar("DECIMAL(10,2)")``."""

    name: str

    @property
    def type_class(self) -> TypeClass:
        """Returns how its values are ordered and encoded."""
        found = CLASSES.get(self.name)  # most types have no parameters
        return found or CLASSES.get(self.name.partition("(")[0], TypeClass.OTHER)

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


def has_float(kind: DataType) -> bool:
    """Returns whether values may have floats inside; filters of engines look that deep."""
    match kind:
        case Scalar():  # first: a table may have thousands of columns, and few are nested
            return is_float(kind)
        case StructType(fields):
            return any(has_float(inner) for _, inner in fields)
        case ListType(element):
            return has_float(element)
        case MapType(key, value):
            return has_float(key) or has_float(value)


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


def from_json(stored: object, depth: int = 0) -> DataType:
    """Reads the stored form of a type, which is ``depth`` levels deep in another.

    Raises:
        CorruptData: The form is not one of format 1.
    """
    if depth > MAX_DEPTH:
        raise CorruptData(f"a column type in a stored schema has more than {MAX_DEPTH} levels")
    match stored:
        case str(name) if is_scalar_name(name):
            return Scalar(name)
        case {"list": element, **rest} if not rest:
            return ListType(from_json(element, depth + 1))
        case {"struct": [_, *_] as fields, **rest} if not rest:
            return StructType(tuple(_field(pair, depth + 1) for pair in fields))
        case {"map": [key, value], **rest} if not rest:
            return MapType(from_json(key, depth + 1), from_json(value, depth + 1))
    raise CorruptData(f"unknown column type in a stored schema: {excerpt(stored)}")


def _field(pair: object, depth: int) -> tuple[str, DataType]:
    match pair:
        case [str(name), kind] if is_column_name(name):
            return name, from_json(kind, depth)
    raise CorruptData(f"unknown struct field in a stored schema: {excerpt(pair)}")


def is_column_name(name: str) -> bool:
    """Returns whether a column or field may have a name: all that SQL can quote."""
    return name != "" and "\0" not in name


def unusable_name(what: str, name: str | None) -> str:
    """Returns, for messages, a column or field whose name is not ``is_column_name``."""
    if not name:
        return f"a {what} without a name"
    return f"a {what} {name!r}, whose name has a NUL character"


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


def holds_null_type(kind: DataType) -> bool:
    """Returns whether a type is, or has inside, that of a column without any value."""
    match kind:
        case Scalar():
            return kind == NULL_TYPE
        case ListType(element):
            return holds_null_type(element)
        case StructType(fields):
            return any(holds_null_type(inner) for _, inner in fields)
        case MapType(key, value):
            return holds_null_type(key) or holds_null_type(value)


def holds_values(wide: DataType, narrow: DataType) -> bool:
    """Returns whether a type holds every value of another; a struct may have further fields."""
    match wide, narrow:
        case ListType(a), ListType(b):
            return holds_values(a, b)
        case StructType(a), StructType(b):
            fields = dict(a)
            return all(name in fields and holds_values(fields[name], kind) for name, kind in b)
        case MapType(ka, va), MapType(kb, vb):
            return holds_values(ka, kb) and holds_values(va, vb)
    return _common_pair(wide, narrow) == wide


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
        case StructType(a), StructType(b) if sorted(n for n, _ in a) == sorted(n for n, _ in b):
            others = dict(b)  # the engine goes by the names of fields, not by their order
            kinds = [(name, _common_pair(kind, others[name])) for name, kind in a]
            if any(kind is None for _, kind in kinds):
                return None
            return StructType(tuple((name, kind) for name, kind in kinds if kind is not None))
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
    """Returns the name of a field as DuckDB shows it."""
    plain = _WORD.fullmatch(name) and name.lower() not in KEYWORDS
    return name if plain else '"' + name.replace('"', '""') + '"'
