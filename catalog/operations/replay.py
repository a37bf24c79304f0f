"""Changes made again elsewhere, or taken back: cherry-pick, revert, rebase."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.errors import Conflict, ErrorKind, InvalidInput, MergeConflict, NotFound
from catalog.model import listings
from catalog.model.commit import Commit
from catalog.model.listings import CommitInfo
from catalog.model.names import canonical_name
from catalog.model.partition import partition_values
from catalog.model.ref_expressions import split_range
from catalog.model.texts import listed
from catalog.operations.dry_run import tried_out
from catalog.operations.merge.open_merges import check_no_start, foreign_conflicts, without_merge
from catalog.operations.merge.steps import (
    MergeReport,
    Resolutions,
    base_of,
    check_resolved,
    in_order,
    lineage_of,
    merged,
    merging,
    open_branch,
    proposal,
    report,
    told_as,
    with_commit,
)
from catalog.repository.branches import HeldBranch, Stamp
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.history import first_parents, is_ancestor, merge_base
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.repository.tables import file_changes
from catalog.storage.store import SwapLost
from catalog.write.merge.commits import Merge
from catalog.write.merge.ends import Ends
from catalog.write.merge.table import MergeContext, MergeProgress
from catalog.write.publish import Proposal, publish

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@dataclass(frozen=True, slots=True)
class RebaseReport:
    """Tells what a rebase did, or would do.

    Attributes:
        branch: The branch.
        base: The commit at which it had left the new base.
        onto: The commit it stands on now.
        before: The commit it was at.
        after: The commit it is at now; None in a dry run.
        commits: The commits that were made again, oldest first; without those of which nothing
            was left.
        arrived: By table that the branch changed, the partitions that came or changed on the
            new base since the branch left it: they may still need what the branch did.
    """

    branch: str
    base: str
    onto: str
    before: str
    after: str | None
    commits: tuple[CommitInfo, ...]
    arrived: Mapping[str, tuple[dict[str, str | None], ...]]

    @property
    def is_up_to_date(self) -> bool:
        """Tells whether the branch stood on the new base already."""
        return self.base == self.onto


def cherry_pick(
    owner: "Catalog",
    ref: str,
    branch: str,
    *,
    resolve: Resolutions,
    mainline: int,
    dry_run: bool,
    progress: MergeProgress | None,
) -> MergeReport:
    """Makes on a branch what a commit did; see ``Catalog.cherry_pick``."""
    commit_id = owner.resolve(ref).commit_id
    commit = owner.repository.commits.read(commit_id)
    check_no_start(commit_id, commit)
    parent = _parent(commit, commit_id, mainline)
    return _apply(
        owner,
        canonical_name(branch),
        [(parent, commit_id)],
        operation="cherry-pick",
        message=commit.message,
        metadata={**without_merge(commit.metadata), "cherry-picked-from": commit_id},
        named=commit_id[:8],
        resolve=resolve,
        tables=None,
        dry_run=dry_run,
        progress=progress,
    )


def revert(
    owner: "Catalog",
    refs: Sequence[str],
    branch: str,
    *,
    tables: Sequence[str] | None,
    allow_partial: bool,
    message: str | None,
    resolve: Resolutions,
    mainline: int,
    dry_run: bool,
    progress: MergeProgress | None,
) -> MergeReport:
    """Takes back what commits did; see ``Catalog.revert``."""
    tables = tables if tables is None else listed(tables, "tables")
    commits = _reverted(owner, refs)
    steps = []
    for commit_id in commits:
        commit = owner.repository.commits.read(commit_id)
        steps.append((commit_id, _parent(commit, commit_id, mainline)))
    wanted = None if tables is None else _checked_tables(owner, commits, tables, allow_partial)
    titles = [owner.repository.commits.read(c).message.partition("\n")[0] for c in commits]
    text = message or "\n".join(
        f'revert "{title}" ({commit_id[:8]})'
        for title, commit_id in zip(titles, commits, strict=True)
    )
    return _apply(
        owner,
        canonical_name(branch),
        steps,
        operation="revert",
        message=text,
        metadata={"reverted": ", ".join(commits)},
        named=", ".join(commit_id[:8] for commit_id in commits),
        resolve=resolve,
        tables=wanted,
        dry_run=dry_run,
        progress=progress,
    )


def _apply(
    owner: "Catalog",
    branch: str,
    steps: Sequence[tuple[str, str]],
    *,
    operation: str,
    message: str,
    metadata: Mapping[str, str],
    named: str,
    resolve: Resolutions,
    tables: Sequence[str] | None,
    dry_run: bool,
    progress: MergeProgress | None,
) -> MergeReport:
    """Merges into a branch what leads from one commit to another, step by step, in one commit.

    Args:
        owner: The catalog.
        branch: The branch.
        steps: Pairs of commits: what led from the first to the second.
        operation: What this is called.
        message: The commit's message.
        metadata: The commit's metadata.
        named: Names the commits in errors.
        resolve: Which side is taken where both clash.
        tables: The tables to look at; None means all.
        dry_run: Whether to move nothing and leave nothing; the first step in conflict is
            reported then, not raised.
        progress: See ``Catalog.merge``.
    """
    read = (open_branch(owner, branch), *(commit_id for step in steps for commit_id in step))
    check_resolved(owner, resolve, read)
    reports: list[MergeReport] = []
    with (
        tried_out(owner, dry_run=dry_run) as owner,
        merging(owner, dry_run=dry_run, progress=progress) as context,
    ):

        def propose(held: HeldBranch, head: str) -> Proposal | None:
            if held.branch.protected:
                open_branch(owner, branch)
            at = head
            steps_done: list[Merge] = []
            for base, theirs in steps:
                ends = Ends(base, at, theirs)
                found = merged(
                    owner, context, ends, resolve, leave_out=_others(owner, ends, tables)
                )
                reports.append(report(branch, ends, found))
                if found.conflicts.num_rows and dry_run:
                    return None
                if found.conflicts.num_rows:
                    what = f"{operation} of {named} on {branch}"
                    if len(steps) > 1:
                        what = f"{what}, at commit {base[:8]}"
                    raise _conflict(what, found.conflicts)
                steps_done.append(found)
                if found.updates:
                    at = _between(owner, at, found.updates, message)
            if at == head:
                return None
            hows = {t.name: t.how for one in steps_done for t in one.tables if t.how != "taken"}
            whole = told_as(merged(owner, context, Ends(head, head, at), None), hows)
            reports.append(report(branch, Ends(steps[-1][0], head, steps[-1][1]), whole))
            if dry_run or not whole.updates:
                return None
            lineage = lineage_of(operation, whole, steps[-1][1])
            why = f"{operation}: {named}"
            return proposal(owner, [head], whole.updates, message, why, lineage, metadata=metadata)

        commit_id = publish(owner.repository, branch, propose)
        return with_commit(owner, reports[-1], commit_id)


def _between(
    owner: "Catalog",
    at: str,
    updates: Sequence[TableUpdate],
    message: str,
    *,
    like: Commit | None = None,
) -> str:
    """Writes a commit that no branch is moved to yet, by the author of another if one is given."""
    about = Description(
        author=owner.author if like is None else like.author,
        time=owner.clock(),
        message=message,
        metadata={} if like is None else without_merge(like.metadata),
        lineage={} if like is None else like.lineage,
    )
    return owner.repository.writer().write([at], updates, about)


def _conflict(
    what: str,
    conflicts: pa.Table,
    *,
    sides: str = "--resolve ours (what the branch has) or --resolve theirs",
) -> MergeConflict:
    tables = ", ".join(sorted(set(conflicts["table_name"].to_pylist()))[:5])
    count = conflicts.num_rows
    return MergeConflict(
        f"{what}: {count} conflict{'s' if count != 1 else ''} in {tables}; nothing was moved",
        conflicts=in_order(conflicts),
        hint=f"take a side with {sides}",
    )


def _parent(commit: Commit, commit_id: str, mainline: int) -> str:
    """Returns the parent of a commit that its changes are relative to."""
    if not 1 <= mainline <= len(commit.parents):
        raise InvalidInput(
            f"commit {commit_id[:8]} has no parent {mainline}; it has {len(commit.parents)}",
            kind=ErrorKind.NO_PARENT,
        )
    return commit.parents[mainline - 1]


def _reverted(owner: "Catalog", refs: Sequence[str]) -> list[str]:
    """Returns the commits that refs and ranges name, newest first."""
    read = owner.repository.commits.read
    found: dict[str, int] = {}
    for ref in refs:
        ends = split_range(ref)
        if ends is None:
            commit_id = owner.resolve(ref).commit_id
            found[commit_id] = read(commit_id).generation
            continue
        start, stop = (owner.resolve(end or DEFAULT_BRANCH).commit_id for end in ends[:2])
        for logged in first_parents(read, stop):
            if logged.id == start:
                break
            found[logged.id] = logged.commit.generation
        else:
            raise InvalidInput(
                f"{ends[0]} is not on the line of first parents of {ends[1]}",
                hint="name the commits one by one",
            )
    if not found:
        raise InvalidInput("no commit to revert")
    return sorted(found, key=lambda commit_id: -found[commit_id])


def _checked_tables(
    owner: "Catalog", commits: Sequence[str], tables: Sequence[str], allow_partial: bool
) -> list[str]:
    """Checks that commits may be taken back in some of their tables only.

    Raises:
        NotFound: None of them changed such a table.
        InvalidInput: They changed others too, and that was not allowed.
    """
    changed = {name for c in commits for name in owner.repository.commits.read(c).changes}
    folded = {name.casefold(): name for name in changed}
    for table in tables:
        if table.casefold() not in folded:
            raise NotFound(
                f"table {table!r} was not changed there",
                kind=ErrorKind.TABLE_NOT_FOUND,
                hint=f"what was: {', '.join(sorted(changed))}",
            )
    wanted = {folded[table.casefold()] for table in tables}
    if changed - wanted and not allow_partial:
        raise InvalidInput(
            f"the commit also changed {', '.join(sorted(changed - wanted))}: taking back one "
            "table of several may leave them at odds",
            kind=ErrorKind.PARTIAL_REVERT,
            hint="--allow-partial takes back these tables only",
        )
    return sorted(wanted)


def _others(owner: "Catalog", ends: Ends, tables: Sequence[str] | None) -> list[str]:
    if tables is None:
        return foreign_conflicts(owner, ends)
    entries = owner.repository.commits.entries
    names = {name for c in (ends.base, ends.ours, ends.theirs) for name in entries(c)}
    return sorted((names - set(tables)) | set(foreign_conflicts(owner, ends)))


def rebase(
    owner: "Catalog",
    branch: str,
    onto: str,
    *,
    resolve: Resolutions,
    dry_run: bool,
    progress: MergeProgress | None,
) -> RebaseReport:
    """Makes the commits of a branch again on another base; see ``Catalog.rebase``."""
    branch = canonical_name(branch)
    before = open_branch(owner, branch)
    held = owner.repository.branches.held(branch)
    assert held is not None, "an open branch is there"
    target = owner.resolve(onto).commit_id
    check_resolved(owner, resolve, (before, target))
    base = merge_base(owner.repository.commits.read, before, target)
    if base == target:
        return RebaseReport(branch, base, target, before, None, (), {})
    own = _own_commits(owner, before, target)
    for commit_id, commit in own:
        check_no_start(commit_id, commit)
    names = {name for _, commit in own for name in commit.changes}
    arrived = _arrived(owner, base, target, names)
    if dry_run:
        made = tuple(listings.commit_info(commit_id, commit) for commit_id, commit in own)
        return RebaseReport(branch, base, target, before, None, made, arrived)
    at = target
    replayed = []
    with merging(owner, progress=progress) as context:
        for commit_id, commit in own:
            ends = Ends(_before(owner, context, commit, target), at, commit_id)
            leave_out = foreign_conflicts(owner, ends)
            found = merged(owner, context, ends, resolve, leave_out=leave_out)
            if found.conflicts.num_rows:
                title = commit.message.partition("\n")[0]
                raise _conflict(
                    f'rebase of {branch} onto {onto}, at commit {commit_id[:8]} "{title}"',
                    found.conflicts,
                    sides=f"--resolve ours (what {onto} has) or theirs (what {branch} did)",
                )
            if found.updates:
                at = _between(owner, at, found.updates, commit.message, like=commit)
                replayed.append(at)
    stamp = Stamp(owner.author, owner.clock(), f"rebase: onto {onto}")
    try:
        owner.repository.branches.move(held, at, stamp)
    except SwapLost as error:
        raise Conflict(
            f"branch {branch!r} was moved by somebody else during the rebase",
            kind=ErrorKind.WRITE_CONFLICT,
            hint="run the command again",
        ) from error
    read = owner.repository.commits.read
    made = tuple(listings.commit_info(one, read(one)) for one in replayed)
    return RebaseReport(branch, base, target, before, at, made, arrived)


def _own_commits(owner: "Catalog", head: str, target: str) -> list[tuple[str, Commit]]:
    """Returns what a branch did that another commit does not have, oldest first."""
    read = owner.repository.commits.read
    found = []
    for logged in first_parents(read, head):
        if is_ancestor(read, logged.id, target):
            break
        found.append((logged.id, logged.commit))
    return found[::-1]


def _before(owner: "Catalog", context: MergeContext, commit: Commit, target: str) -> str:
    """Returns the state that a commit's own changes are relative to: mostly its parent's.

    What a merge brought that the new base has anyway is not the merge's own: its changes are
    relative to what its parent would be with that.
    """
    read = owner.repository.commits.read
    at = commit.parents[0]
    for parent in commit.parents[1:]:
        known = merge_base(read, parent, target)
        if is_ancestor(read, known, at):
            continue
        ends = Ends(base_of(owner, context, at, known), at, known)
        found = merged(owner, context, ends, "base")
        about = Description(owner.author, owner.clock(), "merge of what the new base has")
        at = owner.repository.writer().write([at, known], found.updates, about)
    return at


def _arrived(
    owner: "Catalog", base: str, target: str, names: set[str]
) -> dict[str, tuple[dict[str, str | None], ...]]:
    """Returns, by table, the partitions that came or changed between two commits."""
    commits = owner.repository.commits
    found = {}
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
            found[name] = tuple(
                partition_values(table.snapshot, file) for file in partitions.values()
            )
    return found
