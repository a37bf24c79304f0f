"""Rebasing: the commits of a branch made again on another base."""

from collections.abc import Mapping, Sequence

from catalog.dataclasses import dataclass, field
from catalog.diff.counts import RowCounts
from catalog.model.backfill import belongs_to_backfill
from catalog.model.commit import EMPTY_ID, Commit
from catalog.model.lineage import made_again
from catalog.model.listings import CommitInfo, commit_info
from catalog.model.partition import partition_values
from catalog.operations.context import OperationContext
from catalog.operations.dry_run import on_trial
from catalog.operations.history import describe_commit
from catalog.operations.merge.derived import DerivedMerge, DerivedMerger
from catalog.operations.merge.open_merges import (
    check_not_conflicted,
    foreign_conflicts,
    without_merge,
)
from catalog.operations.merge.steps import (
    Merger,
    Resolutions,
    check_resolutions,
    lineage_of,
    merging,
    with_derived,
)
from catalog.operations.refs import movable_branch
from catalog.operations.replay import replay_conflict
from catalog.repository.branch_errors import moved_error
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.history import first_parents, is_ancestor, missing_commits, parting
from catalog.repository.lineage import stored_lineage
from catalog.repository.tables import file_changes
from catalog.storage.store import SwapLost
from catalog.write.merge.commits import Merge
from catalog.write.merge.ends import Ends, MergeProgress

Arrived = Mapping[str, tuple[dict[str, str | None], ...]]
"""Partitions by table: their values as text by column, None for NULL."""


@dataclass(frozen=True, slots=True)
class RebaseReport:
    """What a rebase did, or would do.

    Attributes:
        branch: The branch.
        base: The commit where it had left the new base.
        onto: The commit it starts from now.
        before: The commit it pointed at.
        after: The commit it points at now; None in a dry run.
        commits: The commits that were made again, oldest first; without those that had nothing
            left to do, unless they say how far a backfill is.
        arrived: By table that the branch changed, the partitions that came or changed on the
            new base since the branch left it: they may still need what the branch did.
        derived: What became of derived tables, each after its inputs.
        refresh: The commit on top of those that were made again, in which derived tables are
            computed; None if that was not needed. In those below they may be stale.
        rows: What the branch changes on its new base, by table: rows before and after, and how
            many changed where that was quickly told. Nothing in a dry run.
    """

    branch: str
    base: str
    onto: str
    before: str
    after: str | None
    commits: tuple[CommitInfo, ...]
    arrived: Arrived
    derived: tuple[DerivedMerge, ...] = ()
    refresh: CommitInfo | None = None
    rows: Mapping[str, RowCounts] = field(default_factory=dict)

    @property
    def is_up_to_date(self) -> bool:
        """Returns whether the branch already started from the new base."""
        return self.base == self.onto


def rebase(
    context: OperationContext,
    branch: str,
    *,
    onto: str,
    resolve: Resolutions,
    refresh: bool,
    dry_run: bool,
    progress: MergeProgress | None,
) -> RebaseReport:
    """Makes the commits of a branch again on another base; see ``Catalog.rebase``."""
    live = movable_branch(context.repository, branch, doing="rebasing it")
    name, before = live.name, live.head
    target = context.resolve(onto).commit_id
    check_resolutions(context, resolve, (before, target))
    base = parting(context.repository.commits.read, before, target)
    if base == target:
        return RebaseReport(name, base, target, before, None, (), {})
    context.repository.expiry.check_kept(target)
    own = _own_commits(context, before, target)
    arrived = _arrived(context, base, target, names={n for c in own.values() for n in c.changes})
    if dry_run:
        made = tuple(commit_info(commit_id, commit) for commit_id, commit in own.items())
        ends = Ends(base, target, before)
        planned = _planned(context, ends, resolve, refresh=refresh) if own else ()
        return RebaseReport(name, base, target, before, None, made, arrived, planned)
    at, replayed = target, list[str]()
    with merging(context, progress=progress) as merger:
        for commit_id, commit in own.items():
            ends = Ends(_before(merger, commit, target), at, commit_id)
            leave_out = foreign_conflicts(context, ends)
            merge = merger.merge(ends, resolve, leave_out=leave_out)
            if merge.conflicts.num_rows:
                raise replay_conflict(
                    f'rebase of {name} onto {onto}, at commit {commit_id[:8]} "{commit.title}"',
                    merge.conflicts,
                    ours=f"what {onto} has",
                    theirs=f"what {name} did",
                )
            if merge.updates or belongs_to_backfill(commit.metadata):
                about = _like(context, commit_id, merge.updates)
                at = context.repository.writer().write([at], merge.updates, about)
                replayed.append(at)
        how = DerivedMerger(context, refresh, progress=progress)
        ends, sides = Ends(base, at, before), {before: base}
        derived = merger.settle(how, ends, Merge(()), sides=sides, target=target)
    top = None
    if derived.updates:
        merge = with_derived(Merge(()), derived)
        lineage = {**lineage_of(context, "rebase", merge, ends=ends), **derived.lineage}
        about = context.describe(f"refresh after the rebase onto {onto}", lineage=lineage)
        top = at = context.repository.writer().write([at], derived.updates, about)
    try:
        context.repository.branches.move(live.held, at, context.stamp(f"rebase: onto {onto}"))
    except SwapLost as error:
        raise moved_error(name, during="the rebase") from error
    made = tuple(describe_commit(context, one) for one in replayed)
    last = None if top is None else describe_commit(context, top)
    return RebaseReport(name, base, target, before, at, made, arrived, derived.tables, last)


