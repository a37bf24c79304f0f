"""Which files commits put together with others, and which of them are in what a table has now.

Whoever asks whether a table has a file already must look for those, too, that were put together
with others since: their rows are there, in another file.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import groupby
from operator import attrgetter

from catalog.dataclasses import dataclass
from catalog.model.commit import EMPTY_ID
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition
from catalog.model.same_rows import standing_of
from catalog.model.schema import FileSchema
from catalog.model.values import sort_key
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.history import missing_commits
from catalog.repository.table_entries import PlacedEntry
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

    @property
    def partition(self) -> Partition:
        """The partition of all of them."""
        return self.parts[0].partition


@dataclass(frozen=True, slots=True)
class Parts:
    """What files of a table were put together of.

    Attributes:
        files: The files; they are not in the table any more.
        schemas: Their file schemas.
    """

    files: tuple[DataFile, ...] = ()
    schemas: Mapping[str, FileSchema] | None = None


def put_together(
    commits: Commits, table: StoredTable, *, base: str, end: str
) -> Iterator[Together]:
    """Yields what the commits of a side of a merge put together in a table, the newest first."""
    for commit_id in missing_commits(commits.read, end, base):
        commit = commits.read(commit_id)
        name = _changed_name(commits, commit_id, table)
        if commit.parents and name is not None:
            yield from _by_commit(commits, name, commit.parents[0], commit_id)


def only_appended(
    commits: Commits, table: StoredTable, *, base: str, end: str
) -> Set[tuple[Partition, str]]:
    """Returns the files that commits of a side of a merge added to what they left as it was.

    They are given by partition and path. Nothing of their partition went in the commit, so that
    no row in them was in another file before.
    """
    found: set[tuple[Partition, str]] = set()
    for commit_id in missing_commits(commits.read, end, base):
        commit = commits.read(commit_id)
        name = _changed_name(commits, commit_id, table)
        if not commit.parents or name is None:
            continue
        changed = _changed(commits, name, commit.parents[0], commit_id=commit_id)
        if changed is None:
            continue
        _, removed, added = changed
        went = {file.partition for file in removed}
        found |= {(f.partition, f.path) for f in added if f.partition not in went}
    return found


def _changed_name(commits: Commits, commit_id: str, table: StoredTable) -> str | None:
    """Returns what a table is called in a commit that changed it; None if it did not."""
    changes = commits.read(commit_id).changes
    if table.name in changes:
        return table.name
    if not changes or commits.entry(commit_id, table.name) is not None:
        return None
    there = ((name, commits.entry(commit_id, name)) for name in changes)
    wanted = table.snapshot.table_id
    return next((n for n, e in there if e and commits.table(e).snapshot.table_id == wanted), None)


def taken_apart(
    files: Iterable[DataFile], known: Iterable[Together], *, but: Set[str] = frozenset()
) -> dict[str, DataFile]:
    """Returns files, by path, with those in the place of what they were put together from.

    Files whose paths are in ``but`` are left as they are.
    """
    found = {file.path: file for file in files}
    waiting = list(known)
    while True:
        later: list[Together] = []
        for one in waiting:
            if one.made <= found.keys() and not one.made & but:
                for path in one.made:
                    del found[path]
                found.update((file.path, file) for file in one.parts)
            else:
                later.append(one)
        if len(later) in (0, len(waiting)):
            return found
        waiting = later


def parts_of(commits: Commits, table: StoredTable, files: Sequence[DataFile]) -> Parts:
    """Returns what files of a table were put together of, from its history.

    Only commits that changed the table are read, as far back as the oldest that made one of them.
    """
    there = {file.path: file for file in files}
    schemas: dict[str, FileSchema] = {}
    states = _put_together_in(commits, table)
    while any(file.rows_of is not None for file in there.values()):
        one = next(states, None)
        if one is None:
            break
        if one.made <= there.keys():
            there = taken_apart(there.values(), [one])
            schemas.update(one.schemas)
    before = {file.path for file in files}
    return Parts(tuple(file for path, file in there.items() if path not in before), schemas)


def _put_together_in(commits: Commits, table: StoredTable) -> Iterator[Together]:
    """Yields what was put together in a table, the newest first."""
    heap: list[tuple[int, str]] = []
    names: dict[str, str] = {}

    def push(pack: str, snapshot: str, name: str) -> None:
        if pack not in names:  # it is the commit that changed the table last
            names[pack] = _name_in(commits, pack, snapshot, name=name)
            heapq.heappush(heap, (-commits.read(pack).generation, pack))

    push(table.place.pack, table.id, table.name)
    while heap:
        _, commit_id = heapq.heappop(heap)
        name, commit = names[commit_id], commits.read(commit_id)
        for number, parent in enumerate(commit.parents):
            before = _before(commits, parent, commit_id, name)
            if before is None or before.place is None:
                continue
            change = commit.changes.get(name)
            if number or (change is not None and change.files_removed):
                yield from _by_commit(commits, name, parent, commit_id)
            push(before.place.pack, before.entry.snapshot, before.name)


def _name_in(commits: Commits, commit_id: str, snapshot: str, *, name: str) -> str:
    """Returns what a table was called in the commit that made a state of it."""
    entry = commits.entry(commit_id, name)
    if entry is not None and entry.entry.snapshot == snapshot:
        return name
    entries = commits.entries(commit_id).items()
    return next((n for n, one in entries if one.entry.snapshot == snapshot), name)


def _before(commits: Commits, parent: str, commit_id: str, name: str) -> PlacedEntry | None:
    """Returns a table as a parent of a commit has it, under another name if it was renamed."""
    if parent == EMPTY_ID:
        return None
    entry, after = commits.entry(parent, name), commits.entry(commit_id, name)
    if entry is not None or after is None:
        return entry
    table_id, kept = commits.table(after).snapshot.table_id, commits.entries(commit_id)
    gone = (one for there, one in commits.entries(parent).items() if there not in kept)
    return next((e for e in gone if commits.table(e).snapshot.table_id == table_id), None)


def _changed(
    commits: Commits, name: str, parent: str, *, commit_id: str
) -> tuple[StoredTable, list[DataFile], list[DataFile]] | None:
    """Returns a table as a parent of a commit has it, and which files went and came since.

    None means that one of them has no such table, or other partitions.
    """
    before, after = _before(commits, parent, commit_id, name), commits.entry(commit_id, name)
    if before is None or after is None:
        return None
    old, new = commits.table(before), commits.table(after)
    if old.snapshot.partition_by != new.snapshot.partition_by:
        return None
    ends = {"old_commit": parent, "new_commit": commit_id}
    removed, added = changed_files(commits, old, new, fields=(), **ends)
    return old, removed, added


def _by_commit(commits: Commits, name: str, parent: str, commit_id: str) -> Iterator[Together]:
    """Yields what a commit put together in a table, compared with a parent."""
    changed = _changed(commits, name, parent, commit_id=commit_id)
    if changed is None:
        return
    old, removed, added = changed
    made = [file for file in added if file.rows_of is not None]
    gone = dict(_by_partition(removed)) if made else {}
    for partition, files in _by_partition(made):
        parts = gone.get(partition, ())
        if parts and standing_of(parts) == standing_of(files):
            paths = frozenset(file.path for file in files)
            yield Together(paths, tuple(parts), old.snapshot.file_schemas)


def _by_partition(
    files: Iterable[DataFile],
) -> Iterator[tuple[tuple[bytes | None, ...], list[DataFile]]]:
    ordered = sorted(files, key=lambda file: sort_key(file.partition, file.path))
    for partition, members in groupby(ordered, key=attrgetter("partition")):
        yield partition, list(members)
