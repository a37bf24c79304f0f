"""Decided rows put into the files of one side: found where they stand, replaced or taken out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.plan import TablePlan
from catalog.engine.connection import single_row
from catalog.engine.relation import prepare, relation_sql
from catalog.errors import CorruptData, ErrorKind
from catalog.model.datafile import DataFile
from catalog.model.scan_plan import scan_plan
from catalog.model.table import TableSnapshot
from catalog.write.files.rewrite import FileChange, rewrite_files
from catalog.write.files.writer import DataWriter


@dataclass(frozen=True, slots=True)
class Target:
    """Says where decided rows go.

    Attributes:
        con: The engine, which has the decisions.
        shape: The shape of the merged table.
        plan: The plan by which a side was compared: how values compare.
        locate: Says where the engine reads a file.
        name: Name for tables, unique in the engine.
    """

    con: duckdb.DuckDBPyConnection
    shape: TableSnapshot
    plan: TablePlan
    locate: Callable[[DataFile], str]
    name: str

    @property
    def ids(self) -> list[int]:
        """Returns the field ids of all columns."""
        return [f.id for f in self.shape.schema.fields]

    def comparing(self, ids: Sequence[int]) -> str:
        """Returns the select list of the values by which columns ``c<id>`` compare: ``v<id>``."""
        columns = SqlColumns(self.plan)
        pairs = {pair.after.id: pair for pair in self.plan.pairs}
        return ", ".join(f"{columns.expression('t', pairs[i])} AS v{i}" for i in ids)


def apply_rows(
    target: Target,
    writer: DataWriter,
    decisions: str,
    *,
    side: str,
    where: str,
    files: Sequence[DataFile],
    what: str,
) -> FileChange:
    """Rewrites the files of one side so that they hold what was decided.

    Rows that come into a partition in which the side has none of their key are not written
    here; see ``new_rows``.

    Args:
        target: Where they go.
        writer: Writes the files.
        decisions: The decisions; see ``merge_rows``.
        side: ``o`` or ``t``: whose files these are.
        where: Condition on a decision that its row of that side lies in these files.
        files: The files.
        what: Names the table in errors.

    Raises:
        CorruptData: A row that a side must have is in none of its files.
    """
    wanted, hits = f"{target.name}_wanted_{side}", f"{target.name}_hits_{side}"
    moves = _moves(target, side)
    unlike = " OR ".join(f"{side}_c{i} IS DISTINCT FROM m_c{i}" for i in target.ids)
    before = ", ".join(f"{side}_c{i} AS old_c{i}" for i in target.ids)
    after = ", ".join(f"m_c{i} AS new_c{i}" for i in target.ids)
    target.con.execute(
        f"CREATE TABLE {wanted} AS SELECT row_number() OVER () AS id, "
        f"NOT m_here OR {moves} AS gone, {before}, {after} FROM {decisions} "
        f"WHERE {side}_here AND ({where}) AND (NOT m_here OR {unlike})"
    )
    try:
        if not _count(target.con, wanted):
            return FileChange()
        _locate(target, wanted, hits, files, what)
        return rewrite_files(target.con, writer, target.shape, files, hits, target.locate)
    finally:
        target.con.execute(f"DROP TABLE IF EXISTS {wanted}")
        target.con.execute(f"DROP TABLE IF EXISTS {hits}")


def new_rows(target: Target, decisions: str, starts: str) -> str:
    """Makes a table of the rows that no file of the side they go to has yet.

    Args:
        target: Where they go.
        decisions: The decisions.
        starts: SQL condition on ``m_…`` that the row's partition starts from theirs' files.

    Returns:
        The table, with columns ``c<field id>``.
    """
    table = f"{target.name}_new"
    ours = f"o_here AND NOT ({_moves(target, 'o')})"
    theirs = f"t_here AND NOT ({_moves(target, 't')})"
    columns = ", ".join(f"m_c{i} AS c{i}" for i in target.ids)
    target.con.execute(
        f"CREATE TABLE {table} AS SELECT {columns} FROM {decisions} "
        f"WHERE m_here AND NOT CASE WHEN {starts} THEN {theirs} ELSE {ours} END"
    )
    return table


def _moves(target: Target, side: str) -> str:
    """Returns the condition that the merged row lies in another partition than the side's."""
    return (
        " OR ".join(f"{side}_c{i} IS DISTINCT FROM m_c{i}" for i in target.shape.partition_by)
        or "false"
    )


