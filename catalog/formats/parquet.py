"""Footers of Parquet files: rows, columns as Arrow reads them, and trustworthy statistics.

What the engine reads is for the engine to say: ``StoredFooter.read_as`` takes its types, and keeps
of the statistics those of columns that both read alike.
"""

from collections.abc import Mapping, Sequence

import pyarrow.parquet as pq

from catalog.dataclasses import dataclass, field
from catalog.formats.arrow_types import ArrowColumn, arrow_columns
from catalog.formats.bloom_filters import faulty_filters
from catalog.formats.bounds import NO_FILTER, BoundsReader, Claims, column_facts, nested_claims
from catalog.formats.footer import (
    KNOWN_SCHEMAS,
    Footer,
    ParquetSource,
    checked_metadata,
    committed_label,
    parquet_errors,
    read_checked,
    source_label,
    source_name,
)
from catalog.formats.recent import Recent
from catalog.formats.source import Layout
from catalog.formats.structure import Structure, structure_of
from catalog.model.datafile import ColumnStats
from catalog.model.schema import FileSchema
from catalog.model.types import DataType, Scalar, TypeClass, is_float
from catalog.model.values import encoded_ticks

FIXED = 7
"""Number of the physical type of bytes of a fixed length."""

MAX_DECIMAL_BYTES = 16
"""Bytes of the decimals that the engine has; longer ones may hold values that it has not."""

BYTE_STREAM_SPLIT = 9
"""Number of an encoding that the engine knows for numbers only."""

USUAL_CODECS = frozenset((0, 1, 2, 4, 6, 7))
"""Numbers of the codecs that the engine knows: of those of Arrow, all but an older LZ4."""

DAY_MICROSECONDS = 86_400_000_000

