"""Instances of DuckDB: opened, lent for a piece of the catalog's own work, and lent again.

Opening one takes 15 ms of processor time, most of it for functions and collations, and a commit
or a diff is several pieces of work. To make one blank again takes 2 ms.
"""

import os
import weakref
from collections.abc import Callable, Sequence
from functools import cache

import duckdb

_SETTINGS = {
    "TimeZone": "'UTC'",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    # what it says of pages is compared with no value, as statistics of row groups are
    "parquet_use_page_index": "false",
}
"""What holds for all connections of an instance."""

_IDLE = 2
"""Instances kept for later work: as many as most operations use at once."""

_HELD_BYTES = 1 << 20
"""Memory that a blank instance may hold; one that holds more is closed."""

_BLANK = "; ".join(
    (
        "ATTACH ':memory:' AS blank",
        "USE blank",
        "DETACH memory",
        "ATTACH ':memory:' AS memory",
        "USE memory",
        "DETACH blank",
        "SET enable_external_file_cache = false",
        "SET enable_external_file_cache = true",
        "SET temp_directory = ''",  # refused if something was spilled
        "SET threads = 1",  # so that no idle threads wait, which a fork would lose
        "RESET memory_limit",
    )
)
"""Takes from an instance its tables, what it knows of files, and its limits."""

_REST = (
    "SELECT (SELECT count(*) FROM duckdb_databases() WHERE NOT internal), "
    "(SELECT * FROM duckdb_connection_count()), "
    "(SELECT sum(memory_usage_bytes) FROM duckdb_memory())"
)
"""The databases, connections and memory of an instance."""

_owners: "weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]"
_owners = weakref.WeakKeyDictionary()
"""The first connections of the instances that are lent, by the connections that were given out."""


_functions: "weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, set[str]]"
_functions = weakref.WeakKeyDictionary()
"""The names of the functions of Python's that were added, by connection."""


def open_instance(database: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """Opens DuckDB as the catalog needs it: in UTC, without access to the network or to Python."""
    con = duckdb.connect(database)
    con.execute("; ".join(f"SET GLOBAL {name} = {value}" for name, value in _SETTINGS.items()))
    return con


@cache
def _idle(process: int) -> list[duckdb.DuckDBPyConnection]:
    """Returns the blank instances of a process; those of its parent are of no use after a fork."""
    return []


def lend() -> duckdb.DuckDBPyConnection:
    """Returns a connection to a blank instance that nobody else uses, with one thread.

    It is for statements of the catalog's own. What was not given back is closed when it is no
    longer referred to.
    """
    try:
        instance = _idle(os.getpid()).pop()
    except IndexError:
        instance = open_instance()
    con = instance.cursor()
    _owners[con] = instance
    return con


def keep_apart(con: duckdb.DuckDBPyConnection) -> None:
    """Makes an instance one that is never lent again, since something foreign gets into it."""
    _owners.pop(con, None)


def add_function(
    con: duckdb.DuckDBPyConnection,
    name: str,
    function: Callable[..., object],
    *,
    parameters: Sequence[str],
    returned: str,
) -> None:
    """Lets SQL call a function of Python's, by a name that stands for it alone."""
    keep_apart(con)
    known = _functions.setdefault(con, set())
    if name not in known:
        con.create_function(name, function, list(parameters), returned)
        known.add(name)


def give_back(con: duckdb.DuckDBPyConnection) -> None:
    """Closes a connection; its instance is lent again if it can be made blank."""
    instance = _owners.pop(con, None)
    con.close()
    if instance is None:
        return
    idle = _idle(os.getpid())
    if len(idle) < _IDLE and _is_blank(instance):
        idle.append(instance)
    else:
        instance.close()


def _is_blank(instance: duckdb.DuckDBPyConnection) -> bool:
    """Makes an instance blank, if possible."""
    try:
        instance.execute(_BLANK)
        ((databases, connections, held),) = instance.execute(_REST).fetchall()
    except duckdb.Error:
        return False
    alone = databases == connections == 1
    return alone and held <= _HELD_BYTES and not instance.list_filesystems()
