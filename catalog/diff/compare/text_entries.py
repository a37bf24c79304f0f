"""The least and greatest text of a column, from the dictionaries that files keep it in."""

from collections.abc import Sequence

from catalog.diff.compare.arrays import Unreadable
from catalog.diff.compare.by_digest.stored_columns import StoredColumns
from catalog.diff.compare.entry_bounds import entry_bounds
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.plan import SideName
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import ColumnSummary

LEAST_ROWS = 20_000
"""Rows of a file from which reading indices pays: the engine opens small files faster."""


class TextEntries:
    """Summarises columns of text of a side's files, those of which most is in dictionaries."""

    def __init__(self, reader: TableReader, files: Sequence[DataFile], *, side: SideName) -> None:
        self._reader = reader
        self._side = side
        self._stored = StoredColumns(reader, side, files)
        self._plain: set[int] = set()

    def summary(self, file: DataFile, field_id: int) -> ColumnSummary | None:
        """Returns the bounds of a column of text; None if the engine finds them as fast.

        Raises:
            CorruptData: The file cannot be read.
        """
        found = self._reader.text_bounds.get((self._side, file.path, file.file_schema, field_id))
        if found is not None or field_id in self._plain or file.rows < LEAST_ROWS:
            return found
        try:
            if self._stored.in_dictionaries(file, field_id):
                found = entry_bounds(self._stored.whole(file, [field_id])[field_id])
        except Unreadable:
            pass
        if found is None:
            self._plain.add(field_id)  # so it is in the other files, in all likelihood
        return found
