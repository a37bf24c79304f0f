"""History: walks over commits, merge bases."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from catalog.errors import NotFound
from catalog.model.commit import Commit


@dataclass(frozen=True, slots=True)
class LoggedCommit:
    """Holds a commit with its id."""

    id: str
    commit: Commit


def walk(read: Callable[[str], Commit], start: str) -> Iterator[LoggedCommit]:
    """Yields a commit and all its ancestors, children before parents, newer before older."""
    heap: list[tuple[int, float, str]] = []
    seen: set[str] = set()

    def push(commit_id: str) -> None:
        if commit_id not in seen:
            seen.add(commit_id)
            commit = read(commit_id)
            heapq.heappush(heap, (-commit.generation, -commit.time.timestamp(), commit_id))

    push(start)
    while heap:
        _, _, commit_id = heapq.heappop(heap)
        commit = read(commit_id)
        yield LoggedCommit(commit_id, commit)
        for parent in commit.parents:
            push(parent)


def first_parents(read: Callable[[str], Commit], start: str) -> Iterator[LoggedCommit]:
    """Yields a commit and its ancestors along first parents."""
    current: str | None = start
    while current is not None:
        commit = read(current)
        yield LoggedCommit(current, commit)
        current = commit.parents[0] if commit.parents else None


def count_missing(read: Callable[[str], Commit], start: str, other: str) -> int:
    """Returns how many of a commit and its ancestors are not among another one's.

    It reads the commits above what both have in common, not the history below.
    """
    sides: dict[str, int] = {}
    heap: list[tuple[int, str]] = []
    open_only = 0
    missing = 0

    def push(commit_id: str, side: int) -> None:
        nonlocal open_only
        known = sides.get(commit_id, 0)
        now = known | side
        if known == now:
            return
        if known == 0:
            heapq.heappush(heap, (-read(commit_id).generation, commit_id))
        open_only += (now == 1) - (known == 1)
        sides[commit_id] = now

    push(start, 1)
    push(other, 2)
    while open_only:
        _, commit_id = heapq.heappop(heap)
        side = sides[commit_id]
        open_only -= side == 1
        missing += side == 1
        for parent in read(commit_id).parents:
            push(parent, side)
    return missing


def merge_base(read: Callable[[str], Commit], left: str, right: str) -> str:
    """Returns the best common ancestor: of greatest generation, ties by id.

    Raises:
        NotFound: The commits share no ancestor.
    """
    sides: dict[str, int] = {}
    heap: list[tuple[int, str]] = []

    def push(commit_id: str, side: int) -> None:
        known = sides.get(commit_id, 0)
        if known | side != known:
            if known == 0:
                heapq.heappush(heap, (-read(commit_id).generation, commit_id))
            sides[commit_id] = known | side

    push(left, 1)
    push(right, 2)
    while heap:
        _, commit_id = heapq.heappop(heap)
        if sides[commit_id] == 3:
            return commit_id
        for parent in read(commit_id).parents:
            push(parent, sides[commit_id])
    raise NotFound(f"{left[:8]} and {right[:8]} share no ancestor", kind="no-merge-base")
