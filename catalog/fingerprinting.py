"""Fingerprints of the files of a diff: read where they are kept, else computed and kept."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from catalog.diff.alike import Known, looked_at, looked_into, needed_columns
from catalog.diff.fingerprint import compute
from catalog.diff.plan import SIDES, Partition, SideName, TablePlan
from catalog.diff.route import key_ids, known_keys
from catalog.engine.connection import connect
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint, StoredColumns
from catalog.model.schema import PhysicalColumn
from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.datafiles import local_path, nearby, place, readable
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.repository import Repository
from catalog.write.data_writer import FreshPrints
from catalog.write.key_check import count_bad_keys, key_warnings

_Size: TypeAlias = tuple[Partition, int]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Holds fingerprints, and what had to be read for them.

    Attributes:
        prints: The fingerprints.
        read: Sizes of the files that were read to compute theirs, by path.
    """

    prints: Mapping[Identity, Fingerprint]
    read: Mapping[str, int]


def load_prints(
    repository: Repository, plan: TablePlan, threads: int | None, *, only_kept: bool = False
) -> Loaded:
    """Returns the fingerprints of all files that may be compared with others by them.

    Files that have none to be compared with are not opened for it; what is kept is read.

    Args:
        repository: Keeps them.
        plan: The table's plan.
        threads: Files to look at at a time; None means one per core.
        only_kept: Whether to compute none.

    Raises:
        CorruptData: A file whose fingerprint is missing cannot be read.
    """
    kept = Fingerprints(repository.store)
    entries = list(_entries(plan))
    keys = {side: key_ids(plan, side) for side in SIDES}
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        looked = pool.map(lambda one: kept.read(one.file, keys[one.side]), entries)
        pairs = zip(entries, looked, strict=True)
        found = {one.file.identity: prints for one, prints in pairs if prints is not None}
        if only_kept:
            return Loaded(found, {})
        computing = _Computing(repository, plan, pool, found, keys["f"] == keys["t"])
        return Loaded(found, computing.complete([one for one in entries if one.comparable]))


