"""Keys that do not identify a row: NULL, or shared by several rows of a side."""

import duckdb

from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.plan import SideName
from catalog.engine.connection import single_row


def key_problems(
    con: duckdb.DuckDBPyConnection, columns: SqlColumns, relation: str, *, side: SideName
) -> tuple[int, int]:
    """Counts the rows of a relation with NULL in their key, and with a key held twice.

    Args:
        con: Reads the relation.
        columns: The columns of the table's plan.
        relation: SQL of the relation, its columns called ``c<field id>``.
        side: Which side's rows they are.
    """
    keys = columns.plan.key_pairs
    forms = ", ".join(f"{columns.expression(side, pair)} AS k{n}" for n, pair in enumerate(keys))
    missing = " OR ".join(f"{columns.original(side, pair)} IS NULL" for pair in keys)
    null, duplicate = single_row(
        con,
        "SELECT coalesce(sum(n) FILTER (has_null), 0), coalesce(sum(n) FILTER (n > 1), 0) FROM "
        f"(SELECT {forms}, {missing} AS has_null, count(*) AS n FROM {relation} GROUP BY ALL)",
    )
    return int(null), int(duplicate)
