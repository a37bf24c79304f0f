"""History: walks over commits, merge bases."""

import heapq
from collections.abc import Callable, Iterator, Sequence

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, NotFound
from catalog.model.commit import EMPTY_ID, Commit


@dataclass(frozen=True, slots=True)
class LoggedCommit:
    """A commit with its id."""

    id: str
    commit: Commit


def walk(read: Callable[[str], Commit], *starts: str) -> Iterator[LoggedCommit]:
    """Yields commits and all their ancestors once, newer before older, children before parents.

    Of commits of one time, those of a greater generation come first. Lines of history that began
    apart count their generations apart, and their times mix.
    """
    heap: list[tuple[float, int, str]] = []
    seen: set[str] = set()

    def push(commit_id: str) -> None:
        if commit_id not in seen:
            seen.add(commit_id)
            commit = read(commit_id)
            heapq.heappush(heap, (-commit.time.timestamp(), -commit.generation, commit_id))

    for start in starts:
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
    return sum(1 for _ in missing_commits(read, start, other))


def missing_commits(read: Callable[[str], Commit], start: str, other: str) -> Iterator[str]:
    """Yields those of a commit and its ancestors that are not among another one's.

    It reads the commits above what both have in common, not the history below.
    """
    marked = list(_marked(read, start, other, is_done=lambda waiting: not waiting[_LEFT]))
    return (commit_id for commit_id, mark in marked if mark == _LEFT)


def commits_between(
    read: Callable[[str], Commit], before: str, after: str, *, most: int
) -> int | None:
    """Returns how many commits lead from one to another: those that only the second has.

    Args:
        read: Reads a commit.
        before: The first.
        after: The second.
        most: The number from which on they are not counted.

    Returns:
        The number; None if it is ``most`` or more, or if the first is not an ancestor of the
        second. The empty state is one of every commit.
    """
    count = 0

    def is_done(waiting: Sequence[int]) -> bool:
        return not waiting[_LEFT] and (not waiting[_RIGHT] or before == EMPTY_ID)

    for commit_id, mark in _marked(read, after, before, is_done=is_done):
        if commit_id == EMPTY_ID:
            continue
        count += mark == _LEFT
        if mark == _RIGHT or count >= most:
            return None
    return count


def fork(read: Callable[[str], Commit], left: str, right: str) -> str | None:
    """Returns the newest commit on the lines of first parents of both; None if they share none."""
    ends: list[str | None] = [left, right]
    while ends[0] != ends[1] and None not in ends:
        commits = [read(end) for end in ends if end is not None]
        newest = max(commit.generation for commit in commits)
        ends = [
            (commit.parents[0] if commit.parents else None) if commit.generation == newest else end
            for end, commit in zip(ends, commits, strict=True)
        ]
    return ends[0] if ends[0] == ends[1] else None


def merge_base(read: Callable[[str], Commit], left: str, right: str) -> str:
    """Returns the best common ancestor: of greatest generation, ties by id.

    Raises:
        NotFound: The commits share no ancestor.
    """
    return merge_bases(read, left, right)[0]


def parting(read: Callable[[str], Commit], left: str, right: str) -> str:
    """Returns the commit where two lines parted: their merge base, or the empty state.

    Lines that start from commits of their own, without parents, have all they hold since then.
    """
    return partings(read, left, right)[0]


def partings(read: Callable[[str], Commit], left: str, right: str) -> tuple[str, ...]:
    """Returns all merge bases, the best first; the empty state if there is none."""
    return _merge_bases(read, left, right) or (EMPTY_ID,)


_LEFT, _RIGHT = 1, 2
"""Mark a commit that one end comes from."""

_SHARED = 3
"""Marks a commit that both ends come from."""

_BELOW = 4
"""Marks a commit below one that both come from."""


def merge_bases(read: Callable[[str], Commit], left: str, right: str) -> tuple[str, ...]:
    """Returns all common ancestors that are not ancestors of another: several after criss-cross.

    It reads the commits above them, not the history below. The best comes first: of greatest
    generation, ties by id.

    Raises:
        NotFound: The commits share no ancestor.
    """
    found = _merge_bases(read, left, right)
    if not found:
        raise NotFound(
            f"{left[:8]} and {right[:8]} share no ancestor", kind=ErrorKind.NO_MERGE_BASE
        )
    return found


def _merge_bases(read: Callable[[str], Commit], left: str, right: str) -> tuple[str, ...]:
    def is_done(waiting: Sequence[int]) -> bool:
        return not waiting[_SHARED] and not (waiting[_LEFT] and waiting[_RIGHT])

    marked = _marked(read, left, right, is_done=is_done)
    return tuple(commit_id for commit_id, mark in marked if mark == _SHARED)


def _marked(
    read: Callable[[str], Commit],
    left: str,
    right: str,
    *,
    is_done: Callable[[Sequence[int]], bool],
) -> Iterator[tuple[str, int]]:
    """Yields commits of greatest generation first, marked by the ends that they come from.

    The left end and its ancestors have ``_LEFT`` in their marks, those of the right end
    ``_RIGHT``, and those of a shared one ``_BELOW``. ``is_done`` receives, by mark, how many
    commits still wait, and says when those say nothing more.
    """
    marks: dict[str, int] = {}
    heap: list[tuple[int, str]] = []
    waiting = [0] * (2 * _BELOW)

    def push(commit_id: str, mark: int) -> None:
        known = marks.get(commit_id, 0)
        if known | mark == known:
            return
        if known == 0:
            heapq.heappush(heap, (-read(commit_id).generation, commit_id))
        else:
            waiting[known] -= 1
        waiting[known | mark] += 1
        marks[commit_id] = known | mark

    push(left, _LEFT)
    push(right, _RIGHT)
    while heap and not is_done(waiting):
        _, commit_id = heapq.heappop(heap)
        mark = marks[commit_id]
        waiting[mark] -= 1
        yield commit_id, mark
        for parent in read(commit_id).parents:
            push(parent, mark | _BELOW if mark == _SHARED else mark)


def is_ancestor(read: Callable[[str], Commit], commit_id: str, of: str) -> bool:
    """Returns whether a commit is another one or an ancestor of it; the empty state always is."""
    return parting(read, commit_id, of) == commit_id