class _Computing:
    """Computes the fingerprints that lack, as far as a diff needs them."""

    def __init__(
        self,
        repository: Repository,
        plan: TablePlan,
        pool: ThreadPoolExecutor,
        found: dict[Identity, Fingerprint],
        same_key: bool,
    ) -> None:
        """Takes what there is.

        Args:
            repository: Keeps them.
            plan: The table's plan.
            pool: Looks at files at a time.
            found: Those that are kept; those that are computed come to them.
            same_key: Whether both sides have the same key columns.
        """
        self._repository = repository
        self._plan = plan
        self._pool = pool
        self._found = found
        self._same_key = same_key
        self._looked: dict[Identity, StoredColumns] = {}

    def complete(self, entries: Sequence["_Entry"]) -> dict[str, int]:
        """Computes what a comparison of files needs.

        Returns:
            Sizes of the files that were read, by path.
        """
        groups: defaultdict[_Size, dict[SideName, list[DataFile]]]
        groups = defaultdict(lambda: {"f": [], "t": []})
        for one in entries:
            groups[_size(one.file)][one.side].append(one.file)
        if self._same_key:
            self._look(entries, groups)
        needed = {i: n for sides in groups.values() for i, n in self._needed(sides).items()}
        read: dict[str, int] = {}
        for side in SIDES:  # what one side has saves work on the other
            lacking = [
                one.file for one in entries if one.side == side and self._lacks(one.file, needed)
            ]
            make = partial(self._compute, side, groups, needed)
            for file, prints in zip(lacking, self._pool.map(make, lacking), strict=True):
                self._found[file.identity] = prints
                read[file.path] = file.size_bytes
        return read

    def _look(
        self, entries: Sequence["_Entry"], groups: Mapping[_Size, Mapping[SideName, list[DataFile]]]
    ) -> None:
        """Looks at files without a fingerprint as they are stored."""
        lacking = [one for one in entries if one.file.identity not in self._found]
        files = [one.file for one in lacking]
        first = list(self._pool.map(self._look_at, lacking))
        self._looked.update(zip((file.identity for file in files), first, strict=True))
        others = [groups[_size(one.file)]["t" if one.side == "f" else "f"] for one in lacking]
        like = [[self._known(other) for other in some] for some in others]
        more = list(self._pool.map(self._look_into, lacking, first, like))
        self._looked.update(zip((file.identity for file in files), more, strict=True))

    def _look_at(self, one: "_Entry") -> StoredColumns:
        path = local_path(self._repository.store, one.file)
        return StoredColumns() if path is None else looked_at(path, self._columns(one))

    def _look_into(
        self, one: "_Entry", known: StoredColumns, like: Sequence[Known]
    ) -> StoredColumns:
        path = local_path(self._repository.store, one.file)
        if path is None:
            return known
        columns, key = self._columns(one), self._key(one.side)
        return looked_into(path, columns, key, known, like, keeping=False)

    def _columns(self, one: "_Entry") -> Sequence[PhysicalColumn]:
        return self._plan.side(one.side).file_schemas[one.file.file_schema].columns

    def _key(self, side: SideName) -> tuple[int, ...]:
        return key_ids(self._plan, side)

    def _known(self, file: DataFile) -> Known:
        return self._found.get(file.identity) or self._looked[file.identity]

    def _needed(
        self, sides: Mapping[SideName, Sequence[DataFile]]
    ) -> Mapping[Identity, set[int] | None]:
        """Returns which columns must be read of files of one partition and number of rows."""
        files = [*sides["f"], *sides["t"]]
        if not self._same_key or not self._plan.key:
            return dict.fromkeys((file.identity for file in files), None)
        known = [[self._known(file) for file in sides[side]] for side in SIDES]
        older, newer = needed_columns(known[0], known[1], self._key("t"))
        return dict(zip((file.identity for file in files), [*older, *newer], strict=True))

    def _lacks(self, file: DataFile, needed: Mapping[Identity, set[int] | None]) -> bool:
        """Tells whether a fingerprint must be computed, or read further."""
        prints = self._found.get(file.identity)
        if prints is None:
            return True
        wanted = needed[file.identity]
        return bool(prints.unread if wanted is None else prints.unread & wanted)

    def _compute(
        self,
        side: SideName,
        groups: Mapping[_Size, Mapping[SideName, list[DataFile]]],
        needed: Mapping[Identity, set[int] | None],
        file: DataFile,
    ) -> Fingerprint:
        others = groups[_size(file)]["t" if side == "f" else "f"] if self._same_key else []
        like = [self._found[one.identity] for one in (file, *others) if one.identity in self._found]
        known = self._known(file) if self._same_key else None
        return _computed(
            self._repository,
            self._plan.side(side),
            self._key(side),
            file,
            like,
            None if known is None else StoredColumns(known.stored, known.encoded, known.writer),
            needed[file.identity],
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    """Holds a file of a side, and whether the other side has some in its partition."""

    side: SideName
    file: DataFile
    comparable: bool


def _entries(plan: TablePlan) -> Iterator[_Entry]:
    """Yields the files of all tasks."""
    for task in plan.tasks:
        comparable = task.partition is not None and bool(task.before and task.after)
        for side in SIDES:
            for file in task.before if side == "f" else task.after:
                yield _Entry(side, file, comparable)


def _by_size(files: Iterable[DataFile]) -> Mapping[_Size, Sequence[DataFile]]:
    """Returns files by what those must have in common that are alike in some columns."""
    found: defaultdict[_Size, list[DataFile]] = defaultdict(list)
    for file in files:
        found[_size(file)].append(file)
    return found


def _size(file: DataFile) -> _Size:
    return file.partition, file.rows


def keep_prints(
    repository: Repository, update: TableUpdate, fresh: FreshPrints, *, warn: bool = True
) -> tuple[str, ...]:
    """Keeps the fingerprints of the files that an update adds, computing those that lack.

    Args:
        repository: Keeps them.
        update: The update.
        fresh: What was made of files that we wrote ourselves.
        warn: Whether to look for keys that are NULL or held by several rows.

    Returns:
        Warnings about keys that are NULL, or held by several of the rows that come.

    Raises:
        CorruptData: A file cannot be read.
    """
    table = update.snapshot
    if table is None or not update.added:
        return ()
    kept = Fingerprints(repository.store)
    replaced = _by_size(update.removed)

    def one(file: DataFile) -> tuple[Identity, Fingerprint]:
        made = fresh.get((file.identity, table.key))
        if made is not None:
            kept.keep(file, table.key, made)
            return file.identity, made
        new = nearby(repository.store, file) is not None  # what was just sent was never read
        found = None if new else kept.read(file, table.key)
        if found is None or found.unread:
            like = (kept.read(other, table.key) for other in replaced[_size(file)])
            found = _computed(repository, table, table.key, file, [p for p in like if p])
        return file.identity, found

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        prints = dict(pool.map(one, update.added))
    if not table.key or not warn:
        return ()
    counts = known_keys(update.added, prints)
    if counts is None:
        with connect(store=repository.store) as con:
            counts = count_bad_keys(con, update, lambda file: _place(repository, file))
    return key_warnings(update.name, table, counts)


def _place(repository: Repository, file: DataFile) -> str:
    return nearby(repository.store, file) or place(repository.store, file)


def _computed(
    repository: Repository,
    table: TableSnapshot,
    key: Sequence[int],
    file: DataFile,
    like: Sequence[Fingerprint],
    known: StoredColumns | None = None,
    needed: Collection[int] | None = None,
) -> Fingerprint:
    """Computes the fingerprint of a file and keeps it."""
    source = readable(repository.store, file)
    found = compute(source, table, file, key, like, known=known, needed=needed)
    Fingerprints(repository.store).keep(file, key, found)
    return found