def _planned(
    context: OperationContext, ends: Ends, resolve: Resolutions, *, refresh: bool
) -> tuple[DerivedMerge, ...]:
    """Returns what a rebase would do to derived tables; nothing if it would end in conflicts."""
    commits = context.repository.commits
    if not (commits.derived(ends.ours) or commits.derived(ends.theirs)):
        return ()
    with (
        on_trial(context, dry_run=True) as context,
        merging(context, dry_run=True) as merger,
    ):
        merge = merger.merge(ends, resolve, leave_out=foreign_conflicts(context, ends))
        if merge.conflicts.num_rows:
            return ()
        derived = DerivedMerger(context, refresh, dry_run=True)
        return merger.settle(derived, ends, merge, sides={ends.theirs: ends.base}).tables


def _like(context: OperationContext, commit_id: str, updates: Sequence[TableUpdate]) -> Description:
    """Returns what a commit made again says: what the original says, at the current time."""
    commits = context.repository.commits
    commit, lineage = commits.read(commit_id), stored_lineage(commits, commit_id)
    return context.describe(
        commit.message,
        author=commit.author,
        metadata=without_merge(commit.metadata),
        lineage={
            update.name: made_again(lineage[update.name], commit_id)
            for update in updates
            if update.name in lineage
        },
    )


def _own_commits(context: OperationContext, head: str, target: str) -> dict[str, Commit]:
    """Returns what a branch did that another commit does not have, oldest first.

    Raises:
        InvalidInput: A merge in conflict is among it, which cannot be made again elsewhere.
    """
    read = context.repository.commits.read
    missing = set(missing_commits(read, head, target))
    own = []
    for logged in first_parents(read, head):
        if logged.id not in missing:
            break
        check_not_conflicted(logged.id, logged.commit)
        own.append((logged.id, logged.commit))
    return dict(own[::-1])


def _before(merger: Merger, commit: Commit, target: str) -> str:
    """Returns the state that a commit's own changes are relative to: mostly its parent's.

    What a merge brought that the new base has anyway is not the merge's own: its changes are
    relative to what its parent would be with that.
    """
    context = merger.context
    read = context.repository.commits.read
    at = commit.parents[0] if commit.parents else EMPTY_ID
    for parent in commit.parents[1:]:
        known = parting(read, parent, target)
        if is_ancestor(read, known, at):
            continue
        merge = merger.merge(Ends(merger.base_of(at, known), at, known), "base")
        about = context.describe("merge of what the new base has")
        at = context.repository.writer().write([at, known], merge.updates, about)
    return at


def _arrived(context: OperationContext, base: str, target: str, *, names: set[str]) -> Arrived:
    """Returns, by table, the partitions that came or changed between two commits."""
    commits = context.repository.commits
    arrived = {}
    for name in sorted(names):
        old, new = (commits.entries(c).get(name) for c in (base, target))
        if new is None or (old is not None and old.entry.snapshot == new.entry.snapshot):
            continue
        table = commits.table(new)
        changes = file_changes(
            commits,
            None if old is None else commits.table(old),
            table,
            old_commit=base,
            new_commit=target,
        )
        partitions = {file.partition: file for file in changes.added}
        if partitions:
            arrived[name] = tuple(
                partition_values(table.snapshot, file) for file in partitions.values()
            )
    return arrived