def _locate(target: Target, wanted: str, hits: str, files: Sequence[DataFile], what: str) -> None:
    """Finds in which file, and where in it, each wanted row stands.

    A key finds its row if the files have it once. Where they have it several times, and without
    a key, rows are told by all of their columns, copy by copy.
    """
    shape = ", ".join(f"new_c{i} AS c{i}" for i in target.ids)
    target.con.execute(
        f"CREATE TABLE {hits} AS SELECT 0 AS file, 0::BIGINT AS place, gone, id, {shape} "
        f"FROM {wanted} WHERE false"
    )
    if target.shape.key:
        _by_key(target, wanted, hits, files)
    else:
        _by_content(target, wanted, hits, files, f"(FROM {wanted})")
    missing = _count(target.con, wanted) - _count(target.con, f"(SELECT DISTINCT id FROM {hits})")
    if missing:
        raise CorruptData(
            f"{missing} rows of table {what} are not in the files that must hold them",
            kind=ErrorKind.ROWS_MISSING,
            hint="the table's files differ from what its commits say; see parquetry log",
        )


def _by_key(target: Target, wanted: str, hits: str, files: Sequence[DataFile]) -> None:
    found, several = f"{target.name}_found", f"{target.name}_several"
    key = target.shape.key
    values = target.comparing(key)
    old = ", ".join(f"old_c{i} AS c{i}" for i in key)
    asked = f"(SELECT id, {values} FROM (SELECT id, {old} FROM {wanted}))"
    same = " AND ".join(f"f.v{i} IS NOT DISTINCT FROM w.v{i}" for i in key)
    target.con.execute(f"CREATE TABLE {found} (id BIGINT, file INTEGER, place BIGINT)")
    for number, file in enumerate(files):
        rows = _relation(target, file, key)
        target.con.execute(
            f"INSERT INTO {found} SELECT w.id, {number}, f.place "
            f"FROM (SELECT place, {values} FROM {rows}) f JOIN {asked} w ON {same}"
        )
    target.con.execute(
        f"CREATE TABLE {several} AS SELECT DISTINCT id FROM (SELECT id, "
        "count(*) OVER (PARTITION BY id) AS places, "
        f"count(*) OVER (PARTITION BY file, place) AS ids FROM {found}) "
        "WHERE places > 1 OR ids > 1"
    )
    columns = ", ".join(f"w.new_c{i} AS c{i}" for i in target.ids)
    target.con.execute(
        f"INSERT INTO {hits} SELECT l.file, l.place, w.gone, w.id, {columns} "
        f"FROM {found} l JOIN {wanted} w ON l.id = w.id WHERE l.id NOT IN (FROM {several})"
    )
    if _count(target.con, several):
        some = f"(FROM {wanted} WHERE id IN (FROM {several}))"
        _by_content(target, wanted, hits, files, some)
    target.con.execute(f"DROP TABLE {found}")
    target.con.execute(f"DROP TABLE {several}")


def _by_content(
    target: Target, wanted: str, hits: str, files: Sequence[DataFile], some: str
) -> None:
    """Finds rows by all of their columns, as many copies of each as are wanted."""
    if not files:
        return
    ids = target.ids
    places = f"{target.name}_places"
    values = target.comparing(ids)
    listed = ", ".join(f"v{i}" for i in ids)
    old = ", ".join(f"old_c{i} AS c{i}" for i in ids)
    asked = f"(SELECT id, {values} FROM (SELECT id, {old} FROM {some}))"
    same = [
        " AND ".join(f"f.v{i} IS NOT DISTINCT FROM {other}.v{i}" for i in ids) for other in "wa"
    ]
    target.con.execute(
        f"CREATE TABLE {places} AS SELECT 0 AS file, 0::BIGINT AS place, {values} "
        f"FROM {_relation(target, files[0], ids)} WHERE false"
    )
    for number, file in enumerate(files):
        target.con.execute(
            f"INSERT INTO {places} SELECT f.* FROM (SELECT {number} AS file, place, {values} "
            f"FROM {_relation(target, file, ids)}) f SEMI JOIN {asked} w ON {same[0]}"
        )
    copies = f"row_number() OVER (PARTITION BY {listed} ORDER BY"
    new = ", ".join(f"w.new_c{i} AS c{i}" for i in ids)
    target.con.execute(
        f"INSERT INTO {hits} SELECT f.file, f.place, w.gone, w.id, {new} "
        f"FROM (SELECT *, {copies} file, place) AS copy FROM {places}) f "
        f"JOIN (SELECT *, {copies} id) AS copy FROM {asked}) a "
        f"ON {same[1]} AND f.copy = a.copy JOIN {wanted} w ON w.id = a.id"
    )
    target.con.execute(f"DROP TABLE {places}")


def _relation(target: Target, file: DataFile, ids: Sequence[int]) -> str:
    plan = scan_plan(
        target.shape, [file], locate=target.locate, columns=ids, naming="id", numbered=True
    )
    return prepare(target.con, relation_sql(plan))


def _count(con: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(single_row(con, f"SELECT count(*) FROM {rows}")[0])
