"""The fingerprints of the files of a diff that are stored."""

from collections.abc import Iterator, Sequence

from catalog.dataclasses import dataclass
from catalog.diff.plan import SIDES, SideName, TablePlan
from catalog.diff.route import key_ids
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.gathered import FEWEST_FILES, Gathered, is_gathered
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore
from catalog.threads import Threads

READS = 16
"""Fingerprints that are read from a bucket at a time."""


TRIES = 2
"""Files that need not lead to many others until each is looked for by itself."""


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
    known: dict[Identity, Fingerprint] = {}
    for side in SIDES:
        known |= _gathered(store, [e.file for e in files if e.side == side], keys[side])

    def stored(one: Entry) -> Fingerprint | None:
        return kept.read(one.file, keys[one.side])

    left = [one for one in files if one.file.identity not in known]
    if is_remote(store.location) and left:
        with Threads(READS) as pool:
            found = list(pool.map(stored, left))
    else:  # what is on this machine is read sooner than threads have taken turns
        found = [stored(one) for one in left]
    pairs = zip(left, found, strict=True)
    return known | {one.file.identity: prints for one, prints in pairs if prints is not None}


def _gathered(
    store: ObjectStore, files: Sequence[DataFile], key: Sequence[int]
) -> dict[Identity, Fingerprint]:
    """Returns the fingerprints of files that came together with many others, as far as it pays.

    That of a file leads to the object that has those of the others.
    """
    kept, gathered = Fingerprints(store), Gathered(store)
    known: dict[Identity, Fingerprint] = {}
    left = {file.identity: file for file in files if is_gathered(file)}
    tried: set[str] = set()
    in_vain = 0
    while len(left) >= FEWEST_FILES and in_vain < TRIES:
        identity, file = next(iter(left.items()))
        found, name = kept.read_gathered(file, key)
        if found is not None:
            known[identity] = found
        del left[identity]
        others: dict[Identity, Fingerprint] = {}
        if name and name not in tried:
            tried.add(name)
            others = gathered.read(name, key)
        met = [one for one in others if one in left or one == identity]
        for one in met:
            known[one] = others[one]
            left.pop(one, None)
        in_vain += len(met) < FEWEST_FILES
    return known
