"""Columns of tables as a Delta log states them, and the types that its data files must have then.

Integers without sign, UUIDs and JSON have no type there, but others that hold all of their values.
What has none at all is refused by name.

Source: Delta Transaction Log Protocol, "Schema Serialization Format" and "Table Features".
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from catalog.errors import ErrorKind, Unsupported
from catalog.model.schema import Field
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType

LogType: TypeAlias = str | dict[str, object]
"""A type as the log has it."""

READ_ONLY = "parquetryReadOnly"
"""A feature that no other writer has: it must not write to the table, nor remove its files."""

WITHOUT_ZONE = "timestampNtz"
"""The feature of tables with timestamps without a time zone, which readers must know."""

_NAMES = {
    "BOOLEAN": "boolean",
    "TINYINT": "byte",
    "SMALLINT": "short",
    "INTEGER": "integer",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}
"""The types that both have."""

_HELD_BY = {
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "UUID": "VARCHAR",
    "JSON": "VARCHAR",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
}
"""Types of ours that Delta lacks, each with one of both that holds all of its values."""

_WIDER = {
    "TINYINT": ("SMALLINT", "INTEGER", "BIGINT"),
    "SMALLINT": ("INTEGER", "BIGINT"),
    "INTEGER": ("BIGINT",),
    "UTINYINT": ("SMALLINT",),
    "USMALLINT": ("INTEGER",),
    "UINTEGER": ("BIGINT",),
    "FLOAT": ("DOUBLE",),
}
"""Types of files that deltalake, Polars and DuckDB all read as the wider types rightly."""


NANOSECONDS = Scalar("TIMESTAMP_NS")
"""A type that ``TIMESTAMP`` holds the values of that are whole microseconds."""


def held_as(kind: DataType, column: str, *, nested: bool = False) -> DataType:
    """Returns the type that data files must hold a column's values in.

    It holds all of them, but for nanoseconds: whoever writes those must look at each.

    Args:
        kind: The type of the column, or of what is nested in it.
        column: The column's name.
        nested: Whether it is what is nested.

    Raises:
        Unsupported: Delta has no type for them.
    """
    match kind:
        case Scalar(name) if name in _NAMES or kind.decimal is not None:
            return kind
        case Scalar(name) if name in _HELD_BY:
            return Scalar(_HELD_BY[name])
        case Scalar() if kind == NANOSECONDS and not nested:
            return Scalar("TIMESTAMP")
        case ListType(element):
            return ListType(held_as(element, column, nested=True))
        case MapType(key, value):
            inner = (held_as(part, column, nested=True) for part in (key, value))
            return MapType(*inner)
        case StructType(fields):
            _check_distinct([name for name, _ in fields], f"the fields of column {column!r}")
            kinds = ((name, held_as(one, column, nested=True)) for name, one in fields)
            return StructType(tuple(kinds))
    raise Unsupported(
        f"Delta has no type for column {column!r}, which is {kind}",
        kind=ErrorKind.FORMAT_LIMIT,
        hint="store it as another type, e.g. VARCHAR, or leave the table out",
    )


def is_read_as(kind: DataType, held: DataType) -> bool:
    """Returns whether readers take a column of a file for the type of the log without loss."""
    if kind == held:
        return True
    return isinstance(kind, Scalar) and str(held) in _WIDER.get(kind.name, ())


def schema_json(fields: Sequence[Field]) -> dict[str, object]:
    """Returns the schema of a table as the log has it.

    Raises:
        Unsupported: Delta cannot have such columns.
    """
    _check_distinct([field.name for field in fields], "the columns")
    return _struct((f.name, held_as(f.type, f.name)) for f in fields)


def features(fields: Sequence[Field]) -> tuple[str, ...]:
    """Returns the features that readers need for a table of such columns."""
    kinds = (held_as(field.type, field.name) for field in fields)
    return (WITHOUT_ZONE,) if any(map(_is_without_zone, kinds)) else ()


def _struct(fields: Iterator[tuple[str, DataType]]) -> dict[str, object]:
    return {
        "type": "struct",
        "fields": [
            {"name": name, "type": _log_type(kind), "nullable": True, "metadata": {}}
            for name, kind in fields
        ],
    }


def _log_type(kind: DataType) -> LogType:
    match kind:
        case Scalar(name):
            digits = kind.decimal
            return f"decimal({digits[0]},{digits[1]})" if digits else _NAMES[name]
        case ListType(element):
            return {"type": "array", "elementType": _log_type(element), "containsNull": True}
        case MapType(key, value):
            return {
                "type": "map",
                "keyType": _log_type(key),
                "valueType": _log_type(value),
                "valueContainsNull": True,
            }
        case StructType(fields):
            return _struct(iter(fields))


def _is_without_zone(kind: DataType) -> bool:
    match kind:
        case Scalar():
            return kind == Scalar("TIMESTAMP")
        case ListType(element):
            return _is_without_zone(element)
        case MapType(key, value):
            return _is_without_zone(key) or _is_without_zone(value)
        case StructType(fields):
            return any(_is_without_zone(inner) for _, inner in fields)


def _check_distinct(names: Sequence[str], what: str) -> None:
    """Checks that names differ in more than case, which Delta does not look at.

    Raises:
        Unsupported: They do not.
    """
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(name.casefold(), name)
        if other != name:
            raise Unsupported(
                f"{what} {other!r} and {name!r} are one for Delta, which ignores case",
                kind=ErrorKind.FORMAT_LIMIT,
                hint="rename one of them",
            )
