"""An engine for SQL that a stranger wrote: it can open the files of some tables, and nothing else.

It is the second wall behind ``query.stored``, which lets only a SELECT through. DuckDB is not a
sandbox: what is allowed to it as a path it may also overwrite. So data files are reached
through a filesystem that cannot write and knows only them; everything else outside is off, and
settings are locked. Only a directory that goes with the connection stays, to spill into.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from typing import Protocol
from uuid import uuid4

import duckdb

from catalog.dataclasses import dataclass, replace
from catalog.engine.allowed_files import SCHEME, AllowedFiles
from catalog.engine.connection import connect
from catalog.engine.data_types import data_type
from catalog.engine.failures import engine_failure
from catalog.engine.quoting import literal
from catalog.engine.relation import RelationSql, prepare, relation_sql
from catalog.engine.workspace import default_memory_limit
from catalog.errors import ErrorKind, InvalidInput, StorageFailure
from catalog.model.limits import Limits
from catalog.model.scan_plan import ScanPlan
from catalog.model.types import DataType
from catalog.storage.failures import temporary_folder

INTERRUPT_EVERY_S = 0.2
"""An interrupt that falls between two steps of the engine has no effect, so it is repeated."""

_DATABASE, _TABLE = "parquetry_result", "result"


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of a SELECT in another connection.

    Attributes:
        table: The table there, its columns called ``s0``, ``s1`` …
        names: The names of the columns of the SELECT; some may be equal.
    """

    table: str
    names: tuple[str, ...]


class SelectEngine(Protocol):
    """What runs SELECTs of strangers over relations that were made known to it, with limits."""

    def relation(self, plan: ScanPlan) -> str:
        """Lets the files of a plan be read, and returns SQL for a FROM clause that reads it."""

    def result(
        self, sql: str, *, within: duckdb.DuckDBPyConnection, limit: int | None = None
    ) -> AbstractContextManager[Result]:
        """Runs a SELECT, and yields its rows as a table within another connection.

        Args:
            sql: The SELECT.
            within: The connection.
            limit: Most rows; 0 to learn its columns only, None for all.

        Raises:
            InvalidInput: It is not valid, or fails.
            StorageFailure: Time, memory or disk space ran out.
            CorruptData: A data file is damaged or missing.
        """

    def interrupt(self) -> None:
        """Stops what runs; it then fails."""


class RestrictedEngine:
    """The engine in this process: its limits hold where DuckDB heeds them.

    Attributes:
        connection: The DuckDB connection: in UTC, with the settings of all others here.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        files: AllowedFiles,
        limits: Limits,
        *,
        folder: str,
    ) -> None:
        self.connection = connection
        self._files = files
        self._limits = limits
        self._folder = folder
        self._numbers = count(1)

    def relation(self, plan: ScanPlan) -> str:
        """See ``SelectEngine``."""
        return prepare(self.connection, allowed_relation(plan, self._files))

    @contextmanager
    def result(
        self, sql: str, *, within: duckdb.DuckDBPyConnection, limit: int | None = None
    ) -> Iterator[Result]:
        """See ``SelectEngine``."""
        path = os.path.join(self._folder, f"{next(self._numbers)}.db")
        try:
            names = self.write(sql, path, limit=limit)
            with attached(path, within) as table:
                yield Result(table, names)
        finally:
            with suppress(FileNotFoundError):
                os.remove(path)

    def write(self, sql: str, path: str, *, limit: int | None = None) -> tuple[str, ...]:
        """Writes the rows of a SELECT into a new database file, and returns their columns' names.

        It is a file of DuckDB's, since that keeps every type as it is.
        """
        with self._limited():
            names = tuple(self.connection.sql(sql).columns)
            numbered = ", ".join(f"s{n}" for n in range(len(names)))
            self.connection.execute(f"ATTACH {literal(path)} AS {_DATABASE}")
            try:
                self.connection.execute(
                    f"CREATE TABLE {_DATABASE}.{_TABLE} AS SELECT * FROM ({sql}) AS q({numbered})"
                    + ("" if limit is None else f" LIMIT {limit}")
                )
            finally:
                self.connection.execute(f"DETACH {_DATABASE}")
        return names

    def interrupt(self) -> None:
        """See ``SelectEngine``."""
        self.connection.interrupt()

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """Stops what runs when its time is over, and raises errors as the catalog's."""
        over = threading.Event()
        ended = threading.Event()

        def interrupt() -> None:
            if not ended.wait(self._limits.time_s):
                over.set()
                while not ended.is_set():
                    self.connection.interrupt()
                    ended.wait(INTERRUPT_EVERY_S)

        watch = threading.Thread(target=interrupt, daemon=True)
        if self._limits.time_s is not None:
            watch.start()
        try:
            yield
        except duckdb.Error as error:
            if not over.is_set():
                raise _failure(error) from error
        finally:
            ended.set()
            if self._limits.time_s is not None:
                watch.join()
        if over.is_set():  # without the engine's error, which would tell of the user's interrupt
            raise time_is_over(self._limits) from None


