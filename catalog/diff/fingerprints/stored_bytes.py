"""Digests of columns as they are stored: equal bytes hold equal values, and need no decoding.

A backfill often rewrites a file with the same writer: the columns that it does not touch come
out byte for byte as they were, or as they were before compression. Hashing stored bytes costs a
tenth of decoding them; taking text out of its compression a third.
"""

import os
import re
import struct
from collections.abc import Collection, Sequence
from io import BytesIO
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from catalog.dataclasses import dataclass
from catalog.formats.footer import writer_of
from catalog.formats.pages import pages
from catalog.model.schema import PhysicalColumn

PIECE_BYTES = 1 << 18
"""Bytes of a column that are held at a time: few enough to stay in the processor's caches."""

_LONGER_CHUNKS = re.compile(r"parquet-mr(?:\s+version\s*(\d+)\.?(\d*)\.?(\d*).*)?", re.IGNORECASE)
"""A writer that before its version 1.2.9 gave columns more bytes than it said (PARQUET-816)."""


def stored_digests(
    path: str, columns: Sequence[PhysicalColumn], metadata: pq.FileMetaData
) -> dict[int, bytes]:
    """Returns a digest of 16 bytes for each column of a local file, by field id.

    ``metadata`` is what its footer says, checked.

    It covers the bytes of all pages, the sizes of the row groups, and all that says how pages
    are read: encodings, codec, levels and types, of Arrow and of the catalog. Where the file
    leaves that open, there are no digests.

    Raises:
        OSError: The file cannot be read; Arrow raises errors of its own for that, too.
    """
    begun = _begun(path, metadata, columns)
    if begun.owners is None:
        return {}
    states = [xxhash.xxh3_128(beginning) for beginning in begun.beginnings]
    with open(path, "rb", buffering=0) as file:
        whole = os.fstat(file.fileno()).st_size
        stream = file if whole > PIECE_BYTES else BytesIO(file.read())  # a call, not two a column
        piece = memoryview(bytearray(min(PIECE_BYTES, whole)))
        for group in range(metadata.num_row_groups):
            row_group = metadata.row_group(group)
            for number, owner in enumerate(begun.owners):
                chunk = row_group.column(number)
                start = chunk.data_page_offset
                if chunk.has_dictionary_page:
                    start = min(start, chunk.dictionary_page_offset)
                size = chunk.total_compressed_size
                sizes = (row_group.num_rows, chunk.num_values, chunk.compression, size)
                states[owner].update(repr(sizes).encode())
                stream.seek(start)
                while size > 0:
                    count = stream.readinto(piece[: min(size, PIECE_BYTES)])
                    if not count:
                        raise OSError("the file ends within a column")
                    states[owner].update(piece[:count])
                    size -= count
        return {
            column.field_id: state.digest() for column, state in zip(columns, states, strict=True)
        }


@dataclass(frozen=True, slots=True)
class _Beginnings:
    """How the digests of the columns of files of a schema begin.

    Attributes:
        schema: The schema.
        owners: The places of the columns that the files' columns of plain values belong to; None
            if there are no digests.
        beginnings: What the digest of each column covers before its bytes.
    """

    schema: pq.ParquetSchema
    owners: list[int] | None
    beginnings: tuple[bytes, ...]


KNOWN_BEGINNINGS = 64
"""Kinds of files of which is remembered how digests begin: those of a table are mostly alike."""

_known: dict[tuple[str, bytes | None, tuple[PhysicalColumn, ...]], _Beginnings] = {}


def _begun(path: str, metadata: pq.FileMetaData, columns: Sequence[PhysicalColumn]) -> _Beginnings:
    """Returns how the digests of a file's columns begin."""
    stated = (metadata.metadata or {}).get(b"ARROW:schema")
    about = writer_of(metadata), stated, tuple(columns)
    known = _known.get(about)
    if known is not None and known.schema.equals(metadata.schema):
        return known
    with pq.ParquetFile(path, metadata=metadata) as parquet:
        arrow = parquet.schema_arrow
        owners = _owners(parquet, arrow, columns)
        described = () if owners is None else zip(arrow, columns, strict=True)
        parts = [_described(about[0], field, column) for field, column in described]
        for number, owner in enumerate(owners or ()):
            leaf = parquet.schema.column(number)
            levels = leaf.max_definition_level, leaf.max_repetition_level
            more = leaf.path[len(arrow.field(owner).name) :], *_leaf_described(leaf), *levels
            parts[owner] += repr(more).encode()
    if len(_known) >= KNOWN_BEGINNINGS:
        _known.clear()
    _known[about] = found = _Beginnings(metadata.schema, owners, tuple(parts))
    return found


