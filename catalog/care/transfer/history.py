"""Which commits one catalog has and another one lacks, parents before children."""

import heapq
from collections.abc import Callable, Iterable

from catalog.dataclasses import dataclass, field
from catalog.errors import CorruptData
from catalog.model.commit import EMPTY_ID, Commit

ReadCommit = Callable[[str], Commit]

_NEW, _KNOWN = 1, 2


@dataclass(frozen=True, slots=True)
class NewCommits:
    """Commits that are going to travel.

    Attributes:
        ids: The commits, parents before children.
        unreadable: Those that cannot be read, with what is wrong with each.
    """

    ids: tuple[str, ...]
    unreadable: dict[str, str] = field(default_factory=dict)


def new_commits(
    read: ReadCommit, starts: Iterable[str], *, read_known: ReadCommit, known: Iterable[str]
) -> NewCommits:
    """Returns commits and their ancestors, without those that others are or descend from.

    It reads the commits above what both have in common, not the history below.

    Args:
        read: Reads a commit of the catalog that has all.
        starts: Commits of that catalog.
        read_known: Reads a commit of the other catalog.
        known: Commits that the other catalog has, with all before them.
    """
    marks: dict[str, int] = {}
    heap: list[tuple[int, str]] = []
    unreadable: dict[str, str] = {}
    commits: dict[str, Commit] = {}
    waiting = 0  # new ones among those in the heap

    def push(commit_id: str, mark: int) -> None:
        nonlocal waiting
        before = marks.get(commit_id, 0)
        if commit_id == EMPTY_ID or before | mark == before:
            return
        marks[commit_id] = before | mark
        if before:
            waiting -= commit_id in commits and before == _NEW
            return
        try:
            commit = read(commit_id) if mark == _NEW else read_known(commit_id)
        except CorruptData as error:
            if mark == _NEW:
                unreadable[commit_id] = error.message
            else:  # the copy is damaged: what it needs comes again
                del marks[commit_id]
            return
        commits[commit_id] = commit
        waiting += mark == _NEW
        heapq.heappush(heap, (-commit.generation, commit_id))

    for commit_id in known:
        push(commit_id, _KNOWN)
    for commit_id in starts:
        push(commit_id, _NEW)
    found: list[str] = []
    while heap and waiting:
        _, commit_id = heapq.heappop(heap)
        mark = marks[commit_id]
        if mark == _NEW:
            waiting -= 1
            found.append(commit_id)
        for parent in commits.pop(commit_id).parents:
            push(parent, _NEW if mark == _NEW else _KNOWN)
    return NewCommits(tuple(reversed(found)), unreadable)


def is_ancestor(read: ReadCommit, commit_id: str, other: str) -> bool:
    """Returns whether a commit is another one, or an ancestor of it.

    Raises:
        CorruptData: A commit cannot be read.
    """
    if commit_id == other:
        return True
    found = new_commits(read, [commit_id], read_known=read, known=[other])
    if found.unreadable:
        raise CorruptData(next(iter(found.unreadable.values())))
    return not found.ids
