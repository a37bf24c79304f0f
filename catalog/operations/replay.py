"""Changes replayed elsewhere, or taken back: cherry-pick and revert."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import ErrorKind, InvalidInput, MergeConflict, NotFound
from catalog.hints import Option, hint
from catalog.model.commit import EMPTY_ID, Commit
from catalog.model.names import canonical_name
from catalog.model.ref_expressions import split_range
from catalog.model.texts import check_integer, listed
from catalog.operations.context import OperationContext
from catalog.operations.dry_run import on_trial
from catalog.operations.gate.gate import Gate
from catalog.operations.gate.options import NO_OPTIONS, GateOptions
from catalog.operations.merge.brought import with_brought
from catalog.operations.merge.derived import DerivedMerger
from catalog.operations.merge.open_merges import (
    check_not_conflicted,
    foreign_conflicts,
    without_merge,
)
from catalog.operations.merge.row_counts import with_rows
from catalog.operations.merge.steps import (
    Merger,
    MergeReport,
    Resolutions,
    check_resolutions,
    lineage_of,
    merging,
    relabelled,
    report_merge,
    with_commit,
    with_derived,
)
from catalog.operations.refs import live_branch, unprotected_branch
from catalog.repository.branches import HeldBranch
from catalog.repository.history import first_parents
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.write.merge.commits import Merge
from catalog.write.merge.conflicts import conflicting_tables, counted, in_order
from catalog.write.merge.ends import Ends, MergeProgress
from catalog.write.publish import Proposal, publish, rehearse

PARTLY = "reverted-tables"
"""Metadata of a commit that takes back what others did in only some tables: their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """How changes are replayed.

    Attributes:
        branch: The branch they are made on.
        resolve: Which side is taken in a conflict; ours is the branch.
        mainline: The parent of a merge that its changes are relative to, from 1.
        dry_run: Whether nothing is moved and nothing left behind; the first step in conflict is
            then reported, not raised.
        refresh: Whether derived tables that it makes stale are computed again.
        progress: See ``Catalog.merge``.
        gate: What whoever asks for it says about the gate of the branch.
        of_merge: Whether what is taken back came by a merge, so that a protected branch takes it.
    """

    branch: str
    resolve: Resolutions = None
    mainline: int = 1
    dry_run: bool = False
    refresh: bool = True
    progress: MergeProgress | None = None
    gate: GateOptions = NO_OPTIONS
    of_merge: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """Changes that are made on a branch in one commit, step by step.

    Attributes:
        operation: ``cherry-pick`` or ``revert``.
        steps: Pairs of commits: what led from the first to the second is replayed.
        message: The commit's message.
        metadata: The commit's metadata.
        named: Names the replayed commits in errors and in the reflog.
        origins: The replayed commits.
        tables: The tables to look at; None means all.
    """

    operation: str
    steps: Sequence[tuple[str, str]]
    message: str
    metadata: Mapping[str, str]
    named: str
    origins: Sequence[str]
    tables: Sequence[str] | None = None


def cherry_pick(context: OperationContext, ref: str, options: ReplayOptions) -> MergeReport:
    """Makes on a branch what a commit did; see ``Catalog.cherry_pick``."""
    commit_id = context.resolve(ref).commit_id
    commit = context.repository.commits.read(commit_id)
    check_not_conflicted(commit_id, commit)
    replay = Replay(
        "cherry-pick",
        [(_parent(commit, commit_id, options.mainline), commit_id)],
        commit.message,
        {**without_merge(commit.metadata), "cherry-picked-from": commit_id},
        commit_id[:8],
        [commit_id],
    )
    live = live_branch(context.repository, canonical_name(options.branch))
    gate = with_brought(context, options.gate, source=ref, theirs=commit_id, into=live)
    return _apply(context, replay, replace(options, gate=gate))