_columns: dict[bytes, "_Columns"] = {}


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of the files of a schema as Arrow reads them.

    Attributes:
        leaves: Their columns of plain values.
        bounds: What reads the bounds of a column that is one of those, by its name.
    """

    columns: tuple[ArrowColumn, ...]
    leaves: list[pq.ColumnSchema]
    bounds: Mapping[str, BoundsReader]


@dataclass(frozen=True, slots=True)
class ParquetFooter:
    """What the footer of a file says to who reads it through the engine.

    Attributes:
        rows: Rows in the file.
        columns: Name and type per column, in order.
        stats: Statistics of top-level scalar columns, by name.
        doubtful: The places of columns that the engine may not be able to read, although it knows
            their types, and Arrow reads them.
        claims: Statistics of top-level scalar columns as they stand there, by name.
    """

    rows: int
    columns: Layout
    stats: Mapping[str, ColumnStats]
    doubtful: tuple[int, ...] = ()
    claims: Mapping[str, Claims] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredFooter:
    """What the footer of a file says by itself.

    Attributes:
        raw: The bytes of the footer.
        rows: Rows in the file.
        structure: What decides how the engine reads the columns.
        columns: The columns in order, as Arrow reads them.
        stats: Statistics of top-level scalar columns, by name; their bounds are values of the
            types that Arrow reads.
        doubtful: As in ``ParquetFooter``, as far as it does not depend on types.
        claims: As in ``ParquetFooter``, with bounds as in ``stats``.
    """

    raw: bytes
    rows: int
    structure: Structure
    columns: tuple[ArrowColumn, ...]
    stats: Mapping[str, ColumnStats]
    doubtful: frozenset[int]
    claims: Mapping[str, Claims]

    def read_as(self, types: Sequence[DataType]) -> ParquetFooter:
        """Returns the footer with the types that the engine reads the columns as.

        Bounds of a column that Arrow reads as another type would be compared with other values
        than the rows': only the number of NULLs is the same for both.
        """
        if all(column.type == kind for column, kind in zip(self.columns, types, strict=True)):
            layout = tuple((column.name, column.type) for column in self.columns)
            doubtful = tuple(sorted(self.doubtful))
            return ParquetFooter(self.rows, layout, self.stats, doubtful, self.claims)
        stats = dict(self.stats)
        for column, kind in zip(self.columns, types, strict=True):
            known = stats.get(column.name)
            if known is not None and column.type != kind:
                stats[column.name] = ColumnStats(known.nulls, None if is_float(kind) else 0)
        doubtful = tuple(
            place
            for place, (column, kind) in enumerate(zip(self.columns, types, strict=True))
            if place in self.doubtful or column.type != kind
        )
        claims = {
            column.name: self.claims[column.name]
            for column, kind in zip(self.columns, types, strict=True)
            if column.type == kind and column.name in self.claims
        }
        names = (column.name for column in self.columns)
        layout = tuple(zip(names, types, strict=True))
        return ParquetFooter(self.rows, layout, stats, doubtful, claims)


_recent: Recent[tuple[bytes, frozenset[int]], StoredFooter] = Recent()
"""What footers say, by their bytes and the leaves with filters that are none."""


def read_footer(path: ParquetSource, *, name: str | None = None) -> StoredFooter:
    """Reads the footer of a Parquet file, which errors call by ``name``, else its path or URI.

    Raises:
        CorruptData: It is not a Parquet file, or damaged.
        InvalidInput: Its columns have ambiguous names, or cannot be read exactly.
        NotFound: It is missing.
        StorageFailure: It cannot be read.
        Unsupported: It is encrypted.
    """
    shown = name or source_name(path)
    label = source_label(shown)
    footer, metadata = read_checked(path, label)
    with parquet_errors(label):
        structure = structure_of(footer.schema, footer.geo)
        known = _as_arrow_reads(footer.schema, metadata.schema, shown)
    filters = faulty_filters(path, footer) if isinstance(path, str) else frozenset()
    found = _recent.get((footer.raw, filters))
    if found is None:
        found = _stored(footer, structure, known, filters)
        _recent.put((footer.raw, filters), found, size_bytes=len(footer.raw))
    return found


def _stored(
    footer: Footer, structure: Structure, known: _Columns, filters: frozenset[int]
) -> StoredFooter:
    """Returns what a footer says, but for leaves with filters that are none."""
    facts = {
        column.name: column_facts(
            footer,
            column.leaf,
            known.bounds[column.name],
            fault=NO_FILTER if column.leaf in filters else "",
        )
        for column in known.columns
        if column.name in known.bounds
    }
    stats = {name: found for name, (found, _) in facts.items()}
    claims = {name: said for name, (_, said) in facts.items() if said is not None}
    for column in known.columns:
        nested = None
        if not isinstance(column.type, Scalar):
            nested = nested_claims(footer, column.leaf, column.type, known.leaves)
        if nested is not None:
            claims[column.name] = nested
    doubtful = frozenset(
        place
        for place, column in enumerate(known.columns)
        if (column.strict and not _is_harmless(column, stats)) or _is_encoded_rarely(footer, column)
    )
    return StoredFooter(
        footer.raw, footer.rows, structure, known.columns, stats, doubtful=doubtful, claims=claims
    )


def _as_arrow_reads(stored: bytes, schema: pq.ParquetSchema, shown: str) -> _Columns:
    """Returns the columns of a file as Arrow reads them, once for each schema."""
    known = _columns.get(stored)
    if known is None:
        columns = arrow_columns(schema, shown)
        leaves = [schema.column(i) for i in range(len(schema))]
        bounds = {
            column.name: BoundsReader(column.type, leaves[column.leaf])
            for column in columns
            if isinstance(column.type, Scalar)
        }
        known = _Columns(columns, leaves, bounds)
        if len(_columns) >= KNOWN_SCHEMAS:
            _columns.clear()
        _columns[stored] = known
    return known


def _is_harmless(column: ArrowColumn, stats: Mapping[str, ColumnStats]) -> bool:
    """Returns whether bounds show that the engine reads all values of a column."""
    known = stats.get(column.name)
    if known is None or known.low is None or known.high is None:
        return False
    if isinstance(column.type, Scalar) and column.type.type_class is TypeClass.TIME:
        return encoded_ticks(known.low) >= 0 and encoded_ticks(known.high) < DAY_MICROSECONDS
    return True  # bounds of timestamps that do not fit are not known


def _is_encoded_rarely(footer: Footer, column: ArrowColumn) -> bool:
    """Returns whether a column is encoded or compressed in a way that the engine may not know."""
    for number in range(column.leaf, column.leaf + column.leaves):
        fixed = footer.leaves[number].kind == FIXED
        wide = fixed and footer.leaves[number].length > MAX_DECIMAL_BYTES
        for group in footer.groups:
            chunk = group.chunks[number]
            split = fixed and BYTE_STREAM_SPLIT in chunk[2]
            if wide or split or chunk[4] not in USUAL_CODECS:
                return True
    return False


def column_sizes(path: ParquetSource, schema: FileSchema) -> dict[int, int]:
    """Returns the compressed bytes that the columns of a table's file take, by field id.

    Raises:
        CorruptData: It is not a Parquet file, or damaged.
        Unsupported: It is encrypted.
    """
    metadata = checked_metadata(path, committed_label(source_name(path)))
    ids = {column.name: column.field_id for column in schema.columns}
    sizes = dict.fromkeys(ids.values(), 0)
    for group in (metadata.row_group(n) for n in range(metadata.num_row_groups)):
        for chunk in (group.column(n) for n in range(group.num_columns)):
            name = chunk.path_in_schema
            owner = name if name in ids else name.partition(".")[0]
            if owner in ids:
                sizes[ids[owner]] += chunk.total_compressed_size
    return sizes
