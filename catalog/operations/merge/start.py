"""Merging a ref into a branch; a merge in conflict is left on a branch of its own."""

from catalog.dataclasses import dataclass, replace
from catalog.errors import AlreadyExists, ErrorKind, InvalidInput, MergeConflict
from catalog.hints import Call, hint
from catalog.model.judgement import Judgement
from catalog.model.names import canonical_name
from catalog.operations.context import OperationContext
from catalog.operations.dry_run import on_trial
from catalog.operations.gate.gate import Gate
from catalog.operations.gate.options import NO_OPTIONS, GateOptions
from catalog.operations.merge.brought import with_brought
from catalog.operations.merge.derived import DerivedMerger
from catalog.operations.merge.open_merges import branch_name, conflict_error, find_merge
from catalog.operations.merge.row_counts import with_rows
from catalog.operations.merge.steps import (
    Merger,
    MergeReport,
    Resolutions,
    check_resolutions,
    lineage_of,
    merging,
    report_merge,
    with_commit,
    with_derived,
)
from catalog.operations.refs import live_branch
from catalog.repository.backfills import merged_metadata
from catalog.repository.branches import HeldBranch
from catalog.repository.commit_writer import TableUpdate
from catalog.write.merge.commits import Merge
from catalog.write.merge.conflicts import CONFLICT_TABLE, counted
from catalog.write.merge.ends import Ends, MergeProgress
from catalog.write.publish import Proposal, publish, rehearse
from catalog.write.rows.landing import land
from catalog.write.rows.target_schema import WriteRequest
from catalog.write.rows.write import write_rows
from catalog.write.working_table import WorkingTable


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """The arguments of ``Catalog.merge``, which describes them, and the branch it may leave."""

    source: str
    into: str
    message: str
    branch: str
    squash: bool = False
    resolve: Resolutions = None
    refresh: bool = True
    gate: GateOptions = NO_OPTIONS
    changes: bool = False

    @property
    def what(self) -> str:
        """Returns what is judged, for messages."""
        return f"the merge of {self.source}"


class ConflictedMerge(Exception):
    """Internal: a merge found conflicts; carries the partial result to the caller."""

    def __init__(self, ends: Ends, merge: Merge) -> None:
        super().__init__("a merge is in conflict")
        self.ends = ends
        self.merge = merge


def merge_into(
    context: OperationContext,
    request: MergeRequest,
    *,
    dry_run: bool,
    progress: MergeProgress | None,
) -> MergeReport:
    """Merges a ref into a branch; see ``Catalog.merge``."""
    theirs = context.resolve(request.source).commit_id
    live = live_branch(context.repository, request.into)
    head = live.head
    check_resolutions(context, request.resolve, (head, theirs))
    _check_no_conflict_table(context, request, head=head, theirs=theirs)
    if not dry_run:
        _check_none_open(context, request)
    with (
        on_trial(context, dry_run=dry_run) as context,
        merging(context, dry_run=dry_run, progress=progress) as merger,
    ):
        options = with_brought(
            context, request.gate, source=request.source, theirs=theirs, into=live
        )
        gate = Gate(context, request.what, options, dry_run=dry_run)
        judged = gate.begin(live.held, theirs)
        plans = dry_run and not judged and not request.changes
        derived = DerivedMerger(context, request.refresh, plans, progress)
        attempt = _Attempt(merger, request, theirs, plans, derived)
        try:
            if dry_run:
                proposed = rehearse(
                    context.repository, request.into, attempt.propose, judge=gate.judge
                )
                commit_id = None
                after = attempt.planned if plans else proposed
                attempt.report = with_rows(context, attempt.done, after)
                if request.changes and after is not None:
                    attempt.report = _with_changes(context, attempt, after, gate.judgement)
            else:
                commit_id = publish(
                    context.repository, request.into, attempt.propose, judge=gate.judge
                )
        except ConflictedMerge as error:
            if dry_run:
                return report_merge(request.into, error.ends, error.merge)
            raise _leave_branch(merger, request, error) from None
        return with_commit(context, replace(attempt.done, gate=gate.judgement), commit_id)


def _with_changes(
    context: OperationContext, attempt: "_Attempt", after: str, gate: Judgement | None
) -> MergeReport:
    """Returns what a merge on trial did, with what it would change on the branch."""
    from catalog.operations.merge.proposed import proposed_changes

    request, report = attempt.request, attempt.done
    ends = report.ends.ours, after
    found = proposed_changes(context, ends, branch=request.into, what=request.what, gate=gate)
    return replace(report, changes=found)


