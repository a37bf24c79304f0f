"""The logical types that the oracle knows, and the Python values that stand for them.

==============  ==========================================================
type            value
==============  ==========================================================
Boolean         bool
Integer         int, of any width and sign
Float           float (32-bit ones widened exactly)
Decimal         decimal.Decimal
Text            str
Blob            bytes
Date            datetime.date
Time            int: ticks of ``unit`` since midnight
Timestamp       int: ticks of ``unit`` since 1970-01-01 00:00 (UTC)
Uuid            uuid.UUID
Null            None only
List            sequence of values
Struct          mapping from field name to value, every field present
Map             sequence of (key, value) pairs
==============  ==========================================================

NULL is ``None`` in every type.
"""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["s", "ms", "us", "ns"]

NANOSECONDS: dict[Unit, int] = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""How many nanoseconds one tick of a unit is."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """Is true or false."""


@dataclass(frozen=True, slots=True)
class Integer:
    """Is a whole number; the width is only a name, as integers compare by value."""

    name: str = "BIGINT"


@dataclass(frozen=True, slots=True)
class Float:
    """Is a binary floating-point number of 32 or 64 bits."""

    bits: Literal[32, 64] = 64


@dataclass(frozen=True, slots=True)
class Decimal:
    """Is a decimal number with a fixed scale."""

    precision: int
    scale: int


@dataclass(frozen=True, slots=True)
class Text:
    """Is Unicode text, compared code point by code point."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Is a string of bytes."""


@dataclass(frozen=True, slots=True)
class Date:
    """Is a day of the calendar."""


@dataclass(frozen=True, slots=True)
class Time:
    """Is a time of day."""

    unit: Unit = "us"


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Is a point in time: of UTC if ``zoned``, else without a zone and taken as UTC."""

    unit: Unit = "us"
    zoned: bool = False


@dataclass(frozen=True, slots=True)
class Uuid:
    """Is a UUID."""


@dataclass(frozen=True, slots=True)
class Null:
    """Is the type of a column that has no type yet: all its values are NULL."""


@dataclass(frozen=True, slots=True)
class List:
    """Is a list, in order."""

    element: "Type"


@dataclass(frozen=True, slots=True)
class Struct:
    """Is a record with named fields; their order has no meaning."""

    fields: tuple[tuple[str, "Type"], ...]


@dataclass(frozen=True, slots=True)
class Map:
    """Is a set of entries; their order has no meaning."""

    key: "Type"
    value: "Type"


Type = (
    Boolean
    | Integer
    | Float
    | Decimal
    | Text
    | Blob
    | Date
    | Time
    | Timestamp
    | Uuid
    | Null
    | List
    | Struct
    | Map
)


def describe(type_: Type) -> str:
    """Names a type in DuckDB's words, as schema changes give it."""
    match type_:
        case Boolean():
            return "BOOLEAN"
        case Integer(name=name):
            return name
        case Float(bits=bits):
            return "DOUBLE" if bits == 64 else "FLOAT"
        case Decimal(precision=precision, scale=scale):
            return f"DECIMAL({precision},{scale})"
        case Text():
            return "VARCHAR"
        case Blob():
            return "BLOB"
        case Date():
            return "DATE"
        case Time(unit=unit):
            return "TIME_NS" if unit == "ns" else "TIME"
        case Timestamp(unit=unit, zoned=False):
            return {"s": "TIMESTAMP_S", "ms": "TIMESTAMP_MS", "us": "TIMESTAMP"}.get(
                unit, "TIMESTAMP_NS"
            )
        case Timestamp(unit=unit):
            return "TIMESTAMPTZ_NS" if unit == "ns" else "TIMESTAMP WITH TIME ZONE"
        case Uuid():
            return "UUID"
        case Null():
            return "NULL"
        case List(element=element):
            return f"{describe(element)}[]"
        case Struct(fields=fields):
            inner = ", ".join(f"{name} {describe(field)}" for name, field in fields)
            return f"STRUCT({inner})"
        case Map(key=key, value=value):
            return f"MAP({describe(key)}, {describe(value)})"
