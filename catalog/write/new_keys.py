"""Keys that a statement brings into a table: whether they are NULL, or there already."""

from collections.abc import Sequence

from catalog.engine.connection import single_row
from catalog.engine.relation import relation_sql
from catalog.errors import InvalidInput
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.write.context import WriteContext
from catalog.write.key_check import key_warnings
from catalog.write.key_ranges import key_pruner
from catalog.write.scratch import own_name
from catalog.write.working import WorkingTable


def refuse_duplicates(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    brought: str,
    rows: str,
    loaded: Sequence[DataFile],
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
        named = ", ".join(
            f"{column} = {'NULL' if value is None else value}"
            for column, value in zip(shape.key_names, values, strict=True)
        )
        raise InvalidInput(
            f"{rows_alike} rows of table {table.name} would share the key {named}",
            kind="duplicate-key",
            hint="a MERGE keeps keys unique: bring one row per key, and match ON the key",
        )


def told_duplicates(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    brought: str,
    rows: str,
    loaded: Sequence[DataFile],
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
    loaded: Sequence[DataFile],
) -> tuple[str, str]:
    """Finds the keys that come and that several rows have afterwards.

    Args:
        context: What writing needs.
        table: The table as it was.
        shape: Its shape, with a key.
        brought: A query for the keys of rows that come, or whose key changed: ``c<field id>``.
        rows: A query for the keys of all rows that are in the engine, as they are afterwards.
        loaded: The files whose rows those were; of the others, those are read that may have
            one of the keys.

    Returns:
        Two temporary tables with the key's columns and ``n``: how many rows come with each
        key, and how many have it afterwards if they are several.
    """
    con, keys, repeated = context.con, own_name("keys"), own_name("repeated")
    columns = ", ".join(f"c{i}" for i in shape.key)
    con.execute(
        f"CREATE TEMP TABLE {keys} AS SELECT {columns}, count(*) AS n FROM {brought} GROUP BY ALL"
    )
    everything = rows
    if single_row(con, f"SELECT count(*) FROM {keys}")[0]:
        here = {file.path for file in loaded}
        wanted = key_pruner(con, shape, keys, shape.key)
        listed = table.files(context.commits, wanted=lambda node: wanted.wants_ranges(node.ranges))
        others = [f for f in listed if f.path not in here and wanted.wants_file(f)]
        if others:
            relation = relation_sql(
                con,
                shape,
                context.verified(table.name, others),
                locate=context.locate,
                columns=shape.key,
                naming="id",
            )
            both = f"SELECT {columns} FROM {rows} UNION ALL SELECT {columns} FROM {relation}"
            everything = f"({both})"
    alike = " AND ".join(f"a.c{i} IS NOT DISTINCT FROM k.c{i}" for i in shape.key)
    con.execute(
        f"CREATE TEMP TABLE {repeated} AS SELECT {columns}, count(*) AS n "
        f"FROM (SELECT a.* FROM {everything} a SEMI JOIN {keys} k ON {alike}) "
        "GROUP BY ALL HAVING count(*) > 1"
    )
    return keys, repeated
