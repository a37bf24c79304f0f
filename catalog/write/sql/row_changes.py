"""What a statement did to the rows of a table: found by comparing them before and after."""

from dataclasses import dataclass

import duckdb

from catalog.engine.connection import single_row
from catalog.engine.quoting import identifier
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.write.context import WriteContext
from catalog.write.files.rewrite import FileChange, rewrite_files
from catalog.write.files.writer import paths_of
from catalog.write.sql.scratch import Scratch, is_listlike, own_name
from catalog.write.working_table import WorkingTable


@dataclass(frozen=True, slots=True)
class Changes:
    """Says which rows of a table changed.

    Attributes:
        hits: A temporary table as ``rewrite_files`` takes it, with two columns more:
            ``deleted``, and ``rekeyed``, whether the row's key changed.
        fresh: A temporary table of the rows that come into other files, ``c<field id>``.
        now: A query that yields all rows of the scratch table afterwards: ``r``, which is less
            than the number of rows before if the row was there, and ``c<field id>``.
        inserted: Rows that came.
        updated: Rows that became others.
        deleted: Rows that went.
    """

    hits: str
    fresh: str
    now: str
    inserted: int
    updated: int
    deleted: int

    @property
    def rows(self) -> int:
        """Returns how many rows changed in all."""
        return self.inserted + self.updated + self.deleted


def find_changes(context: WriteContext, shape: TableSnapshot, scratch: Scratch) -> Changes:
    """Compares the rows of a table before and after a statement.

    Args:
        context: What writing needs.
        shape: The table's shape.
        scratch: Its rows.
    """
    con, fields = context.con, shape.schema.fields
    hits, fresh, pairs = own_name("changed"), own_name("fresh"), own_name("pairs")
    columns = ", ".join(f"c{f.id}" for f in fields)
    named = ", ".join(f"{identifier(f.name)} AS c{f.id}" for f in fields)
    now = f"(SELECT rowid AS r, {named} FROM {scratch.table})"
    if any(is_listlike(f.type) for f in fields):
        _pair(con, shape, scratch, now, pairs)
        now = (
            f"(SELECT coalesce(p.r, t.r) AS r, {columns} FROM {now} t "
            f"LEFT JOIN {pairs} p ON p.s = t.r)"
        )
    moves = _differ([f for f in fields if f.id in shape.partition_by])
    rekeyed = _differ([f for f in fields if f.id in shape.key])
    con.execute(
        f"CREATE TEMP TABLE {hits} AS SELECT o.file, o.place, t.r IS NULL OR {moves} AS gone, "
        f"t.r IS NULL AS deleted, t.r IS NOT NULL AND ({rekeyed}) AS rekeyed, "
        f"{', '.join(f't.c{f.id}' for f in fields)} "
        f"FROM {scratch.origin} o LEFT JOIN {now} t ON o.rowid = t.r "
        f"WHERE t.r IS NULL OR {_differ(fields)}"
    )
    con.execute(
        f"CREATE TEMP TABLE {fresh} AS SELECT {columns} FROM {now} WHERE r >= {scratch.rows} "
        f"UNION ALL SELECT {columns} FROM {hits} WHERE gone AND NOT deleted"
    )
    deleted, updated = single_row(
        con,
        f"SELECT count(*) FILTER (WHERE deleted), count(*) FILTER (WHERE NOT deleted) FROM {hits}",
    )
    (inserted,) = single_row(con, f"SELECT count(*) FROM {now} WHERE r >= {scratch.rows}")
    return Changes(hits, fresh, now, int(inserted), int(updated), int(deleted))


def write_changes(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    scratch: Scratch,
    changes: Changes,
) -> FileChange:
    """Writes the files again in which rows changed, and new ones for the rows that came.

    Args:
        context: What writing needs.
        table: The table as it is.
        shape: Its shape, with the file schema of files that are written.
        scratch: Its rows.
        changes: What changed.
    """
    taken = paths_of(scratch.files) | set(table.added)
    holds = table.holds(context.commits)
    with context.writer(table.name, shape, taken=taken, holds=holds) as writer:
        change = rewrite_files(
            context.con, writer, shape, scratch.files, changes.hits, context.locate
        )
        added = writer.sorted(changes.fresh, append=True)
    return FileChange(change.removed, (*change.added, *added))


def _differ(fields: "list[Field] | tuple[Field, ...]") -> str:
    """Returns the condition that a row is another than it was in some columns."""
    found = [_differs(f"o.c{f.id}", f"t.c{f.id}", str(f.type)) for f in fields]
    return f"({' OR '.join(found) or 'false'})"


def _differs(old: str, new: str, kind: str) -> str:
    """Compares a column; the engine takes a month for 30 days, so intervals go by their text."""
    if "INTERVAL" in kind:
        old, new = f"CAST({old} AS VARCHAR)", f"CAST({new} AS VARCHAR)"
    return f"{old} IS DISTINCT FROM {new}"


def _pair(
    con: duckdb.DuckDBPyConnection, shape: TableSnapshot, scratch: Scratch, now: str, pairs: str
) -> None:
    """Finds for rows that were written anew which rows they were.

    The engine updates lists by deleting and inserting whole rows, in their order. Rows of the
    same key belong together; without a key, those of the same place among all. A wrong guess
    puts a row elsewhere, and loses nothing.
    """
    keys = [f"c{i}" for i in shape.key]
    shown = ", ".join(["r", *keys])
    gone = (
        f"SELECT o.rowid AS {shown} FROM {scratch.origin} o "
        f"WHERE o.rowid NOT IN (SELECT rowid FROM {scratch.table})"
    )
    came = f"SELECT {shown} FROM {now} WHERE r >= {scratch.rows}"
    con.execute(f"CREATE TEMP TABLE {pairs} (r BIGINT, s BIGINT)")
    steps = [keys, []] if keys else [[]]
    for by in steps:
        partition = f"PARTITION BY {', '.join(by)} " if by else ""
        sides = [
            f"(SELECT *, row_number() OVER ({partition}ORDER BY r) AS n FROM ({query}) "
            f"WHERE r NOT IN (SELECT {column} FROM {pairs}))"
            for query, column in ((gone, "r"), (came, "s"))
        ]
        alike = "".join(f" AND a.{c} IS NOT DISTINCT FROM b.{c}" for c in by)
        con.execute(
            f"INSERT INTO {pairs} SELECT a.r, b.r FROM {sides[0]} a JOIN {sides[1]} b "
            f"ON a.n = b.n{alike}"
        )
