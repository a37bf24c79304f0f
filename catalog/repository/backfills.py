"""Backfills in refs and commits: found by name, and by the commits that a merge would bring.

All that is known about a backfill lies there. The reflog of its branch says with which commit it
began, and that commit describes it.
"""

from collections.abc import Callable, Collection

from catalog.dataclasses import dataclass
from catalog.errors import Conflict, CorruptData, ErrorKind
from catalog.hints import Blank, Call, Option, hint
from catalog.model.backfill import (
    PREFIX,
    Backfill,
    backfill_of,
    branch_of,
    contracts_of,
    is_description,
)
from catalog.model.commit import Commit
from catalog.model.contracts import Contract
from catalog.model.refs import Move
from catalog.repository.branches import HeldBranch
from catalog.repository.history import LoggedCommit, first_parents, missing_commits
from catalog.repository.repository import Repository

START = "/start/"
"""What stands in the idempotency key of the move that begins a backfill, after its name."""

Read = Callable[[str], Commit]


@dataclass(frozen=True, slots=True)
class Described:
    """A backfill, and what its branch has beside the commit that describes it.

    Attributes:
        backfill: The backfill.
        commit_id: The commit that describes it.
        own: The commits on top of that, newest first.
    """

    backfill: Backfill
    commit_id: str
    own: tuple[LoggedCommit, ...]

    @property
    def done(self) -> dict[str, str]:
        """Returns the commits of its steps by their idempotency keys."""
        keys = [(one.commit.metadata.get("backfill.key"), one.id) for one in self.own]
        return {key: commit_id for key, commit_id in keys if key is not None}


def described_backfills(read: Read, head: str, target: str) -> tuple[Backfill, ...]:
    """Returns the backfills that commits describe which a commit has and another one does not.

    Raises:
        CorruptData: A description cannot be read.
    """
    found = (backfill_of(read(one).metadata) for one in missing_commits(read, head, target))
    return tuple(one for one in found if one is not None)


def merged_metadata(read: Read, source: str, target: str) -> dict[str, str]:
    """Returns what the merge of a commit into another one says about backfills that it brings."""
    found = described_backfills(read, source, target)
    if not found:
        return {}
    return {"backfill.merged": ", ".join(one.id for one in found), "backfill.head": source}


def find_description(read: Read, head: str, own_id: str, *, above: int) -> Described | None:
    """Returns the backfill of an id as a branch describes it; None if the branch does not.

    It looks at commits above a generation: that of the commit which the backfill began from.
    """
    own: list[LoggedCommit] = []
    for logged in first_parents(read, head):
        if logged.commit.generation <= above:
            return None
        metadata = logged.commit.metadata
        if is_description(metadata) and metadata.get("backfill.id") == own_id:
            backfill = backfill_of(metadata)
            assert backfill is not None, "it is a description"
            return Described(backfill, logged.id, tuple(own))
        own.append(logged)
    return None


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
    def is_replaced(self) -> bool:
        """Returns whether its branch was deleted, and somebody made another one of the name."""
        was_deleted = any(move.after is None for move in self.moves)
        return not self.is_deleted and self.described is None and was_deleted

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
        known = {self.backfill.key(step) for step in self.backfill.steps}
        lost = {move.key for move in self.moves if move.key is not None} & known - self.done
        foreign = {key for key in self.done - known if key.startswith(f"{self.backfill.branch}/")}
        if self.described is None or lost or foreign:
            moves = (m for m in self.moves if m.after == self.head and m.before != self.head)
            before = next((move.before for move in moves), None)
            raise Conflict(
                self._what_is_wrong(lost),
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

    def _what_is_wrong(self, lost: Collection[str]) -> str:
        branch = f"branch {self.backfill.branch!r}"
        if self.described is None:
            return f"{branch} was moved since: its description is no longer on it"
        if lost:
            return f"{branch} was moved since: steps that were done are no longer on it"
        return f"{branch} holds a step of a backfill that was begun earlier under the same name"


def find_backfill(repository: Repository, name: str) -> FoundBackfill | None:
    """Returns the backfill that was last begun under a name, also if its branch was deleted.

    Raises:
        CorruptData: Its description cannot be read.
    """
    branches, commits = repository.branches, repository.commits
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


def contracts_brought(
    repository: Repository, source: str, head: str, *, into: str, target: str
) -> tuple[Contract, ...]:
    """Returns the contracts that a merge has to keep since it brings backfills.

    They are those of backfills for the branch that is merged into, whatever branch brings them,
    and that of the backfill whose own branch is merged, whatever it is merged into.

    Args:
        repository: The stored objects.
        source: What is merged, as it was named.
        head: The commit that this stands for.
        into: The branch that it is merged into.
        target: Where that branch is.

    Raises:
        Conflict: It is the branch of a backfill, which was moved so that its description or a step
            is gone: nobody can say that its contract is still the one it was begun with.
        CorruptData: A description or a contract cannot be read.
    """
    described = [
        one
        for one in described_backfills(repository.commits.read, head, target)
        if into == one.into or source == one.branch
    ]
    if source.startswith(PREFIX):
        found = find_backfill(repository, source.removeprefix(PREFIX))
        if found is not None and found.head == head and not found.is_replaced:
            found.check_whole()
            described.append(found.backfill)
    every = (contract for one in described for contract in contracts_of(one))
    return tuple({(one.name, one.digest): one for one in every}.values())
