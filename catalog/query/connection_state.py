"""The state of a DuckDB connection that decides what a statement means."""

from collections.abc import Sequence

import duckdb

from catalog.query.parse.keywords import fold
from catalog.query.parse.predicates import LiteralKind, Predicate

_TABLES = """
SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE NOT internal
UNION ALL
SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT internal
"""

_SETTINGS = "SELECT current_setting('default_collation'), current_setting('TimeZone')"

_UTC = ("UTC", "Etc/UTC")

_TEXTS = frozenset({LiteralKind.STRING})
_MOMENTS = frozenset({LiteralKind.STRING, LiteralKind.DATE, LiteralKind.TIMESTAMP})


def database(connection: duckdb.DuckDBPyConnection) -> str:
    """Returns the name of the connection's current database."""
    (row,) = connection.execute("SELECT current_database()").fetchall()
    return str(row[0])


def databases(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Returns the folded names of all databases that a connection knows."""
    found = connection.execute("SELECT database_name FROM duckdb_databases()").fetchall()
    return frozenset(fold(str(name)) for (name,) in found)


def own_names(connection: duckdb.DuckDBPyConnection, home: str) -> frozenset[str]:
    """Returns the folded names of tables and views that were created in a session.

    ``home`` is the database in which the session creates tables that are not temporary. Tables of
    attached databases are not its own.
    """
    found: set[str] = set()
    for place, schema, name in connection.execute(_TABLES).fetchall():
        if place not in (home, "temp"):
            continue
        names = [f"{schema}.{name}", f"{place}.{schema}.{name}"]
        if schema == "main":
            names += [name, f"{place}.{name}"]
        found.update(map(fold, names))
    return frozenset(found)


def certain(
    connection: duckdb.DuckDBPyConnection, predicates: Sequence[Predicate]
) -> tuple[Predicate, ...]:
    """Returns the predicates whose meaning does not depend on the connection's settings.

    A default collation changes how texts compare; a time zone, which moment a text denotes.
    """
    if not any(predicate.values for predicate in predicates):
        return tuple(predicates)
    ((collation, zone),) = connection.execute(_SETTINGS).fetchall()
    doubtful = (_TEXTS if collation else frozenset()) | (frozenset() if zone in _UTC else _MOMENTS)
    return tuple(
        predicate
        for predicate in predicates
        if doubtful.isdisjoint(value.kind for value in predicate.values)
    )
