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

_REFS = "refs/"
"""How the paths of references begin. Those of copies do not: a folder with a folder of this name is
taken for a catalog."""


def keep_spare(store: ObjectStore, path: str, data: bytes) -> None:
    """Keeps a copy of a reference that was just created."""
    with suppress(CatalogError):
        store.put(spare_path(path), data)


def spare_path(path: str) -> str:
    """Returns where the copy of a reference is: ``spare/tags/v1.json`` of ``refs/tags/v1.json``."""
    return PREFIX + path.removeprefix(_REFS)


def reference_of(path: str) -> str:
    """Returns of which reference there is a copy at a path."""
    return _REFS + path.removeprefix(PREFIX)


def spared(store: ObjectStore, prefix: str) -> frozenset[str]:
    """Returns the paths of the references below a prefix of which there are copies.

    Of one that was listed later, and is not there, something is lost.
    """
    return frozenset(reference_of(info.path) for info in store.list(spare_path(prefix)))
