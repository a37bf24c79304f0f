"""Sweeping: what is listed, still unreachable, not kept by a writer and unchanged goes."""

from collections.abc import Callable

import numpy as np

from catalog.care.gc.listing import Candidates, Listed, Tally, batches
from catalog.care.gc.names import Names, among, sorted_names
from catalog.care.gc.objects import Kind, print_of
from catalog.storage.store import ObjectInfo, ObjectStore


def condemned(listed: Listed, live: Names, kept: set[int]) -> Listed:
    """Returns what of a list may go: nothing that is reachable, or that a writer noted."""
    stays = among(listed.names, live) | among(listed.names, sorted_names(kept))
    return Listed(listed.names[~stays], listed.prints[~stays])


AT_ONCE = 1000
"""Objects removed by one request, at most: the right to do so is renewed before each."""


def sweep(
    store: ObjectStore,
    doomed: Listed,
    *,
    renew: Callable[[], None],
    told: Callable[[list[str]], None],
) -> tuple[Tally, Tally]:
    """Removes objects that are still what they were when they were listed.

    Args:
        store: Where they are.
        doomed: Their names, and what they were.
        renew: Keeps the right to do so, or raises.
        told: Takes the paths that are going to be removed, before they are.

    Returns:
        What is gone, and what was left since it had changed.
    """
    gone, changed = Tally(), Tally()
    if not len(doomed.names):
        return gone, changed
    for batch, names in batches(store, Candidates()):
        renew()
        found: list[tuple[Kind, ObjectInfo]] = []
        for place in np.flatnonzero(among(names, doomed.names)).tolist():
            kind, info = batch[place]
            at = int(np.searchsorted(doomed.names, names[place]))
            if int(doomed.prints[at]) == print_of(info):
                found.append((kind, info))
            else:
                changed.add(kind, info)
        for start in range(0, len(found), AT_ONCE):
            part = found[start : start + AT_ONCE]
            told([info.path for _, info in part])
            renew()
            removed = store.delete_listed([info for _, info in part])
            for (kind, info), is_gone in zip(part, removed, strict=True):
                (gone if is_gone else changed).add(kind, info)
    return gone, changed
