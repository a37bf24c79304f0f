"""File sets in plain Python: what branches hold, and what merges of them must give.

Nothing here shares code with what it judges.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

State = dict[str, bytes]
Side = Literal["ours", "theirs", "base"]


def above(path: str) -> Iterator[str]:
    """Yields the directories that a path is in."""
    parts = path.split("/")
    for n in range(1, len(parts)):
        yield "/".join(parts[:n])


def collide(one: str, other: str) -> bool:
    """Returns whether two unlike paths cannot be restored side by side."""
    if one == other:
        return False
    ones, others = [*above(one), one], [*above(other), other]
    for name in ones:
        for known in others:
            if name.lower() == known.lower() and name != known:
                return True
    return one in above(other) or other in above(one)


def put(state: State, path: str, content: bytes) -> None:
    """Writes a file, in the place of whatever is in its way."""
    for other in [known for known in state if collide(known, path)]:
        del state[other]
    state[path] = content


def merge3(
    base: Mapping[str, bytes],
    ours: Mapping[str, bytes],
    theirs: Mapping[str, bytes],
    resolve: Side | None,
) -> tuple[State, set[str]]:
    """Returns what a merge gives, and the paths in conflict, where ours stays."""
    merged: State = {}
    conflicts: set[str] = set()
    for path in base.keys() | ours.keys() | theirs.keys():
        b, o, t = base.get(path), ours.get(path), theirs.get(path)
        if o == t or t == b:
            found = o
        elif o == b:
            found = t
        elif resolve is None:
            conflicts.add(path)
            found = o
        else:
            found = {"ours": o, "theirs": t, "base": b}[resolve]
        if found is not None:
            merged[path] = found
    brought = [path for path in merged if path not in ours]
    own = [path for path in merged if path not in theirs]
    gone: set[str] = set()
    for new in brought:
        clashing = [old for old in own if collide(new, old)]
        if not clashing:
            continue
        if resolve == "theirs":
            gone |= set(clashing)
        elif resolve == "base":
            gone |= {path for path in [new, *clashing] if path not in base}
        else:
            gone.add(new)
            if resolve is None:
                conflicts.add(new)
    return {path: content for path, content in merged.items() if path not in gone}, conflicts


class Commits:
    """A history: the state of each commit, and its parents."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.parents: dict[str, tuple[str, ...]] = {}

    def add(self, commit: str, state: Mapping[str, bytes], *parents: str) -> None:
        self.states[commit] = dict(state)
        self.parents[commit] = parents

    def ancestors(self, commit: str) -> set[str]:
        """Returns a commit and all that came before."""
        found, pending = set(), [commit]
        while pending:
            one = pending.pop()
            if one not in found:
                found.add(one)
                pending += self.parents[one]
        return found

    def bases(self, one: str, other: str) -> list[str]:
        """Returns the best common ancestors of two commits."""
        common = self.ancestors(one) & self.ancestors(other)
        return [c for c in common if not any(c in self.ancestors(d) - {d} for d in common)]
