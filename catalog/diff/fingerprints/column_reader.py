"""Columns of one data file as they are stored, in batches of rows or whole, one at a time.

Text comes with offsets of 64 bits, or as indices into the dictionaries that the file keeps it
in: both are read faster than what Arrow makes of it by itself.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.arrow_functions import call, cast
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.text import is_utf8
from catalog.engine.arrow_arrays import constant
from catalog.formats.arrow_types import arrow_agrees
from catalog.formats.footer import ParquetSource, checked_metadata, damaged, parquet_errors
from catalog.interruption import check

INDEX_BYTES = 3
"""Bytes per value up to which text counts as in a dictionary: outside it each takes four more."""

INDEXED_SHARE = 0.9
"""Share of a column's values that must be in dictionaries for it to be read as indices into them:
the last row group of a file, which is smaller, often has none."""


class FileColumns:
    """An open file, whose columns are named by their places.

    It is read twice: columns by their values, and those ``kept`` as indices into dictionaries.

    Attributes:
        rows: Rows of the file.
        keyed: What is read.
        columns: Its columns, by place.
        agreed: By place, whether Arrow reads a column as the engine does. Of others, nothing but
            their NULLs may be used.
        int96: The places of columns of timestamps in 96 bits; see ``has_day_zero``.
    """

    def __init__(
        self,
        plain: pq.ParquetFile,
        indexed: pq.ParquetFile,
        kept: Collection[int],
        *,
        names: list[str],
        keyed: KeyedFile,
    ) -> None:
        self.rows: int = plain.metadata.num_rows
        self.keyed = keyed
        self.columns = keyed.columns
        self.agreed = arrow_agrees(plain.schema, [column.type for column in keyed.columns])
        self.int96 = _int96_places(plain, names)
        self._plain, self._indexed = plain, indexed
        self._kept = frozenset(kept)
        self._names = names

    @property
    def digestible(self) -> frozenset[int]:
        """Returns the field ids of columns that Arrow reads as the engine does, in any file."""
        places = (n for n, agreed in enumerate(self.agreed) if agreed and n not in self.int96)
        return frozenset(self.columns[n].field_id for n in places)

    def in_dictionaries(self, place: int) -> bool:
        """Returns whether a column is read as indices into dictionaries."""
        return place in self._kept

    def batches(self, places: Sequence[int], *, rows: int) -> Iterator[pa.Table]:
        """Yields some columns, a number of rows at a time."""
        streams = [
            self._read(reader, some, rows)
            for reader, indexed in ((self._plain, False), (self._indexed, True))
            if (some := [place for place in places if (place in self._kept) is indexed])
        ]
        order = [self._names[place] for place in places]
        for parts in zip(*(_cut(stream, rows) for stream in streams), strict=True):
            columns = {
                name: _readable(name, column)
                for part in parts
                for name, column in zip(part.column_names, part.columns, strict=True)
            }
            yield pa.table([columns[name] for name in order], order)

    def blocks(self, place: int, *, rows: int, checked: bool = True) -> Iterator[pa.Array]:
        """Yields a column, a number of rows at a time; the last block may be smaller.

        What is not ``checked`` may hold text that is not UTF-8; see ``check_text``.
        """
        indexed = place in self._kept
        stream = self._read(self._indexed if indexed else self._plain, [place], rows)
        for part in _cut(stream, rows):
            block = in_one(part.column(0))
            assert block is not None, "a block fits an array"
            if checked:
                self.check_text(place, block)
            yield block

    def check_text(self, place: int, rows: pa.Array) -> None:
        """Checks some rows of a column.

        Raises:
            ValueError: They hold text that is not UTF-8; where the file is ``opened``, that is
                CorruptData.
        """
        _check_text(self._names[place], rows)

    def first(self, places: Sequence[int], *, rows: int) -> pa.Table:
        """Returns the first rows of some columns, at most those of the first row group."""
        wanted = [self._names[n] for n in places]
        batches = self._plain.iter_batches(
            batch_size=rows,
            row_groups=[0],
            columns=wanted,
            use_threads=False,  # a reader that once took threads takes them ever after
        )
        found = next(batches, None)
        return pa.table({}) if found is None else pa.Table.from_batches([found]).select(wanted)

    def column(self, place: int) -> pa.ChunkedArray:
        """Returns all rows of a column."""
        name = self._names[place]
        reader = self._indexed if place in self._kept else self._plain
        return _readable(name, reader.read(columns=[name], use_threads=False).column(name))

    def some(self, place: int, groups: Sequence[int]) -> pa.ChunkedArray:
        """Returns the rows of a column in some row groups."""
        name = self._names[place]
        reader = self._indexed if place in self._kept else self._plain
        return _readable(
            name, reader.read_row_groups(groups, columns=[name], use_threads=False).column(name)
        )

    def sizes_in_dictionaries(self, group: int, places: Collection[int]) -> dict[int, int]:
        """Returns the bytes that columns take in a row group, decompressed, by their places.

        Those are left out that it does not keep in dictionaries, or that are not plain.
        """
        metadata = self._plain.metadata
        leaves = {metadata.schema.column(n).path: n for n in range(metadata.num_columns)}
        chunks = metadata.row_group(group)
        found = {}
        for place in places:
            leaf = leaves.get(self._names[place])
            chunk = None if leaf is None else chunks.column(leaf)
            if chunk is not None and chunk.has_dictionary_page:
                found[place] = int(chunk.total_uncompressed_size)
        return found

    @property
    def group_rows(self) -> list[int]:
        """Returns the number of rows of each row group."""
        metadata = self._plain.metadata
        return [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]

    def _read(
        self, reader: pq.ParquetFile, places: Sequence[int], rows: int
    ) -> Iterator[pa.RecordBatch]:
        wanted = [self._names[n] for n in places]
        some = None if len(wanted) == len(self._names) else wanted
        several = len(wanted) > 1  # one column alone is not decoded faster by another thread
        for batch in reader.iter_batches(batch_size=rows, columns=some, use_threads=several):
            check()
            # a name with a dot may also mean a column inside another one
            yield batch if batch.schema.names == wanted else batch.select(wanted)


def _readable(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns a column that the engine can read: Arrow does not look at what text is made of."""
    _check_text(name, column)
    return column


