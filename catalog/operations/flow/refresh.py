"""Refreshing the derived tables of a branch, in one commit: ``cat.refresh(…)``."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial

from catalog.dataclasses import dataclass, field, replace
from catalog.engine.executor import ThreadExecutor
from catalog.errors import ErrorKind, InvalidInput
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.graph import Graph
from catalog.flow.derivation.staleness import staleness
from catalog.flow.refresh.external import NO_COMMANDS, CommandRuns
from catalog.flow.refresh.outcome import TableRefresh, described, described_plan, lineage_of
from catalog.flow.refresh.plan import StepPlan
from catalog.flow.refresh.run import Refresher, StepProgress, Watch
from catalog.flow.refresh.step import Step, StepResult
from catalog.hints import Call, hint
from catalog.model.listings import CommitInfo
from catalog.model.names import canonical_name
from catalog.operations.code import calling_code
from catalog.operations.context import OperationContext
from catalog.operations.gate.gate import Gate
from catalog.operations.history import describe_commit
from catalog.operations.refs import unprotected_branch
from catalog.operations.tables import unknown_table
from catalog.repository.branches import HeldBranch
from catalog.repository.commit_writer import TableUpdate
from catalog.write.publish import Proposal, publish

INPUTS_OF_COMMAND = "inputs of a command"
"""Message of the commit that a command reads inputs from which the same refresh has computed."""


PATIENCE = 3
"""Times that tables are computed again since others changed their inputs meanwhile. After that they
are published as they are, right for the inputs that they name, and stale: they would never land
where inputs change more often than a refresh takes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """What a refresh did, or would do.

    Attributes:
        branch: The branch.
        commit: The commit made; None if nothing had to change, or in a dry run.
        tables: The tables that were computed, each after its inputs.
        dry_run: Whether it was only planned.
        as_of: The commit whose tables they were computed from, if others changed these so often
            meanwhile that they are stale again; else None.
    """

    branch: str
    commit: CommitInfo | None
    tables: tuple[TableRefresh, ...]
    dry_run: bool = False
    as_of: str | None = None


def refresh(
    context: OperationContext,
    branch: str,
    *,
    tables: Sequence[str] | None,
    downstream_of: Sequence[str],
    full: bool,
    dry_run: bool,
    message: str | None,
    progress: StepProgress | None,
    runs: CommandRuns = NO_COMMANDS,
    watch: Watch = nullcontext,
    code: Mapping[str, str] | None = None,
) -> RefreshReport:
    """Computes derived tables of a branch that are stale; see ``Catalog.refresh``."""
    branch = canonical_name(branch)
    head = unprotected_branch(context.repository, branch).head
    if dry_run:
        candidate = Candidate(context.repository, head)
        wanted = wanted_tables(candidate, branch, tables, downstream_of)
        planned = planned_steps(context, candidate, wanted, full=full)
        return RefreshReport(branch, None, tuple(map(described_plan, planned)), dry_run=True)
    found = calling_code() if code is None else code
    attempt = _Attempt(context, branch, tables, downstream_of, message, found)
    attempt.refresher.full = full
    attempt.refresher.runs = runs
    attempt.refresher.watch = watch
    if progress is not None:
        attempt.refresher.progress = progress
    gate = Gate(context, "this refresh", direct=True)
    made = publish(context.repository, branch, attempt.propose, judge=gate.judge)
    commit = None if made is None else describe_commit(context, made)
    tables_done = tuple(map(described, attempt.results))
    return RefreshReport(branch, commit, tables_done, as_of=attempt.as_of)


