"""What the branches of backfills, and those that they are for, say about them."""

from collections.abc import Iterator
from dataclasses import dataclass

from catalog.model.backfill import PREFIX, Backfill
from catalog.model.listings import CommitInfo, commit_info
from catalog.operations.context import OperationContext
from catalog.repository.backfills import FoundBackfill, find_description
from catalog.repository.history import first_parents, is_ancestor


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge that brought a backfill to the branch it is for.

    Attributes:
        commit: The merge.
        undo: The commit that took it back since; None if none did.
    """

    commit: CommitInfo
    undo: CommitInfo | None = None


def find_merge(context: OperationContext, backfill: Backfill) -> Merged | None:
    """Returns the newest merge that brought a backfill to its target, None if none did."""
    return next(find_merges(context, backfill), None)


def find_merges(context: OperationContext, backfill: Backfill) -> Iterator[Merged]:
    """Yields the merges that brought a backfill to its target, newest first.

    They are known by their metadata, or by the description among what they brought.
    """
    held = context.repository.branches.find(backfill.into)
    if held is None or held.commit_id is None:
        return
    read = context.repository.commits.read
    least = read(backfill.base).generation
    undone: dict[str, CommitInfo] = {}
    for logged in first_parents(read, held.commit_id):
        if logged.commit.generation <= least:
            return
        info = commit_info(logged.id, logged.commit)
        for one in logged.commit.metadata.get("reverted", "").split(", "):
            undone.setdefault(one, info)
        if backfill.id in logged.commit.metadata.get("backfill.merged", "").split(", ") or any(
            find_description(read, parent, backfill.id, above=least)
            for parent in logged.commit.parents[1:]
        ):
            yield Merged(info, undone.get(logged.id))


def has_all_of(context: OperationContext, found: FoundBackfill, merged: Merged) -> bool:
    """Returns whether the target of a backfill that was merged has all that is on its branch."""
    if merged.commit.metadata.get("backfill.head") == found.head:
        return True
    target = context.repository.branches.find(found.backfill.into)
    if target is None or target.commit_id is None:
        return False
    return is_ancestor(context.repository.commits.read, found.head, target.commit_id)


def changed_tables(found: FoundBackfill) -> set[str]:
    """Returns the tables that commits on the branch of a backfill changed."""
    own = () if found.described is None else found.described.own
    return {name for one in own for name in one.commit.changes}


def backfill_names(context: OperationContext) -> Iterator[str]:
    """Yields the names of the branches of backfills, also of those that were deleted."""
    for name in context.repository.branches.names():
        if name.startswith(PREFIX):
            yield name.removeprefix(PREFIX)
