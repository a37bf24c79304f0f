"""Defining derived tables of a branch: ``cat.derive(…)``."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from catalog.engine.workspace import Workspace
from catalog.errors import AlreadyExists, ErrorKind, InvalidInput
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.definitions import input_names, select_of
from catalog.flow.derivation.graph import Graph
from catalog.flow.derivation.keys import result_key
from catalog.flow.refresh.run import Refresher, StepProgress
from catalog.flow.refresh.step import StepResult, missing_input, spliced, step_errors
from catalog.hints import Option, hint
from catalog.model.derived import Definition, definition_of, is_derived, without_definition
from catalog.model.ids import random_id
from catalog.model.lineage import LineageEntry
from catalog.model.listings import CommitInfo
from catalog.model.names import canonical_name, check_not_reserved, check_table_name
from catalog.model.table import TableSnapshot
from catalog.operations.context import OperationContext
from catalog.operations.flow.refresh import TableRefresh, described, lineage_of, not_derived
from catalog.operations.history import describe_commit
from catalog.operations.refs import unprotected_branch
from catalog.operations.tables import unknown_table
from catalog.query.stored.engine import engine_for
from catalog.repository.branches import HeldBranch
from catalog.repository.commit_writer import TableUpdate
from catalog.write.context import WriteContext
from catalog.write.publish import Proposal, publish
from catalog.write.rows.landing import land_query
from catalog.write.rows.target_schema import WriteRequest, shape_with


@dataclass(frozen=True, slots=True)
class Derivation:
    """A table to be derived.

    Attributes:
        table: The table.
        definition: What it is computed by.
        key: Its key columns; None means those that the SQL groups by, or those that it has.
        partition_by: Its partition columns; None means those that it has.
    """

    table: str
    definition: Definition
    key: tuple[str, ...] | None = None
    partition_by: tuple[tuple[str, str | None], ...] | None = None


@dataclass(frozen=True, slots=True)
class DeriveReport:
    """What was defined.

    Attributes:
        branch: The branch.
        commit: The commit made; None if all was so already.
        defined: The tables that were defined, or defined anew.
        tables: The tables that were computed, each after its inputs.
    """

    branch: str
    commit: CommitInfo | None
    defined: tuple[str, ...]
    tables: tuple[TableRefresh, ...] = ()


def derive(
    context: OperationContext,
    branch: str,
    derivations: Sequence[Derivation],
    *,
    replace_tables: bool = False,
    compute: bool = True,
    message: str | None = None,
    progress: StepProgress | None = None,
) -> DeriveReport:
    """Defines derived tables and computes them, in one commit; see ``Catalog.derive``."""
    branch = canonical_name(branch)
    unprotected_branch(context.repository, branch)
    attempt = _Attempt(context, branch, derivations, replace_tables, compute, message)
    if progress is not None:
        attempt.refresher.progress = progress
    made = publish(context.repository, branch, attempt.propose)
    commit = None if made is None else describe_commit(context, made)
    computed = tuple(map(described, attempt.results))
    return DeriveReport(branch, commit, tuple(attempt.defined), computed)


@dataclass(slots=True)
class _Attempt:
    """Defines tables for wherever the branch is, until a commit is published."""

    context: OperationContext
    branch: str
    derivations: Sequence[Derivation]
    replace_tables: bool
    compute: bool
    message: str | None
    refresher: Refresher = field(init=False)
    defined: list[str] = field(default_factory=list)
    results: list[StepResult] = field(default_factory=list)
    table_ids: dict[str, str] = field(default_factory=dict)
    """Those of new tables: the same at every attempt, so that none is computed twice."""

    def __post_init__(self) -> None:
        self.refresher = Refresher(self.context.repository)

    def propose(self, held: HeldBranch, head: str) -> Proposal | None:
        """Defines the tables at a head of the branch, and computes them."""
        repository = self.context.repository
        if held.branch.protected:
            unprotected_branch(repository, self.branch)
        candidate = Candidate(repository, head)
        with_work = WriteContext(Workspace(store=repository.store), repository)
        try:
            self.defined = _define(with_work, candidate, self._ordered(candidate), self)
        finally:
            with_work.work.close()
        graph = Graph(candidate)
        self.results = []
        if self.compute:
            commands = [n for n in self.defined if graph.definitions[n].command]
            wanted = [name for name in self.defined if name not in commands]
            self.results = self.refresher.run(candidate, wanted)
        updates = candidate.updates()
        if not updates:
            return None
        for result in self.results:
            result.check_read()
        names = ", ".join(sorted(self.defined))
        entry = LineageEntry("derive").stored()
        lineage = dict.fromkeys(self.defined, entry)
        lineage |= lineage_of(self.results)
        about = self.context.describe(self.message or f"derive {names}", lineage=lineage)
        return Proposal([head], updates, about, f"derive: {names}")

    def _ordered(self, candidate: Candidate) -> list[Derivation]:
        """Returns the tables to define, each after those among them that it reads.

        Raises:
            InvalidInput: They read each other in a circle.
        """
        spelled: dict[str, Derivation] = {}
        for one in self.derivations:
            name = check_table_name(one.table)
            name = candidate.spelled(name) or name
            if name.casefold() in {other.casefold() for other in spelled}:
                raise InvalidInput(
                    f"table {name!r} is defined twice", kind=ErrorKind.BAD_DEFINITION
                )
            spelled[name] = replace(one, table=name)
        graph = Graph(candidate, {name: one.definition for name, one in spelled.items()})
        return [spelled[name] for name in graph.order(spelled)]


def _define(
    context: WriteContext,
    candidate: Candidate,
    derivations: Sequence[Derivation],
    attempt: _Attempt,
) -> list[str]:
    """Puts definitions into a candidate; returns the tables of which something changed.

    Raises:
        AlreadyExists: A table has the name that is not derived, and must not be replaced.
        InvalidInput: A definition is not valid, or an input is missing.
    """
    defined, requests = [], {}
    for one in derivations:
        table = candidate.table(one.table)
        if table is None:
            check_not_reserved(one.table)
        elif not is_derived(table.snapshot.properties) and not attempt.replace_tables:
            raise AlreadyExists(
                f"table {one.table!r} exists, and is not a derived table",
                kind=ErrorKind.TABLE_EXISTS,
                hint=hint("choose another name, or replace it: {}", Option("replace")),
            )
        shape, request = _shape(context, candidate, one, attempt.table_ids)
        before = None if table is None else table.snapshot
        if before is not None and _says_the_same(before, shape):
            continue
        defined.append(one.table)
        requests[one.table] = request
        base = candidate.working(one.table).base
        if before is not None:
            shape = replace(before, properties=shape.properties, computed=None)
        candidate.put(TableUpdate(one.table, base, shape))
    attempt.refresher.requests = requests
    return defined


def _says_the_same(old: TableSnapshot, new: TableSnapshot) -> bool:
    return (definition_of(old.properties), old.key_names, old.partition_fields) == (
        definition_of(new.properties),
        new.key_names,
        new.partition_fields,
    )


def _shape(
    context: WriteContext, candidate: Candidate, one: Derivation, table_ids: dict[str, str]
) -> tuple[TableSnapshot, WriteRequest]:
    """Returns the shape that a definition gives its table, by running it on no rows."""
    columns: set[str] = set()
    for name in input_names(one.definition, table=one.table):
        spelled = candidate.spelled(name)
        read = None if spelled is None else candidate.table(spelled)
        if read is None:
            raise missing_input(one.table, name)
        columns.update(read.snapshot.schema.names)
    table = candidate.working(one.table)
    before = table.snapshot

    def find(name: str) -> tuple[str, TableSnapshot]:
        spelled = candidate.spelled(name)
        found = None if spelled is None else candidate.table(spelled)
        assert found is not None and spelled is not None, "the inputs were looked up before"
        return spelled, found.snapshot

    files = dict.fromkeys(candidate.names(), ())
    with step_errors(one.table):
        select = select_of(one.definition.sql)
        with engine_for(select, store=context.store) as engine:
            query = spliced(context, engine, one.definition.sql, find=find, files=files)
            with engine.result(query, within=context.con, limit=0) as result:
                names = result.names
                landed = land_query(context.work, f"SELECT * FROM {result.table}", names)
        key = one.key
        if key is None:
            found = result_key(one.definition.sql, names, input_columns=columns)
            key = found if found or before is None or not before.key else None
        request = WriteRequest("overwrite", key, one.partition_by)
        try:
            shape = shape_with(table, landed, request)
        finally:
            context.con.execute(f"DROP TABLE {landed.table}")
    properties = {**without_definition(shape.properties), **one.definition.properties()}
    table_id = shape.table_id or table_ids.setdefault(one.table, random_id())
    return replace(shape, properties=properties, table_id=table_id, computed=None), request


def drop_definition(
    context: OperationContext, branch: str, table: str, *, message: str | None = None
) -> CommitInfo:
    """Makes a derived table a plain one, rows as they are; see ``Catalog.drop_definition``."""
    branch = canonical_name(branch)
    unprotected_branch(context.repository, branch)

    def propose(held: HeldBranch, head: str) -> Proposal:
        if held.branch.protected:
            unprotected_branch(context.repository, branch)
        candidate = Candidate(context.repository, head)
        name = candidate.spelled(canonical_name(table))
        found = None if name is None else candidate.table(name)
        if found is None:
            raise unknown_table(table, branch, candidate.names())
        if not is_derived(found.snapshot.properties):
            raise not_derived(found.name)
        shape = replace(
            found.snapshot,
            properties=without_definition(found.snapshot.properties),
            computed=None,
        )
        update = TableUpdate(found.name, found.working.base, shape)
        lineage = {found.name: LineageEntry("drop-definition").stored()}
        text = message or f"drop the definition of {found.name}"
        about = context.describe(text, lineage=lineage)
        return Proposal([head], [update], about, f"derive: drop the definition of {found.name}")

    made = publish(context.repository, branch, propose)
    assert made is not None, "a commit was proposed"
    return describe_commit(context, made)
