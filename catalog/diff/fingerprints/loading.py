"""Fingerprints of the files of a diff: read where they are stored, else computed and stored."""

import os
from collections.abc import Mapping

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.kept import entries, kept_prints
from catalog.diff.plan import TablePlan
from catalog.engine.executor import Executor
from catalog.model.datafile import Identity
from catalog.model.fingerprint import Fingerprint
from catalog.repository.repository import Repository
from catalog.threads import Threads


@dataclass(frozen=True, slots=True)
class Loaded:
    """Fingerprints, and the sizes of the files that were read to compute theirs, by path."""

    prints: Mapping[Identity, Fingerprint]
    read: Mapping[str, int]


def load_prints(
    repository: Repository,
    plan: TablePlan,
    threads: int | None,
    *,
    kept: Mapping[Identity, Fingerprint] | None = None,
    executor: Executor | None = None,
) -> Loaded:
    """Returns the fingerprints of a plan's files.

    None is computed of files that cannot be compared with any other. ``threads`` look at files at
    the same time; None means one per core. ``kept`` are those that are stored, if they were read.
    ``executor`` computes missing ones of large files elsewhere.

    Raises:
        CorruptData: A file whose fingerprint is missing cannot be read.
    """
    prints = dict(kept_prints(repository.store, plan) if kept is None else kept)
    compared = [entry for entry in entries(plan) if entry.comparable]
    known = (prints.get(entry.file.identity) for entry in compared)
    if all(one is not None and not one.unread for one in known):
        return Loaded(prints, {})
    from catalog.diff.fingerprints.completing import Completing

    with Threads(threads or os.cpu_count() or 1) as pool:
        completing = Completing(repository, plan, pool=pool, prints=prints, executor=executor)
        return Loaded(prints, completing.complete(compared))
