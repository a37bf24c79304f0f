"""The folder of a published table: versions in it are created once, and it is replaced whole."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from catalog.errors import AlreadyExists, NotFound
from catalog.model.ids import random_id
from catalog.operations.publication.table import PublishedMeanwhile
from catalog.operations.publication.target import OWN
from catalog.storage.failures import storage_errors
from catalog.storage.local import LEFT_AFTER_S
from catalog.storage.store import ObjectStore, OutcomeUnknown


def create_version(target: ObjectStore, path: str, content: bytes) -> None:
    """Creates the file that shows a version.

    Raises:
        PublishedMeanwhile: There is one already that is not the same.
    """
    try:
        target.create(path, content)
    except (AlreadyExists, OutcomeUnknown) as error:
        with suppress(NotFound):
            if target.read(path).data == content:
                return
            raise PublishedMeanwhile from error
        raise


@contextmanager
def replacement(target: ObjectStore, folder: str) -> Iterator[str]:
    """Yields a folder of a local target that takes another one's place at the end.

    If nothing was written to it, nothing is at that place afterwards. If anything fails, what is
    there stays.

    Args:
        target: The target.
        folder: The place.
    """
    beside = f"{OWN}again/{random_id()}"
    made, place = target.uri(beside), target.uri(folder)
    old = f"{made}.old"
    try:
        yield beside
        with storage_errors(place):
            os.makedirs(os.path.dirname(made), exist_ok=True)
            with suppress(FileNotFoundError):
                os.rename(place, old)
            try:
                if os.path.isdir(made):
                    os.rename(made, place)
            except BaseException:
                with suppress(OSError):
                    os.rename(old, place)
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        _remove_left(os.path.dirname(made))


def _remove_left(parent: str) -> None:
    """Removes what publications left that were killed, long after, and the directory if empty."""
    oldest = time.time() - LEFT_AFTER_S
    with suppress(OSError):
        for name in os.listdir(parent):
            path = os.path.join(parent, name)
            if os.lstat(path).st_ctime < oldest:
                shutil.rmtree(path, ignore_errors=True)
        os.rmdir(parent)
