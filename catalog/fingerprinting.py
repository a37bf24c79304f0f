"""Fingerprints of the files of a diff: read where they are kept, else computed and kept."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from catalog.diff.fingerprint import compute
from catalog.diff.plan import SIDES, SideName, TablePlan
from catalog.diff.route import key_ids, known_keys
from catalog.engine.connection import connect
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint
from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.datafiles import nearby, place, readable
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.repository import Repository
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
    wanted = list(_entries(plan))
    kept = Fingerprints(repository.store)

    def one(
        side: SideName, file: DataFile, comparable: bool
    ) -> tuple[DataFile, Fingerprint | None, bool]:
        key = key_ids(plan, side)
        found = kept.read(file, key)
        if found is not None or not comparable or only_kept:
            return file, found, False
        return file, _computed(repository, plan.side(side), file, key), True

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        found = list(pool.map(lambda entry: one(*entry), wanted))
    return Loaded(
        {file.identity: prints for file, prints, _ in found if prints is not None},
        {file.path: file.size_bytes for file, _, computed in found if computed},
    )


def _entries(plan: TablePlan) -> Iterator[tuple[SideName, DataFile, bool]]:
    """Yields the files of all tasks, and whether both sides have some in their partition."""
    for task in plan.tasks:
        comparable = task.partition is not None and bool(task.before and task.after)
        for side in SIDES:
            for file in task.before if side == "f" else task.after:
                yield side, file, comparable


def keep_prints(
    repository: Repository, update: TableUpdate, *, warn: bool = True
) -> tuple[str, ...]:
    """Computes and keeps the fingerprints of the files that an update adds.

    Args:
        repository: Keeps them.
        update: The update.
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

    def one(file: DataFile) -> tuple[Identity, Fingerprint]:
        new = nearby(repository.store, file) is not None  # what was just sent was never read
        found = None if new else kept.read(file, table.key)
        return file.identity, found or _computed(repository, table, file, table.key)

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
    repository: Repository, table: TableSnapshot, file: DataFile, key: Sequence[int]
) -> Fingerprint:
    """Computes the fingerprint of a file and keeps it."""
    found = compute(readable(repository.store, file), table, file, key)
    Fingerprints(repository.store).keep(file, key, found)
    return found