def _check_text(name: str, column: pa.Array | pa.ChunkedArray) -> None:
    if not is_utf8(column):
        raise ValueError(f"column {name!r} has text that is not UTF-8")


def _cut(stream: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Yields the rows of a stream in tables of a given size; the last may be smaller."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in stream:
        if not count and batch.num_rows == rows:
            yield pa.Table.from_batches([batch])
            continue
        waiting.append(batch)
        count += batch.num_rows
        while count >= rows:
            whole = pa.Table.from_batches(waiting)
            yield whole.slice(0, rows)
            waiting = whole.slice(rows).to_batches()
            count -= rows
    if count:
        yield pa.Table.from_batches(waiting)


@contextmanager
def opened(
    source: ParquetSource, keyed: KeyedFile, *, plain: Collection[int] = ()
) -> Iterator[FileColumns]:
    """Opens a file, of which the columns at the ``plain`` places are read by value.

    Raises:
        CorruptData: It has other columns, or cannot be read; also while it is read.
    """
    label = keyed.label(source)
    with parquet_errors(label), ExitStack() as closing:
        first = closing.enter_context(
            pq.ParquetFile(
                source,
                metadata=checked_metadata(source, label),
                pre_buffer=not isinstance(source, str),
                binary_type=pa.large_binary(),
                coerce_int96_timestamp_unit="us",  # as the engine; nanoseconds may not fit
                page_checksum_verification=True,
            )
        )
        arrow = first.schema_arrow
        arrow_names: list[str] = arrow.names
        if len(arrow_names) != len(keyed.columns):
            raise damaged(label, "it has other columns than were committed")
        kept: list[int] = []
        second = first
        if isinstance(source, str):  # of a remote file, two readers would make more requests
            kept = [place for place in _in_dictionaries(first, arrow) if place not in plain]
        if kept:
            names = [arrow_names[place] for place in kept]
            second = closing.enter_context(
                pq.ParquetFile(
                    source,
                    metadata=first.metadata,
                    pre_buffer=False,
                    read_dictionary=names,
                    page_checksum_verification=True,
                )
            )
        yield FileColumns(first, second, kept, names=arrow_names, keyed=keyed)


def _int96_places(parquet: pq.ParquetFile, names: Sequence[str]) -> frozenset[int]:
    """Returns the places of columns that hold timestamps in 96 bits, also within other values."""
    leaves = (parquet.schema.column(n) for n in range(len(parquet.schema)))
    paths = [leaf.path for leaf in leaves if leaf.physical_type == "INT96"]
    steps = (path.split(".") for path in paths)
    owners = {".".join(parts[:end]) for parts in steps for end in range(1, len(parts) + 1)}
    return frozenset(place for place, name in enumerate(names) if name in owners)


def has_day_zero(column: pa.Array | pa.ChunkedArray) -> bool:
    """Returns whether timestamps in 96 bits may be of Julian day 0, which Arrow reads as 1970."""
    if pa.types.is_nested(column.type):
        return True
    return bool(call("any", call("equal", cast(column, pa.int64()), constant(0))).as_py())


def _in_dictionaries(parquet: pq.ParquetFile, arrow: pa.Schema) -> list[int]:
    """Returns the places of columns of text that the file keeps in dictionaries, nearly all."""
    metadata = parquet.metadata
    leaves = {metadata.schema.column(n).path: n for n in range(metadata.num_columns)}
    if len(leaves) != metadata.num_columns:
        return []
    found = []
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    for place, field in enumerate(arrow):
        leaf, kind = leaves.get(field.name), field.type
        if leaf is None or not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            continue
        chunks = [group.column(leaf) for group in groups]
        inside = sum(chunk.num_values for chunk in chunks if _is_in_dictionary(chunk))
        if inside and inside >= INDEXED_SHARE * metadata.num_rows:
            found.append(place)
    return found


def _is_in_dictionary(chunk: pq.ColumnChunkMetaData) -> bool:
    if not chunk.has_dictionary_page:
        return False
    return (
        "PLAIN" not in chunk.encodings
        or chunk.total_uncompressed_size <= INDEX_BYTES * chunk.num_values
    )


def in_one(column: pa.ChunkedArray) -> pa.Array | None:
    """Returns a column as one array; None if it is too large for one."""
    found = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if not isinstance(found, pa.ChunkedArray):
        return found
    return found.chunk(0) if found.num_chunks == 1 else None
