"""Merges cases in Dolt's SQLite, as a program: cases from stdin, outcomes to stdout, in JSON.

It is a process of its own since ``doltlite`` takes the place of the ``sqlite3`` that Python
has, which must not be loaded before.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

UNUSABLE = 77
"""The exit code that says that this Python's ``sqlite3`` cannot be replaced."""

Row = list[object]


def main() -> None:
    """Reads a list of cases ``{key, columns, base, ours, theirs}``, each side a list of rows.

    Writes a list of ``{rows, conflicts}``: all rows of the merged table, in which conflicts
    are not settled, and the keys in conflict.
    """
    import doltlite  # noqa: F401, I001
    import sqlite3

    try:
        sqlite3.connect(":memory:").execute("SELECT dolt_version()")
    except sqlite3.OperationalError:
        sys.exit(UNUSABLE)
    outcomes = []
    for case in json.load(sys.stdin):
        con = sqlite3.connect(":memory:", isolation_level=None)
        outcomes.append(merged(con, **case))
        con.close()
    json.dump(outcomes, sys.stdout)


def merged(
    con: sqlite3.Connection,
    *,
    key: list[str],
    columns: list[str],
    base: list[Row],
    ours: list[Row],
    theirs: list[Row],
) -> dict[str, list[Row]]:
    """Commits the base, each side on a branch of its own, and merges theirs into ours."""
    con.execute(
        f"CREATE TABLE t ({', '.join(columns)}, PRIMARY KEY ({', '.join(key)})) WITHOUT ROWID"
    )
    commit(con, base, columns)
    con.execute("SELECT dolt_branch('theirs')")
    commit(con, ours, columns)
    con.execute("SELECT dolt_checkout('theirs')")
    commit(con, theirs, columns)
    con.execute("SELECT dolt_checkout('main')")
    con.execute("BEGIN")  # outside of a transaction a merge in conflict leaves nothing to look at
    conflicts: list[Row] = []
    try:
        con.execute("SELECT dolt_merge('theirs')").fetchall()
    except Exception as error:  # its class is only known once sqlite3 is loaded
        if "conflict" not in str(error):
            raise
        of_key = ", ".join(f"coalesce(base_{k}, our_{k}, their_{k})" for k in key)
        conflicts = con.execute(f"SELECT {of_key} FROM dolt_conflicts_t").fetchall()
    rows = con.execute(f"SELECT {', '.join(columns)} FROM t").fetchall()
    con.execute("ROLLBACK")
    return {"rows": rows, "conflicts": conflicts}


def commit(con: sqlite3.Connection, rows: list[Row], columns: list[str]) -> None:
    """Commits the whole table as it shall be."""
    con.execute("DELETE FROM t")
    con.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(columns))})", rows)
    con.execute("SELECT dolt_commit('-A', '--allow-empty', '-m', 'rows')")


if __name__ == "__main__":
    main()