@dataclass(slots=True)
class _Attempt:
    """Proposes a merge for wherever the branch is, until one is published.

    Attributes:
        plans: Whether only to say what a merge would do, without a commit that can be judged.
        report: What the last proposal does.
        planned: The commit that shows what a merge would do, if that is all that is wanted.
    """

    merger: Merger
    request: MergeRequest
    theirs: str
    plans: bool
    derived: DerivedMerger
    report: MergeReport | None = None
    planned: str | None = None

    @property
    def done(self) -> MergeReport:
        """Returns what the last proposal does."""
        assert self.report is not None, "publishing proposes at least once"
        return self.report

    def propose(self, held: HeldBranch, head: str) -> Proposal | None:
        """Merges into a head of the branch.

        Raises:
            ConflictedMerge: Both sides changed the same.
        """
        request, theirs = self.request, self.theirs
        ends = Ends(self.merger.base_of(head, theirs), head, theirs)
        if ends.base == theirs:
            self.report = MergeReport(request.into, ends, None)
            return None
        merge = self.merger.merge(ends, request.resolve, whole=True)
        if merge.conflicts.num_rows:
            raise ConflictedMerge(ends, merge)
        derived = self.merger.settle(self.derived, ends, merge, sides={theirs: ends.base})
        merge = with_derived(merge, derived)
        self.report = report_merge(request.into, ends, merge, derived.tables)
        context = self.merger.context
        if self.plans:
            about = context.describe(request.message)
            self.planned = context.repository.writer().write([head], merge.updates, about)
        if self.plans or (request.squash and not merge.updates):
            return None
        lineage = {**lineage_of(context, "merge", merge, ends=ends), **derived.lineage}
        read = context.repository.commits.read
        metadata = merged_metadata(read, theirs, head)
        about = context.describe(request.message, metadata=metadata, lineage=lineage)
        parents = [head] if request.squash else [head, theirs]
        return Proposal(parents, merge.updates, about, f"merge: {request.source}")


def _check_none_open(context: OperationContext, request: MergeRequest) -> None:
    """Checks that the same merge is not waiting to be completed.

    Raises:
        AlreadyExists: It is, or the name of its branch is in use.
    """
    source, into, name = request.source, request.into, request.branch
    if context.repository.branches.find(name) is None:
        return
    merge = find_merge(context, name)
    if merge is None or (merge.source, merge.into) != (source, into):
        raise AlreadyExists(
            f"branch {name!r} is in the way of merging {source} into {into}",
            hint=hint("delete it if it is not needed: {}", Call("branches.delete", (name,))),
        )
    raise AlreadyExists(
        f"the merge of {source} into {into} is under way on branch {name!r}",
        kind=ErrorKind.MERGE_UNDER_WAY,
        hint=hint(
            "complete it: {}; or drop it: {}",
            Call("continue_merge", (source,), into=into),
            Call("abort_merge", (source,), into=into),
        ),
    )


def _check_no_conflict_table(
    context: OperationContext, request: MergeRequest, *, head: str, theirs: str
) -> None:
    """Checks that what is merged does not bring the table in which conflicts are listed.

    Raises:
        InvalidInput: It does; mostly because it is itself a merge in conflict.
    """
    commits = context.repository.commits
    placed = commits.entry(theirs, CONFLICT_TABLE)
    if placed is None:
        return
    here = commits.entries(head).get(placed.name)
    if here is None or here.entry.snapshot != placed.entry.snapshot:
        raise InvalidInput(
            f"{request.source} has a table {placed.name}, which only merges in conflict have",
            kind=ErrorKind.CONFLICT_TABLE,
            hint=hint(
                "complete a merge in conflict: {}; a table of your own needs another name",
                Call("continue_merge"),
            ),
        )


def _leave_branch(
    merger: Merger, request: MergeRequest, conflicted: ConflictedMerge
) -> MergeConflict:
    """Leaves a branch that holds a merge in conflict; returns the error that names it."""
    context, ends, merge = merger.context, conflicted.ends, conflicted.merge
    about = context.describe(
        f"{request.message}: {counted(merge.conflicts)}",
        metadata={
            "merge.into": request.into,
            "merge.source": request.source,
            "merge.base": ends.base,
            "merge.ours": ends.ours,
            "merge.theirs": ends.theirs,
            "merge.squash": "yes" if request.squash else "no",
            "merge.message": request.message,
        },
        lineage=lineage_of(context, "merge", merge, ends=ends),
    )
    updates = [*merge.updates, _conflict_table(merger, conflicted)]
    commit_id = context.repository.writer().write([ends.ours, ends.theirs], updates, about)
    stamp = context.stamp(f"merge: {request.source} into {request.into}, in conflict")
    context.repository.branches.create(request.branch, commit_id, stamp)
    return conflict_error(request.source, request.into, merge.conflicts, branch=request.branch)


def _conflict_table(merger: Merger, conflicted: ConflictedMerge) -> TableUpdate:
    """Returns the table that lists the conflicts, as an update of ours."""
    ours = conflicted.ends.ours
    if merger.context.repository.commits.entry(ours, CONFLICT_TABLE) is not None:
        raise InvalidInput(
            f"{ours[:8]} has a table {CONFLICT_TABLE}, which merges need for conflicts",
            hint="rename or drop that table",
        )
    write = merger.work.write
    table = WorkingTable(CONFLICT_TABLE, None, None)
    landed = land(write.work, conflicted.merge.conflicts)
    return write_rows(write, table, landed, request=WriteRequest("append")).update()


def merge_request(
    source: str,
    into: str,
    message: str | None,
    *,
    squash: bool,
    resolve: Resolutions,
    refresh: bool,
    gate: GateOptions = NO_OPTIONS,
    changes: bool = False,
) -> MergeRequest:
    """Returns the request to merge a ref into a branch; without a message it makes one up."""
    into = canonical_name(into)
    text = message or f"merge {source} into {into}"
    left = branch_name(source, into)
    return MergeRequest(source, into, text, left, squash, resolve, refresh, gate, changes)
