"""Columns of data files as Arrow arrays, one at a time, where Arrow reads them as DuckDB does."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.arrow_functions import call, cast
from catalog.diff.fingerprints.canonical import ArrowColumn, is_binary, is_text
from catalog.diff.fingerprints.column_reader import in_one
from catalog.formats.footer import (
    ParquetSource,
    checked_metadata,
    committed_label,
    damaged,
    parquet_errors,
    source_name,
)
from catalog.model.datafile import DataFile
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE, DataType, Scalar, is_integer

DICTIONARY_BYTES = 4
"""Bytes per value up to which text is read as numbers of dictionary entries: plain text takes more
for its lengths alone, and text of many values is slow to read that way."""

_PLAIN = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
    "TIMESTAMP_NS": pa.timestamp("ns"),
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
}


_Opened: TypeAlias = tuple[ParquetSource, pq.FileMetaData, list[str], dict[str, int]]


class Unreadable(Exception):
    """A column that Arrow may not read as DuckDB does, so that the engine must read it."""


def table_type(kind: pa.DataType) -> Scalar | None:
    """Returns the type of a column of values of an Arrow type; None if none holds them as they are.

    That is the type that the engine would give them back as, had it written them to a file.
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        if not is_text(kind):
            return None
    if is_text(kind):
        return Scalar("VARCHAR")
    if is_binary(kind):
        return Scalar("BLOB")
    if pa.types.is_decimal128(kind):
        return Scalar(f"DECIMAL({kind.precision},{kind.scale})")
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return Scalar("TIMESTAMP WITH TIME ZONE") if kind.unit == "us" else None
    if pa.types.is_time(kind):  # 24:00 is one for the engine, and none for others
        return None
    name = next((name for name, known in _PLAIN.items() if known == kind), None)
    return None if name is None else Scalar(name)


def arrow_type(kind: DataType) -> pa.DataType | None:
    """Returns the Arrow type whose values are those of a DuckDB type; None if none is known."""
    if not isinstance(kind, Scalar):
        return None
    if kind.decimal is not None:
        return pa.decimal128(*kind.decimal)
    return _PLAIN.get(kind.name)


def is_plain(table: TableSnapshot, field_id: int) -> bool:
    """Returns whether Arrow has values of a column of a table's type, from all files of it."""
    one = table.schema.by_id(field_id)
    if one is None or field_id in table.partition_by or arrow_type(one.type) is None:
        return False
    stored = (
        column.type
        for schema in table.file_schemas.values()
        for column in schema.columns
        if column.field_id == field_id
    )
    return all(
        kind in (one.type, NULL_TYPE) or (is_integer(kind) and is_integer(one.type))
        for kind in stored
    )


