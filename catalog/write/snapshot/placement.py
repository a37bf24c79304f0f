"""The places that files of a source get in the store, once all else is done."""

from collections.abc import Callable, Sequence

from catalog.storage.store import ObjectStore
from catalog.write.snapshot import ingest
from catalog.write.snapshot.ingest import Mode, TakenFile


class Placement:
    """Files that have been taken in, and still have to get their places.

    Until then nobody else can see copies, so that they can be dropped: a file that has its place
    may already be part of somebody else's table, since its name comes from its content.
    """

    def __init__(
        self,
        store: ObjectStore,
        files: Sequence[tuple[TakenFile, str]],
        mode: Mode,
        *,
        remember: Callable[[], None],
    ) -> None:
        self._store = store
        self._files = files
        self._mode = mode
        self._remember = remember
        self._placed = False

    def place(self) -> Sequence[str | None]:
        """Gives the files their places, once; ``remember`` is then called.

        Returns:
            Their guards, the first time.
        """
        if self._placed:
            return ()
        guards = ingest.place(self._store, self._files, self._mode)
        self._remember()
        self._placed = True
        return guards

    def discard(self) -> None:
        """Deletes copies that have no place."""
        ingest.discard([one for one, _ in self._files])
