"""The engine that checks run on, and the rows that they see."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import duckdb

from catalog.dataclasses import dataclass, field
from catalog.engine.allowed_files import AllowedFiles
from catalog.engine.isolated import isolated_engine
from catalog.engine.quoting import identifier, type_sql
from catalog.engine.restricted import SelectEngine, restricted_engine
from catalog.engine.workspace import Workspace, default_memory_limit
from catalog.flow.checks.binding import alias_of
from catalog.model.datafile import DataFile
from catalog.model.limits import Limits
from catalog.model.scan_plan import scan_plan
from catalog.model.schema import Field
from catalog.model.types import DataType, Scalar, TypeClass
from catalog.query.stored.condition import StoredCondition
from catalog.repository.commits import StoredTable
from catalog.repository.datafiles import place
from catalog.repository.repository import Repository
from catalog.storage.external_files import remote_files
from catalog.write.context import WriteContext

TRIAL_S = 60.0
"""Seconds in which a check must end on one row that was made up: on real ones it takes longer."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Data files of a table that a query read.

    Attributes:
        table: The table.
        columns: The columns.
        files: How many files.
        size_bytes: Their size; what was read of it is mostly less.
    """

    table: str
    columns: tuple[str, ...]
    files: int
    size_bytes: int


@dataclass(slots=True)
class CheckEngine:
    """Runs SELECTs of checks over tables of a commit, and keeps what it reads.

    Attributes:
        context: What reads tables; results come into its connection.
        sampled: Whether every table has one row that was made up, and no file is read, to learn
            whether checks can be run.
        scans: What was read so far.
    """

    repository: Repository
    context: WriteContext
    sampled: bool = False
    scans: list[Scan] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)
    _shared: SelectEngine | None = None
    _running: list[SelectEngine] = field(default_factory=list)

    @contextmanager
    def engine(self, *, bounded: bool) -> Iterator[SelectEngine]:
        """Yields an engine: the one in this process for what its limits hold, else one apart."""
        if not bounded:
            with isolated_engine(files=self._files(), limits=self._limits()) as engine:
                self._running.append(engine)
                try:
                    yield engine
                finally:
                    self._running.remove(engine)
            return
        if self._shared is None:
            opened = restricted_engine(files=self._files(), limits=self._limits())
            self._shared = self._stack.enter_context(opened)
            self._running.append(self._shared)
        yield self._shared

    def _files(self) -> AllowedFiles:
        store = self.repository.store
        return AllowedFiles(lambda uri: remote_files(store, uri))

    def _limits(self) -> Limits:
        limits = self.repository.limits
        memory = limits.memory_bytes or default_memory_limit() // 2
        time_s = limits.time_s
        if self.sampled:
            time_s = TRIAL_S if time_s is None else min(time_s, TRIAL_S)
        return Limits(time_s, memory, limits.spill_bytes, limits.threads)

    def rows(
        self,
        engine: SelectEngine,
        table: StoredTable,
        fields: Sequence[Field],
        *,
        files: Sequence[DataFile],
        conditions: Sequence[StoredCondition] = (),
    ) -> str:
        """Returns SQL for a FROM clause: rows of files, with conditions of strangers on them.

        Columns are called ``c<field id>``, conditions ``w0``, ``w1`` …; a condition sees the
        columns by their names, and nothing else.
        """
        wanted = list(fields) or list(table.snapshot.schema.fields[:1])
        if not wanted:
            return "(SELECT 1 WHERE false) AS q(c0)"
        relation = self.relation(engine, table, wanted, files=files)
        # (SELECT *, (amount > 0) FROM (SELECT …) AS "orders") AS q(c1, c2, w0)
        shown = "".join(f", {condition.sql}" for condition in conditions)
        names = [f"c{one.id}" for one in wanted] + [f"w{n}" for n in range(len(conditions))]
        alias = identifier(alias_of(table))
        return f"(SELECT *{shown} FROM {relation} AS {alias}) AS q({', '.join(names)})"

    def relation(
        self,
        engine: SelectEngine,
        table: StoredTable,
        fields: Sequence[Field] | None,
        *,
        files: Sequence[DataFile],
    ) -> str:
        """Returns SQL for a FROM clause that reads columns of files, all if None, by their names.

        Raises:
            CorruptData: A file is not what was committed.
        """
        if self.sampled:
            columns = table.snapshot.schema.fields if fields is None else fields
            values = (f"{_sample(c.type)} AS {identifier(c.name)}" for c in columns)
            return f"(SELECT {', '.join(values)})"
        store = self.repository.store
        plan = scan_plan(
            table.snapshot,
            self.context.verified(table.name, files),
            locate=lambda file: place(store, file),
            columns=None if fields is None else [one.id for one in fields],
        )
        names = tuple(one.name for one in plan.columns)
        size = sum(file.size_bytes for file in files)
        self.scans.append(Scan(table.name, names, len(files), size))
        return engine.relation(plan)

    def fetch(self, engine: SelectEngine, sql: str) -> list[tuple[object, ...]]:
        """Runs a SELECT, and returns its rows: few, of numbers and texts."""
        con = self.context.con
        with engine.result(sql, within=con) as result:
            return con.execute(f"SELECT * FROM {result.table}").fetchall()

    def interrupt(self) -> None:
        """Ends what is going on, soon; called by another thread, at any time."""
        with suppress(duckdb.ConnectionException):  # it has just ended
            self.context.con.interrupt()
        for engine in tuple(self._running):
            engine.interrupt()

    def close(self) -> None:
        """Closes all engines."""
        self._stack.close()
        self.context.work.close()


@contextmanager
def check_engine(repository: Repository, *, sampled: bool = False) -> Iterator[CheckEngine]:
    """Yields what runs checks; nothing is opened before it is needed.

    Args:
        repository: The stored objects.
        sampled: See ``CheckEngine``.
    """
    work = Workspace(store=repository.store, memory_limit_bytes=default_memory_limit() // 2)
    engine = CheckEngine(repository, WriteContext(work, repository), sampled)
    try:
        yield engine
    finally:
        engine.close()


_SAMPLES = {
    TypeClass.BOOLEAN: "false",
    **dict.fromkeys((TypeClass.INTEGER, TypeClass.WIDE_INTEGER, TypeClass.DECIMAL), "0"),
    TypeClass.FLOAT: "0",
    **dict.fromkeys((TypeClass.DATE, TypeClass.TIMESTAMP), "'2000-01-01'"),
}
"""Values that comparing with a constant of another type fails for; text may have to be of any form,
and is NULL."""


def _sample(kind: DataType) -> str:
    known = _SAMPLES.get(kind.type_class, "NULL") if isinstance(kind, Scalar) else "NULL"
    return f"CAST({known} AS {type_sql(kind)})"