def revert(
    context: OperationContext,
    refs: Sequence[str],
    options: ReplayOptions,
    *,
    tables: Sequence[str] | None,
    allow_partial: bool,
    message: str | None,
) -> MergeReport:
    """Takes back what commits did; see ``Catalog.revert``."""
    tables = tables if tables is None else listed(tables, "tables")
    read = context.repository.commits.read
    commits = {commit_id: read(commit_id) for commit_id in _named_commits(context, refs)}
    steps = [(c, _parent(commit, c, options.mainline)) for c, commit in commits.items()]
    if tables is not None:
        tables = _checked_tables(commits.values(), tables, allow_partial=allow_partial)
    text = message or "\n".join(
        f'revert "{commit.title}" ({commit_id[:8]})' for commit_id, commit in commits.items()
    )
    named = ", ".join(commit_id[:8] for commit_id in commits)
    metadata = {"reverted": ", ".join(commits)}
    if tables is not None and {name for one in commits.values() for name in one.changes} - set(
        tables
    ):
        metadata[PARTLY] = ", ".join(tables)
    replay = Replay("revert", steps, text, metadata, named, list(commits), tables)
    return _apply(context, replay, options)


def _apply(context: OperationContext, replay: Replay, options: ReplayOptions) -> MergeReport:
    """Merges the steps of a replay into a branch, in one commit."""
    branch = canonical_name(options.branch)
    branch_of = live_branch if options.of_merge else unprotected_branch
    live = branch_of(context.repository, branch)
    ends = (live.head, *(commit_id for step in replay.steps for commit_id in step))
    check_resolutions(context, options.resolve, ends)
    with (
        on_trial(context, dry_run=options.dry_run) as context,
        merging(context, dry_run=options.dry_run, progress=options.progress) as merger,
    ):
        what = f"the {replay.operation} of {replay.named}"
        gate = Gate(context, what, options.gate, dry_run=options.dry_run)
        judged = gate.begin(live.held, *ends)
        plans = options.dry_run and not judged
        derived = DerivedMerger(context, options.refresh, plans, options.progress)
        attempt = _Attempt(merger, replay, options, branch, derived, plans)
        if options.dry_run:
            made = rehearse(context.repository, branch, attempt.propose, judge=gate.judge)
            after = attempt.planned if plans else made
            return replace(with_rows(context, attempt.reports[-1], after), gate=gate.judgement)
        commit_id = publish(context.repository, branch, attempt.propose, judge=gate.judge)
        report = replace(attempt.reports[-1], gate=gate.judgement)
        return with_commit(context, report, commit_id)


@dataclass(slots=True)
class _Attempt:
    """Replays steps for wherever the branch is, until a commit is published.

    Attributes:
        plans: Whether only to say what would be done, without a commit that can be judged.
        reports: What the steps did; the last one is about all of them together.
        planned: The commit that shows what would be done, if that is all that is wanted.
    """

    merger: Merger
    replay: Replay
    options: ReplayOptions
    branch: str
    derived: DerivedMerger
    plans: bool = False
    reports: list[MergeReport] = field(default_factory=list)
    planned: str | None = None

    def propose(self, held: HeldBranch, head: str) -> Proposal | None:
        """Replays the steps onto a head of the branch.

        Raises:
            MergeConflict: A step conflicts with the branch.
        """
        replay, context = self.replay, self.merger.context
        if held.branch.protected and not self.options.of_merge:
            unprotected_branch(context.repository, self.branch)
        at, merges = head, list[Merge]()
        for base, theirs in replay.steps:
            ends = Ends(base, at, theirs)
            leave_out = _left_out(context, ends, replay.tables)
            merge = self.merger.merge(ends, self.options.resolve, leave_out=leave_out)
            self.reports.append(report_merge(self.branch, ends, merge))
            if merge.conflicts.num_rows:
                if self.options.dry_run:
                    return None
                raise self._conflict(base, merge.conflicts)
            merges.append(merge)
            if merge.updates:
                about = context.describe(replay.message)
                at = context.repository.writer().write([at], merge.updates, about)
        if at == head:
            return None
        hows = {t.name: t.how for one in merges for t in one.tables if t.how != "taken"}
        ends = Ends(head, head, at)
        whole = relabelled(self.merger.merge(ends, None), hows)
        sides = {theirs: base for base, theirs in replay.steps[::-1]}
        derived = self.merger.settle(self.derived, ends, whole, sides=sides)
        whole = with_derived(whole, derived)
        base, source = replay.steps[-1]
        ends = Ends(base, head, source)
        self.reports.append(report_merge(self.branch, ends, whole, derived.tables))
        if self.plans:
            about = context.describe(replay.message)
            self.planned = context.repository.writer().write([head], whole.updates, about)
        if self.plans or not whole.updates:
            return None
        lineage = lineage_of(context, replay.operation, whole, ends=ends, origins=replay.origins)
        lineage |= derived.lineage
        about = context.describe(replay.message, metadata=replay.metadata, lineage=lineage)
        return Proposal([head], whole.updates, about, f"{replay.operation}: {replay.named}")

    def _conflict(self, base: str, conflicts: pa.Table) -> MergeConflict:
        what = f"{self.replay.operation} of {self.replay.named} on {self.branch}"
        if len(self.replay.steps) > 1:
            what = f"{what}, at commit {base[:8]}"
        return replay_conflict(what, conflicts, ours="what the branch has", theirs="the change")


