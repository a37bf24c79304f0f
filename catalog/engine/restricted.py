"""An engine for SQL that a stranger wrote: it can open the files of some tables, and nothing else.

It is the second wall behind ``query.stored``, which lets only a SELECT through. DuckDB is not a
sandbox: what is allowed to it as a path it may also overwrite. So data files are reached
through a filesystem that cannot write and knows only them; everything else outside is off, and
settings are locked. Only a directory that goes with the connection stays, to spill into.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import duckdb
import pyarrow as pa

from catalog.engine.allowed_files import SCHEME, AllowedFiles
from catalog.engine.connection import connect
from catalog.engine.data_types import data_type
from catalog.engine.failures import engine_failure
from catalog.engine.filesystem import EngineFilesystem
from catalog.engine.relation import RelationSql, prepare, relation_sql
from catalog.engine.workspace import default_memory_limit
from catalog.errors import ErrorKind, InvalidInput, StorageFailure
from catalog.model.limits import Limits
from catalog.model.scan_plan import ScanPlan
from catalog.model.types import DataType
from catalog.storage.failures import temporary_folder
from catalog.storage.store import ObjectStore

INTERRUPT_EVERY_S = 0.2
"""An interrupt that falls between two steps of the engine has no effect, so it is repeated."""

BATCH_ROWS = 100_000
"""Rows handed over at a time."""


class RestrictedEngine:
    """Runs SELECTs over relations that were made known to it, with limits.

    Attributes:
        connection: The DuckDB connection: in UTC, with the settings of all others here.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, files: AllowedFiles, limits: Limits
    ) -> None:
        self.connection = connection
        self._files = files
        self._limits = limits

    def relation(self, plan: ScanPlan) -> str:
        """Lets the files of a plan be read, and returns SQL for a FROM clause that reads it."""
        return prepare(self.connection, self._allowed(plan))

    def describe(self, sql: str) -> tuple[tuple[str, DataType], ...]:
        """Returns the names and types of the columns of a SELECT, without running it.

        Raises:
            InvalidInput: It is not valid.
        """
        with self._limited():
            found = self.connection.sql(sql)
            kinds = (data_type(kind) for kind in found.types)
            return tuple(zip(found.columns, kinds, strict=True))

    def rows(self, sql: str) -> pa.RecordBatchReader:
        """Returns the rows of a SELECT, in batches; until the last, nothing else can be run.

        Errors, such as that of the time limit, may also come with any batch.

        Raises:
            InvalidInput: It is not valid.
            StorageFailure: Time, memory or disk space ran out.
            CorruptData: A data file is damaged or missing.
        """
        with ExitStack() as started:
            started.enter_context(self._limited())
            reader = self.connection.sql(sql).to_arrow_reader(BATCH_ROWS)
            running = started.pop_all()

        def batches() -> Iterator[pa.RecordBatch]:
            with running:
                yield from reader

        return pa.RecordBatchReader.from_batches(reader.schema, batches())

    def _allowed(self, plan: ScanPlan) -> RelationSql:
        groups = (replace(group, uris=self._files.allow(group.uris)) for group in plan.groups)
        return replace(relation_sql(replace(plan, groups=tuple(groups))), uris=())

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
            raise _failure(error, self._limits if over.is_set() else None) from error
        finally:
            ended.set()
            if self._limits.time_s is not None:
                watch.join()


def _failure(error: duckdb.Error, limits: Limits | None) -> Exception:
    """Returns the error to raise; the limits are given if the time was over."""
    if limits is not None:
        return StorageFailure(
            f"the statement was stopped after {limits.time_s:g} seconds",
            kind=ErrorKind.TIME_LIMIT,
            hint="raise the time limit if it is meant to take longer",
        )
    if isinstance(error, duckdb.InterruptException):
        return error
    text = str(error).replace(SCHEME, "")
    own = engine_failure(type(error)(text))
    return own or InvalidInput(text.partition("\nLINE ")[0].strip(), kind=ErrorKind.SQL_ERROR)


@contextmanager
def restricted_engine(
    *, store: ObjectStore | None = None, limits: Limits | None = None
) -> Iterator[RestrictedEngine]:
    """Opens an engine that can read only what is made known to it, and closes it.

    Args:
        store: The catalog's store, through which files in buckets are read.
        limits: What each statement may take.

    Raises:
        StorageFailure: There is no place for temporary files.
    """
    allowed = limits or Limits()
    folder = temporary_folder()
    try:
        con = _connection(folder, allowed)
        try:
            files = AllowedFiles(store)
            con.register_filesystem(EngineFilesystem(files))
            _lock(con)
            yield RestrictedEngine(con, files, allowed)
        finally:
            con.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
