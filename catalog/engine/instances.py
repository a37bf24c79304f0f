"""Instances of DuckDB: opened, lent for a piece of the catalog's own work, and lent again.

Opening one takes 15 ms of processor time, most of it for functions and collations, and a commit
or a diff is several pieces of work. To make one blank again takes 2 ms.
"""

import os
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache

import duckdb
from duckdb.func import PythonUDFType

from catalog.dataclasses import dataclass, field, replace
from catalog.engine.quoting import identifier
from catalog.interruption import check, register

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
    "FROM duckdb_connection_count(), (SELECT sum(memory_usage_bytes) FROM duckdb_memory()), "
    "(SELECT list(database_name) FROM duckdb_databases() "
    "WHERE NOT internal AND database_name <> 'memory')"
)
"""The connections and memory of an instance, and the databases attached to it or NULL."""

_STATE = (
    "FROM (SELECT hash(list((name, value))) FROM duckdb_settings()), "  # sorted by their names
    "(SELECT list(extension_name ORDER BY extension_name) FROM duckdb_extensions() WHERE loaded), "
    "(SELECT count(*) FROM duckdb_secrets())"
)
"""All that a user's statements may change in an instance for whoever comes after; takes 4 ms."""


@dataclass(slots=True)
class _Waiting:
    """The instances of a process that are not lent.

    Attributes:
        blank: Those that can be lent.
        used: Those of users' statements that nobody refers to any longer; to be made blank.
        state: The state of a blank instance; None as long as it is not needed.
        is_needed: Whether there were statements of users; a process that runs but one has no
            use for its instance afterwards.
    """

    blank: list[duckdb.DuckDBPyConnection] = field(default_factory=list)
    used: list[duckdb.DuckDBPyConnection] = field(default_factory=list)
    state: tuple[object, ...] | None = None
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class _Loan:
    """An instance that is lent.

    Attributes:
        instance: Its first connection, which runs nothing but what makes it blank.
        foreign: Whether users' statements run on it.
        end: What becomes of it if the connection that was given out is not referred to any longer.
    """

    instance: duckdb.DuckDBPyConnection
    foreign: bool = False
    end: "weakref.finalize[..., duckdb.DuckDBPyConnection] | None" = None


_loans: "weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, _Loan]"
_loans = weakref.WeakKeyDictionary()
"""What is lent, by the connections that were given out."""

_functions: "weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, set[str]]"
_functions = weakref.WeakKeyDictionary()
"""The names of the functions of Python's that were added, by connection."""


