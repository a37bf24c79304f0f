"""Streams of rows on their way into files: cut into parts, and watched for their order."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc


class OutOfOrderError(Exception):
    """The engine yielded rows in another order than theirs."""


def in_order(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yields batches without their last column, which must increase from row to row.

    Raises:
        OutOfOrderError: It does not.
    """
    last = None
    for batch in batches:
        places = batch.column(batch.num_columns - 1)
        if len(places):
            steps = pc.all(pc.greater(places.slice(1), places.slice(0, len(places) - 1))).as_py()
            if steps is False or (last is not None and places[0].as_py() <= last):
                raise OutOfOrderError
            last = places[len(places) - 1].as_py()
        yield batch.select(list(range(batch.num_columns - 1)))


def side_by_side(tables: Sequence[pa.Table], names: Sequence[str]) -> pa.Table:
    """Returns the named columns of tables of the same rows, which have their ``place`` in common.

    Raises:
        OutOfOrderError: The tables do not have the same rows in the same order.
    """
    places = tables[0].column("place")
    if any(not table.column("place").equals(places) for table in tables[1:]):
        raise OutOfOrderError
    columns = {
        name: column
        for table in tables
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return pa.table([columns[name] for name in names], names=list(names))


class Cutter:
    """Cuts a stream of batches into parts of given numbers of rows."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._rest: pa.RecordBatch | None = None

    def take(self, rows: int) -> Iterator[pa.RecordBatch]:
        """Yields batches of so many rows together, fewer only where the stream ends."""
        while rows > 0:
            batch = self._rest if self._rest is not None else next(self._batches, None)
            self._rest = None
            if batch is None:
                return
            if batch.num_rows > rows:
                self._rest = batch.slice(rows)
                batch = batch.slice(0, rows)
            rows -= batch.num_rows
            if batch.num_rows:
                yield batch

    def groups(self, rows: int, group_rows: int) -> Iterator[pa.Table]:
        """Yields tables of a row group's size, of so many rows together at most.

        Their columns are of one piece, so that how the rows came does not show in a file.
        """
        while rows > 0:
            group = list(self.take(min(rows, group_rows)))
            if not group:
                return
            table = pa.Table.from_batches(group).combine_chunks()
            rows -= table.num_rows
            yield table
