"""Backfills in the history: which ones commits belong to, and which were merged."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from catalog.model.backfill import Backfill, backfill_of, is_description
from catalog.model.commit import Commit
from catalog.repository.history import LoggedCommit, first_parents, is_ancestor

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


def own_commits(read: Read, head: str, target: str) -> Iterator[LoggedCommit]:
    """Yields the commits on the line of first parents that another commit does not have."""
    for logged in first_parents(read, head):
        if is_ancestor(read, logged.id, target):
            return
        yield logged


def described_backfills(read: Read, head: str, target: str) -> tuple[Described, ...]:
    """Returns the backfills that the commits describe which a merge would bring to another one.

    There is mostly one. All of them are meant by whoever made the branch, so that their contracts
    hold for the merge: also those of a branch made from the branch of a backfill.

    Raises:
        CorruptData: A description cannot be read.
    """
    above: list[LoggedCommit] = []
    found = []
    for logged in own_commits(read, head, target):
        backfill = backfill_of(logged.commit.metadata)
        if backfill is not None:
            found.append(Described(backfill, logged.id, tuple(above)))
        above.append(logged)
    return tuple(found)


def merged_metadata(read: Read, source: str, target: str) -> dict[str, str]:
    """Returns what the merge of a commit into another one says about backfills that it brings."""
    found = described_backfills(read, source, target)
    if not found:
        return {}
    merged = ", ".join(one.backfill.id for one in found)
    return {"backfill.merged": merged, "backfill.head": source}


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
