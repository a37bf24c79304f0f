"""Objects that are created once: what a lost answer to their creation means."""

from catalog.errors import AlreadyExists, ErrorKind
from catalog.storage.store import ObjectStore, OutcomeUnknown

SENDINGS = 3
"""Attempts to create an object whose answers are lost: the first loss may be chance, three
in a row are a store that cannot be reached."""


def create_named(store: ObjectStore, path: str, data: bytes) -> bool:
    """Creates an object whose name is derived from its content.

    Everybody who creates it writes the same bytes, so a lost answer is settled by sending again.

    Returns:
        False if an object of that name was there; after a lost answer it may be this one.

    Raises:
        OutcomeUnknown: All answers were lost.
    """
    for left in reversed(range(SENDINGS)):
        try:
            store.create(path, data)
            break
        except AlreadyExists:
            return False
        except OutcomeUnknown:
            if not left:
                raise
    return True


def create_own(store: ObjectStore, path: str, data: bytes) -> None:
    """Creates an object with content that nobody else would write there.

    Raises:
        AlreadyExists: An object with other content is there.
        OutcomeUnknown: The answer was lost, and the object does not exist yet.
    """
    try:
        store.create(path, data)
    except (AlreadyExists, OutcomeUnknown) as error:
        found = store.info(path)
        if found is None:
            raise
        if store.read(path).data != data:
            raise AlreadyExists(f"object {path} exists", kind=ErrorKind.OBJECT_EXISTS) from error
