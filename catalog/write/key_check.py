"""Keys of files that come with a snapshot: NULL and duplicates, told as warnings."""

from collections.abc import Callable

import duckdb

from catalog.engine.quoting import identifier
from catalog.engine.relation import relation_sql
from catalog.model.datafile import DataFile
from catalog.repository.commit_writer import TableUpdate


def key_warnings(
    con: duckdb.DuckDBPyConnection, update: TableUpdate, locate: Callable[[DataFile], str]
) -> tuple[str, ...]:
    """Returns what is wrong with the keys of the files that an update adds.

    Args:
        con: Reads the files.
        update: The update; rows of files that stay are not looked at.
        locate: Says where the engine reads a file.
    """
    snapshot = update.snapshot
    if snapshot is None or not snapshot.key or not update.added:
        return ()
    relation = relation_sql(
        con, snapshot, update.added, locate=locate, columns=snapshot.key, naming="id"
    )
    columns = [identifier(f"c{field_id}") for field_id in snapshot.key]
    missing = " OR ".join(f"{column} IS NULL" for column in columns)
    row = con.execute(
        f"SELECT coalesce(sum(n) FILTER (WHERE {missing}), 0), "
        "coalesce(sum(n) FILTER (WHERE n > 1), 0) "
        f"FROM (SELECT {', '.join(columns)}, count(*) AS n FROM {relation} GROUP BY ALL)"
    ).fetchone()
    nulls, duplicates = row if row is not None else (0, 0)
    key = ", ".join(snapshot.key_names)
    warnings = []
    if nulls:
        warnings.append(f"{int(nulls):,} rows of {update.name} have NULL in their key ({key})")
    if duplicates:
        warnings.append(f"{int(duplicates):,} rows of {update.name} share their key ({key})")
    return tuple(warnings)
