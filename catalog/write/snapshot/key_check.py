"""Keys of files that come with a snapshot: warnings about NULL and duplicates."""

from collections.abc import Callable

import duckdb

from catalog.engine.connection import single_row
from catalog.engine.quoting import identifier
from catalog.engine.relation import prepare, relation_sql
from catalog.model.datafile import DataFile
from catalog.model.scan_plan import scan_plan
from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate


def count_bad_keys(
    con: duckdb.DuckDBPyConnection, update: TableUpdate, locate: Callable[[DataFile], str]
) -> tuple[int, int]:
    """Counts the rows that come with NULL in their key, and those with duplicate keys.

    Rows of files that stay are not looked at.
    """
    snapshot = update.snapshot
    assert snapshot is not None, "a table that goes brings no files"
    plan = scan_plan(snapshot, update.added, locate=locate, columns=snapshot.key, naming="id")
    relation = prepare(con, relation_sql(plan))
    columns = [identifier(f"c{field_id}") for field_id in snapshot.key]
    missing = " OR ".join(f"{column} IS NULL" for column in columns)
    nulls, duplicates = single_row(
        con,
        f"SELECT coalesce(sum(n) FILTER (WHERE {missing}), 0), "
        "coalesce(sum(n) FILTER (WHERE n > 1), 0) "
        f"FROM (SELECT {', '.join(columns)}, count(*) AS n FROM {relation} GROUP BY ALL)",
    )
    return int(nulls), int(duplicates)


def key_warnings(name: str, table: TableSnapshot, counts: tuple[int, int]) -> tuple[str, ...]:
    """Returns warnings about rows with NULL in their key, and with duplicate keys."""
    nulls, duplicates = counts
    key = ", ".join(table.key_names)
    warnings = []
    if nulls:
        rows = "1 row" if nulls == 1 else f"{nulls:,} rows"
        verb = "has" if nulls == 1 else "have"
        warnings.append(f"{rows} of {name} {verb} NULL in the key ({key})")
    if duplicates:
        warnings.append(f"{duplicates:,} rows of {name} share their key ({key})")
    return tuple(warnings)
