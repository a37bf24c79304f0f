"""Data files of about a size: a stream of rows is cut where a file has grown to it."""

import os
from collections.abc import Iterator
from contextlib import closing
from itertools import chain

import pyarrow as pa

from catalog.diff.fingerprints.compute import Fingerprinter
from catalog.engine.connection import single_row
from catalog.engine.workspace import OWN_PREFIX
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition
from catalog.write.files.row_stream import Cutter
from catalog.write.files.writer import MAX_FILE_ROWS, ROW_GROUP_ROWS, DataWriter

LEAST_GROUP_ROWS = 64
"""Rows of a row group at least, however small files are to be."""

GROUPS = 8
"""Row groups that a file has at least, if its size was foreseen: where it ends goes by them."""

TRIES = 4
"""Files that the engine writes to find out how many rows make one of the right size."""

_ROWS = f"{OWN_PREFIX}sized"
"""The table of the engine that holds rows which the engine writes itself."""


class SizedWriter(DataWriter):
    """Writes the rows of partitions into files of about a size.

    None but the last of a partition is smaller than half of it, unless it has at least half of
    the rows that a file may have.

    Attributes:
        sums: Whether sums over rows are formed, also where nothing is kept of them.
        total: The sum over the rows of all files that were written since it was last set, modulo
            2**128; None if it is not known.
    """

    sums = False
    total: int | None = 0

    def sized(
        self, query: str, partition: Partition, *, target_bytes: int, row_bytes: float
    ) -> list[DataFile]:
        """Writes the rows of a query in the order in which it yields them.

        Args:
            query: Yields the columns of ``stored_fields``, called ``c<field id>``.
            partition: The encoded values of the partition that all rows are of.
            target_bytes: How large files are to be.
            row_bytes: How many bytes a row will take, as far as that is known.
        """
        row_bytes = max(row_bytes, 0.01)
        if self._engine:
            self.total = None
            return self._sized_by_engine(query, partition, target_bytes, row_bytes)
        wanted = int(target_bytes / GROUPS / row_bytes)
        group_rows = min(ROW_GROUP_ROWS, max(LEAST_GROUP_ROWS, wanted))
        files: list[DataFile] = []
        with closing(self._reader(query)) as rows:
            source = Cutter(rows)
            while True:
                groups = source.groups(MAX_FILE_ROWS, group_rows)
                first = next(groups, None)
                if first is None:
                    return files
                with self._scratch() as path:
                    maker = self._maker(first)
                    fitting = _fitting(path, chain([first], groups), target_bytes)
                    wanted_maker = None if self.context.prints is None else maker
                    written = self._write_groups(path, fitting, wanted_maker)
                    files.append(self._entry(path, partition, written, append=True))
                    self._keep_print(maker, written)

    def _maker(self, first: pa.Table) -> Fingerprinter:
        if not self.sums:
            return super()._maker(first)
        columns, by = self._schema.columns, self.table.partition_by
        return Fingerprinter(columns, self.table.key, partition_by=by, digests="kept")

    def _note_sum(self, row_sum: int | None) -> None:
        if self.total is None or row_sum is None:
            self.total = None
        else:
            self.total = (self.total + row_sum) % (1 << 128)

    def _sized_by_engine(
        self, query: str, partition: Partition, target_bytes: int, row_bytes: float
    ) -> list[DataFile]:
        """Writes rows that only the engine can write: as many as are thought to make a file."""
        con, files = self.context.con, list[DataFile]()
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS {query}")
        (rows,) = single_row(con, f"SELECT count(*) FROM {_ROWS}")
        start = tries = 0
        while start < rows:
            count = max(1, min(rows - start, MAX_FILE_ROWS, int(target_bytes / row_bytes)))
            place = f"rowid >= {start} AND rowid < {start + count}"
            part = f"SELECT {self._columns()} FROM {_ROWS} WHERE {place} ORDER BY rowid"
            (file,) = self._by_engine(part, partition, append=True)
            row_bytes, tries = 1.05 * file.size_bytes / file.rows, tries + 1
            last = start + count == rows or count == MAX_FILE_ROWS
            small = 2 * file.size_bytes < target_bytes and not last
            large = 4 * file.size_bytes > 5 * target_bytes and count > 1
            if (small or large) and tries < TRIES:
                self.forget(file)
                continue
            files.append(file)
            start, tries = start + count, 0
        con.execute(f"DROP TABLE {_ROWS}")
        return files


def _fitting(path: str, groups: Iterator[pa.Table], target_bytes: int) -> Iterator[pa.Table]:
    """Yields row groups, one at least, until the next one would make a file too large."""
    before = 0
    for group in groups:
        yield group
        size = os.path.getsize(path)
        if size + (size - before) > target_bytes:
            return
        before = size
