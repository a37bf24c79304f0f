"""Resets: a branch is moved to any commit; its reflog keeps where it was."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.errors import Conflict, ErrorKind, InvalidInput
from catalog.model.names import canonical_name
from catalog.operations.merge.open_merges import CONFLICT_TABLE
from catalog.repository.branches import Stamp
from catalog.repository.history import count_missing
from catalog.storage.store import SwapLost

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.repository.repository import Repository


@dataclass(frozen=True, slots=True)
class Reset:
    """Says what a reset did, or with ``dry_run`` would do.

    Attributes:
        branch: The branch.
        before: The commit it stood at.
        after: The commit it stands at; equal to ``before`` if it did not move.
        removed: How many commits are no longer on the branch; they stay in its reflog.
        added: How many commits are on the branch that were not.
        dry_run: Whether it was only found out.
    """

    branch: str
    before: str
    after: str
    removed: int
    added: int
    dry_run: bool = False

    @property
    def moved(self) -> bool:
        """Tells whether the branch is moved by it."""
        return self.before != self.after


def reset_branch(cat: "Catalog", branch: str, *, to: str, dry_run: bool) -> Reset:
    """Moves a branch to the commit of a ref; see ``Catalog.reset``."""
    repository = cat.repository
    name = canonical_name(branch)
    held = repository.branches.held(name)
    if held is None or held.branch.commit_id is None:
        raise repository.refs.unknown(name)
    if held.branch.protected:
        raise Conflict(
            f"branch {name!r} is protected: it changes only by merge",
            kind=ErrorKind.BRANCH_PROTECTED,
            hint=f"first: parquetry branch protect {name} --off",
        )
    before = held.branch.commit_id
    after = repository.refs.resolve(to, default=name).commit_id
    read = repository.commits.read
    there = (
        any(n.casefold() == CONFLICT_TABLE for n in repository.commits.entries(c))
        for c in (before, after)
    )
    if tuple(there) == (False, True):
        raise InvalidInput(
            f"{to} holds a merge in conflict, or what was made of one: branch {name!r} would get "
            f"its table {CONFLICT_TABLE}",
            kind=ErrorKind.CONFLICT_TABLE,
            hint="complete the merge: parquetry merge --continue",
        )
    removed, added = count_missing(read, before, after), count_missing(read, after, before)
    found = Reset(name, before, after, removed, added, dry_run)
    if dry_run or not found.moved:
        return found
    try:
        stamp = Stamp(cat.author, cat.clock(), f"reset: to {to}")
        repository.branches.move(held, after, stamp)
    except SwapLost as error:
        raise _moved_meanwhile(repository, name) from error
    return found


def _moved_meanwhile(repository: "Repository", name: str) -> Conflict:
    now = repository.branches.held(name)
    if now is None or now.branch.commit_id is None:
        return Conflict(
            f"branch {name!r} was deleted while it was to be reset", kind=ErrorKind.BRANCH_DELETED
        )
    last = now.branch.reflog[0]
    return Conflict(
        f"branch {name!r} was moved to {now.branch.commit_id[:8]} by {last.who} ({last.why}) "
        "while it was to be reset; it stays there",
        kind=ErrorKind.WRITE_CONFLICT,
        hint=f"look at it first: parquetry log {name}",
    )
