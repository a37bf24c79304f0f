"""Stores opened again by another process, from what is known of them: places and options.

Credentials are not among it: each process finds its own in its environment.
"""

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass
from catalog.storage.external_files import FilesInS3
from catalog.storage.local import LocalStore
from catalog.storage.options import AzureOptions, GcsOptions, S3Options
from catalog.storage.store import FinishesWrites, ObjectStore

if TYPE_CHECKING:
    from typing import Any

    from catalog.storage.bucket.service import Service

OPEN_STORES = 8
"""Stores that a process keeps open for tasks to come: clients and connections are dear."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a store is opened again.

    Attributes:
        location: Its directory or URI.
        options: How buckets are reached, of the service that the location is in; for a directory
            that of files in S3.
        cache: The directory of its local cache; empty if it has none.
    """

    location: str
    options: S3Options | GcsOptions | AzureOptions | None = None
    cache: str = ""

    def open(self) -> ObjectStore:
        """Opens the store, or returns the one that this process opened before."""
        return _opened(self, os.getpid())


def opening_of(store: ObjectStore) -> Opening | None:
    """Returns how another process opens a store; None if only this one can reach it.

    That is so for whatever is laid over another store, such as that of a dry run.
    """
    if type(store) is LocalStore:
        files = store.external_files
        if files is not None and type(files) is not FilesInS3:
            return None
        if not store.is_plain:
            return None
        return Opening(store.location, None if files is None else files.options)
    if "://" not in store.location:
        return None
    from catalog.storage.bucket.store import BucketStore
    from catalog.storage.cached import CachedStore

    if type(store) is CachedStore:
        return Opening(store.location, store.service.options, store.cache.directory)
    if type(store) is BucketStore:
        return Opening(store.location, store.service.options)
    return None


@lru_cache(maxsize=OPEN_STORES)
def _opened(opening: Opening, process: int) -> ObjectStore:
    options = opening.options
    if "://" not in opening.location:
        assert options is None or isinstance(options, S3Options), "those of files in S3"
        files = None if options is None else FilesInS3(options)
        return LocalStore(opening.location, external_files=files)
    from catalog.storage.bucket.store import BucketStore
    from catalog.storage.cached import CachedStore
    from catalog.storage.disk_cache import DiskCache

    service = _service(options)
    if opening.cache:
        return CachedStore(opening.location, service, DiskCache(opening.cache))
    return BucketStore(opening.location, service)


def _service(options: object) -> "Service[Any]":
    if isinstance(options, GcsOptions):
        from catalog.storage.bucket.gcs import GcsService

        return GcsService(options)
    if isinstance(options, AzureOptions):
        from catalog.storage.bucket.azure import AzureService

        return AzureService(options)
    from catalog.storage.s3.service import S3Service

    assert options is None or isinstance(options, S3Options), "there is no other service"
    return S3Service(options)


def finish_writes(store: ObjectStore) -> None:
    """Waits until everything that was written to a store is there.

    Raises:
        CatalogError: Something could not be written.
    """
    if isinstance(store, FinishesWrites):
        store.finish_writes()
