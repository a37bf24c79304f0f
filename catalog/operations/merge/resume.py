"""Completing a merge in conflict, or dropping it."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

import pyarrow as pa

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import Conflict, ErrorKind, MergeConflict, NotFound
from catalog.hints import Blank, Call, Hint, hint
from catalog.model.lineage_reading import lineage_entry
from catalog.operations.branch_rules import check_movable
from catalog.operations.context import OperationContext
from catalog.operations.gate.gate import Gate
from catalog.operations.gate.options import NO_OPTIONS, GateOptions
from catalog.operations.merge.brought import with_brought
from catalog.operations.merge.derived import DerivedMerger
from catalog.operations.merge.open_merges import OpenMerge, conflict_error, find_one
from catalog.operations.merge.settlement import conflicts_at, take_side, unsettled
from catalog.operations.merge.steps import (
    Merger,
    MergeReport,
    Resolutions,
    Settled,
    check_resolutions,
    lineage_of,
    merging,
    relabelled,
    report_merge,
    side_for,
    with_commit,
    with_derived,
)
from catalog.operations.refs import BranchList, live_branch
from catalog.repository.backfills import merged_metadata
from catalog.repository.branches import HeldBranch
from catalog.repository.history import is_ancestor
from catalog.write.merge.conflicts import CONFLICT_TABLE
from catalog.write.merge.ends import Ends, MergeProgress
from catalog.write.publish import Proposal, publish


def abort_merge(context: OperationContext, source: str | None, into: str | None) -> OpenMerge:
    """Drops a merge in conflict; only its branch is deleted."""
    merge = find_one(context, source, into)
    BranchList(context).delete(merge.branch)
    return merge


def continue_merge(
    context: OperationContext,
    source: str | None,
    *,
    into: str | None,
    message: str | None,
    resolve: Resolutions,
    refresh: bool,
    progress: MergeProgress | None,
    options: GateOptions = NO_OPTIONS,
) -> MergeReport:
    """Completes a merge in conflict once all of it is settled; see ``Catalog.continue_merge``."""
    merge = find_one(context, source, into)
    check_resolutions(context, resolve, (merge.ends.ours, merge.ends.theirs))
    live = live_branch(context.repository, merge.into)
    options = with_brought(
        context, options, source=merge.source, theirs=merge.ends.theirs, into=live
    )
    gate = Gate(context, f"the merge of {merge.source}", options)
    gate.begin(live.held)
    with merging(context, progress=progress) as merger:
        derived = DerivedMerger(context, refresh, progress=progress)
        completion = _Completion(
            merger, merge, resolve, message or merge.message, merge.head, derived
        )
        completion.settle()
        commit_id = publish(context.repository, merge.into, completion.propose, judge=gate.judge)
    with suppress(NotFound):
        BranchList(context).delete(merge.branch)
    assert completion.report is not None, "publishing proposes at least once"
    report = replace(completion.report, gate=gate.judgement, settled=completion.sides)
    return with_commit(context, report, commit_id)


@dataclass(slots=True)
class _Completion:
    """Completes a merge in conflict, for wherever its target branch is.

    Attributes:
        settled: The commit with everything that was settled.
        hows: How the tables of the merge came about, by name.
        report: What the last proposal does.
        sides: How the conflicts were settled.
    """

    merger: Merger
    merge: OpenMerge
    resolve: Resolutions
    message: str
    settled: str
    derived: DerivedMerger
    hows: Mapping[str, str] = field(default_factory=dict)
    report: MergeReport | None = None
    sides: Settled = field(default_factory=Settled)

    def settle(self) -> None:
        """Takes a side for what is not settled by hand.

        Raises:
            MergeConflict: There is no side to take for some of it.
        """
        context = self.merger.context
        left = unsettled(context, self.merge)
        _check_sided(self.merge, left, self.resolve)
        side = side_for(self.resolve)
        taken = Counter(side(table) for table in left["table_name"].to_pylist())
        by_hand = conflicts_at(context, self.merge.start).num_rows - left.num_rows
        self.sides = Settled(taken["ours"], taken["theirs"], max(by_hand, 0))
        whole: Mapping[str, str] = {}
        if left.num_rows:
            self.settled, whole = take_side(self.merger, self.merge, left, resolve=self.resolve)
        self.hows = {**_first_merged(context, self.merge), **whole}

    def propose(self, held: HeldBranch, head: str) -> Proposal | None:
        """Merges what was settled into a head of the target branch.

        Raises:
            MergeConflict: The head conflicts with what was settled.
        """
        merge, context = self.merge, self.merger.context
        _check_unmoved(context, merge)
        ends = Ends(merge.ends.ours, head, self.settled)
        merged = self.merger.merge(ends, self.resolve, whole=True, leave_out=(CONFLICT_TABLE,))
        again = {t.name: t.how for t in merged.tables if t.how in ("ours", "theirs")}
        merged = relabelled(merged, {**self.hows, **again})
        if merged.conflicts.num_rows:
            raise conflict_error(
                merge.source, merge.into, merged.conflicts, branch=merge.branch, moved=True
            )
        theirs, base = merge.ends.theirs, merge.ends.base
        sides = {self.settled: ends.base, theirs: base}
        derived = self.merger.settle(self.derived, ends, merged, sides=sides)
        merged = with_derived(merged, derived)
        self.report = report_merge(merge.into, ends, merged, derived.tables)
        known = is_ancestor(context.repository.commits.read, theirs, head)
        parents = [head] if merge.squash or known else [head, theirs]
        if len(parents) == 1 and not merged.updates:
            return None
        both = Ends(ends.base, head, theirs)
        lineage = {**lineage_of(context, "merge", merged, ends=both), **derived.lineage}
        metadata = merged_metadata(context.repository.commits.read, theirs, head)
        about = context.describe(self.message, metadata=metadata, lineage=lineage)
        return Proposal(parents, merged.updates, about, f"merge: {merge.source}")


def _check_sided(merge: OpenMerge, left: pa.Table, resolve: Resolutions) -> None:
    """Checks that a side is taken for every table in which something is not settled.

    Raises:
        MergeConflict: For some there is none.
    """
    side = side_for(resolve)
    tables = left["table_name"].to_pylist()
    undecided = left.filter(pa.array([side(table) is None for table in tables], pa.bool_()))
    if not undecided.num_rows:
        return
    error = conflict_error(merge.source, merge.into, undecided, branch=merge.branch)
    decided = {table: chosen for table in tables if (chosen := side(table)) is not None}
    if decided:
        error = MergeConflict(
            error.message,
            conflicts=error.conflicts,
            branch=merge.branch,
            hint=_every_side(merge, decided, undecided),
        )
    raise error


def _every_side(merge: OpenMerge, decided: Mapping[str, str], undecided: pa.Table) -> Hint:
    """Returns the hint to name a side for every table in conflict, since some were named."""
    rest = dict.fromkeys(undecided["table_name"].to_pylist(), Blank("ours|theirs"))
    sides: dict[str, str | Blank] = {**decided, **rest}
    complete = Call("continue_merge", (merge.source,), into=merge.into, resolve=sides)
    return hint(
        "a side is taken when the merge is completed, for all tables at once: {}; or change "
        "rows first: {}",
        complete,
        Call("transaction", (merge.branch,)),
    )


def _check_unmoved(context: OperationContext, merge: OpenMerge) -> None:
    """Checks that nobody completed, dropped or settled more of a merge meanwhile.

    Raises:
        Conflict: Somebody did, or the merge's branch is protected.
    """
    held = context.repository.branches.find(merge.branch)
    if held is None or held.commit_id is None:
        raise Conflict(
            f"somebody else completed or dropped the merge of {merge.source} into {merge.into} "
            "meanwhile",
            kind=ErrorKind.MERGE_GONE,
            hint=hint("see what became of it: {}", Call("reflog", (merge.into,))),
        )
    if held.protected:
        raise Conflict(
            f"branch {merge.branch!r} is protected, but completing the merge deletes it",
            kind=ErrorKind.BRANCH_PROTECTED,
            hint=hint("first: {}", Call("branches.unprotect", (merge.branch,))),
        )
    check_movable(held, doing="completing the merge, which deletes it,")
    if held.commit_id != merge.head:
        raise Conflict(
            f"somebody else moved {merge.branch} meanwhile",
            kind=ErrorKind.BRANCH_MOVED,
            hint=hint("look at it, then try again: {}", Call("conflicts", (merge.branch,))),
        )


def _first_merged(context: OperationContext, merge: OpenMerge) -> dict[str, str]:
    """Returns how the tables of a merge in conflict came about that were not simply taken."""
    commits = context.repository.commits
    tables = conflicts_at(context, merge.start)["table_name"].to_pylist()
    hows: dict[str, str] = dict.fromkeys(tables, "merged")
    for table, stored in commits.read(merge.start).lineage.items():
        how = lineage_entry(stored).facts.get("how")
        if how != "taken":
            hows[table] = "theirs" if how == "theirs" else "merged"
    return hows
