"""Keys that a statement brings into a table: whether they are NULL, or there already."""

from collections.abc import Iterator, Sequence

from catalog.engine.connection import single_row
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.datafile import DataFile
from catalog.model.partition import key_text
from catalog.model.table import TableSnapshot
from catalog.write.context import WriteContext
from catalog.write.files.key_pruning import key_pruner
from catalog.write.snapshot.key_check import key_warnings
from catalog.write.sql.scratch import Scratch, own_name
from catalog.write.working_table import WorkingTable


def refuse_duplicates(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    brought: str,
    rows: str,
    loaded: Scratch | None,
) -> None:
    """Checks that no key that comes is that of another row; see ``_repeated``.

    Raises:
        InvalidInput: One is.
    """
    _, repeated = _repeated(context, table, shape, brought, rows, loaded)
    shown = ", ".join(f"CAST(c{i} AS VARCHAR)" for i in shape.key)
    found = context.con.sql(f"SELECT n, {shown} FROM {repeated} ORDER BY ALL LIMIT 1").fetchall()
    if found:
        (rows_alike, *values) = found[0]
        named = key_text(shape.key_names, values)
        raise InvalidInput(
            f"{rows_alike} rows of table {table.name} would share the key {named}",
            kind=ErrorKind.DUPLICATE_KEY,
            hint="a MERGE keeps keys unique: bring one row per key, and match ON the key",
        )


def told_duplicates(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    brought: str,
    rows: str,
    loaded: Scratch | None,
) -> tuple[str, ...]:
    """Warns of keys that come and are NULL, or those of other rows; see ``_repeated``."""
    keys, repeated = _repeated(context, table, shape, brought, rows, loaded)
    missing = " OR ".join(f"c{i} IS NULL" for i in shape.key)
    (nulls,) = single_row(context.con, f"SELECT coalesce(sum(n), 0) FROM {keys} WHERE {missing}")
    (alike,) = single_row(context.con, f"SELECT coalesce(sum(n), 0) FROM {repeated}")
    return key_warnings(table.name, shape, (int(nulls), int(alike)))


def _repeated(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    brought: str,
    rows: str,
    loaded: Scratch | None,
) -> tuple[str, str]:
    """Finds the keys that come and that several rows have afterwards.

    Args:
        context: What writing needs.
        table: The table as it was.
        shape: Its shape, with a key.
        brought: A query for the keys of rows that come, or whose key changed: ``c<field id>``.
        rows: A query for the keys of all rows that are in the engine, as they are afterwards.
        loaded: Where those rows come from; the others are read if they may have one of the
            keys. None if the rows are new.

    Returns:
        Two temporary tables with the key's columns and ``n``: how many rows come with each
        key, and how many have it afterwards if they are several.
    """
    con, keys, repeated = context.con, own_name("keys"), own_name("repeated")
    columns = ", ".join(f"c{i}" for i in shape.key)
    con.execute(
        f"CREATE TEMP TABLE {keys} AS SELECT {columns}, count(*) AS n FROM {brought} GROUP BY ALL"
    )
    parts = [f"SELECT {columns} FROM {rows}"]
    if single_row(con, f"SELECT count(*) FROM {keys}")[0]:
        wanted = key_pruner(con, shape, keys, shape.key)
        listed = table.files(context.commits, wanted=lambda node: wanted.wants_ranges(node.ranges))
        files = context.verified(table.name, [f for f in listed if wanted.wants_file(f)])
        parts += _not_loaded(context, shape, files, loaded)
    everything = f"({' UNION ALL '.join(parts)})"
    alike = " AND ".join(f"a.c{i} IS NOT DISTINCT FROM k.c{i}" for i in shape.key)
    con.execute(
        f"CREATE TEMP TABLE {repeated} AS SELECT {columns}, count(*) AS n "
        f"FROM (SELECT a.* FROM {everything} a SEMI JOIN {keys} k ON {alike}) "
        "GROUP BY ALL HAVING count(*) > 1"
    )
    return keys, repeated


def _not_loaded(
    context: WriteContext,
    shape: TableSnapshot,
    files: Sequence[DataFile],
    loaded: Scratch | None,
) -> Iterator[str]:
    """Yields queries for the keys in files of the rows that are not in the engine."""
    columns = ", ".join(f"c{i}" for i in shape.key)
    numbers = {} if loaded is None else {file.path: n for n, file in enumerate(loaded.files)}
    others = [file for file in files if file.path not in numbers]
    if others:
        relation = context.relation(shape, others, columns=shape.key)
        yield f"SELECT {columns} FROM {relation}"
    if loaded is None or loaded.whole:
        return
    for file in files:
        if file.path in numbers:
            relation = context.relation(shape, [file], columns=shape.key, numbered=True)
            here = f"SELECT place FROM {loaded.origin} WHERE file = {numbers[file.path]}"
            yield f"SELECT {columns} FROM {relation} WHERE place NOT IN ({here})"
