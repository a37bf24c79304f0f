"""Which commits wrote what a table has: the last one, and those that its rows come from before."""

from catalog.dataclasses import dataclass
from catalog.model.commit import Commit
from catalog.model.lineage import Input, LineageEntry, is_about_checks
from catalog.model.lineage_tree import replaces
from catalog.repository.commits import Commits
from catalog.repository.lineage import lineage_detail

_BROUGHT = ("merge", "cherry-pick", "revert")
"""Operations whose rows come from other states of the same table."""

_CHANGES = ("update", "delete", "merge", "alter")
"""Statements whose first input is the table that they change, as it was."""


@dataclass(frozen=True, slots=True)
class State:
    """A table in a commit."""

    table: str
    commit_id: str


@dataclass(frozen=True, slots=True)
class Written:
    """A commit that wrote a table.

    Attributes:
        state: The table there.
        commit: The commit.
        entry: What it recorded about the table; None if nothing.
        inputs: The inputs that are other tables, by position in the entry.
        formers: Earlier states of the same table that its rows come from.
    """

    state: State
    commit: Commit
    entry: LineageEntry | None
    inputs: dict[int, Input]
    formers: tuple[State, ...]


def last_write(commits: Commits, state: State) -> Written | None:
    """Returns the commit that last wrote a table; None if it is not there, or history is gone.

    It follows first parents, and of a merge the side that brought the table as it is.
    """
    if not commits.exists(state.commit_id):
        return None
    entry = commits.entries(state.commit_id).get(state.table)
    if entry is None:
        return None
    at = state.commit_id
    while True:
        commit = commits.read(at)
        sides = commit.parents[:1]
        about_checks = is_about_checks(commit.lineage.get(state.table))
        if sides and about_checks and commits.exists(sides[0]):
            entry = commits.entries(sides[0]).get(state.table)
        elif state.table in commit.changes:
            sides = tuple(p for p in commit.parents[1:] if _has(commits, p, state.table, entry))
        if not sides:
            return _written(commits, State(state.table, at), commit)
        if not commits.exists(sides[0]):
            return None
        at = sides[0]


def _has(commits: Commits, commit_id: str, table: str, entry: object) -> bool:
    """Returns whether a commit has a table just as another one has it."""
    if not commits.exists(commit_id):
        return False
    there = commits.entries(commit_id).get(table)
    return there is not None and there.entry == getattr(entry, "entry", None)


def _written(commits: Commits, state: State, commit: Commit) -> Written:
    entry = lineage_detail(commits, state.commit_id, state.table)
    parent = commit.parents[0] if commit.parents else None
    before = None
    if parent is not None and commits.exists(parent):
        before = commits.entries(parent).get(state.table)
    if entry is None:
        formers = [State(state.table, p) for p in commit.parents]
        return Written(state, commit, None, {}, _there(commits, formers))
    known = None if before is None else before.entry.snapshot
    own = {at for at, one in enumerate(entry.inputs) if _is_own(entry, at, one, state, known)}
    others = {at: one for at, one in enumerate(entry.inputs) if at not in own}
    if entry.operation in _BROUGHT:
        return Written(state, commit, entry, {}, _sides(commits, state, commit, entry))
    if replaces(entry):
        return Written(state, commit, entry, others, ())
    formers = [State(state.table, parent)] if before is not None and parent is not None else []
    if before is None and parent is not None:  # it had another name
        formers = [State(entry.inputs[at].table, parent) for at in own]
    return Written(state, commit, entry, others, _there(commits, formers))


def _is_own(entry: LineageEntry, at: int, one: Input, state: State, known: str | None) -> bool:
    """Returns whether an input is what the table itself was before."""
    steps = entry.steps or (entry,)
    if at == 0 and all(step.facts.get("kind") == "alter" for step in steps):
        return True
    if one.table.casefold() != state.table.casefold():
        return False
    changes = any(step.facts.get("kind") in _CHANGES for step in steps)
    return (
        one.commit is None or (known is not None and one.snapshot == known) or (changes and at == 0)
    )


def _sides(
    commits: Commits, state: State, commit: Commit, entry: LineageEntry
) -> tuple[State, ...]:
    """Returns the states that a merge, or a change made again, brought together."""
    recorded = [State(one.table, one.commit) for one in entry.inputs if one.commit is not None]
    parents = [State(state.table, parent) for parent in commit.parents]
    if len(commit.parents) > 1 and entry.facts.get("how") == "merged":
        return _there(commits, parents)
    return _there(commits, recorded) or _there(commits, parents)


def _there(commits: Commits, states: list[State]) -> tuple[State, ...]:
    return tuple(
        one
        for one in dict.fromkeys(states)
        if commits.exists(one.commit_id) and one.table in commits.entries(one.commit_id)
    )
