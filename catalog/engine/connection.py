"""Connections: the only place where DuckDB is opened."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from catalog.engine.instances import cursor_of, give_back, lend, lend_to_users, open_instance
from catalog.engine.quoting import literal
from catalog.errors import InvalidInput
from catalog.storage.external_files import is_remote, own_files, remote_files
from catalog.storage.store import ObjectStore, RemoteFiles


def connect(
    *,
    threads: int | None = None,
    memory_limit_bytes: int | None = None,
    temp_directory: str | None = None,
    database: str = ":memory:",
    store: ObjectStore | None = None,
) -> duckdb.DuckDBPyConnection:
    """Opens DuckDB as the catalog needs it: in UTC, without access to the network or to Python.

    Args:
        threads: Threads to use; None means all cores.
        memory_limit_bytes: Memory to use before spilling; None is DuckDB's own limit.
        temp_directory: Where to spill; None is the system's, and empty is nowhere.
        database: A database file, or in memory.
        store: The store of the data files it will read.

    Raises:
        InvalidInput: A limit is too small.
    """
    settings = _settings(threads, memory_limit_bytes, temp_directory)
    return _prepared(open_instance(database), settings, store)


def _prepared(
    con: duckdb.DuckDBPyConnection, settings: str, store: ObjectStore | None
) -> duckdb.DuckDBPyConnection:
    con.execute(settings)
    files = own_files(store)
    if files is not None:
        _read_through(con, files)
    return con


def borrow(
    *,
    threads: int | None = None,
    memory_limit_bytes: int | None = None,
    temp_directory: str | None = None,
    store: ObjectStore | None = None,
) -> duckdb.DuckDBPyConnection:
    """Opens DuckDB as ``connect`` does, but for statements of the catalog's own: mostly quicker.

    The connection is closed by ``instances.give_back``.
    """
    settings = _settings(threads, memory_limit_bytes, temp_directory)
    return _prepared(lend(), settings, store)


def borrow_for_users(
    store: ObjectStore, *, threads: int | None = None, memory_limit_bytes: int | None = None
) -> duckdb.DuckDBPyConnection:
    """Opens DuckDB as ``connect`` does, for statements of a user: mostly quicker.

    The connection may be closed by ``instances.give_back``, which ends relations made with it.
    """
    settings = _settings(threads, memory_limit_bytes, None)
    return _prepared(lend_to_users(), settings, store)


@contextmanager
def borrowed(*, store: ObjectStore | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yields a connection for statements of the catalog's own; see ``borrow``."""
    con = borrow(store=store)
    try:
        yield con
    finally:
        give_back(con)


def _settings(
    threads: int | None, memory_limit_bytes: int | None, temp_directory: str | None
) -> str:
    """Returns SQL that sets the limits of a connection."""
    if threads is not None and threads < 1:
        raise InvalidInput(f"threads must be at least 1, not {threads}")
    if memory_limit_bytes is not None and memory_limit_bytes < 1 << 24:
        raise InvalidInput(
            f"the memory limit must be at least 16 MB, not {memory_limit_bytes} bytes"
        )
    folder = tempfile.gettempdir() if temp_directory is None else temp_directory
    settings = ["SET enable_progress_bar = false", f"SET temp_directory = {literal(folder)}"]
    settings.append("RESET threads" if threads is None else f"SET threads = {threads}")
    if memory_limit_bytes is not None:
        settings.append(f"SET memory_limit = '{memory_limit_bytes}B'")
    return "; ".join(settings)


@contextmanager
def connection_on_demand(
    store: ObjectStore,
) -> Iterator[Callable[[], duckdb.DuckDBPyConnection]]:
    """Yields what opens a connection when it is first called; for questions, not for data."""
    opened: list[duckdb.DuckDBPyConnection] = []

    def engine() -> duckdb.DuckDBPyConnection:
        if not opened:
            opened.append(borrow(threads=1, temp_directory="", store=store))
        return opened[0]

    try:
        yield engine
    finally:
        for con in opened:
            give_back(con)


def _read_through(con: duckdb.DuckDBPyConnection, files: RemoteFiles) -> None:
    """Lets a connection, and its cursors, read files by their URIs."""
    from catalog.engine.filesystem import EngineFilesystem

    con.register_filesystem(EngineFilesystem(files))


def make_readable(con: duckdb.DuckDBPyConnection, uris: Iterable[str]) -> None:
    """Lets a connection read remote files, if it was not opened for their store."""
    schemes = {uri.partition("://")[0]: uri for uri in uris if is_remote(uri)}
    known = con.list_filesystems() if schemes else ()
    for scheme, uri in schemes.items():
        if scheme not in known:
            _read_through(con, remote_files(None, uri))


def single_row(
    con: duckdb.DuckDBPyConnection, query: str, params: Sequence[object] = ()
) -> tuple[Any, ...]:
    """Returns the row of a query that yields one.

    ``fetchone`` would leave the connection busy until a second call finds no further row.
    """
    (row,) = con.execute(query, list(params)).fetchall()
    return tuple(row)


@contextmanager
def cursor(con: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yields a new cursor: every thread and task needs its own."""
    own = cursor_of(con)
    try:
        yield own
    finally:
        own.close()
