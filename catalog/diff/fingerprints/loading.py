"""Fingerprints of the files of a diff: read where they are stored, else computed and stored."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.completing import Completing, Entry
from catalog.diff.plan import SIDES, TablePlan
from catalog.diff.route import key_ids
from catalog.model.datafile import Identity
from catalog.model.fingerprint import Fingerprint
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.repository import Repository
from catalog.storage.external_files import is_remote


@dataclass(frozen=True, slots=True)
class Loaded:
    """Fingerprints, and the sizes of the files that were read to compute theirs, by path."""

    prints: Mapping[Identity, Fingerprint]
    read: Mapping[str, int]


def load_prints(
    repository: Repository, plan: TablePlan, threads: int | None, *, only_kept: bool = False
) -> Loaded:
    """Returns the fingerprints of a plan's files.

    None is computed of files that cannot be compared with any other, nor if ``only_kept`` ones are
    wanted. ``threads`` look at files at the same time; None means one per core.

    Raises:
        CorruptData: A file whose fingerprint is missing cannot be read.
    """
    kept = Fingerprints(repository.store)
    entries = list(_entries(plan))
    keys = {side: key_ids(plan, side) for side in SIDES}
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        # what is on this machine is read sooner than threads have taken turns
        each = pool.map if is_remote(repository.store.location) else map
        stored = each(lambda one: kept.read(one.file, keys[one.side]), entries)
        pairs = zip(entries, stored, strict=True)
        prints = {one.file.identity: known for one, known in pairs if known is not None}
        if only_kept:
            return Loaded(prints, {})
        completing = Completing(repository, plan, pool=pool, prints=prints)
        return Loaded(prints, completing.complete([one for one in entries if one.comparable]))


def _entries(plan: TablePlan) -> Iterator[Entry]:
    """Yields the files of all tasks."""
    for task in plan.tasks:
        comparable = task.partition is not None and bool(task.before and task.after)
        for side in SIDES:
            for file in task.files(side):
                yield Entry(side, file, comparable)
