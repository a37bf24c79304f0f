"""Which files a side of a merge put together since the base, and of what.

Without a key, what both sides appended is found by its files: where one side put them together
with others since, they are found in the commit that did so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from catalog.dataclasses import dataclass
from catalog.model.datafile import DataFile
from catalog.model.same_rows import standing_of
from catalog.model.schema import FileSchema
from catalog.model.values import sort_key
from catalog.repository.commits import Commits
from catalog.repository.history import missing_commits
from catalog.repository.tables import changed_files


@dataclass(frozen=True, slots=True)
class Together:
    """Files of a partition that a commit put together.

    Attributes:
        made: The paths of what they became.
        parts: The files.
        schemas: The file schemas of the table that had them.
    """

    made: frozenset[str]
    parts: tuple[DataFile, ...]
    schemas: Mapping[str, FileSchema]


def put_together(commits: Commits, name: str, *, base: str, end: str) -> Iterator[Together]:
    """Yields what the commits of a side put together in a table, the newest first."""
    for commit_id in missing_commits(commits.read, end, base):
        commit = commits.read(commit_id)
        if not commit.parents or name not in commit.changes:
            continue
        ends = commit.parents[0], commit_id
        before, after = (commits.entry(one, name) for one in ends)
        if before is None or after is None:
            continue
        old, new = commits.table(before), commits.table(after)
        removed, added = changed_files(
            commits, old, new, old_commit=ends[0], new_commit=commit_id, fields=()
        )
        made = [file for file in added if file.rows_of is not None]
        if not made or old.snapshot.partition_by != new.snapshot.partition_by:
            continue
        gone = dict(_by_partition(removed))
        for partition, files in _by_partition(made):
            parts = gone.get(partition, ())
            if parts and standing_of(parts) == standing_of(files):
                paths = frozenset(file.path for file in files)
                yield Together(paths, tuple(parts), old.snapshot.file_schemas)


def taken_apart(files: Iterable[DataFile], known: Sequence[Together]) -> dict[str, DataFile]:
    """Returns files, by path, with those in the place of what they were put together from."""
    found = {file.path: file for file in files}
    for one in known:
        if one.made <= found.keys():
            for path in one.made:
                del found[path]
            found.update((file.path, file) for file in one.parts)
    return found


def _by_partition(
    files: Iterable[DataFile],
) -> Iterator[tuple[tuple[bytes | None, ...], list[DataFile]]]:
    ordered = sorted(files, key=lambda file: sort_key(file.partition, file.path))
    for partition, members in groupby(ordered, key=attrgetter("partition")):
        yield partition, list(members)
