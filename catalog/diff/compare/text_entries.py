"""The least and greatest text of a column, from the dictionaries that files keep it in."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.by_digest.stored_columns import StoredColumns
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.plan import SideName
from catalog.engine.arrow_arrays import from_numpy, to_numpy
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import ColumnSummary

LEAST_ROWS = 20_000
"""Rows of a file from which reading indices pays: the engine opens small files faster."""


class TextEntries:
    """Summarises columns of text of a side's files, those of which most is in dictionaries."""

    def __init__(self, reader: TableReader, files: Sequence[DataFile], *, side: SideName) -> None:
        self._stored = StoredColumns(reader, side, files)
        self._plain: set[int] = set()

    def summary(self, file: DataFile, field_id: int) -> ColumnSummary | None:
        """Returns the bounds of a column of text; None if the engine finds them as fast.

        Raises:
            CorruptData: The file cannot be read.
        """
        if field_id in self._plain or file.rows < LEAST_ROWS:
            return None
        found = None
        try:
            if self._stored.in_dictionaries(file, field_id):
                found = _summary(self._stored.whole(file, [field_id])[field_id])
        except Unreadable:
            pass
        if found is None:
            self._plain.add(field_id)  # so it is in the other files, in all likelihood
        return found


def _summary(column: pa.Array) -> ColumnSummary | None:
    if not isinstance(column, pa.DictionaryArray):
        return None
    places = column.indices.drop_null()
    used = np.zeros(len(column.dictionary), bool)
    used[to_numpy(places)] = True
    entries = column.dictionary.take(from_numpy(np.flatnonzero(used)))
    if entries.null_count:
        return None
    nulls = len(column) - len(places)
    if not len(entries):
        return ColumnSummary(nulls)
    bounds = pc.min_max(entries).as_py()
    return ColumnSummary(nulls, low=bounds["min"].encode(), high=bounds["max"].encode())
