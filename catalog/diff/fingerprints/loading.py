"""Fingerprints of the files of a diff: read where they are kept, else computed and kept."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from catalog.diff.fingerprints.completing import Completing, Entry
from catalog.diff.plan import SIDES, TablePlan
from catalog.diff.route import key_ids
from catalog.model.datafile import Identity
from catalog.model.fingerprint import Fingerprint
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.repository import Repository


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
            for file in task.files(side):
                yield Entry(side, file, comparable)