def encoded_digests(
    path: str,
    columns: Sequence[PhysicalColumn],
    wanted: Collection[int],
    *,
    metadata: pq.FileMetaData,
) -> dict[int, bytes]:
    """Returns a digest of 16 bytes for the wanted columns of a local file, by field id.

    It covers the same as that of the stored bytes, but values are taken out of their compression,
    and where no value is NULL it does not count whether one could be. Columns that are nested, or
    whose pages are not of the usual kinds, have none.

    Raises:
        OSError: The file cannot be read; Arrow raises errors of its own for that, too.
    """
    digests = {}
    with pq.ParquetFile(path, metadata=metadata) as parquet, open(path, "rb") as stream:
        arrow, writer = parquet.schema_arrow, writer_of(metadata)
        owners = _owners(parquet, arrow, columns) or ()
        for number, owner in enumerate(owners):
            leaf = parquet.schema.column(number)
            if columns[owner].field_id not in wanted or leaf.max_repetition_level:
                continue
            if _is_nested(arrow.field(owner).type):
                continue
            state = xxhash.xxh3_128(_described(writer, arrow.field(owner), columns[owner]))
            state.update(repr(_leaf_described(leaf)).encode())
            try:
                _add_pages(state, stream, parquet, number=number)
            except ValueError:  # those of Arrow for damage, too
                continue
            digests[columns[owner].field_id] = state.digest()
    return digests


def _add_pages(
    state: xxhash.xxh3_128, stream: BinaryIO, parquet: pq.ParquetFile, *, number: int
) -> None:
    """Adds all pages of a column that is not nested."""
    nullable = parquet.schema.column(number).max_definition_level > 0
    for group in range(parquet.metadata.num_row_groups):
        chunk = parquet.metadata.row_group(group).column(number)
        for page in pages(stream, chunk, nullable=nullable):
            sizes = page.dictionary, page.encoding, page.values, len(page.levels), len(page.data)
            state.update(struct.pack("<BIQQQ", *sizes))
            state.update(page.levels)
            state.update(page.data)


def _owners(
    parquet: pq.ParquetFile, arrow: pa.Schema, columns: Sequence[PhysicalColumn]
) -> list[int] | None:
    """Returns the places of the columns that the file's columns of plain values belong to.

    Returns:
        The places; None if they are not known for sure, or the writer is not to be trusted.
    """
    writer = writer_of(parquet.metadata)
    if not writer or _is_too_old(writer) or len(arrow) != len(columns):
        return None
    owners = [n for n, field in enumerate(arrow) for _ in range(_leaves(field.type))]
    return owners if len(owners) == len(parquet.schema) else None


def _described(writer: str, field: pa.Field, column: PhysicalColumn) -> bytes:
    """Returns what the digest of a column begins with: who wrote it, the types it is read as."""
    return repr((writer, str(field.type), str(column.type))).encode()


def _leaf_described(leaf: pq.ColumnSchema) -> tuple[object, ...]:
    return leaf.physical_type, str(leaf.logical_type), leaf.converted_type, leaf.length


def _is_nested(kind: pa.DataType) -> bool:
    storage = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    return bool(pa.types.is_nested(storage))


def _leaves(kind: pa.DataType) -> int:
    """Counts the columns of plain values that Parquet stores a column as."""
    if isinstance(kind, pa.BaseExtensionType):
        return _leaves(kind.storage_type)
    children = [kind.field(n).type for n in range(kind.num_fields)]
    return sum(map(_leaves, children)) if children else 1


def _is_too_old(writer: str) -> bool:
    version = _LONGER_CHUNKS.fullmatch(writer)
    return version is not None and tuple(int(part or 0) for part in version.groups()) < (1, 2, 9)
