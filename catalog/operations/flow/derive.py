"""Defining derived tables of a branch: ``cat.derive(…)``."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial

from catalog.dataclasses import dataclass, field, replace
from catalog.engine.executor import ThreadExecutor
from catalog.engine.workspace import Workspace
from catalog.flow.candidate import Candidate
from catalog.flow.refresh.external import NO_COMMANDS, CommandRuns
from catalog.flow.refresh.outcome import TableRefresh, described, lineage_of
from catalog.flow.refresh.run import Refresher, StepProgress, Watch
from catalog.flow.refresh.step import StepResult
from catalog.model.derived import is_derived, without_definition
from catalog.model.lineage import LineageEntry
from catalog.model.listings import CommitInfo
from catalog.model.names import canonical_name
from catalog.operations.code import calling_code
from catalog.operations.context import OperationContext
from catalog.operations.flow.definition import Definitions, Derivation
from catalog.operations.flow.refresh import INPUTS_OF_COMMAND, not_derived
from catalog.operations.gate.gate import Gate
from catalog.operations.history import describe_commit
from catalog.operations.refs import unprotected_branch
from catalog.operations.tables import unknown_table
from catalog.repository.branches import HeldBranch
from catalog.repository.commit_writer import TableUpdate
from catalog.write.context import WriteContext
from catalog.write.publish import Proposal, publish


@dataclass(frozen=True, slots=True)
class DeriveReport:
    """What was defined.

    Attributes:
        branch: The branch.
        commit: The commit made; None if all was so already.
        defined: The tables that were defined, or defined anew.
        tables: The tables that were computed, each after its inputs.
        dropped: The tables that were made plain ones.
        dry_run: Whether nothing was done.
    """

    branch: str
    commit: CommitInfo | None
    defined: tuple[str, ...]
    tables: tuple[TableRefresh, ...] = ()
    dropped: tuple[str, ...] = ()
    dry_run: bool = False


def derive(
    context: OperationContext,
    branch: str,
    derivations: Sequence[Derivation],
    *,
    replace_tables: bool = False,
    compute: bool = True,
    drop: Sequence[str] = (),
    dry_run: bool = False,
    message: str | None = None,
    progress: StepProgress | None = None,
    runs: CommandRuns = NO_COMMANDS,
    watch: Watch = nullcontext,
    code: Mapping[str, str] | None = None,
) -> DeriveReport:
    """Defines derived tables and computes them, in one commit; see ``Catalog.derive``.

    Args:
        context: The open catalog.
        branch: The branch.
        derivations: The tables to define, in any order.
        replace_tables: Whether tables that are not derived may be replaced.
        compute: Whether to compute them.
        drop: Derived tables that become plain ones.
        dry_run: Whether only to check, and to say what would be defined.
        message: The commit's message; None makes one up.
        progress: Called after each table that was computed.
        runs: How commands run, and which may.
        watch: Is given what stops the steps that run, for as long as they do.
        code: The code that does it, to be recorded; None is that of the caller.
    """
    branch = canonical_name(branch)
    head = unprotected_branch(context.repository, branch).head
    found = calling_code() if code is None else code
    attempt = _Attempt(context, branch, derivations, drop, replace_tables, compute, message, found)
    attempt.refresher.runs = runs
    attempt.refresher.watch = watch
    if progress is not None:
        attempt.refresher.progress = progress
    if dry_run:
        attempt.define(Candidate(context.repository, head))
        defined, dropped = tuple(attempt.defined), tuple(drop)
        return DeriveReport(branch, None, defined, dropped=dropped, dry_run=True)
    gate = Gate(context, "this definition", direct=True)
    made = publish(context.repository, branch, attempt.propose, judge=gate.judge)
    commit = None if made is None else describe_commit(context, made)
    computed = tuple(map(described, attempt.results))
    return DeriveReport(branch, commit, tuple(attempt.defined), computed, tuple(drop))


@dataclass(slots=True)
class _Attempt:
    """Defines tables for wherever the branch is, until a commit is published."""

    context: OperationContext
    branch: str
    derivations: Sequence[Derivation]
    drop: Sequence[str]
    replace_tables: bool
    compute: bool
    message: str | None
    code: Mapping[str, str]
    refresher: Refresher = field(init=False)
    defined: list[str] = field(default_factory=list)
    results: list[StepResult] = field(default_factory=list)
    table_ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        describe = partial(self.context.describe, INPUTS_OF_COMMAND)
        self.refresher = Refresher(
            self.context.repository,
            self.context.executor or ThreadExecutor(),
            describe=describe,
        )

    def propose(self, held: HeldBranch, head: str) -> Proposal | None:
        """Defines the tables at a head of the branch, and computes them."""
        if held.branch.protected:
            unprotected_branch(self.context.repository, self.branch)
        candidate = Candidate(self.context.repository, head)
        self.define(candidate)
        self.results = []
        if self.compute:
            self.results = self.refresher.run(candidate, self.defined)
        updates = candidate.updates()
        if not updates:
            return None
        for result in self.results:
            result.check_read()
        defined, dropped = ", ".join(sorted(self.defined)), ", ".join(self.drop)
        does = [f"derive {defined}"] if defined else []
        does += [f"drop the definition of {dropped}"] if dropped else []
        lineage = dict.fromkeys(self.defined, LineageEntry("derive", code=dict(self.code)).stored())
        lineage |= dict.fromkeys(self.drop, LineageEntry("drop-definition").stored())
        lineage |= lineage_of(self.results, self.code)
        about = self.context.describe(self.message or "; ".join(does), lineage=lineage)
        return Proposal([head], updates, about, f"derive: {defined or dropped}")

    def define(self, candidate: Candidate) -> None:
        """Puts all definitions into a candidate.

        Raises:
            CatalogError: One is not valid.
        """
        repository = self.context.repository
        for name in self.drop:
            candidate.put(plain_table(candidate, name, branch=self.branch))
        context = WriteContext(Workspace(store=repository.store), repository)
        try:
            definitions = Definitions(
                context, candidate, self.replace_tables, self.compute, self.table_ids
            )
            self.defined = definitions.define(self.derivations)
            self.refresher.requests = definitions.requests
        finally:
            context.work.close()


def drop_definition(
    context: OperationContext, branch: str, table: str, *, message: str | None = None
) -> CommitInfo:
    """Makes a derived table a plain one, rows as they are; see ``Catalog.drop_definition``."""
    branch = canonical_name(branch)
    unprotected_branch(context.repository, branch)

    def propose(held: HeldBranch, head: str) -> Proposal:
        if held.branch.protected:
            unprotected_branch(context.repository, branch)
        update = plain_table(Candidate(context.repository, head), table, branch=branch)
        lineage = {update.name: LineageEntry("drop-definition").stored()}
        text = message or f"drop the definition of {update.name}"
        about = context.describe(text, lineage=lineage)
        return Proposal([head], [update], about, f"derive: drop the definition of {update.name}")

    gate = Gate(context, "dropping a definition", direct=True)
    made = publish(context.repository, branch, propose, judge=gate.judge)
    assert made is not None, "a commit was proposed"
    return describe_commit(context, made)


def plain_table(candidate: Candidate, table: str, *, branch: str) -> TableUpdate:
    """Returns what a derived table is without its definition.

    Raises:
        NotFound: There is no such table.
        InvalidInput: It is not derived.
    """
    name = candidate.spelled(canonical_name(table))
    found = None if name is None else candidate.table(name)
    if found is None:
        raise unknown_table(table, branch, candidate.names())
    if not is_derived(found.snapshot.properties):
        raise not_derived(found.name)
    properties = without_definition(found.snapshot.properties)
    shape = replace(found.snapshot, properties=properties, computed=None)
    return TableUpdate(found.name, found.working.base, shape)
