"""A step: one derived table computed from its inputs."""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

import duckdb

from catalog.dataclasses import dataclass, replace
from catalog.engine.connection import single_row
from catalog.engine.failures import engine_errors
from catalog.engine.restricted import SelectEngine
from catalog.engine.workspace import Workspace, default_memory_limit
from catalog.errors import (
    CatalogError,
    CorruptData,
    ErrorKind,
    InvalidInput,
    NotFound,
    StorageFailure,
    Unsupported,
)
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.definitions import select_of
from catalog.flow.derivation.graph import Graph
from catalog.flow.refresh.edit import MustBeWholeError, edit_table
from catalog.flow.refresh.external import NO_COMMANDS, CommandRuns, command_rows
from catalog.flow.refresh.plan import ENGINE, StepPlan, plan_step
from catalog.flow.refresh.recording import step_lineage
from catalog.model.datafile import DataFile
from catalog.model.derived import Computed, Definition
from catalog.model.lineage import LineageEntry
from catalog.model.scan_plan import scan_plan
from catalog.model.table import TableSnapshot
from catalog.query.splice import Replacement, replacements, splice
from catalog.query.stored.engine import engine_for
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.datafiles import place
from catalog.repository.repository import Repository
from catalog.storage.reopening import finish_writes
from catalog.write.context import Watches, WriteContext
from catalog.write.file_fingerprints import keep_prints
from catalog.write.rows.landing import Landed, land_query
from catalog.write.rows.target_schema import WriteRequest
from catalog.write.scope import Scope

_log = logging.getLogger(__name__)

KEEP = WriteRequest("overwrite")
"""How a table is written that keeps its key and its partition columns."""


@dataclass(frozen=True, slots=True, eq=False)
class StepResult:
    """What a step did.

    Attributes:
        plan: How the table was computed.
        update: What the table is to be; None if it is that already.
        rows: The rows that were computed.
        inserted: Rows that came.
        updated: Rows whose values changed.
        deleted: Rows that went.
        check_read: Checks that the files read, if others can change them, are still the same.
        lineage: What a commit records about it.
    """

    plan: StepPlan
    update: TableUpdate | None
    rows: int
    inserted: int
    updated: int
    deleted: int
    check_read: Callable[[], None]
    lineage: LineageEntry


