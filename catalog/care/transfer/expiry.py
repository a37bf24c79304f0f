"""What expired data means for a copy: it need not come, and the copy says so itself.

Records of the source do not count in a copy for what the copy has: it may keep data longer. So a
record is taken over for those commits alone that come without data.
"""

from collections.abc import Collection, Sequence

from catalog.dataclasses import replace
from catalog.repository.expired import Expired, expired, record, records
from catalog.repository.repository import Repository


class DataByExpiry:
    """Says which data must come with commits; see ``DataOfCommits``.

    Args:
        source: Where commits come from.
        target: Where they go.
    """

    def __init__(self, source: Repository, target: Repository) -> None:
        self._source = expired(source.store)
        self._target = expired(target.store)
        self._kept = _kept(source, self._source) if self._source.commits else frozenset()

    def is_needed(self, commit_id: str, table: str) -> bool:
        """Returns whether the data of a table must come with a new commit."""
        return commit_id in self._kept or self._source.has_data(commit_id, table)

    def is_whole(self, commit_id: str, table: str) -> bool:
        """Returns whether the data of a table is there, of a commit that is there."""
        return self._source.has_data(commit_id, table) and self._target.has_data(commit_id, table)

    def count_expired(self, commits: Collection[str]) -> int:
        """Returns how many of some commits came without data."""
        return sum(one in self._source.commits and one not in self._kept for one in commits)


def _kept(repository: Repository, found: Expired) -> frozenset[str]:
    """Returns the commits whose data refs keep, whatever was expired."""
    branches = (branch.commit_id for branch in repository.branches.list())
    tags = (tag.commit_id for tag in repository.tags.list() if tag.name not in found.tags)
    return frozenset(one for one in (*branches, *tags) if one is not None)


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
