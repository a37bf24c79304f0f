"""Who sweeps a list: one at a time, and somebody else if that one was stopped.

A sweep creates ``claim`` and then, every few minutes, the next of ``lease/1``, ``lease/2``, …: an
object that exists already shows that somebody else goes on with the list. Whoever does must find
the newest of these older than ``ABANDONED_S``, and one that could not renew its own in
``RENEWED_S`` stops.
"""

import time
from collections.abc import Callable
from contextlib import suppress

from catalog.errors import AlreadyExists, Conflict, ErrorKind
from catalog.repository.condemned import PREFIX, SWEEP, SWEPT, WITHDRAWN, claim, is_part
from catalog.storage.store import ObjectInfo, ObjectStore

RENEWED_S = 120.0
"""How long a lease lasts before the next."""

ABANDONED_S = 3600.0
"""Age of the newest lease from which on a sweep counts as stopped: many times that of a request
that is sent again and again."""


class Lease:
    """The right to sweep a list.

    Args:
        store: Where the list is.
        list_id: The list.
        clock: Seconds that pass, also while the machine sleeps.
    """

    def __init__(
        self, store: ObjectStore, list_id: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._folder = f"{PREFIX}{list_id}"
        self._list_id = list_id
        self._clock = clock
        self._number = 0
        self._renewed = clock()

    def take(self, now: ObjectInfo, *, alone: bool = False) -> bool:
        """Claims the list; returns False if it is withdrawn, or somebody else sweeps it.

        Args:
            now: An object that the store has just written, for its clock.
            alone: Whether nobody else works on the catalog: a lease of another one is void.
        """
        if claim(self._store, self._list_id, SWEEP) == WITHDRAWN:
            return False
        leases = {
            int(one.path.rpartition("/")[2]): one
            for one in self._store.list(f"{self._folder}/lease/")
            if is_part(one.path)
        }
        newest = max((one.modified for one in leases.values()), default=None)
        age_s = None if newest is None else (now.modified - newest).total_seconds()
        if age_s is not None and age_s < ABANDONED_S and not alone:
            return False
        self._number = max(leases, default=0)
        return self._next()

    def renew(self) -> None:
        """Keeps the lease, if it is time to.

        Raises:
            Conflict: Somebody else has gone on with the list.
        """
        passed = self._clock() - self._renewed
        if 0 <= passed < RENEWED_S:
            return
        if passed >= ABANDONED_S / 2 or not self._next():
            raise Conflict(
                "another garbage collection goes on with what this one began",
                kind=ErrorKind.GC_REFUSED,
                hint="this one was stopped for long; nothing is lost by it",
            )

    def _next(self) -> bool:
        at = self._clock()
        try:
            self._store.create(f"{self._folder}/lease/{self._number + 1}", b"")
        except AlreadyExists:
            return False
        self._number += 1
        self._renewed = at
        return True

    def end(self) -> None:
        """Says that all which was to go is gone."""
        with suppress(AlreadyExists):
            self._store.create(f"{self._folder}/{SWEPT}", b"")


def remove_list(store: ObjectStore, list_id: str) -> None:
    """Removes a list: what writers look at first, so that half of one means nothing."""
    folder = f"{PREFIX}{list_id}"
    parts = [f"{folder}/names", f"{folder}/objects"]
    parts += [info.path for info in store.list(f"{folder}/") if is_part(info.path)]
    for path in dict.fromkeys(parts):
        store.delete(path)
