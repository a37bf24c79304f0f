"""Keys that do not identify a row: NULL, or shared by several rows of a side."""

import pyarrow as pa

from catalog.diff.compare.by_digest.key_codes import KeyReader, repeated_keys
from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.counts import KeyProblems
from catalog.diff.plan import SIDES, SideName
from catalog.diff.route import known_keys
from catalog.engine.connection import single_row

KEY_BYTES = 32
"""Memory that sorting takes for every key."""


def key_problems(reader: TableReader, keys: KeyReader, *, check_all: bool) -> KeyProblems:
    """Counts bad keys among the rows of files that differ, or all."""
    plan = reader.plan
    one_sided = plan.before is None or plan.after is None
    if not plan.key or (one_sided and not check_all):
        return KeyProblems(all_rows=check_all)
    before, after = (_side_problems(reader, side, keys, check_all=check_all) for side in SIDES)
    return KeyProblems((before[0], after[0]), (before[1], after[1]), all_rows=check_all)


def _side_problems(
    reader: TableReader, side: SideName, keys_read: KeyReader, *, check_all: bool
) -> tuple[int, int]:
    """Returns how many rows of a side have NULL in their key, and a key held twice."""
    plan = reader.plan
    files = () if plan.snapshot(side) is None else reader.covered(side, everything=check_all)
    known = (0, 0) if not files else known_keys(files, reader.prints)
    if known is not None:
        return known
    keys = [pair.on(side) for pair in plan.key_pairs]
    sorting_bytes = KEY_BYTES * sum(file.rows for file in files)
    if sorting_bytes <= reader.align_bytes:
        repeated = repeated_keys(keys_read, reader, side, files)
        pa.default_memory_pool().release_unused()
        if repeated is not None:
            return 0, repeated
    columns = SqlColumns(plan)
    forms = [f"{columns.expression(side, p)} AS k{n}" for n, p in enumerate(plan.key_pairs)]
    missing = " OR ".join(f"c{key.id} IS NULL" for key in keys)
    null, duplicate = single_row(
        reader.con,
        "SELECT coalesce(sum(n) FILTER (has_null), 0), coalesce(sum(n) FILTER (n > 1), 0) FROM "
        f"(SELECT {', '.join(forms)}, {missing} AS has_null, count(*) AS n "
        f"FROM {reader.relation(side, files, [key.id for key in keys])} GROUP BY ALL)",
    )
    return int(null), int(duplicate)
