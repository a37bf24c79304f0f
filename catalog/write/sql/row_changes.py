"""What a statement did to the rows of a table: found by comparing them before and after."""

from catalog.dataclasses import dataclass
from catalog.engine.connection import single_row
from catalog.engine.quoting import identifier
from catalog.write.conditions import all_same, any_cell_differs
from catalog.write.sql.scratch import Scratch, is_listlike


@dataclass(frozen=True, slots=True)
class RowChanges:
    """The rows of a table that a statement changed.

    Attributes:
        hits: A temporary table as ``rewrite_files`` takes it, with two columns more:
            ``deleted``, and ``rekeyed``, whether the row's key changed.
        fresh: A temporary table of the rows that come into other files, ``c<field id>``.
        now: A query that yields all rows of the scratch table afterwards: ``r``, which is less
            than the number of rows before if the row was there, and ``c<field id>``.
    """

    hits: str
    fresh: str
    now: str
    inserted: int
    updated: int
    deleted: int


def find_changes(scratch: Scratch) -> RowChanges:
    """Compares the rows of a table before and after a statement.

    Before, ``origin`` has (file 0) the rows 0: (1, a), 1: (2, b). After an UPDATE of the first
    and a DELETE of the second, ``hits`` has

        file  place  gone   deleted  rekeyed  c1    c2
        0     0      false  false    false    1     z
        0     1      true   true     false    NULL  NULL
    """
    con, shape, name = scratch.write.con, scratch.write.shape, scratch.write.context.work.name
    fields = shape.schema.fields
    hits, fresh = name("changed"), name("fresh")
    columns = ", ".join(f"c{f.id}" for f in fields)
    named = ", ".join(f"{identifier(f.name)} AS c{f.id}" for f in fields)
    now = f"(SELECT rowid AS r, {named} FROM {scratch.table})"
    if any(is_listlike(f.type) for f in fields):
        pairs = _pairs(scratch, now)
        now = (
            f"(SELECT coalesce(p.r, t.r) AS r, {columns} FROM {now} t "
            f"LEFT JOIN {pairs} p ON p.s = t.r)"
        )
    moves = any_cell_differs("o.c", "t.c", shape.fields(shape.partition_by))
    rekeyed = any_cell_differs("o.c", "t.c", shape.fields(shape.key))
    differs = any_cell_differs("o.c", "t.c", fields)
    con.execute(
        f"CREATE TEMP TABLE {hits} AS SELECT o.file, o.place, t.r IS NULL OR {moves} AS gone, "
        f"t.r IS NULL AS deleted, t.r IS NOT NULL AND ({rekeyed}) AS rekeyed, "
        f"{', '.join(f't.c{f.id}' for f in fields)} "
        f"FROM {scratch.origin} o LEFT JOIN {now} t ON o.rowid = t.r "
        f"WHERE t.r IS NULL OR {differs}"
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
    return RowChanges(hits, fresh, now, int(inserted), int(updated), int(deleted))


def _pairs(scratch: Scratch, now: str) -> str:
    """Finds which rows those were that the engine wrote as new rows.

    The engine updates lists by deleting and inserting whole rows, in their order. Rows of the
    same key belong together; without a key, those of the same place among all. A wrong guess
    puts a row elsewhere, and loses nothing.

    Returns:
        A temporary table: ``r``, the row's id before, ``s``, its id now.
    """
    con, pairs = scratch.write.con, scratch.write.context.work.name("pairs")
    keys = [f"c{i}" for i in scratch.write.shape.key]
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
        con.execute(
            f"INSERT INTO {pairs} SELECT a.r, b.r FROM {sides[0]} a JOIN {sides[1]} b "
            f"ON a.n = b.n AND {all_same('a.', 'b.', by)}"
        )
    return pairs