@dataclass(slots=True)
class _Attempt:
    """Refreshes tables for wherever the branch is, until a commit is published.

    Attributes:
        results: What the last attempt computed.
        updates: What it would have published.
        head: The commit that it started from.
        lost: How many attempts lost their race.
        as_of: See ``RefreshReport``.
    """

    context: OperationContext
    branch: str
    tables: Sequence[str] | None
    downstream_of: Sequence[str]
    message: str | None
    code: Mapping[str, str]
    refresher: Refresher = field(init=False)
    results: list[StepResult] = field(default_factory=list)
    updates: Sequence[TableUpdate] = ()
    head: str = ""
    lost: int = -1
    as_of: str | None = None

    def __post_init__(self) -> None:
        describe = partial(self.context.describe, INPUTS_OF_COMMAND)
        self.refresher = Refresher(
            self.context.repository,
            self.context.executor or ThreadExecutor(),
            describe=describe,
        )

    def propose(self, held: HeldBranch, head: str) -> Proposal | None:
        """Computes what is stale at a head of the branch."""
        if held.branch.protected:
            unprotected_branch(self.context.repository, self.branch)
        self.lost += 1
        candidate = Candidate(self.context.repository, head)
        updates = self._as_they_are(candidate) if self.lost > PATIENCE else None
        if updates is None:
            wanted = wanted_tables(candidate, self.branch, self.tables, self.downstream_of)
            self.results = self.refresher.run(candidate, wanted)
            updates = candidate.updates()
            self.updates, self.head, self.as_of = updates, head, None
        if not updates:
            return None
        for result in self.results:
            result.check_read()
        names = ", ".join(sorted(update.name for update in updates))
        message = self.message or f"refresh of {names}"
        lineage = lineage_of(self.results, self.code)
        about = self.context.describe(message, lineage=lineage)
        return Proposal([head], updates, about, f"refresh: {names}")

    def _as_they_are(self, candidate: Candidate) -> list[TableUpdate] | None:
        """Returns what the last attempt computed, on top of what the branch has now.

        None if there is nothing, or somebody else changed the same tables.
        """
        found = []
        for update in self.updates:
            base = candidate.working(update.name).base
            if (base and base.id) != (update.base and update.base.id):
                return None
            found.append(replace(update, base=base))
        if found:
            if self.as_of is None:
                _log.warning(
                    "others keep changing what is read: the tables are as of commit %s, and stale",
                    self.head[:8],
                )
            self.as_of = self.head
        return found or None


def wanted_tables(
    candidate: Candidate,
    branch: str,
    tables: Sequence[str] | None,
    downstream_of: Sequence[str],
) -> set[str]:
    """Returns the derived tables to refresh, with those that they are computed from.

    Raises:
        NotFound: A table is not there.
        InvalidInput: One is not derived.
    """
    graph = Graph(candidate)
    graph.order()
    if tables is None and not downstream_of:
        return set(graph.definitions)
    wanted: set[str] = set()
    for name in tables or ():
        spelled = _spelled(candidate, branch, name)
        if spelled not in graph.definitions:
            raise not_derived(spelled)
        wanted.add(spelled)
    starts = [_spelled(candidate, branch, name) for name in downstream_of]
    wanted |= graph.downstream(starts)
    return wanted | graph.upstream(wanted)


def _spelled(candidate: Candidate, branch: str, name: str) -> str:
    found = candidate.spelled(canonical_name(name))
    if found is None:
        raise unknown_table(name, branch, candidate.names())
    return found


def not_derived(name: str) -> InvalidInput:
    """Returns the error for a table that has no definition."""
    return InvalidInput(
        f"table {name!r} is not a derived table: it has no definition",
        kind=ErrorKind.NOT_DERIVED,
        hint=hint("define it: {}", Call("derive", (name,))),
    )


def planned_steps(
    context: OperationContext, candidate: Candidate, wanted: set[str], *, full: bool
) -> list[StepPlan]:
    """Returns how the stale ones among derived tables would be computed; opens no data file.

    A table behind others that are stale is planned as if all that is computed of them changed.
    """
    graph = Graph(candidate)
    stale = staleness(candidate, graph)
    plans: dict[str, StepPlan] = {}
    for name in graph.order(wanted):
        if full or stale[name].is_stale:
            step = Step(context.repository, candidate, graph, name, full=full)
            plans[name] = step.plan(plans)
    return list(plans.values())
