"""Columns of one data file as they are stored, in batches of rows or whole, one at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import CorruptData
from catalog.formats.parquet import ParquetSource, source_name


class FileColumns:
    """Reads an open file; columns are named by their places among all."""

    def __init__(self, parquet: pq.ParquetFile) -> None:
        """Takes the file."""
        self.rows: int = parquet.metadata.num_rows
        self._parquet = parquet
        self._names: list[str] = parquet.schema_arrow.names

    def batches(self, places: Sequence[int], *, rows: int) -> Iterator[pa.RecordBatch]:
        """Yields the rows of some columns, so many at a time."""
        wanted = [self._names[n] for n in places]
        some = None if len(wanted) == len(self._names) else wanted
        for batch in self._parquet.iter_batches(batch_size=rows, columns=some):
            # a name with a dot can stand for a column inside another one too
            yield batch if batch.schema.names == wanted else batch.select(wanted)

    def first(self, places: Sequence[int], *, rows: int) -> pa.Table:
        """Returns up to so many rows of some columns, of the file's first row group."""
        wanted = [self._names[n] for n in places]
        batches = self._parquet.iter_batches(batch_size=rows, row_groups=[0], columns=wanted)
        found = next(batches, None)
        return pa.table({}) if found is None else pa.Table.from_batches([found]).select(wanted)

    def column(self, place: int) -> pa.ChunkedArray:
        """Returns all rows of a column."""
        name = self._names[place]
        return self._parquet.read(columns=[name]).column(name)


@contextmanager
def opened(source: ParquetSource, *, width: int) -> Iterator[FileColumns]:
    """Opens a file that is known to have so many columns.

    Raises:
        CorruptData: It has others, or cannot be read; also while it is read.
    """
    path = source_name(source)
    try:
        with pq.ParquetFile(source, pre_buffer=True) as parquet:
            if len(parquet.schema_arrow.names) != width:
                raise CorruptData(f"{path} has other columns than were committed")
            yield FileColumns(parquet)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error) from error


def unreadable(path: str, error: Exception) -> CorruptData:
    """Returns the error that says that a file cannot be read."""
    return CorruptData(f"{path} is not readable: {str(error).splitlines()[0]}")


def in_one(column: pa.ChunkedArray) -> pa.Array | None:
    """Returns a column as one array; None if it is too large for one."""
    found = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if not isinstance(found, pa.ChunkedArray):
        return found
    return found.chunk(0) if found.num_chunks == 1 else None