def open_instance(database: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """Opens DuckDB as the catalog needs it: in UTC, without access to the network or to Python."""
    con = duckdb.connect(database)
    register(con)
    con.execute("; ".join(f"SET GLOBAL {name} = {value}" for name, value in _SETTINGS.items()))
    return con


def cursor_of(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Returns a new cursor, which Ctrl-C reaches as it does its connection."""
    check()
    own = con.cursor()
    register(own)
    return own


@cache
def _waiting(process: int) -> _Waiting:
    """Returns the instances of a process; those of its parent are of no use after a fork."""
    return _Waiting()


def lend() -> duckdb.DuckDBPyConnection:
    """Returns a connection to a blank instance that nobody else uses, with one thread.

    It is for statements of the catalog's own. What was not given back is closed when it is no
    longer referred to.
    """
    instance = _blank_instance(_waiting(os.getpid()))
    con = cursor_of(instance)
    _loans[con] = _Loan(instance)
    return con


def lend_to_users() -> duckdb.DuckDBPyConnection:
    """Returns a connection to a blank instance for statements of a user.

    It does not have to be given back: relations that were made with it refer to it.
    """
    waiting = _waiting(os.getpid())
    instance = _blank_instance(waiting)
    waiting.is_needed = True
    con = cursor_of(instance)
    end = weakref.finalize(con, _put_down, waiting.used, instance)
    end.atexit = False
    _loans[con] = _Loan(instance, foreign=True, end=end)
    return con


def _put_down(used: list[duckdb.DuckDBPyConnection], instance: duckdb.DuckDBPyConnection) -> None:
    """Keeps the last instance of users; nothing is run, since this may happen at any moment."""
    used[:] = [instance]


def _blank_instance(waiting: _Waiting) -> duckdb.DuckDBPyConnection:
    instance = _known_instance(waiting) or open_instance()
    if waiting.is_needed and waiting.state is None and _is_blank(instance):
        waiting.state = _state(instance)
    return instance


def _known_instance(waiting: _Waiting) -> duckdb.DuckDBPyConnection | None:
    with suppress(IndexError):
        return waiting.blank.pop()
    with suppress(IndexError):
        instance = waiting.used.pop()
        if _is_blank(instance, like=waiting.state):
            return instance
        instance.close()
    return None


def open_to_users(con: duckdb.DuckDBPyConnection) -> None:
    """Notes that statements of a user are going to run on what was lent for the catalog's own."""
    loan = _loans.get(con)
    if loan is not None:
        _loans[con] = replace(loan, foreign=True)
        _waiting(os.getpid()).is_needed = True


def keep_apart(con: duckdb.DuckDBPyConnection) -> None:
    """Makes an instance one that is never lent again, since nobody knows what gets into it."""
    loan = _loans.pop(con, None)
    if loan is not None and loan.end is not None:
        loan.end.detach()


def add_function(
    con: duckdb.DuckDBPyConnection,
    name: str,
    function: Callable[..., object],
    *,
    parameters: Sequence[str],
    returned: str,
    on_arrays: bool = False,
) -> None:
    """Lets SQL call a function of Python's, by a name that stands for it alone.

    It takes and returns values, or Arrow arrays of many. It goes when what was lent is given back;
    what else was opened keeps it.
    """
    loan = _loans.get(con)
    if loan is not None and loan.end is not None:  # it may never be given back
        keep_apart(con)
    known = _functions.setdefault(con, set())
    if name not in known:
        kind = PythonUDFType.ARROW if on_arrays else PythonUDFType.NATIVE
        con.create_function(name, function, list(parameters), returned, type=kind)
        known.add(name)


def give_back(con: duckdb.DuckDBPyConnection) -> None:
    """Closes a connection; its instance is lent again if it can be made blank."""
    loan = _loans.pop(con, None)
    is_clean = loan is None or _without_functions(con)
    con.close()
    if loan is None:
        return
    if loan.end is not None:
        loan.end.detach()
    waiting, instance = _waiting(os.getpid()), loan.instance
    like = waiting.state if loan.foreign else ()
    if is_clean and len(waiting.blank) < _IDLE and _is_blank(instance, like=like):
        waiting.blank.append(instance)
    else:
        instance.close()


def _without_functions(con: duckdb.DuckDBPyConnection) -> bool:
    """Takes the functions of Python's from an instance that were added; False if it fails."""
    names = _functions.pop(con, ())
    try:
        if names:
            with suppress(duckdb.Error):  # there is no transaction
                con.rollback()
        for name in names:
            con.remove_function(name)
    except duckdb.Error:
        return False
    return True


def _is_blank(instance: duckdb.DuckDBPyConnection, *, like: tuple[object, ...] | None = ()) -> bool:
    """Makes an instance blank, if possible.

    Args:
        instance: Its first connection.
        like: The state it must be in, as ``_state`` gives it: empty if only the catalog's own
            statements ran on it; None if it is not known.
    """
    if like is None:
        return False
    try:
        instance.execute(_BLANK)
        ((connections, held, attached),) = instance.execute(_REST).fetchall()
        if attached:
            instance.execute("; ".join(f"DETACH {identifier(name)}" for name in attached))
            ((connections, held, attached),) = instance.execute(_REST).fetchall()
        if connections != 1 or held > _HELD_BYTES or attached:
            return False
        for name in instance.list_filesystems():  # by whose names files were read from buckets
            instance.unregister_filesystem(name)
        return not instance.list_filesystems() and (not like or _state(instance) == like)
    except duckdb.Error:
        return False


def _state(instance: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
    (found,) = instance.execute(_STATE).fetchall()
    return tuple(found)
