"""Rows in memory that a connection, and its cursors, read under a name."""

import weakref

import duckdb
import pyarrow as pa

_held: "weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, dict[str, pa.Table]]" = (
    weakref.WeakKeyDictionary()
)
"""By connection, since DuckDB shows a cursor nothing that was registered with its connection."""


def hold(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Lets a connection read rows under a name that nothing else there has."""
    known = _held.setdefault(con, {})
    if known.get(name) is not rows:
        con.register(name, rows)
        known[name] = rows


def hold_alike(con: duckdb.DuckDBPyConnection, like: duckdb.DuckDBPyConnection) -> None:
    """Lets a connection read what another one does."""
    for name, rows in _held.get(like, {}).items():
        hold(con, name, rows)
