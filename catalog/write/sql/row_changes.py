"""What a statement did to the rows of a table: found by comparing them before and after."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.engine.connection import single_row
from catalog.engine.quoting import identifier
from catalog.model.schema import Field
from catalog.model.types import DataType, Scalar, TypeClass, is_float
from catalog.write.conditions import all_same, any_cell_differs
from catalog.write.files.rewrite import COLUMNS_AT_ONCE
from catalog.write.sql.scratch import Scratch, is_listlike

_ONE_FORM = frozenset(TypeClass) - {TypeClass.FLOAT, TypeClass.TIME, TypeClass.OTHER}
"""The types of which equal values are the same, unlike 0.0 and -0.0, or 1 month and 30 days."""


@dataclass(frozen=True, slots=True)
class RowChanges:
    """The rows of a table that a statement changed.

    Attributes:
        hits: A temporary table as ``rewrite_files`` takes it, with two columns more:
            ``deleted``, and ``rekeyed``, whether the row's key changed.
        fresh: A temporary table of the rows that come into other files, ``c<field id>``; empty
            if none do.
        now: A query that yields all rows of the scratch table afterwards: ``r``, which is less
            than the number of rows before if the row was there, and ``c<field id>`` of the key.
        kept: The columns (field ids) that ``hits`` does not have: no row has another value.
    """

    hits: str
    fresh: str
    now: str
    kept: frozenset[int]
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
    fields, key = shape.schema.fields, shape.fields(shape.key)
    now = _Now(scratch, "")
    if any(is_listlike(f.type) for f in fields):
        now = _Now(scratch, _pairs(scratch, now.rows(key)))
    (inserted,) = single_row(con, f"SELECT count(*) FROM {now.rows()} WHERE r >= {scratch.rows}")
    changed = _maybe_changed(scratch, now)
    moved = [f for f in shape.fields(shape.partition_by) if f in changed]
    whole = bool(inserted or moved)
    held = [f for f in fields if whole or f in changed or f in key]
    hits, fresh = name("changed"), name("fresh") if whole else ""
    moves, rekeyed = any_cell_differs("o.c", "t.c", moved), any_cell_differs("o.c", "t.c", key)
    held_columns = [f"t.c{f.id}" for f in held]
    shown = ", ".join(
        [
            f"o.file, o.place, t.r IS NULL OR {moves} AS gone, t.r IS NULL AS deleted",
            f"t.r IS NOT NULL AND ({rekeyed}) AS rekeyed",
            *held_columns,
        ]
    )
    con.execute(
        f"CREATE TEMP TABLE {hits} AS SELECT {shown} "
        f"FROM {scratch.origin} o LEFT JOIN {now.rows(held)} t ON o.rowid = t.r "
        f"WHERE t.r IS NULL OR {any_cell_differs('o.c', 't.c', changed)}"
    )
    if whole:
        columns = ", ".join(f"c{f.id}" for f in fields)
        con.execute(
            f"CREATE TEMP TABLE {fresh} AS "
            f"SELECT {columns} FROM {now.rows(fields)} WHERE r >= {scratch.rows} "
            f"UNION ALL SELECT {columns} FROM {hits} WHERE gone AND NOT deleted"
        )
    deleted, updated = single_row(
        con,
        f"SELECT count(*) FILTER (WHERE deleted), count(*) FILTER (WHERE NOT deleted) FROM {hits}",
    )
    kept = frozenset(f.id for f in fields) - {f.id for f in held}
    return RowChanges(hits, fresh, now.rows(key), kept, int(inserted), int(updated), int(deleted))


@dataclass(frozen=True, slots=True)
class _Now:
    """The rows of the scratch table after the statement.

    Attributes:
        pairs: A table of rows that were written as new ones, see ``_pairs``; empty for none.
    """

    scratch: Scratch
    pairs: str

    def rows(self, fields: Sequence[Field] = ()) -> str:
        """Returns a query for ``r``, see ``RowChanges.now``, and ``c<field id>`` of some fields."""
        named = [f"{identifier(f.name)} AS c{f.id}" for f in fields]
        rows = f"(SELECT {', '.join(['rowid AS r', *named])} FROM {self.scratch.table})"
        if not self.pairs:
            return rows
        columns = ["coalesce(p.r, t.r) AS r", *(f"c{f.id}" for f in fields)]
        return f"(SELECT {', '.join(columns)} FROM {rows} t LEFT JOIN {self.pairs} p ON p.s = t.r)"


def _maybe_changed(scratch: Scratch, now: _Now) -> Sequence[Field]:
    """Returns the columns of which some cell may have another value; of few columns, all.

    What the engine does with a row takes more than twice as long with twice the columns.
    """
    fields = scratch.write.shape.schema.fields
    if len(fields) <= COLUMNS_AT_ONCE:
        return fields
    changed: list[Field] = []
    for start in range(0, len(fields), COLUMNS_AT_ONCE):
        some = fields[start : start + COLUMNS_AT_ONCE]
        plain = all(is_float(f.type) or _tells_apart(f.type) for f in some)
        if not plain or _differ_somewhere(scratch, now, some):
            changed += some
    return changed


def _differ_somewhere(scratch: Scratch, now: _Now, fields: Sequence[Field]) -> bool:
    """Returns whether the values of a row differ, 0.0 being another than -0.0."""
    zeros = "".join(
        f" OR (o.c{f.id} = 0 AND signbit(o.c{f.id}) <> signbit(t.c{f.id}))"
        for f in fields
        if is_float(f.type)
    )
    found = scratch.write.con.execute(
        f"SELECT 1 FROM {scratch.origin} o JOIN {now.rows(fields)} t ON o.rowid = t.r "
        f"WHERE {any_cell_differs('o.c', 't.c', fields)}{zeros} LIMIT 1"
    ).fetchall()
    return bool(found)


def _tells_apart(kind: DataType) -> bool:
    """Returns whether values of a type that are equal to the engine are the same."""
    return isinstance(kind, Scalar) and kind.type_class in _ONE_FORM


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
