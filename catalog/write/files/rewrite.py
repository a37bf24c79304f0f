"""Rewriting of data files: rows are replaced or removed in place, the others stay as they are."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.model.datafile import DataFile
from catalog.repository.datafiles import check_content, place
from catalog.write.files.writer import DataWriter, stored_fields

IN_ORDER_ROWS = 122_880
"""Rows up to which the engine reads a file on one thread, and a join keeps their order: sorting
more costs a quarter of the query, writing a file that proves out of order twice costs it all."""


@dataclass(frozen=True, slots=True)
class FileEdit:
    """Files of a table that go, and files that come."""

    removed: tuple[DataFile, ...] = ()
    added: tuple[DataFile, ...] = ()


def rewrite_files(writer: DataWriter, files: Sequence[DataFile], hits: str) -> FileEdit:
    """Writes those of some files again in which rows change.

    The table ``hits`` of the engine has a row per row that changes: ``file`` (number of the file
    among ``files``), ``place`` (of the row in it, from 0), ``gone`` (whether it goes), and
    ``c<field id>`` for all of ``stored_fields``: what it becomes.

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
        query = _changed(writer, file, f"(SELECT * FROM {hits} WHERE file = {number})")
        removed.append(file)
        added.extend(writer.ordered(query, file.partition))
    return FileEdit(tuple(removed), tuple(added))


def _changed(writer: DataWriter, file: DataFile, hits: str) -> str:
    """Returns SQL of a file's rows after the change.

    f.place  f.c1  f.c2     h.place  h.gone  h.c1  h.c2        c1  c2  place
    0        1     a        0        false   1     z       →   1   z   0
    1        2     b        1        true    2     b
    2        3     c        NULL     NULL    NULL  NULL        3   c   2
    """
    ids = [f.id for f in stored_fields(writer.table)]
    relation = writer.context.relation(writer.table, [file], columns=ids, numbered=True)
    columns = ", ".join(
        f"CASE WHEN h.place IS NULL THEN f.c{i} ELSE h.c{i} END AS c{i}" for i in ids
    )
    query = (
        f"SELECT {columns}, f.place AS place FROM {relation} f "
        f"LEFT JOIN {hits} h ON f.place = h.place WHERE h.gone IS NOT TRUE"
    )
    return query if file.rows <= IN_ORDER_ROWS else f"SELECT * FROM ({query} ORDER BY place)"