class Step:
    """Computes one derived table; a task of an executor.

    The candidate is only read: several steps that do not depend on each other may run at a time.
    """

    def __init__(
        self,
        repository: Repository,
        candidate: Candidate,
        graph: Graph,
        name: str,
        *,
        request: WriteRequest = KEEP,
        full: bool = False,
        share: int = 1,
        runs: CommandRuns = NO_COMMANDS,
        inputs_at: Callable[[Collection[str]], str] | None = None,
    ) -> None:
        """Takes what is computed, and how.

        Args:
            repository: Where data files are read and written.
            candidate: The tables as they are.
            graph: The derived tables among them.
            name: The table.
            request: Its key and partition columns, if they are not to stay.
            full: Whether all of it is computed in any case.
            share: How many steps share the memory.
            runs: How commands run, and which may.
            inputs_at: Returns a commit in which some tables are as in the candidate, for commands.
        """
        self._repository = repository
        self._candidate = candidate
        self._graph = graph
        self._name = name
        self._request = request
        self._full = full
        self._memory = default_memory_limit() // (2 * share)
        self._work = Workspace(store=repository.store, memory_limit_bytes=self._memory)
        self._running: SelectEngine | None = None
        self._runs = runs
        self._inputs_at = inputs_at
        self._cancelled = threading.Event()
        self._is_begun = False

    @property
    def size_bytes(self) -> int:
        """Returns the size of its inputs; see ``Travels``."""
        found = map(self._candidate.table, self._graph.inputs[self._name])
        return sum(one.snapshot.size_bytes for one in found if one is not None)

    def packed(self) -> "PackedStep | None":
        """Returns the step as a value; None for a command, which runs where it was allowed."""
        if self._graph.definitions[self._name].command or not self._repository.can_be_reopened:
            return None
        finish_writes(self._repository.store)  # another process reads what this one wrote
        return PackedStep(
            self._repository,
            self._candidate,
            self._graph,
            self._name,
            request=self._request,
            full=self._full,
        )

    def cancel(self) -> None:
        """Stops the step; it then fails."""
        self._cancelled.set()
        if not self._is_begun:
            return
        running = self._running
        for engine in (self._work.con, *(() if running is None else (running,))):
            with suppress(duckdb.ConnectionException):  # it has just ended
                engine.interrupt()

    def run(self) -> StepResult:
        """Computes the table, and writes the files that differ.

        Raises:
            InvalidInput: An input is gone, or the definition does not bind or fails.
            CorruptData: A data file is not what was committed.
        """
        context = WriteContext(self._work, self._repository)
        self._is_begun = True
        try:
            self._check_inputs()
            with step_errors(self._name):
                plan = plan_step(context, self._candidate, self._graph, self._name, full=self._full)
                try:
                    return self._computed(context, plan)
                except MustBeWholeError as error:
                    plan = plan_step(context, self._candidate, self._graph, self._name, full=True)
                    return self._computed(context, replace(plan, reason=str(error)))
        finally:
            self._work.close()

    def plan(self, before: Mapping[str, StepPlan] | None = None) -> StepPlan:
        """Returns how the table would be computed; no data file is opened.

        Args:
            before: Steps that would come before it, by table.

        Raises:
            InvalidInput: An input is gone.
        """
        try:
            self._check_inputs()
            context = WriteContext(self._work, self._repository)
            return plan_step(
                context,
                self._candidate,
                self._graph,
                self._name,
                full=self._full,
                before=before,
            )
        finally:
            self._work.close()

    def _check_inputs(self) -> None:
        """Checks that all inputs are there.

        Raises:
            InvalidInput: One is gone.
        """
        for name in self._graph.inputs[self._name]:
            if self._candidate.table(name) is None:
                raise missing_input(self._name, name)

    def _computed(self, context: WriteContext, plan: StepPlan) -> StepResult:
        candidate, name = self._candidate, self._name
        table = candidate.working(name)
        assert table.snapshot is not None, "a derived table is there before it is computed"
        landed = self._landed(context, plan)
        if plan.part is not None and not _is_within(context, landed, plan):
            _log.warning(
                "table %s: a part of it yields rows of another part; all of it is computed", name
            )
            context.con.execute(f"DROP TABLE {landed.table}")
            raise MustBeWholeError("a part of it yielded rows of another part")
        edit = edit_table(context, table, landed, request=self._request, part=plan.part)
        definition = self._graph.definitions[name]
        found = {one: candidate.table(one) for one in self._graph.inputs[name]}
        inputs = {one: table for one, table in found.items() if table is not None}
        recorded = {one: candidate.as_input(table) for one, table in inputs.items()}
        computed = Computed(definition.digest, ENGINE, recorded)
        if _is_same_origin(table.snapshot.computed, computed):
            computed = table.snapshot.computed or computed
        lineage = step_lineage(
            definition,
            plan,
            edit,
            computed=computed,
            inputs={one: table.snapshot for one, table in inputs.items()},
        )
        after = table.then(
            edit.shape, edit.change, Scope(whole=True), lineage=lineage, computed=computed
        )
        update = after.update() if after.is_changed else None
        if update is not None:
            keep_prints(self._repository, update, context.prints or {}, warn=False)
        return StepResult(
            plan,
            update,
            edit.rows,
            edit.inserted,
            edit.updated,
            edit.deleted,
            Watches(tuple(context.watches)).check,
            lineage,
        )

    def _landed(self, context: WriteContext, plan: StepPlan) -> Landed:
        """Runs the definition over the files to be read, and takes the rows in."""
        definition = self._graph.definitions[self._name]
        if definition.command:
            return self._command_rows(context, definition)
        files = {one: reading.files for one, reading in plan.readings.items()}
        with self._engine() as engine:
            query = spliced(context, engine, definition.sql, find=self._input, files=files)
            with engine.result(query, within=context.con) as result:
                return land_query(context.work, f"SELECT * FROM {result.table}", result.names)

    def _command_rows(self, context: WriteContext, definition: Definition) -> Landed:
        """Runs the command, and takes in the rows that it leaves."""
        assert self._inputs_at is not None, "whoever lets commands run says where inputs are"
        return command_rows(
            context,
            self._name,
            definition,
            inputs_at=self._inputs_at(self._graph.inputs[self._name]),
            runs=self._runs,
            is_cancelled=self._cancelled.is_set,
        )

    @contextmanager
    def _engine(self) -> Iterator[SelectEngine]:
        """Yields the engine that runs the definition, which a stranger may have written."""
        limits = replace(self._repository.limits, memory_bytes=self._memory)
        select = select_of(self._graph.definitions[self._name].sql)
        with engine_for(select, store=self._repository.store, limits=limits) as engine:
            self._running = engine
            try:
                yield engine
            finally:
                self._running = None

    def _input(self, name: str) -> tuple[str, TableSnapshot]:
        found = {one.casefold(): one for one in self._graph.inputs[self._name]}
        spelled = found[name.casefold()]
        table = self._candidate.table(spelled)
        assert table is not None, "the inputs were looked up before"
        return spelled, table.snapshot


