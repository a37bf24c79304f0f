"""The fingerprints of the files of a diff that are stored."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from catalog.dataclasses import dataclass
from catalog.diff.plan import SIDES, SideName, TablePlan
from catalog.diff.route import key_ids
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint
from catalog.repository.fingerprints import Fingerprints
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore

READS = 16
"""Fingerprints that are read from a bucket at a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a side, and whether the other side has files in its partition."""

    side: SideName
    file: DataFile
    comparable: bool


def entries(plan: TablePlan) -> Iterator[Entry]:
    """Yields the files of all tasks."""
    for task in plan.tasks:
        comparable = task.partition is not None and bool(task.before and task.after)
        for side in SIDES:
            for file in task.files(side):
                yield Entry(side, file, comparable)


def kept_prints(store: ObjectStore, plan: TablePlan) -> dict[Identity, Fingerprint]:
    """Returns the fingerprints of a plan's files that are stored."""
    kept, files = Fingerprints(store), list(entries(plan))
    keys = {side: key_ids(plan, side) for side in SIDES}

    def stored(one: Entry) -> Fingerprint | None:
        return kept.read(one.file, keys[one.side])

    if is_remote(store.location):
        with ThreadPoolExecutor(READS) as pool:
            found = list(pool.map(stored, files))
    else:  # what is on this machine is read sooner than threads have taken turns
        found = [stored(one) for one in files]
    pairs = zip(files, found, strict=True)
    return {one.file.identity: known for one, known in pairs if known is not None}
