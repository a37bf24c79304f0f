"""What the branches of backfills, and those that they are for, say about them."""

from collections.abc import Iterator

from catalog.dataclasses import dataclass, field
from catalog.model.backfill import PREFIX, Backfill
from catalog.model.listings import CommitInfo, commit_info
from catalog.operations.context import OperationContext
from catalog.operations.merge.open_merges import OpenMerge, branch_name
from catalog.operations.merge.open_merges import find_merge as find_open_merge
from catalog.operations.merge.resume import abort_merge
from catalog.operations.replay import PARTLY
from catalog.repository.backfills import FoundBackfill
from catalog.repository.history import LoggedCommit, first_parents, is_ancestor


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge that brought a backfill to the branch it is for.

    Attributes:
        commit: The merge.
        undo: The commit that took it back since; None if none did.
    """

    commit: CommitInfo
    undo: CommitInfo | None = None


@dataclass(slots=True)
class MergesInto:
    """The merges that brought backfills to branches; each branch is walked once, as far as needed.

    Attributes:
        context: The catalog.
    """

    context: OperationContext
    _walks: dict[str, "_Walk"] = field(default_factory=dict)

    def of(self, backfill: Backfill) -> tuple[Merged, ...]:
        """Returns the merges that brought a backfill to its target, newest first."""
        read = self.context.repository.commits.read
        if backfill.into not in self._walks:
            held = self.context.repository.branches.find(backfill.into)
            head = None if held is None else held.commit_id
            self._walks[backfill.into] = _Walk(
                iter(()) if head is None else first_parents(read, head)
            )
        walk = self._walks[backfill.into]
        walk.go_to(read(backfill.base).generation)
        return tuple(walk.merges.get(backfill.id, ()))


@dataclass(slots=True)
class _Walk:
    """A walk down a line of first parents, and the merges of backfills found so far, by id.

    A merge says which backfills it brings, and a revert what it takes back: unless it was taken
    back itself, or took back only some tables.
    """

    line: Iterator[LoggedCommit]
    merges: dict[str, list[Merged]] = field(default_factory=dict)
    _undone: dict[str, CommitInfo] = field(default_factory=dict)
    _next: LoggedCommit | None = None

    def go_to(self, generation: int) -> None:
        """Looks at all commits above a generation."""
        while True:
            self._next = self._next or next(self.line, None)
            if self._next is None or self._next.commit.generation <= generation:
                return
            self._look_at(self._next)
            self._next = None

    def _look_at(self, logged: LoggedCommit) -> None:
        metadata = logged.commit.metadata
        if "reverted" in metadata and PARTLY not in metadata and logged.id not in self._undone:
            for one in metadata["reverted"].split(", "):
                self._undone.setdefault(one, commit_info(logged.id, logged.commit))
        if "backfill.merged" in metadata:
            found = Merged(commit_info(logged.id, logged.commit), self._undone.get(logged.id))
            for own_id in metadata["backfill.merged"].split(", "):
                self.merges.setdefault(own_id, []).append(found)


def find_merge(
    context: OperationContext, backfill: Backfill, merges: MergesInto | None = None
) -> Merged | None:
    """Returns the newest merge that brought a backfill to its target, None if none did."""
    return next(iter((merges or MergesInto(context)).of(backfill)), None)


def open_merge(context: OperationContext, backfill: Backfill) -> OpenMerge | None:
    """Returns the merge of a backfill into its target that waits for conflicts to be settled."""
    source, into = backfill.branch, backfill.into
    merge = find_open_merge(context, branch_name(source, into))
    return merge if merge is not None and (merge.source, merge.into) == (source, into) else None


def drop_open_merge(context: OperationContext, backfill: Backfill) -> None:
    """Drops the merge of a backfill that waits for conflicts to be settled, if there is one."""
    merge = open_merge(context, backfill)
    if merge is not None:
        abort_merge(context, merge.branch, None)


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
