"""Rewriting of data files: rows replaced or taken out where they stand, the others as they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from catalog.engine.relation import prepare, relation_sql
from catalog.model.datafile import DataFile
from catalog.model.scan_plan import scan_plan
from catalog.model.table import TableSnapshot
from catalog.repository.datafiles import check_content
from catalog.write.files.writer import DataWriter, stored_fields

IN_ORDER_ROWS = 122_880
"""Rows up to which the engine reads a file on one thread, and a join keeps their order: sorting
more costs a quarter of the query, writing a file that proves out of order twice costs it all."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """Says which files go and which come instead.

    Attributes:
        removed: Files that go.
        added: Files that come.
    """

    removed: tuple[DataFile, ...] = ()
    added: tuple[DataFile, ...] = ()


def rewrite_files(
    con: duckdb.DuckDBPyConnection,
    writer: DataWriter,
    table: TableSnapshot,
    files: Sequence[DataFile],
    hits: str,
    locate: Callable[[DataFile], str],
) -> FileChange:
    """Writes those of some files again in which rows change.

    Args:
        con: Reads the files and has the table of hits.
        writer: Writes them.
        table: Their table.
        files: The files.
        hits: A table of the engine, one row per row that changes: ``file`` (number of the
            file among ``files``), ``place`` (of the row in it, from 0), ``gone`` (whether it
            goes), and ``c<field id>`` for all of ``stored_fields``: what it becomes.
        locate: Says where the engine reads a file.

    Returns:
        The files that were written again, and the new ones.

    Raises:
        CorruptData: One of those is no longer what was committed.
    """
    numbers = con.sql(f"SELECT DISTINCT file FROM {hits} ORDER BY file").fetchall()
    removed: list[DataFile] = []
    added: list[DataFile] = []
    for (number,) in numbers:
        file = files[number]
        check_content(locate(file), file)
        query = _changed(con, table, file, f"(SELECT * FROM {hits} WHERE file = {number})", locate)
        removed.append(file)
        added.extend(writer.ordered(query, file.partition, place="place"))
    return FileChange(tuple(removed), tuple(added))


def _changed(
    con: duckdb.DuckDBPyConnection,
    table: TableSnapshot,
    file: DataFile,
    hits: str,
    locate: Callable[[DataFile], str],
) -> str:
    ids = [f.id for f in stored_fields(table)]
    plan = scan_plan(table, [file], locate=locate, columns=ids, naming="id", numbered=True)
    relation = prepare(con, relation_sql(plan))
    columns = ", ".join(
        f"CASE WHEN h.place IS NULL THEN f.c{i} ELSE h.c{i} END AS c{i}" for i in ids
    )
    query = (
        f"SELECT {columns}, f.place AS place FROM {relation} f "
        f"LEFT JOIN {hits} h ON f.place = h.place WHERE h.gone IS NOT TRUE"
    )
    return query if file.rows <= IN_ORDER_ROWS else f"SELECT * FROM ({query} ORDER BY place)"