class Arrays:
    """The columns of some files of one side, read one at a time.

    Up to ``keep_bytes`` of them are kept; others are read again when they are wanted. Those of a
    file whose rows are ``held`` in memory are there, called ``c<field id>``.

    Attributes:
        constant: Field ids of columns that are not in files, but the same throughout a partition.
    """

    def __init__(
        self,
        table: TableSnapshot,
        files: Sequence[DataFile],
        opened: Callable[[DataFile], ParquetSource],
        *,
        keep_bytes: int = 0,
        held: pa.Table | None = None,
    ) -> None:
        self.rows = sum(file.rows for file in files)
        self.constant = table.partition_by
        self._table = table
        self._files = files
        self._open = opened
        self._opened: dict[str, _Opened] = {}
        self._kept: dict[int, pa.Array] = {}
        self._keep_bytes = keep_bytes
        self._held = held

    def column(self, field: Field) -> pa.Array:
        """Returns a column of all files; text may come in a dictionary, its entries distinct.

        Raises:
            CorruptData: A file cannot be read.
            Unreadable: The engine must read it.
        """
        kept = self._kept.get(field.id)
        if kept is not None:
            return kept
        kind = arrow_type(field.type)
        if kind is None:
            raise Unreadable(field.name)
        parts = [self._read(file, field, kind) for file in self._files]
        whole = _joined(parts, kind)
        if whole is None:
            raise Unreadable(field.name)
        if whole.nbytes <= self._keep_bytes:
            self._kept[field.id] = whole
            self._keep_bytes -= whole.nbytes
        return whole

    def _read(self, file: DataFile, field: Field, kind: pa.DataType) -> pa.ChunkedArray:
        columns = self._table.file_schemas[file.file_schema].columns
        place = next((n for n, c in enumerate(columns) if c.field_id == field.id), None)
        if place is None or columns[place].type == NULL_TYPE:
            return pa.chunked_array([pa.nulls(file.rows, kind)])
        if columns[place].type != field.type:
            raise Unreadable(field.name)
        if self._held is not None:
            return as_type(self._held.column(f"c{field.id}"), kind, field.name)
        with parquet_errors(committed_label(file.path)):
            source, footer, names, leaves = self._source(file)
            name = names[place] if len(names) == len(columns) else "."
            leaf = leaves.get(name)
            if leaf is None or names.count(name) > 1 or "." in name:
                raise Unreadable(field.name)
            if footer.schema.column(leaf).physical_type == "INT96":
                raise Unreadable(field.name)
            coded = [name] if pa.types.is_string(kind) and _is_coded(footer, leaf) else None
            with pq.ParquetFile(
                source, metadata=footer, read_dictionary=coded, page_checksum_verification=True
            ) as parquet:
                found = parquet.read(columns=[name])
            if found.column_names != [name]:
                raise Unreadable(field.name)
            column = found.column(0)
        if len(column) != file.rows:
            raise damaged(
                committed_label(source_name(source)),
                f"it holds {len(column)} rows, {file.rows} were committed",
            )
        return as_type(column, kind, field.name)

    def _source(self, file: DataFile) -> _Opened:
        """Returns what reads a file, its footer, its columns' names, and places of plain ones."""
        known = self._opened.get(file.path)
        if known is None:
            source = self._open(file)
            footer = checked_metadata(source, committed_label(source_name(source)))
            leaves = {footer.schema.column(n).path: n for n in range(len(footer.schema))}
            known = source, footer, footer.schema.to_arrow_schema().names, leaves
            self._opened[file.path] = known
        return known


def _is_coded(footer: pq.FileMetaData, leaf: int) -> bool:
    """Returns whether a column of text is stored in dictionaries throughout."""
    for group in range(footer.num_row_groups):
        chunk = footer.row_group(group).column(leaf)
        if not chunk.has_dictionary_page:
            return False
        if chunk.total_uncompressed_size > DICTIONARY_BYTES * chunk.num_values:
            return False
    return True


def _joined(parts: Sequence[pa.ChunkedArray], kind: pa.DataType) -> pa.Array | None:
    """Returns columns as one array; None if they are too large for one."""
    if parts and all(pa.types.is_dictionary(part.type) for part in parts):
        coded = pa.chunked_array([c for part in parts for c in part.chunks], parts[0].type)
        whole = coded.unify_dictionaries().combine_chunks()
        entries = whole.dictionary
        if not entries.null_count and call("count_distinct", entries).as_py() == len(entries):
            return whole
    chunks = [c for part in parts for c in (part if part.type == kind else cast(part, kind)).chunks]
    return in_one(pa.chunked_array(chunks, kind))


def as_type(column: ArrowColumn, kind: pa.DataType, name: str) -> ArrowColumn:
    """Returns a column as a type, if that is only another form of the same values.

    Raises:
        Unreadable: It is not.
    """
    found = column.type
    if found == kind or found == pa.dictionary(pa.int32(), kind):
        return column
    if pa.types.is_dictionary(found):
        found = found.value_type
    same = (
        (is_text(kind) and is_text(found))
        or (is_binary(kind) and is_binary(found))
        or (pa.types.is_timestamp(kind) and pa.types.is_timestamp(found) and _same(kind, found))
        or found == kind
    )
    if not same:
        raise Unreadable(name)
    try:
        return cast(column, kind)
    except pa.ArrowInvalid as error:
        raise Unreadable(name) from error


def _same(kind: pa.DataType, found: pa.DataType) -> bool:
    """Returns whether timestamps are of the same kind, and of a precision that fits."""
    fits = found.unit != "ns" if kind.unit == "us" else found.unit == "ns"
    return fits and (kind.tz is None) == (found.tz is None)
