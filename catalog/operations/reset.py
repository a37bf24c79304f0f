"""Resets: a branch is moved to any commit, and its reflog keeps where it was."""

from catalog.dataclasses import dataclass, replace
from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.hints import Call, hint
from catalog.model.names import canonical_name
from catalog.operations.context import OperationContext
from catalog.operations.refs import movable_branch
from catalog.repository.branch_errors import moved_error
from catalog.repository.history import count_missing
from catalog.storage.store import SwapLost
from catalog.write.merge.conflicts import CONFLICT_TABLE


@dataclass(frozen=True, slots=True)
class Reset:
    """What a reset did, or in a dry run would do.

    Attributes:
        branch: The branch.
        before: The commit it pointed at; empty if its object was damaged.
        after: The commit it points at now; equal to ``before`` if it did not move.
        removed: How many commits are no longer on the branch; they stay in its reflog.
        added: How many commits are on the branch that were not.
        dry_run: Whether nothing was moved.
        rules: Whether a branch whose object was damaged still has rules; those that could not be
            read are gone.
    """

    branch: str
    before: str
    after: str
    removed: int
    added: int
    dry_run: bool = False
    rules: bool = False

    @property
    def moved(self) -> bool:
        """Returns whether the reset moves the branch."""
        return self.before != self.after


def reset_branch(context: OperationContext, branch: str, *, to: str, dry_run: bool) -> Reset:
    """Moves a branch to the commit of a ref; see ``Catalog.reset``."""
    repository = context.repository
    try:
        live = movable_branch(repository, branch, doing="resetting it")
    except CorruptData:
        return _mended(context, canonical_name(branch), to=to, dry_run=dry_run)
    name, before = live.name, live.head
    after = repository.refs.resolve(to, default=name, clock=context.clock).commit_id
    if after != before:
        repository.expiry.check_kept(after)
    has_conflicts = [repository.commits.entry(one, CONFLICT_TABLE) for one in (before, after)]
    if has_conflicts[1] is not None and has_conflicts[0] is None:
        raise InvalidInput(
            f"{to} is a merge in conflict, or was made from one: branch {name!r} would get its "
            "table of conflicts",
            kind=ErrorKind.CONFLICT_TABLE,
            hint=hint("complete the merge: {}", Call("continue_merge")),
        )
    read = repository.commits.read
    removed, added = count_missing(read, before, after), count_missing(read, after, before)
    report = Reset(name, before, after, removed, added, dry_run)
    if dry_run or not report.moved:
        return report
    try:
        repository.branches.move(live.held, after, context.stamp(f"reset: to {to}"))
    except SwapLost as error:
        now = repository.branches.held(name)
        raise moved_error(
            name, during="the reset", now=None if now is None else now.branch
        ) from error
    return report


def _mended(context: OperationContext, name: str, *, to: str, dry_run: bool) -> Reset:
    """Points a branch whose object is damaged at a commit."""
    repository = context.repository
    after = repository.refs.resolve(to, default=name, clock=context.clock).commit_id
    repository.expiry.check_kept(after)
    report = Reset(name, "", after, 0, 0, dry_run)
    if not dry_run:
        try:
            mended = repository.branches.mend(
                name, after, context.stamp(f"reset: damaged, to {to}")
            )
        except SwapLost as error:
            raise moved_error(name, during="the reset") from error
        report = replace(report, rules=mended.rules is not None)
    return report
