"""Keys that come into a table: whether they are NULL, or those of other rows.

Only keys that a change brings can break what held before, so only they are looked for, in the files
that may hold one of them.
"""

from collections.abc import Callable, Sequence

from catalog.diff.compare.table_reader import TableReader
from catalog.diff.counts import TEXT_LENGTH
from catalog.diff.held_rows import HeldRows, ShownRow
from catalog.diff.row_form import SORTED_ROWS
from catalog.engine.connection import single_row
from catalog.engine.quoting import type_sql
from catalog.flow.contracts.change import Offenders
from catalog.flow.contracts.rules import EXAMPLES
from catalog.model.datafile import DataFile
from catalog.model.schema import Field
from catalog.query.pruning import Pruner
from catalog.write.conditions import all_same
from catalog.write.files.key_pruning import key_pruner

FilesOf = Callable[[Pruner], Sequence[DataFile]]
"""Returns the files of the table after the change that may hold wanted rows, verified."""


def bad_keys(
    held: HeldRows, fields: Sequence[Field], *, reader: TableReader, files: FilesOf, name: str
) -> tuple[Offenders, Offenders]:
    """Returns rows that came with NULL in some columns, and rows that share keys that came.

    Args:
        held: The changed rows.
        fields: The columns, on the newer side.
        reader: What reads the table.
        files: What lists the files to be read.
        name: Begins the names of tables in the engine.
    """
    con, ids = held.con, [field.id for field in fields]
    keys = f"{name}_keys"
    brought = _brought(held, ids) or _all_rows(held, ids, reader=reader, files=files)
    con.execute(f"CREATE OR REPLACE TABLE {keys} AS {brought}")
    missing = " OR ".join(f"c{i} IS NULL" for i in ids)
    (nulls,) = single_row(con, f"SELECT count(*) FROM {keys} WHERE {missing}")
    shown = _shown(held, fields, f"SELECT * FROM {keys} WHERE {missing}") if nulls else []
    con.execute(f"DELETE FROM {keys} WHERE {missing}")
    found = Offenders(0)
    if single_row(con, f"SELECT count(*) FROM {keys}") != (0,):
        wanted = files(key_pruner(con, held.plan.side("t"), keys, fields=ids))
        found = _repeated(held, fields, reader.relation("t", wanted, ids), keys=keys)
    con.execute(f"DROP TABLE {keys}")
    return Offenders(int(nulls), shown), found


def _brought(held: HeldRows, ids: Sequence[int]) -> str | None:
    """Returns SQL of the values of some columns in rows that came, or where one of them changed.

    Returns:
        None if that does not say what may be repeated: with a new key, or a new column in it.
    """
    plan = held.plan
    pairs = {pair.after.id: pair for pair in plan.pairs}
    listed = ", ".join(f"t_c{i} AS c{i}" for i in ids)
    new_key = {*plan.side("t").key} == {*ids} and not _was_key(held, ids)
    if plan.before is not None and (new_key or not set(ids) <= pairs.keys()):
        return None
    if {pair.after.id for pair in plan.key_pairs} >= {*ids}:
        parts = [(part, "kind = 'i'") for part in held.parts() if not part.partial]
    else:
        differ = " OR ".join(held.columns.differ(pairs[i]) for i in ids if i in pairs)
        changed = f"kind = 'i' OR (kind = 'u' AND ({differ or 'true'}))"
        parts = [(part, changed) for part in held.whole(held.count <= SORTED_ROWS, None)]
    selects = [f"SELECT {listed} FROM {part.relation} WHERE {sql}" for part, sql in parts]
    nothing = ", ".join(f"CAST(NULL AS {type_sql(f.type)}) AS c{f.id}" for f in _fields(held, ids))
    return " UNION ALL ".join(selects) or f"SELECT {nothing} WHERE false"


def _was_key(held: HeldRows, ids: Sequence[int]) -> bool:
    """Returns whether columns were the key of the table before."""
    plan = held.plan
    pairs = {pair.after.id: pair.before.id for pair in plan.pairs}
    return plan.before is not None and {*plan.before.key} == {pairs.get(i) for i in ids}


def _fields(held: HeldRows, ids: Sequence[int]) -> tuple[Field, ...]:
    return held.plan.side("t").fields(tuple(ids))


def _all_rows(held: HeldRows, ids: Sequence[int], *, reader: TableReader, files: FilesOf) -> str:
    """Returns SQL of the values of some columns in all rows after the change."""
    everything = files(Pruner(held.plan.side("t"), ()))
    listed = ", ".join(f"c{i}" for i in ids)
    return f"SELECT {listed} FROM {reader.relation('t', everything, ids)}"


def _repeated(held: HeldRows, fields: Sequence[Field], relation: str, *, keys: str) -> Offenders:
    ids = [field.id for field in fields]
    columns = ", ".join(f"c{i}" for i in ids)
    query = (
        f"SELECT {columns}, count(*) AS n FROM (SELECT a.* FROM {relation} a "
        f"SEMI JOIN {keys} k ON {all_same('a.c', 'k.c', ids)}) GROUP BY ALL HAVING count(*) > 1"
    )
    (rows,) = single_row(held.con, f"SELECT coalesce(sum(n), 0) FROM ({query})")
    return Offenders(int(rows), _shown(held, fields, query) if rows else [])


def _shown(held: HeldRows, fields: Sequence[Field], query: str) -> list[ShownRow]:
    texts = ", ".join(f"left(CAST(c{f.id} AS VARCHAR), {TEXT_LENGTH})" for f in fields)
    order = ", ".join(f"c{f.id}" for f in fields)
    rows = held.con.execute(
        f"SELECT {texts} FROM ({query}) ORDER BY {order} LIMIT {EXAMPLES}"
    ).fetchall()
    return [
        ShownRow(
            {
                field.name: None if value is None else str(value)
                for field, value in zip(fields, row, strict=True)
            }
        )
        for row in rows
    ]