def columns_of(
    engine: SelectEngine, sql: str, *, within: duckdb.DuckDBPyConnection
) -> tuple[tuple[str, DataType], ...]:
    """Returns the names and types of the columns of a SELECT, without its rows.

    Raises:
        InvalidInput: It is not valid.
        StorageFailure: Time or memory ran out.
    """
    with engine.result(sql, within=within, limit=0) as result:
        kinds = within.sql(f"SELECT * FROM {result.table}").types
        return tuple(zip(result.names, map(data_type, kinds), strict=True))


def allowed_relation(plan: ScanPlan, files: AllowedFiles) -> RelationSql:
    """Returns the SQL of a plan by the names that its files have in a restricted engine."""
    groups = (replace(group, uris=files.allow(group.uris)) for group in plan.groups)
    return replace(relation_sql(replace(plan, groups=tuple(groups))), uris=())


@contextmanager
def attached(path: str, con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yields the name of the table of a database file within a connection."""
    name = f"parquetry_{uuid4().hex}"
    con.execute(f"ATTACH {literal(path)} AS {name} (READ_ONLY)")
    try:
        yield f"{name}.{_TABLE}"
    finally:
        con.execute(f"DETACH {name}")


def time_is_over(limits: Limits) -> StorageFailure:
    """Returns the error of a statement whose time is over."""
    return StorageFailure(
        f"the statement was stopped after {limits.time_s:g} seconds",
        kind=ErrorKind.TIME_LIMIT,
        hint="raise the time limit if it is meant to take longer",
    )


def _failure(error: duckdb.Error) -> Exception:
    """Returns the catalog's error, or an interrupt as it is."""
    if isinstance(error, duckdb.InterruptException):
        return error
    text = str(error).replace(SCHEME, "")
    own = engine_failure(type(error)(text))
    return own or InvalidInput(text.partition("\nLINE ")[0].strip(), kind=ErrorKind.SQL_ERROR)


@contextmanager
def restricted_engine(
    *, files: AllowedFiles, limits: Limits | None = None, folder: str | None = None
) -> Iterator[RestrictedEngine]:
    """Opens an engine that can read only what is made known to it, and closes it.

    Args:
        files: The files that it may read.
        limits: What each statement may take.
        folder: A directory to spill into; None means a new one, which goes with the engine.

    Raises:
        StorageFailure: There is no place for temporary files.
    """
    if folder is None:
        folder = temporary_folder()
        try:
            with restricted_engine(files=files, limits=limits, folder=folder) as engine:
                yield engine
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    allowed = limits or Limits()
    con = _connection(folder, allowed)
    try:
        from catalog.engine.filesystem import EngineFilesystem

        con.register_filesystem(EngineFilesystem(files))
        _lock(con)
        yield RestrictedEngine(con, files, allowed, folder=folder)
    finally:
        con.close()


def _connection(folder: str, limits: Limits) -> duckdb.DuckDBPyConnection:
    memory = limits.memory_bytes
    con = connect(
        threads=limits.threads,
        memory_limit_bytes=default_memory_limit() if memory is None else memory,
        temp_directory=folder,
    )
    if limits.spill_bytes is not None:
        con.execute(f"SET max_temp_directory_size = '{limits.spill_bytes}B'")
    return con


def _lock(con: duckdb.DuckDBPyConnection) -> None:
    """Takes from a connection all that reaches out of it, for good; it can still spill."""
    con.execute("SET arrow_lossless_conversion = true")  # rows go to another connection
    con.execute("SET allow_community_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    con.execute("SET allow_persistent_secrets = false")
    con.execute(f"SET allowed_directories = ['{SCHEME}']")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
