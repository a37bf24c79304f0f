"""What expired data means for a copy: it need not come, and the copy says so itself.

Records of the source do not count in a copy for what the copy has: it may keep data longer. So a
record is taken over for those commits alone that come without data.
"""

import datetime
from collections.abc import Collection, Iterable, Sequence

from catalog.dataclasses import replace
from catalog.errors import CorruptData
from catalog.repository.expired import Expired, expired, record, records
from catalog.repository.repository import Repository
from catalog.repository.roots import find_roots, unkept


class DataByExpiry:
    """Says which data must come with commits; see ``DataOfCommits``.

    Args:
        source: Where commits come from.
        target: Where they go.
    """

    def __init__(self, source: Repository, target: Repository) -> None:
        self._source = expired(source.store)
        self._target = expired(target.store)
        self._kept = _kept(source, self._source)
        self._kept_there = _kept(target, self._target)

    def keep(self, commits: Iterable[str]) -> list[str]:
        """Takes it that refs where they go are going to be at some commits, and keep their data.

        Returns:
            Those whose data may be gone there, since it was expired.
        """
        lacking = [one for one in dict.fromkeys(commits) if self._is_given_up(one)]
        self._kept_there |= frozenset(lacking)
        return lacking

    def is_needed(self, commit_id: str, table: str) -> bool:
        """Returns whether the data of a table must come with a commit."""
        if commit_id not in self._kept and not self._source.has_data(commit_id, table):
            return False
        return not self._is_given_up(commit_id) or self._target.has_data(commit_id, table)

    def _is_given_up(self, commit_id: str) -> bool:
        return commit_id in self._target.commits and commit_id not in self._kept_there

    def is_whole(self, commit_id: str, table: str) -> bool:
        """Returns whether the data of a table is there, of a commit that is there."""
        return self._source.has_data(commit_id, table) and self._target.has_data(commit_id, table)

    def count_expired(self, commits: Collection[str]) -> int:
        """Returns how many of some commits came without data."""
        return sum(one in self._source.commits and one not in self._kept for one in commits)


def _kept(repository: Repository, found: Expired) -> frozenset[str]:
    """Returns the expired commits whose data is kept, whatever records say.

    Where a ref cannot be read, they are those that the readable branches and tags are at.
    """
    if not found.commits:
        return frozenset()
    never = datetime.datetime.max.replace(tzinfo=datetime.UTC)
    try:
        left = unkept(found, find_roots(repository, since=never))
    except CorruptData:
        heads = {branch.commit_id for branch in repository.branches.list()}
        tags = (tag for tag in repository.tags.list() if tag.name not in found.tags)
        return frozenset(found.commits.keys() & (heads | {tag.commit_id for tag in tags}))
    return frozenset(found.commits.keys() - left.commits.keys())


def copy_records(source: Repository, target: Repository, commits: Sequence[str]) -> None:
    """Records in a copy which of the commits that it got have no data there."""
    new = frozenset(commits)
    found = [one for one in records(source.store) if not new.isdisjoint(one.commits)]
    if not found:
        return
    there = set(records(target.store))
    for one in found:
        own = replace(one, commits=tuple(id_ for id_ in one.commits if id_ in new))
        if own not in there:
            record(target.store, own)
