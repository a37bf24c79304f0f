"""The states of a table on the line of first parents to a commit: what its metadata tells of."""

import itertools
from collections.abc import Iterator

from catalog.dataclasses import dataclass
from catalog.model.commit import Commit
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.history import first_parents

WINDOW = 16
"""Generations after which histories begin anew. A history has more commits than that, if there are,
and no more than twice as many: those before them are namespaces all the same."""


@dataclass(frozen=True, slots=True)
class TableAt:
    """A table as a commit has it."""

    id: str
    commit: Commit
    table: StoredTable


@dataclass(frozen=True, slots=True)
class State:
    """A state of a table.

    Attributes:
        first: The table in the commit that made it so, or with which the history begins.
        commits: All commits of the line that have it, newest first.
    """

    first: TableAt
    commits: tuple[str, ...]

    @property
    def id(self) -> str:
        """Returns the commit that the state is known by."""
        return self.first.id


def states(commits: Commits, commit_id: str, table: StoredTable) -> list[State]:
    """Returns the states of a table up to a commit, oldest first.

    They begin where the table was created, or where the window does. So those of a commit and of
    its child nearly always begin with the same one.
    """
    line = list(_line(commits, commit_id, table))
    found = []
    for _, members in itertools.groupby(line, key=lambda one: one.table.id):
        same = list(members)
        found.append(State(same[-1], tuple(one.id for one in same)))
    return found[::-1]


def _line(commits: Commits, commit_id: str, table: StoredTable) -> Iterator[TableAt]:
    """Yields the table in a commit and its ancestors, newest first."""
    floor = _floor(commits.read(commit_id).generation)
    last = table
    for logged in first_parents(commits.read, commit_id):
        if logged.commit.generation < floor:
            return
        entry = commits.entry(logged.id, table.name)
        if entry is None:
            return
        if entry.entry.snapshot != last.id:
            last = commits.table(entry)
        if last.snapshot.table_id != table.snapshot.table_id:
            return
        yield TableAt(logged.id, logged.commit, last)


def _floor(generation: int) -> int:
    """Returns the least generation of a history that ends with this one."""
    return max(generation // WINDOW - 1, 0) * WINDOW
