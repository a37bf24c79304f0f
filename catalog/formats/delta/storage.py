"""How the library reaches the bucket of a table: as the catalog reaches it."""

from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore


def storage_options(store: ObjectStore | None, root: str) -> dict[str, str] | None:
    """Returns the library's options for a place; None for one that needs none."""
    if not is_remote(root):
        return None
    return {}
