"""Fingerprints of the files of a diff: read where they are kept, else computed and kept."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from catalog.diff.fingerprint import compute
from catalog.diff.plan import SIDES, Partition, SideName, TablePlan
from catalog.diff.route import key_ids, known_keys
from catalog.engine.connection import connect
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint
from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.datafiles import nearby, place, readable
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
    wanted = list(_entries(plan))
    keys = {side: key_ids(plan, side) for side in SIDES}
    found: dict[Identity, Fingerprint] = {}
    read: dict[str, int] = {}
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        looked = pool.map(lambda one: kept.read(one.file, keys[one.side]), wanted)
        for one, prints in zip(wanted, looked, strict=True):
            if prints is not None:
                found[one.file.identity] = prints
        for side in () if only_kept else SIDES:  # what one side has saves work on the other
            lacking = [
                one.file
                for one in wanted
                if one.side == side and one.comparable and one.file.identity not in found
            ]
            usable = (one.file for one in wanted if one.side != side and keys["f"] == keys["t"])
            others = _by_size(usable)
            like = [
                [found[other.identity] for other in others[_size(file)] if other.identity in found]
                for file in lacking
            ]
            make = partial(_computed, repository, plan.side(side), keys[side])
            for file, prints in zip(lacking, pool.map(make, lacking, like), strict=True):
                found[file.identity] = prints
                read[file.path] = file.size_bytes
    return Loaded(found, read)


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
        if found is None:
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
) -> Fingerprint:
    """Computes the fingerprint of a file and keeps it."""
    found = compute(readable(repository.store, file), table, file, key, like)
    Fingerprints(repository.store).keep(file, key, found)
    return found
