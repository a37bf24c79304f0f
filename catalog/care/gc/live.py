"""Marking: the names of all objects that something reachable needs.

The history of main is walked where the last run left off; see ``kept_mark``.
"""

import datetime
from collections.abc import Callable, Iterable, Sequence

from catalog.care.gc import kept_mark
from catalog.care.gc.derived import Derived
from catalog.care.gc.kept_mark import KeptMark
from catalog.care.gc.names import Names, NameSet
from catalog.dataclasses import dataclass
from catalog.errors import CatalogError
from catalog.repository.expired import expired
from catalog.repository.reachability import Pack, Walk, is_gone
from catalog.repository.repository import DEFAULT_BRANCH as MAIN
from catalog.repository.repository import Repository
from catalog.repository.roots import Root, find_roots, unkept


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
    keeps: bool = True,
    progress: Callable[[int], None] = lambda commits: None,
) -> Live:
    """Finds what must stay.

    Commits that branches were only moved from stay as far as they are there: an earlier run, for
    which they had waited long enough, may have removed some of what they need.

    Args:
        repository: The stored objects.
        since: From when on the moves of branches count.
        keeps: Whether to keep what was found for the next run.
        progress: Takes how many commits were walked.

    Raises:
        CorruptData: A ref, a commit or what one needs cannot be read: nothing may go then.
    """
    roots = find_roots(repository, since=since)
    lenient = False

    def damaged(error: CatalogError, path: str) -> None:
        if not (lenient and is_gone(error)):
            raise error

    left = unkept(expired(repository.store), roots)
    walk = Walk(repository, expired=left, on_damage=damaged)
    found, derived = NameSet(), Derived()

    def gather(starts: Iterable[str]) -> None:
        for logged in walk.commits(*starts):
            for part in walk.parts(logged.id):
                if isinstance(part, Pack):
                    found.add((part.path,))
                    continue
                found.add(part.paths())
                found.add(needed.path for needed in walk.contents(part))
                found.add(derived.paths(part))
            progress(len(walk.state.walked))

    heads = [one.commit_id for one in roots.commits if one.why == "branch" and one.ref == MAIN]
    for head in heads:  # one, if there is main
        about = kept_mark.about_expired(left)
        kept = kept_mark.load(repository.store, about)
        if kept is not None and kept_mark.leads_to(walk.read, kept, head):
            walk.state = kept.state
            found.take(kept.names)
        gather([head])
        if keeps and (kept is None or kept.commit_id != head or walk.state is not kept.state):
            kept_mark.save(repository.store, KeptMark(about, head, walk.state, found.names()))
    found.add(roots.pages)
    for lenient in (False, True):
        gather(one.commit_id for one in roots.commits if (one.why == "reflog") is lenient)
    return Live(found.names(), roots.commits, len(walk.state.walked), roots.unknown)