def replay_conflict(what: str, conflicts: pa.Table, *, ours: str, theirs: str) -> MergeConflict:
    """Returns the error for a commit that conflicts; ``ours`` and ``theirs`` explain the sides."""
    tables = conflicting_tables(conflicts)
    return MergeConflict(
        f"{what}: {counted(conflicts)} in {tables}; nothing was moved",
        conflicts=in_order(conflicts),
        hint=hint(
            f"choose a side with {{}} ({ours}) or {{}} ({theirs})",
            Option("resolve", "ours"),
            Option("resolve", "theirs"),
        ),
    )


def _parent(commit: Commit, commit_id: str, mainline: int) -> str:
    """Returns the parent of a commit that its changes are relative to."""
    check_integer(mainline, "mainline", least=1)
    if mainline == 1 and not commit.parents and commit.changes:  # it starts a line of its own
        return EMPTY_ID
    if mainline > len(commit.parents):
        raise InvalidInput(
            f"commit {commit_id[:8]} has no parent {mainline}; it has {len(commit.parents)}",
            kind=ErrorKind.NO_PARENT,
        )
    return commit.parents[mainline - 1]


def _named_commits(context: OperationContext, refs: Sequence[str]) -> list[str]:
    """Returns the commits that refs and ranges name, newest first."""
    read = context.repository.commits.read
    generations: dict[str, int] = {}
    for ref in refs:
        ends = split_range(ref)
        if ends is None:
            commit_id = context.resolve(ref).commit_id
            generations[commit_id] = read(commit_id).generation
            continue
        start, stop = (context.resolve(end or DEFAULT_BRANCH).commit_id for end in ends[:2])
        for logged in first_parents(read, stop):
            if logged.id == start:
                break
            generations[logged.id] = logged.commit.generation
        else:
            raise InvalidInput(
                f"{ends[0]} is not on the line of first parents of {ends[1]}",
                hint="name the commits one by one",
            )
    if not generations:
        raise InvalidInput("no commit to revert")
    return sorted(generations, key=lambda commit_id: -generations[commit_id])


def _checked_tables(
    commits: Iterable[Commit], tables: Sequence[str], *, allow_partial: bool
) -> list[str]:
    """Checks that commits may be taken back in only some of their tables.

    Raises:
        NotFound: None of them changed such a table.
        InvalidInput: They changed others too, and that was not allowed.
    """
    changed = {name for commit in commits for name in commit.changes}
    folded = {name.casefold(): name for name in changed}
    for table in tables:
        if table.casefold() not in folded:
            raise NotFound(
                f"table {table!r} was not changed there",
                kind=ErrorKind.TABLE_NOT_FOUND,
                hint=f"changed were: {', '.join(sorted(changed))}",
            )
    wanted = {folded[table.casefold()] for table in tables}
    if changed - wanted and not allow_partial:
        raise InvalidInput(
            f"the commit also changed {', '.join(sorted(changed - wanted))}: reverting only some "
            "of its tables may leave them inconsistent",
            kind=ErrorKind.PARTIAL_REVERT,
            hint=hint("to revert only these tables: {}", Option("allow_partial")),
        )
    return sorted(wanted)


def _left_out(context: OperationContext, ends: Ends, tables: Sequence[str] | None) -> list[str]:
    """Returns the tables that are not merged."""
    foreign = foreign_conflicts(context, ends)
    if tables is None:
        return foreign
    entries = context.repository.commits.entries
    names = {name for c in (ends.base, ends.ours, ends.theirs) for name in entries(c)}
    return sorted((names - set(tables)) | set(foreign))
