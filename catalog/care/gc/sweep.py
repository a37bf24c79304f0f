"""Sweeping: what is listed, still unreachable, not kept by a writer and unchanged goes."""

from collections.abc import Callable

import numpy as np

from catalog.care.gc.lease import Lease
from catalog.care.gc.listing import Candidates, Listed, Tally, batches
from catalog.care.gc.live import Names, among, sorted_names
from catalog.care.gc.objects import Kind, print_of
from catalog.storage.store import ObjectInfo, ObjectStore


def condemned(listed: Listed, live: Names, kept: set[int]) -> Listed:
    """Returns what of a list may go: nothing that is reachable, or that a writer noted."""
    stays = among(listed.names, live) | among(listed.names, sorted_names(kept))
    return Listed(listed.names[~stays], listed.prints[~stays])


def sweep(
    store: ObjectStore, doomed: Listed, lease: Lease, *, told: Callable[[list[str]], None]
) -> tuple[Tally, Tally]:
    """Removes objects that are still what they were when they were listed.

    Args:
        store: Where they are.
        doomed: Their names, and what they were.
        lease: The right to do so.
        told: Takes the paths that are going to be removed, before they are.

    Returns:
        What is gone, and what was left since it had changed.
    """
    gone, changed = Tally(), Tally()
    if not len(doomed.names):
        return gone, changed
    for batch, names in batches(store, Candidates()):
        found: list[tuple[Kind, ObjectInfo]] = []
        for place in np.flatnonzero(among(names, doomed.names)).tolist():
            kind, info = batch[place]
            at = int(np.searchsorted(doomed.names, names[place]))
            if int(doomed.prints[at]) == print_of(info):
                found.append((kind, info))
            else:
                changed.add(kind, info)
        if found:
            lease.renew()
            told([info.path for _, info in found])
            removed = store.delete_listed([info for _, info in found])
            for (kind, info), is_gone in zip(found, removed, strict=True):
                (gone if is_gone else changed).add(kind, info)
    return gone, changed
