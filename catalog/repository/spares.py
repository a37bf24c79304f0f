"""Spare copies of references, by which one that vanished is told from one that never was.

Nobody removes the object of a branch or a tag: what is deleted leaves a mark. But a file can get
lost, and then nothing else tells that there was a branch, or a tag, or its mark. So whoever creates
one keeps a copy of it below ``spare/``, in the background, once it is there. It is derived: where
none can be written, none is kept, and references of earlier releases have none.
"""

from contextlib import suppress

from catalog.errors import CatalogError
from catalog.storage.store import ObjectStore

PREFIX = "spare/"


def keep_spare(store: ObjectStore, path: str, data: bytes) -> None:
    """Keeps a copy of a reference that was just created."""
    with suppress(CatalogError):
        store.put(PREFIX + path, data)


def spared(store: ObjectStore, prefix: str) -> frozenset[str]:
    """Returns the paths of the references below a prefix of which there are copies.

    Of one that was listed later, and is not there, something is lost.
    """
    return frozenset(info.path.removeprefix(PREFIX) for info in store.list(PREFIX + prefix))
