"""Data files of a side that stay open for a while: opening one takes milliseconds."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.column_reader import FileColumns, opened
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.formats.footer import Label, ParquetSource, damaged, parquet_errors
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot


@dataclass(frozen=True, slots=True)
class _Open:
    """A file that is open until its context is forgotten."""

    context: AbstractContextManager[FileColumns]
    columns: FileColumns
    label: Label


class OpenFiles:
    """Opens files, and keeps the last ones open."""

    def __init__(
        self, table: TableSnapshot, source: Callable[[DataFile], ParquetSource], *, most: int
    ) -> None:
        self._table, self._source, self._most = table, source, most
        self._open: dict[tuple[str, str], _Open] = {}

    @contextmanager
    def columns(self, file: DataFile) -> Iterator[FileColumns]:
        """Yields the columns of an open file.

        Raises:
            CorruptData: The file does not hold what was committed.
        """
        key = file.path, file.file_schema
        if key not in self._open:
            source, keyed = self._source(file), KeyedFile(self._table, file, ())
            context = opened(source, keyed)
            if len(self._open) >= self._most:
                self._open.pop(next(iter(self._open)))
            label, columns = keyed.label(source), context.__enter__()
            if columns.rows != file.rows:
                raise damaged(label, f"it holds {columns.rows} rows, {file.rows} were committed")
            self._open[key] = _Open(context, columns, label)
        found = self._open[key]
        with parquet_errors(found.label):
            yield found.columns
