"""Marking: the names of all objects that something reachable needs.

A name is what ``condemned.name_of`` makes of a path. An object that shares its name with one that
is needed stays, too: that is once in 2⁶⁴.
"""

import datetime
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from catalog.care.gc.derived import Derived
from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, NotFound
from catalog.repository.condemned import name_of
from catalog.repository.expired import expired
from catalog.repository.reachability import Pack, Walk
from catalog.repository.repository import Repository
from catalog.repository.roots import Root, find_roots, unkept

Names = np.ndarray[tuple[int], np.dtype[np.uint64]]
"""Names, ascending, each once."""

GATHERED = 1 << 18
"""Names held as Python's numbers before they become an array: some 10 MB."""


class NameSet:
    """Gathers names in little memory: eight bytes for each that is different."""

    def __init__(self) -> None:
        self._fresh: set[int] = set()
        self._parts: list[Names] = []

    def add(self, paths: Iterable[str]) -> None:
        """Takes the paths of objects."""
        self._fresh.update(map(name_of, paths))
        if len(self._fresh) >= GATHERED:
            self._settle()

    def _settle(self) -> None:
        self._parts.append(sorted_names(self._fresh))
        self._fresh.clear()
        if len(self._parts) > 8:
            self._parts = [np.unique(np.concatenate(self._parts))]

    def names(self) -> Names:
        """Returns all names."""
        self._settle()
        return np.unique(np.concatenate(self._parts))


def sorted_names(names: Iterable[int]) -> Names:
    """Returns names as an array, ascending."""
    found = np.fromiter(names, dtype=np.uint64)
    found.sort()
    return found


def among(names: Names, known: Names) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Returns, for each name, whether it is among others, which ascend."""
    if not len(known):
        return np.zeros(len(names), dtype=np.bool_)
    at = np.minimum(np.searchsorted(known, names), len(known) - 1)
    return np.equal(known[at], names)


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """What must stay.

    Attributes:
        names: The names of all objects that something reachable needs.
        roots: The commits it is reached from.
        commits: How many commits are reachable.
        unknown: Paths below ``refs/`` that are not the catalog's.
    """

    names: Names
    roots: Sequence[Root]
    commits: int
    unknown: Sequence[str]


def find_live(
    repository: Repository,
    *,
    since: datetime.datetime,
    progress: Callable[[int], None] = lambda commits: None,
) -> Live:
    """Finds what must stay.

    Commits that branches were only moved from stay as far as they are there: an earlier run, for
    which they had waited long enough, may have removed some of what they need.

    Args:
        repository: The stored objects.
        since: From when on the moves of branches count.
        progress: Takes how many commits were walked.

    Raises:
        CorruptData: A ref, a commit or what one needs cannot be read: nothing may go then.
    """
    roots = find_roots(repository, since=since)
    lenient = False

    def damaged(error: CatalogError, path: str) -> None:
        if not (lenient and isinstance(error.__cause__ or error, NotFound)):
            raise error

    left = unkept(expired(repository.store), roots)
    walk = Walk(repository, expired=left, on_damage=damaged)
    found = NameSet()
    found.add(roots.pages)
    commits, derived = 0, Derived()
    for lenient in (False, True):
        starts = [one.commit_id for one in roots.commits if (one.why == "reflog") is lenient]
        for logged in walk.commits(*starts):
            commits += 1
            for part in walk.parts(logged.id):
                if isinstance(part, Pack):
                    found.add((part.path,))
                    continue
                found.add(part.paths())
                found.add(needed.path for needed in walk.contents(part))
                found.add(derived.paths(part))
            progress(commits)
    return Live(found.names(), roots.commits, commits, roots.unknown)
