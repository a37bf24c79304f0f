"""Types of columns in Iceberg's words, and which of a file's types a reader takes for them.

Iceberg identifies nested fields by ids too. Columns keep the field ids that they have here where
they can; nested fields have ids from ``NESTED_IDS`` on.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from catalog.errors import ErrorKind, Unsupported
from catalog.model.schema import Schema
from catalog.model.types import NULL_TYPE, DataType, ListType, MapType, Scalar, StructType

NESTED_IDS = 1_000_000_000
"""The first id of a nested field: no table has so many columns, and all are below Iceberg's own
reserved ids, which begin at 2,147,483,447."""

Path: TypeAlias = tuple[int | str, ...]
"""A field: the id of its column, then the names on the way to it; ``element``, ``key`` and
``value`` inside lists and maps."""

JsonType: TypeAlias = str | dict[str, object]
"""A type as Iceberg's JSON has it."""

_SCALARS = {
    "BOOLEAN": "boolean",
    "TINYINT": "int",
    "SMALLINT": "int",
    "INTEGER": "int",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "UUID": "uuid",
    "JSON": "string",
    "UTINYINT": "int",
    "USMALLINT": "int",
    "UINTEGER": "long",
    "UBIGINT": "decimal(20, 0)",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
}
"""Iceberg's types (format 2) for scalar types, DECIMAL apart."""

_WRITTEN_AS = {
    "JSON": "VARCHAR",
    "UTINYINT": "INTEGER",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
}
"""Types whose values are written in another one, which has all of them: Iceberg knows no integer
without a sign, and some readers no text that is marked as JSON."""

_REWRITTEN = {NULL_TYPE.name, *_WRITTEN_AS}
"""Types of columns in files that are never read as they are."""

_WIDER = {
    "int": {"int", "long"},
    "float": {"float", "double"},
}
"""Which types of Iceberg a column of a file may have been widened to."""


def iceberg_scalar(kind: Scalar) -> str | None:
    """Returns Iceberg's word for a scalar type; None if it has none."""
    if kind.decimal is not None:
        precision, scale = kind.decimal
        return f"decimal({precision}, {scale})"
    return _SCALARS.get(kind.name)


def unsayable(kind: DataType) -> Scalar | None:
    """Returns the type, or the one inside it, that Iceberg does not have; None if it has all."""
    match kind:
        case Scalar():
            return None if iceberg_scalar(kind) else kind
        case ListType(element):
            return unsayable(element)
        case StructType(fields):
            return next((bad for _, inner in fields if (bad := unsayable(inner))), None)
        case MapType(key, value):
            return unsayable(key) or unsayable(value)


def check_columns(schema: Schema, table: str) -> None:
    """Checks that Iceberg has a type for every column.

    Raises:
        Unsupported: It has not, or cannot tell two columns apart; the message names them.
    """
    for field in schema.fields:
        bad = unsayable(field.type)
        if bad is not None:
            raise Unsupported(
                f"Iceberg has no type {bad}: column {field.name} of table {table} is {field.type}",
                kind=ErrorKind.FORMAT_LIMIT,
                hint="change the type of the column, or drop it",
            )
        if not 0 < field.id < NESTED_IDS:
            raise Unsupported(
                f"field id {field.id} of table {table} is too great for Iceberg",
                kind=ErrorKind.FORMAT_LIMIT,
            )
    alike = Counter(field.name.casefold() for field in schema.fields)
    unlike = sorted(field.name for field in schema.fields if alike[field.name.casefold()] > 1)
    if unlike:
        raise Unsupported(
            f"readers of Iceberg cannot tell apart columns {unlike[0]} and {unlike[1]} of table "
            f"{table}, whose names differ in case alone",
            kind=ErrorKind.FORMAT_LIMIT,
            hint="rename one of them",
        )


def nested_paths(kind: DataType, path: Path) -> Iterator[Path]:
    """Yields the fields inside a type, outer ones first."""
    parts: tuple[tuple[str, DataType], ...]
    match kind:
        case Scalar():
            return
        case ListType(element):
            parts = (("element", element),)
        case MapType(key, value):
            parts = (("key", key), ("value", value))
        case StructType(fields):
            parts = fields
    for name, inner in parts:
        yield (*path, name)
        yield from nested_paths(inner, (*path, name))


def type_json(kind: DataType, path: Path, ids: Mapping[Path, int]) -> JsonType:
    """Returns a type in Iceberg's JSON; every field inside it has an id."""
    match kind:
        case Scalar():
            return iceberg_scalar(kind) or "unknown"
        case ListType(element):
            inner = (*path, "element")
            return {
                "type": "list",
                "element-id": ids[inner],
                "element": type_json(element, inner, ids),
                "element-required": False,
            }
        case MapType(key, value):
            one, other = (*path, "key"), (*path, "value")
            return {
                "type": "map",
                "key-id": ids[one],
                "key": type_json(key, one, ids),
                "value-id": ids[other],
                "value": type_json(value, other, ids),
                "value-required": False,
            }
        case StructType(fields):
            return {
                "type": "struct",
                "fields": [
                    {
                        "id": ids[*path, name],
                        "name": name,
                        "required": False,
                        "type": type_json(inner, (*path, name), ids),
                    }
                    for name, inner in fields
                ],
            }


def reads_as(held: DataType, wanted: DataType) -> bool:
    """Returns whether Iceberg's readers take a column of a file for one of another type.

    Only its own promotions count: to a wider integer or float, and more digits of a decimal.
    """
    match held, wanted:
        case Scalar(), Scalar():
            return _scalar_reads_as(held, wanted)
        case ListType(a), ListType(b):
            return reads_as(a, b)
        case MapType(ka, va), MapType(kb, vb):
            return reads_as(ka, kb) and reads_as(va, vb)
        case StructType(a), StructType(b):
            others = dict(b)
            return {name for name, _ in a} == others.keys() and all(
                reads_as(kind, others[name]) for name, kind in a
            )
    return False


def written_as(kind: DataType) -> DataType:
    """Returns the type in which values of a column are written for Iceberg, which has them all."""
    match kind:
        case Scalar():
            return Scalar(_WRITTEN_AS.get(kind.name, kind.name))
        case ListType(element):
            return ListType(written_as(element))
        case MapType(key, value):
            return MapType(written_as(key), written_as(value))
        case StructType(fields):
            return StructType(tuple((name, written_as(inner)) for name, inner in fields))


def _scalar_reads_as(held: Scalar, wanted: Scalar) -> bool:
    if held.name in _REWRITTEN:
        return False
    if held.decimal is not None and wanted.decimal is not None:
        return held.decimal[1] == wanted.decimal[1] and held.decimal[0] <= wanted.decimal[0]
    one, other = iceberg_scalar(held), iceberg_scalar(wanted)
    return one is not None and other in _WIDER.get(one, {one})
