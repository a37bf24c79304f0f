"""Backfills found by name: what their branches, and the branches they are for, say about them.

All that is known about a backfill lies in refs and commits. The reflog of its branch says with
which commit it began, and that commit describes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from catalog.errors import Conflict, CorruptData, ErrorKind
from catalog.hints import Blank, Call, Option, hint
from catalog.model.backfill import PREFIX, Backfill, backfill_of, branch_of
from catalog.model.listings import CommitInfo, commit_info
from catalog.model.refs import Move
from catalog.operations.context import OperationContext
from catalog.repository.backfills import Described, find_description
from catalog.repository.branches import HeldBranch
from catalog.repository.history import first_parents, is_ancestor

START = "/start/"
"""What stands in the idempotency key of the move that begins a backfill, after its name."""


@dataclass(frozen=True, slots=True)
class FoundBackfill:
    """A backfill, and its branch as it was read.

    Attributes:
        backfill: What it is to do.
        held: Its branch; it may be deleted.
        head: Where the branch points, or pointed before it was deleted.
        described: What the branch holds of it; None if its description is no longer there.
        moves: The moves of the branch since it began, newest first.
    """

    backfill: Backfill
    held: HeldBranch
    head: str
    described: Described | None
    moves: tuple[Move, ...]

    @property
    def is_deleted(self) -> bool:
        """Returns whether its branch is gone."""
        return self.held.branch.commit_id is None

    @property
    def done(self) -> frozenset[str]:
        """Returns the idempotency keys of the steps that the branch holds."""
        return frozenset() if self.described is None else frozenset(self.described.done)

    def check_whole(self) -> Described:
        """Checks that the branch still holds all that the backfill did there.

        Returns:
            What it holds.

        Raises:
            Conflict: It was moved so that its description or a step is gone.
        """
        lost = {move.key for move in self.moves if move.key is not None} & {
            self.backfill.key(step) for step in self.backfill.steps
        }
        if self.described is None or lost - self.done:
            what = "its description is" if self.described is None else "steps that were done are"
            before = next((m.before for m in self.moves if m.after == self.head), None)
            raise Conflict(
                f"branch {self.backfill.branch!r} was moved since: {what} no longer on it",
                kind=ErrorKind.BACKFILL_BROKEN,
                hint=hint(
                    "see how it was moved: {}; put it back: {}; or begin the backfill again, "
                    "without what is on the branch now: {}",
                    Call("reflog", (self.backfill.branch,)),
                    Call(
                        "reset",
                        (self.backfill.branch,),
                        to=before[:8] if before else Blank("COMMIT"),
                    ),
                    Option("restart"),
                ),
            )
        return self.described


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge that brought a backfill to the branch it is for.

    Attributes:
        commit: The merge.
        undo: The commit that took it back since; None if none did.
    """

    commit: CommitInfo
    undo: CommitInfo | None = None


def find_backfill(context: OperationContext, name: str) -> FoundBackfill | None:
    """Returns the backfill that was last begun under a name, also if its branch was deleted.

    Raises:
        CorruptData: Its description cannot be read.
    """
    branches, commits = context.repository.branches, context.repository.commits
    held = branches.held(branch_of(name))
    if held is None:
        return None
    moves: list[Move] = []
    for move in branches.reflog(held.branch):
        moves.append(move)
        if move.after is not None and (move.key or "").startswith(f"{PREFIX}{name}{START}"):
            backfill = backfill_of(commits.read(move.after).metadata)
            if backfill is None or backfill.name != name:
                raise CorruptData(f"commit {move.after[:8]} does not describe backfill {name!r}")
            head = held.branch.commit_id or next(m.before for m in moves if m.before is not None)
            least = commits.read(backfill.base).generation
            described = find_description(commits.read, head, backfill.id, above=least)
            return FoundBackfill(backfill, held, head, described, tuple(moves))
    return None


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
