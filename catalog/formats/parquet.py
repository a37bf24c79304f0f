"""Footers of Parquet files: rows, columns as DuckDB reads them, and trustworthy statistics.

Types are taken from Parquet's own schema: ``ARROW:schema`` is ignored, since DuckDB ignores it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import CorruptData, ErrorKind, InvalidInput, NotFound, StorageFailure
from catalog.formats.source import Layout
from catalog.model.datafile import ColumnStats
from catalog.model.schema import FileSchema
from catalog.model.types import (
    INTEGER_BITS,
    NULL_TYPE,
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    TypeClass,
)
from catalog.model.values import encode
from catalog.storage.store import OpenFile

ParquetSource: TypeAlias = str | OpenFile
"""What Parquet is read from: a local path, or an open remote file."""


def source_name(source: ParquetSource) -> str:
    """Returns the path or URI of a file, for messages."""
    return source if isinstance(source, str) else source.found.uri


@dataclass(frozen=True, slots=True)
class ParquetFooter:
    """What the footer of a file says.

    Attributes:
        rows: Rows in the file.
        columns: Name and type per column, in order.
        stats: Statistics of top-level scalar columns, by name.
    """

    rows: int
    columns: Layout
    stats: Mapping[str, ColumnStats]


def read_footer(path: ParquetSource, *, name: str | None = None) -> ParquetFooter:
    """Reads the footer of a Parquet file, which errors call by ``name``, else its path or URI.

    Raises:
        CorruptData: It is not a Parquet file, or damaged.
        InvalidInput: Its columns have ambiguous names, or cannot be read exactly.
        NotFound: It is missing.
        StorageFailure: It cannot be read.
    """
    shown = name or source_name(path)
    try:
        metadata = pq.read_metadata(path)
        structure = metadata.schema.to_arrow_schema()
        leaves = [metadata.schema.column(i) for i in range(len(metadata.schema))]
    except FileNotFoundError as error:
        raise NotFound(f"no file {shown}", kind=ErrorKind.SOURCE_NOT_FOUND) from error
    except PermissionError as error:
        raise StorageFailure(
            f"cannot read {shown}: {error.strerror}", hint="check its permissions"
        ) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CorruptData(
            f"{shown} is not a readable Parquet file: {reason}",
            kind=ErrorKind.DAMAGED_PARQUET,
            hint="write the file again, or remove it from the source",
        ) from error
    columns, scalars = _columns(structure, leaves, shown)
    return ParquetFooter(metadata.num_rows, columns, _stats(metadata, scalars, leaves))


def column_sizes(path: ParquetSource, schema: FileSchema) -> dict[int, int]:
    """Returns the compressed bytes that the columns of a file take, by field id.

    Raises:
        CorruptData: It is not a Parquet file, or damaged.
    """
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        shown = source_name(path)
        raise CorruptData(
            f"{shown} is not readable: {error}", kind=ErrorKind.DAMAGED_PARQUET
        ) from error
    ids = {column.name: column.field_id for column in schema.columns}
    sizes = dict.fromkeys(ids.values(), 0)
    for group in (metadata.row_group(n) for n in range(metadata.num_row_groups)):
        for chunk in (group.column(n) for n in range(group.num_columns)):
            name = chunk.path_in_schema
            owner = name if name in ids else name.partition(".")[0]
            if owner in ids:
                sizes[ids[owner]] += chunk.total_compressed_size
    return sizes


def _columns(
    structure: pa.Schema, leaves: Sequence[pq.ColumnSchema], shown: str
) -> tuple[Layout, list[tuple[int, str, Scalar]]]:
    names = structure.names
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated or "" in names:
        problem = f"several columns {repeated[0]!r}" if repeated else "a column without a name"
        raise InvalidInput(f"{shown} has {problem}", kind=ErrorKind.BAD_COLUMNS)
    remaining = iter(enumerate(leaves))
    columns: list[tuple[str, DataType]] = []
    scalars: list[tuple[int, str, Scalar]] = []
    for field in structure:
        kind, first = _type(field.type, remaining, f"{shown}: column {field.name!r}")
        columns.append((field.name, kind))
        if isinstance(kind, Scalar):
            scalars.append((first, field.name, kind))
    return tuple(columns), scalars


def _type(
    shape: pa.DataType, leaves: Iterator[tuple[int, pq.ColumnSchema]], what: str
) -> tuple[DataType, int]:
    """Returns the type of a column and the number of its first leaf.

    Its Arrow type shows how it is nested. ``leaves`` begin with its own, which are consumed.
    """
    if isinstance(shape, pa.BaseExtensionType):
        shape = shape.storage_type
    if pa.types.is_map(shape):
        key, first = _type(shape.key_type, leaves, what)
        return MapType(key, _type(shape.item_type, leaves, what)[0]), first
    if pa.types.is_struct(shape):
        parts = [(field.name, _type(field.type, leaves, what)) for field in shape]
        if not parts:
            raise InvalidInput(f"{what} is a struct without fields")
        return StructType(tuple((name, kind) for name, (kind, _) in parts)), parts[0][1][1]
    if pa.types.is_nested(shape) and hasattr(shape, "value_type"):
        element, first = _type(shape.value_type, leaves, what)
        return ListType(element), first
    number, leaf = next(leaves)
    return _scalar(leaf, what), number


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


def _scalar(leaf: pq.ColumnSchema, what: str) -> Scalar:
    logical = leaf.logical_type
    details = str(logical)
    kind = logical.type
    if leaf.converted_type == "INTERVAL":
        return Scalar("INTERVAL")
    if kind == "NULL" or details == "Null":
        return NULL_TYPE
    if kind == "DECIMAL":
        if leaf.precision > 38:
            raise InvalidInput(
                f"{what} has {leaf.precision} decimal digits; 38 can be read exactly",
                kind=ErrorKind.UNREADABLE_TYPE,
            )
        return Scalar(f"DECIMAL({leaf.precision},{leaf.scale})")
    if kind == "INT":
        bits = int(details.partition("bitWidth=")[2].partition(",")[0])
        return Scalar(_INTEGERS[bits, "isSigned=true" in details])
    if kind in ("TIME", "TIMESTAMP"):
        return _temporal(kind, details)
    return Scalar(_LOGICAL.get(kind) or _PLAIN[leaf.physical_type])


def _temporal(kind: str, details: str) -> Scalar:
    nanos, utc = "nanoseconds" in details, "isAdjustedToUTC=true" in details
    if kind == "TIME":
        if utc:
            return Scalar("TIME WITH TIME ZONE")
        return Scalar("TIME_NS" if nanos else "TIME")
    if utc:
        return Scalar("TIMESTAMPTZ_NS" if nanos else "TIMESTAMP WITH TIME ZONE")
    return Scalar("TIMESTAMP_NS" if nanos else "TIMESTAMP")


def _stats(
    metadata: pq.FileMetaData,
    scalars: Sequence[tuple[int, str, Scalar]],
    leaves: Sequence[pq.ColumnSchema],
) -> dict[str, ColumnStats]:
    groups = [metadata.row_group(g) for g in range(metadata.num_row_groups)]
    groups = [group for group in groups if group.num_rows]
    found = {}
    for number, name, kind in scalars:
        per_group = [group.column(number).statistics for group in groups]
        found[name] = _column_stats(per_group, kind, leaves[number], rows=metadata.num_rows)
    return found


def _column_stats(
    groups: Sequence[pq.Statistics | None], kind: Scalar, leaf: pq.ColumnSchema, *, rows: int
) -> ColumnStats:
    nans = None if kind.type_class is TypeClass.FLOAT else 0
    known = [g for g in groups if g is not None]
    if len(known) < len(groups):
        return ColumnStats(nans=nans)
    nulls = sum(g.null_count for g in known) if all(g.has_null_count for g in known) else None
    if nulls == rows:
        return ColumnStats(nulls, 0)
    bounded = [g for g in known if not (g.has_null_count and g.num_values == 0)]
    if not bounded or not all(g.has_min_max for g in bounded):
        return ColumnStats(nulls, nans)
    lows = [_encoded(g.min_raw, kind, leaf) for g in bounded]
    highs = [_encoded(g.max_raw, kind, leaf) for g in bounded]
    if None in lows or None in highs:
        return ColumnStats(nulls, nans)
    exact = kind.type_class not in (TypeClass.TEXT, TypeClass.BINARY, TypeClass.FLOAT)
    low, high = min(b for b in lows if b is not None), max(b for b in highs if b is not None)
    return ColumnStats(nulls, nans, low, high, exact)


def _encoded(raw: object, kind: Scalar, leaf: pq.ColumnSchema) -> bytes | None:
    """Returns a bound of a row group as the catalog encodes it, None if it is not to be trusted."""
    match kind.type_class:
        case TypeClass.BOOLEAN | TypeClass.DATE if isinstance(raw, int):
            return encode(raw, kind)
        case TypeClass.INTEGER | TypeClass.WIDE_INTEGER if isinstance(raw, int):
            bits, signed = INTEGER_BITS[kind.name]
            return encode(raw if signed else raw % (1 << bits), kind)
        case TypeClass.DECIMAL:
            if isinstance(raw, bytes):
                raw = int.from_bytes(raw, "big", signed=True)
            if isinstance(raw, int) and kind.decimal is not None:
                return encode(raw, Scalar(f"DECIMAL({kind.decimal[0]},0)"))
        case TypeClass.FLOAT if isinstance(raw, float) and not math.isnan(raw):
            return encode(raw, kind)
        case TypeClass.TEXT | TypeClass.BINARY if isinstance(raw, bytes):
            return raw
        case TypeClass.UUID if isinstance(raw, bytes) and len(raw) == 16:
            return raw
        case TypeClass.TIME | TypeClass.TIMESTAMP if isinstance(raw, int):
            millis = "milliseconds" in str(leaf.logical_type)
            return encode(raw * 1000 if millis else raw, kind)
    return None
