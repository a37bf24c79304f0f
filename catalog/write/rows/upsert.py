"""Upserts: rows that replace those of the same key, or are added."""

from collections.abc import Collection, Sequence
from itertools import count

from catalog.errors import ErrorKind, InvalidInput
from catalog.model.datafile import DataFile
from catalog.model.partition import key_text
from catalog.model.table import TableSnapshot
from catalog.write.context import WriteContext
from catalog.write.files.key_pruning import check_unique, key_pruner
from catalog.write.files.rewrite import FileChange, rewrite_files
from catalog.write.files.writer import paths_of
from catalog.write.working_table import WorkingTable

_NUMBERS = count(1)


def upsert(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    staged: str,
    given: Collection[int],
) -> FileChange:
    """Writes rows in place of those of the same key, and adds the others.

    Rows that are the same already are left alone, and files without other rows are kept.

    Args:
        context: What writing needs.
        table: The table as it is.
        shape: Its shape afterwards, with a key.
        staged: A table of the engine with columns ``c<field id>``.
        given: Field ids of the columns that come; rows that are there keep the others.

    Raises:
        InvalidInput: Rows that come share a key, or several rows of the table have one's.
    """
    con = context.con
    check_unique(con, shape, staged, table.name)
    pruner = key_pruner(con, shape, staged, shape.key)
    listed = table.files(context.commits, wanted=lambda s: pruner.wants_ranges(s.ranges))
    files = context.verified(table.name, [file for file in listed if pruner.wants_file(file)])
    names = tuple(f"__parquetry_{name}_{next(_NUMBERS)}" for name in ("found", "hits", "fresh"))
    try:
        return _replaced(context, table, shape, staged, given, files, names)
    finally:
        for name in names:
            con.execute(f"DROP TABLE IF EXISTS {name}")


def _replaced(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    staged: str,
    given: Collection[int],
    files: Sequence[DataFile],
    names: tuple[str, ...],
) -> FileChange:
    """Writes the rows; ``names`` are those of the tables that it makes in the engine."""
    con = context.con
    found, hits, fresh = names
    on_key = " AND ".join(f"f.c{i} IS NOT DISTINCT FROM s.c{i}" for i in shape.key)
    con.execute(f"CREATE TEMP TABLE {found} (file INTEGER, place BIGINT, source BIGINT)")
    for number, file in enumerate(files):
        keys = context.relation(shape, [file], columns=shape.key, numbered=True)
        con.execute(
            f"INSERT INTO {found} SELECT {number}, f.place, s.rowid "
            f"FROM {keys} f JOIN {staged} s ON {on_key}"
        )
    _check_single(context, shape, found, staged, table.name)
    columns = ", ".join(f"c{f.id}" for f in shape.schema.fields)
    con.execute(
        f"CREATE TEMP TABLE {hits} AS SELECT file, place, false AS gone, source, {columns} "
        f"FROM {found} JOIN {staged} ON false"
    )
    for (number,) in con.sql(f"SELECT DISTINCT file FROM {found} ORDER BY file").fetchall():
        _compare(context, shape, files[number], number, given, (found, staged, hits))
    con.execute(
        f"CREATE TEMP TABLE {fresh} AS "
        f"SELECT {columns} FROM {staged} WHERE rowid NOT IN (SELECT source FROM {found}) "
        f"UNION ALL SELECT {columns} FROM {hits} WHERE gone"
    )
    taken = paths_of(files) | set(table.added)
    holds = table.holds(context.commits)
    with context.writer(table.name, shape, taken=taken, holds=holds) as writer:
        change = rewrite_files(con, writer, shape, files, hits, context.locate)
        added = writer.sorted(fresh, append=True)
    return FileChange(change.removed, (*change.added, *added))


def _compare(
    context: WriteContext,
    shape: TableSnapshot,
    file: DataFile,
    number: int,
    given: Collection[int],
    names: tuple[str, str, str],
) -> None:
    """Notes the rows of a file that differ from those that come."""
    found, staged, hits = names
    everything = [field.id for field in shape.schema.fields]
    rows = context.relation(shape, [file], numbered=True)
    columns = ", ".join(f"s.c{i}" if i in given else f"f.c{i}" for i in everything)
    differs = " OR ".join(f"f.c{i} IS DISTINCT FROM s.c{i}" for i in everything if i in given)
    moves = " OR ".join(f"f.c{i} IS DISTINCT FROM s.c{i}" for i in shape.partition_by) or "false"
    context.con.execute(
        f"INSERT INTO {hits} SELECT {number}, f.place, {moves}, s.rowid, {columns} "
        f"FROM {rows} f JOIN (SELECT * FROM {found} WHERE file = {number}) h "
        f"ON f.place = h.place JOIN {staged} s ON s.rowid = h.source WHERE {differs}"
    )


def _check_single(
    context: WriteContext, shape: TableSnapshot, found: str, staged: str, name: str
) -> None:
    repeated = context.con.sql(
        f"SELECT source, count(*) FROM {found} GROUP BY source HAVING count(*) > 1 LIMIT 1"
    ).fetchall()
    if not repeated:
        return
    source, rows = repeated[0]
    columns = ", ".join(f"CAST(c{i} AS VARCHAR)" for i in shape.key)
    (values,) = context.con.sql(
        f"SELECT {columns} FROM {staged} WHERE rowid = {int(source)}"
    ).fetchall()
    raise InvalidInput(
        f"{rows} rows of table {name} share the key {key_text(shape.key_names, values)}: "
        "which of them to replace is unclear",
        kind=ErrorKind.DUPLICATE_KEY,
        hint="remove the duplicates first",
    )