@dataclass(slots=True)
class PackedStep:
    """A step as another process is told of it; see ``Step``."""

    repository: Repository
    candidate: Candidate
    graph: Graph
    name: str
    request: WriteRequest = KEEP
    full: bool = False
    _step: Step | None = None

    def run(self) -> StepResult:
        """Computes the table, and writes the files that differ; see ``Step.run``."""
        self._step = Step(
            self.repository,
            self.candidate,
            self.graph,
            self.name,
            request=self.request,
            full=self.full,
        )
        result = self._step.run()
        finish_writes(self.repository.store)
        return result

    def cancel(self) -> None:
        """Stops the step; it then fails."""
        if self._step is not None:
            self._step.cancel()


def spliced(
    context: WriteContext,
    engine: SelectEngine,
    sql: str,
    *,
    find: Callable[[str], tuple[str, TableSnapshot]],
    files: Mapping[str, tuple[DataFile, ...]],
) -> str:
    """Returns the SQL of a definition with the relations of its inputs in place of their names.

    Args:
        context: What knows where files are, and checks them.
        engine: What will run it, and lets these files be read.
        sql: The definition.
        find: Returns the name and the snapshot of a table, as the definition spells it.
        files: The files to read of each table, by its name.
    """
    select, changes = select_of(sql), list[Replacement]()
    for reference in select.references:
        name, snapshot = find(".".join(reference.name))
        read = context.verified(name, files[name])
        plan = scan_plan(snapshot, read, locate=lambda file: place(context.store, file))
        changes += replacements(reference, engine.relation(plan))
    return splice(select.text, changes)


def _is_within(context: WriteContext, landed: Landed, plan: StepPlan) -> bool:
    """Returns whether all rows of a part belong to it: it guards against a wrong proof."""
    assert plan.part is not None, "it is asked about parts"
    names = [name for name, _ in landed.columns]
    if plan.part.column not in names:
        return False
    column = f"s{names.index(plan.part.column)}"
    (astray,) = single_row(
        context.con,
        f"SELECT count(*) FROM {landed.table} n WHERE NOT EXISTS (SELECT 1 FROM "
        f"{plan.part.values} v WHERE v.value IS NOT DISTINCT FROM n.{column})",
    )
    return int(astray) == 0


def _is_same_origin(old: Computed | None, new: Computed) -> bool:
    """Returns whether rows were computed from the same rows, if of other snapshots perhaps."""
    if old is None or (old.definition, old.engine) != (new.definition, new.engine):
        return False
    contents = [{name: one.content for name, one in of.inputs.items()} for of in (old, new)]
    return contents[0] == contents[1]


def missing_input(table: str, name: str) -> InvalidInput:
    """Returns the error for a derived table that reads a table that is not there."""
    return InvalidInput(
        f"derived table {table!r} reads {name!r}, which is not there",
        kind=ErrorKind.TABLE_NOT_FOUND,
        hint=f"bring {name} back, or change the definition of {table}",
    )


@contextmanager
def step_errors(table: str) -> Iterator[None]:
    """Says of errors of a definition, of data and of the machine which table could not be computed.

    Raises:
        InvalidInput: The definition cannot be computed.
        CorruptData: A data file is damaged or missing.
        StorageFailure: Memory or disk space ran out, or the storage failed.
    """
    try:
        with engine_errors():
            yield
    except (InvalidInput, NotFound, Unsupported) as error:
        raise _failed(table, error) from error
    except CorruptData as error:
        raise CorruptData(_why(table, error), kind=error.kind, hint=error.advice) from error
    except StorageFailure as error:
        raise StorageFailure(_why(table, error), kind=error.kind, hint=error.advice) from error
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        first = str(error).partition("\n")[0]
        raise _failed(table, InvalidInput(first)) from error


def _why(table: str, error: CatalogError) -> str:
    return f"derived table {table!r} cannot be computed: {error.message}"


def _failed(table: str, error: CatalogError) -> InvalidInput:
    is_command = error.kind in (ErrorKind.COMMAND_FAILED, ErrorKind.COMMAND_REFUSED)
    return InvalidInput(
        _why(table, error),
        kind=error.kind if is_command else ErrorKind.STEP_FAILED,
        hint=error.advice,
    )
