"""Fingerprints of the files of a diff: read where they are kept, else computed and kept."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from catalog.completing import Completing, Entry, Replaced, computed_whole
from catalog.diff.plan import SIDES, TablePlan
from catalog.diff.route import key_ids, known_keys
from catalog.engine.connection import connect
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.datafiles import nearby, place
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.repository import Repository
from catalog.write.data_writer import FreshPrints
from catalog.write.key_check import count_bad_keys, key_warnings


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
        computing = Completing(repository, plan, pool, found, keys["f"] == keys["t"])
        return Loaded(found, computing.complete([one for one in entries if one.comparable]))


def _entries(plan: TablePlan) -> Iterator[Entry]:
    """Yields the files of all tasks."""
    for task in plan.tasks:
        comparable = task.partition is not None and bool(task.before and task.after)
        for side in SIDES:
            for file in task.before if side == "f" else task.after:
                yield Entry(side, file, comparable)


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
    replaced = Replaced(kept, update.removed, table.key)

    def one(file: DataFile) -> tuple[Identity, Fingerprint]:
        made = fresh.get((file.identity, table.key))
        if made is not None:
            kept.keep(file, table.key, made)
            return file.identity, made
        new = nearby(repository.store, file) is not None  # what was just sent was never read
        found = None if new else kept.read(file, table.key)
        if found is None or found.unread:
            found = computed_whole(repository, table, file, replaced, found)
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
