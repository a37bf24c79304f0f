"""Columns of Parquet files as Arrow reads them, in the engine's types.

Arrow and the engine differ where only one of Parquet's two annotations is there, in lists without
a group of their own, and in types that Arrow does not know. What Arrow decodes counts only where
both agree; ``arrow_agrees`` says where.

Types are taken from Parquet's own schema: ``ARROW:schema`` is ignored, since the engine ignores it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.types import (
    INTEGER_BITS,
    NULL_TYPE,
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    is_column_name,
    unusable_name,
)


@dataclass(frozen=True, slots=True)
class ArrowColumn:
    """A column as Arrow reads it.

    Attributes:
        type: The type of the engine that has the values which Arrow decodes.
        leaf: The number of its first leaf in the file.
        leaves: How many it has.
        strict: Whether the engine refuses some of the values that Arrow takes: times beyond a day,
            JSON that is none, timestamps that do not fit.
    """

    name: str
    type: DataType
    leaf: int
    leaves: int = 1
    strict: bool = False


def arrow_columns(schema: pq.ParquetSchema, shown: str) -> tuple[ArrowColumn, ...]:
    """Returns the columns of a file, which errors call ``shown``.

    What Arrow does not know how to read ends in an error of its own.

    Raises:
        InvalidInput: They have ambiguous names.
    """
    structure = schema.to_arrow_schema()
    names = structure.names
    repeated = sorted(name for name, times in Counter(names).items() if times > 1)
    unusable = next((name for name in names if not is_column_name(name)), None)
    if repeated or unusable is not None:
        problem = (
            f"several columns {repeated[0]!r}" if repeated else unusable_name("column", unusable)
        )
        raise InvalidInput(
            f"{shown} has {problem}",
            kind=ErrorKind.BAD_COLUMNS,
            hint="write the file again with other names of columns, or remove it from the source",
        )
    return tuple(_columns(schema, structure))


def arrow_agrees(schema: pq.ParquetSchema, types: Sequence[DataType]) -> tuple[bool, ...]:
    """Returns which columns of a file Arrow reads as the values of the given types.

    Args:
        schema: The schema of the file, e.g. ``ParquetFile.schema``.
        types: The types of its columns, in order, as the engine reads them.
    """
    columns = list(_columns(schema, schema.to_arrow_schema()))
    if len(columns) != len(types):
        return (False,) * len(types)
    return tuple(column.type == kind for column, kind in zip(columns, types, strict=True))


def _columns(schema: pq.ParquetSchema, structure: pa.Schema) -> Iterator[ArrowColumn]:
    remaining = enumerate(schema.column(i) for i in range(len(schema)))
    ahead = 0
    for field in structure:
        kind, first = _type(field.type, remaining)
        own = range(ahead, ahead + _leaf_count(kind))
        ahead = own.stop
        strict = any(_is_strict(schema.column(n)) for n in own)
        yield ArrowColumn(field.name, kind, first, len(own), strict)


def _leaf_count(kind: DataType) -> int:
    match kind:
        case Scalar():
            return 1
        case ListType(element):
            return _leaf_count(element)
        case MapType(key, value):
            return _leaf_count(key) + _leaf_count(value)
        case StructType(fields):
            return sum(_leaf_count(inner) for _, inner in fields)


def _is_strict(leaf: pq.ColumnSchema) -> bool:
    logical = leaf.logical_type
    if logical.type == "TIMESTAMP":
        return "milliseconds" in str(logical)
    return logical.type in ("TIME", "JSON") or leaf.physical_type == "INT96"


def _type(
    shape: pa.DataType, leaves: Iterator[tuple[int, pq.ColumnSchema]]
) -> tuple[DataType, int]:
    """Returns the type of a column and the number of its first leaf.

    Its Arrow type shows how it is nested. ``leaves`` begin with its own, which are consumed.
    """
    if isinstance(shape, pa.BaseExtensionType):
        shape = shape.storage_type
    if pa.types.is_map(shape):
        key, first = _type(shape.key_type, leaves)
        return MapType(key, _type(shape.item_type, leaves)[0]), first
    if pa.types.is_struct(shape):
        parts = [(field.name, _type(field.type, leaves)) for field in shape]
        first = parts[0][1][1] if parts else 0
        return StructType(tuple((name, kind) for name, (kind, _) in parts)), first
    if pa.types.is_nested(shape) and hasattr(shape, "value_type"):
        element, first = _type(shape.value_type, leaves)
        return ListType(element), first
    number, leaf = next(leaves)
    return _scalar(leaf), number


_PLAIN = {
    "BOOLEAN": "BOOLEAN",
    "INT32": "INTEGER",
    "INT64": "BIGINT",
    "INT96": "TIMESTAMP",
    "FLOAT": "FLOAT",
    "DOUBLE": "DOUBLE",
    "BYTE_ARRAY": "BLOB",
    "FIXED_LEN_BYTE_ARRAY": "BLOB",
}
"""DuckDB's types for physical types that carry no logical type."""

_LOGICAL = {
    "STRING": "VARCHAR",
    "ENUM": "VARCHAR",
    "JSON": "JSON",
    "BSON": "BLOB",
    "DATE": "DATE",
    "UUID": "UUID",
    "FLOAT16": "FLOAT",
    "INTERVAL": "INTERVAL",
}
"""DuckDB's types for logical types without parameters."""

_INTEGERS = {(bits, signed): name for name, (bits, signed) in INTEGER_BITS.items()}


def _scalar(leaf: pq.ColumnSchema) -> Scalar:
    logical = leaf.logical_type
    details = str(logical)
    kind = logical.type
    if leaf.converted_type == "INTERVAL":
        return Scalar("INTERVAL")
    if kind == "NULL" or details == "Null":
        return NULL_TYPE
    if kind == "DECIMAL":  # also of more digits than the engine has
        return Scalar(f"DECIMAL({leaf.precision},{leaf.scale})")
    if kind == "INT":
        bits = int(details.partition("bitWidth=")[2].partition(",")[0])
        return Scalar(_INTEGERS[bits, "isSigned=true" in details])
    if kind in ("TIME", "TIMESTAMP"):
        return _temporal(kind, details)
    return Scalar(_LOGICAL.get(kind) or _PLAIN[leaf.physical_type])


def _temporal(kind: str, details: str) -> Scalar:
    """Returns the type of a time. The old annotation does not say UTC, though Arrow has it so."""
    nanos = "nanoseconds" in details
    utc = "isAdjustedToUTC=true" in details and "is_from_converted_type=true" not in details
    if kind == "TIME":
        if utc:
            return Scalar("TIME WITH TIME ZONE")
        return Scalar("TIME_NS" if nanos else "TIME")
    if utc:
        return Scalar("TIMESTAMPTZ_NS" if nanos else "TIMESTAMP WITH TIME ZONE")
    return Scalar("TIMESTAMP_NS" if nanos else "TIMESTAMP")
