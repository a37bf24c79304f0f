"""Rewriting of data files: rows are replaced or removed in place, the others stay as they are."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.model.datafile import DataFile
from catalog.repository.datafiles import check_content, place
from catalog.write.files.writer import DataWriter, stored_fields

IN_ORDER_ROWS = 122_880
"""Rows up to which the engine reads a file on one thread, and a join keeps their order: sorting
more costs a quarter of the query, writing a file that proves out of order twice costs it all."""


COLUMNS_AT_ONCE = 512
"""Columns of a query: what the engine takes for one grows faster than they do."""


@dataclass(frozen=True, slots=True)
class FileEdit:
    """Files of a table that go, and files that come."""

    removed: tuple[DataFile, ...] = ()
    added: tuple[DataFile, ...] = ()


def rewrite_files(
    writer: DataWriter, files: Sequence[DataFile], hits: str, *, kept: frozenset[int] = frozenset()
) -> FileEdit:
    """Writes those of some files again in which rows change.

    The table ``hits`` of the engine has a row per row that changes: ``file`` (number of the file
    among ``files``), ``place`` (of the row in it, from 0), ``gone`` (whether it goes), and
    ``c<field id>`` for all of ``stored_fields`` that are not ``kept``: what it becomes.

    Raises:
        CorruptData: One of those is no longer what was committed.
    """
    numbers = writer.context.con.sql(f"SELECT DISTINCT file FROM {hits} ORDER BY file").fetchall()
    removed: list[DataFile] = []
    added: list[DataFile] = []
    for (number,) in numbers:
        file = files[number]
        writer.know_contents([file])
        check_content(place(writer.context.store, file), file)
        removed.append(file)
        added.extend(_Change(writer, file, number, hits, kept).written())
    return FileEdit(tuple(removed), tuple(added))


@dataclass(frozen=True, slots=True)
class _Change:
    """A file whose rows change: the one of a ``number`` among those of ``rewrite_files``."""

    writer: DataWriter
    file: DataFile
    number: int
    hits: str
    kept: frozenset[int]

    def written(self) -> list[DataFile]:
        """Writes the file's rows after the change."""
        ids = [f.id for f in stored_fields(self.writer.table)]
        query, parts = self._rows(ids), []
        if self.file.rows > IN_ORDER_ROWS:
            query = f"SELECT * FROM ({query} ORDER BY place)"
        elif len(ids) > COLUMNS_AT_ONCE:
            kept = [i for i in ids if i in self.kept]
            others = [i for i in ids if i not in self.kept]
            starts = range(0, len(others), COLUMNS_AT_ONCE)
            parts = [self._rows(others[n : n + COLUMNS_AT_ONCE]) for n in starts]
            parts += [self._kept_rows(kept)] if kept else []
        return self.writer.ordered(query, self.file.partition, parts)

    def _rows(self, ids: Sequence[int]) -> str:
        """Returns SQL of some columns of the rows after the change.

        f.place  f.c1  f.c2     h.place  h.gone  h.c1  h.c2        c1  c2  place
        0        1     a        0        false   1     z       →   1   z   0
        1        2     b        1        true    2     b
        2        3     c        NULL     NULL    NULL  NULL        3   c   2
        """
        columns = ", ".join(
            f"f.c{i}"
            if i in self.kept
            else f"CASE WHEN h.place IS NULL THEN f.c{i} ELSE h.c{i} END AS c{i}"
            for i in ids
        )
        held = ", ".join(["place", "gone", *(f"c{i}" for i in ids if i not in self.kept)])
        return (
            f"SELECT {columns}, f.place AS place FROM {self._relation(ids)} f "
            f"LEFT JOIN (SELECT {held} FROM {self.hits} WHERE file = {self.number}) h "
            "ON f.place = h.place WHERE h.gone IS NOT TRUE"
        )

    def _kept_rows(self, ids: Sequence[int]) -> str:
        """Returns SQL of some columns that are kept, of the rows that stay."""
        columns = ", ".join(f"c{i}" for i in ids)
        return (
            f"SELECT {columns}, place FROM {self._relation(ids)} WHERE place NOT IN "
            f"(SELECT place FROM {self.hits} WHERE file = {self.number} AND gone)"
        )

    def _relation(self, ids: Sequence[int]) -> str:
        writer = self.writer
        return writer.context.relation(writer.table, [self.file], columns=ids, numbered=True)
