"""Footers of Parquet files: rows, columns as Arrow reads them, and trustworthy statistics.

What the engine reads is for the engine to say: ``StoredFooter.read_as`` takes its types, and keeps
of the statistics those of columns that both read alike.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias, cast

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import CorruptData, ErrorKind, NotFound, StorageFailure
from catalog.formats.arrow_types import ArrowColumn, arrow_columns
from catalog.formats.source import Layout
from catalog.formats.structure import Structure, read_tail, structure_of
from catalog.model.datafile import ColumnStats
from catalog.model.schema import FileSchema
from catalog.model.types import INTEGER_BITS, DataType, Scalar, TypeClass, is_float
from catalog.model.values import encode
from catalog.storage.store import OpenFile

ParquetSource: TypeAlias = str | OpenFile
"""What Parquet is read from: a local path, or an open remote file."""


def source_name(source: ParquetSource) -> str:
    """Returns the path or URI of a file, for messages."""
    return source if isinstance(source, str) else source.found.uri


@dataclass(frozen=True, slots=True)
class ParquetFooter:
    """What the footer of a file says to who reads it through the engine.

    Attributes:
        rows: Rows in the file.
        columns: Name and type per column, in order.
        stats: Statistics of top-level scalar columns, by name.
    """

    rows: int
    columns: Layout
    stats: Mapping[str, ColumnStats]


@dataclass(frozen=True, slots=True)
class StoredFooter:
    """What the footer of a file says by itself.

    Attributes:
        rows: Rows in the file.
        structure: What decides how the engine reads the columns.
        columns: The columns in order, as Arrow reads them.
        stats: Statistics of top-level scalar columns, by name; their bounds are values of the
            types that Arrow reads.
    """

    rows: int
    structure: Structure
    columns: tuple[ArrowColumn, ...]
    stats: Mapping[str, ColumnStats]

    def read_as(self, types: Sequence[DataType]) -> ParquetFooter:
        """Returns the footer with the types that the engine reads the columns as.

        Bounds of a column that Arrow reads as another type would be compared with other values
        than the rows': only the number of NULLs is the same for both.
        """
        stats = dict(self.stats)
        for column, kind in zip(self.columns, types, strict=True):
            known = stats.get(column.name)
            if known is not None and column.type != kind:
                stats[column.name] = ColumnStats(known.nulls, None if is_float(kind) else 0)
        names = (column.name for column in self.columns)
        return ParquetFooter(self.rows, tuple(zip(names, types, strict=True)), stats)


def read_footer(path: ParquetSource, *, name: str | None = None) -> StoredFooter:
    """Reads the footer of a Parquet file, which errors call by ``name``, else its path or URI.

    Raises:
        CorruptData: It is not a Parquet file, or damaged.
        InvalidInput: Its columns have ambiguous names, or cannot be read exactly.
        NotFound: It is missing.
        StorageFailure: It cannot be read.
    """
    shown = name or source_name(path)
    try:
        footer, metadata = _read(path)
        structure = structure_of(footer, (metadata.metadata or {}).get(b"geo"))
        columns = arrow_columns(metadata.schema, shown)
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
    return StoredFooter(metadata.num_rows, structure, columns, _stats(metadata, columns, leaves))


def _read(source: ParquetSource) -> tuple[bytes, pq.FileMetaData]:
    """Reads the bytes of a footer, once, and what Arrow makes of them."""
    if isinstance(source, str):
        with open(source, "rb", buffering=0) as file:
            found = read_tail(file)
    else:
        found = read_tail(cast(BinaryIO, source))
    if found is None:
        return b"", pq.read_metadata(source)  # raises, with the reason
    footer, tail = found
    return footer, pq.read_metadata(pa.BufferReader(tail))


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


def _stats(
    metadata: pq.FileMetaData,
    columns: Sequence[ArrowColumn],
    leaves: Sequence[pq.ColumnSchema],
) -> dict[str, ColumnStats]:
    groups = [metadata.row_group(g) for g in range(metadata.num_row_groups)]
    groups = [group for group in groups if group.num_rows]
    found = {}
    for column in columns:
        kind, number = column.type, column.leaf
        if not isinstance(kind, Scalar):
            continue
        per_group = [group.column(number).statistics for group in groups]
        found[column.name] = _column_stats(per_group, kind, leaves[number], rows=metadata.num_rows)
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
