"""The store behind a catalog's URI, and the local cache of a catalog in a bucket."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.storage.external_files import (
    FilesInS3,
    check_no_secrets,
    check_readable,
    is_remote,
)
from catalog.storage.local import LocalStore
from catalog.storage.store import ObjectStore, RemoteFiles

if TYPE_CHECKING:
    from catalog.storage.bucket.service import Service
    from catalog.storage.options import AzureOptions, GcsOptions, S3Options

PROBED = "conditions are kept by "
"""Begins the cache's note that a server passed the test of conditional writes."""


def open_store(
    uri: str,
    *,
    s3: "S3Options | None" = None,
    gcs: "GcsOptions | None" = None,
    azure: "AzureOptions | None" = None,
    cache: str | None = None,
    new: bool = False,
) -> ObjectStore:
    """Returns the store of a catalog.

    Args:
        uri: The path of a directory, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or
            ``az://container/prefix``.
        s3: How S3 is reached.
        gcs: How Google Cloud Storage is reached.
        azure: How Azure Blob Storage is reached.
        cache: Directory of the local cache of a catalog in a bucket; None is the user's cache
            directory, and an empty text switches it off.
        new: Whether a catalog is going to be created: the server is then always tested.

    Raises:
        InvalidInput: The URI contains a secret.
        Unsupported: This version does not support its scheme, or a server that ignores
            the conditions of writes, or the library for it is not installed.
    """
    check_no_secrets(uri)
    service = _service(uri, s3=s3, gcs=gcs, azure=azure)
    if service is None:
        root = _local_root(uri)
        if new:
            check_readable(root)
        return LocalStore(root, external_files=FilesInS3(s3))
    from catalog.storage.bucket.probe import probe
    from catalog.storage.bucket.store import BucketStore
    from catalog.storage.cached import CachedStore
    from catalog.storage.disk_cache import DiskCache

    directory = _user_cache() if cache is None else cache
    if not directory:
        store = BucketStore(uri, service)
        probe(store)
        return store
    known = DiskCache(directory)
    store = CachedStore(uri, service, known)
    note = f"{PROBED}{service.endpoint} {store.bucket_uri}"
    if (new or known.get(note) is None) and probe(store):
        known.put(note, b"")
    return store


def open_files(
    places: Sequence[object],
    *,
    s3: "S3Options | None" = None,
    gcs: "GcsOptions | None" = None,
    azure: "AzureOptions | None" = None,
) -> RemoteFiles | None:
    """Returns what reads files at places that belong to no catalog; None if the default does.

    Raises:
        Unsupported: They are in buckets of several services of which not all can be reached.
    """
    remote = [place for place in places if isinstance(place, str) and is_remote(place)]
    others = [place for place in remote if not place.startswith(FilesInS3.scheme)]
    if not others:
        return None if s3 is None else FilesInS3(s3)
    if len({place.partition("://")[0] for place in remote}) > 1 and s3 is not None:
        raise Unsupported(
            f"{' and '.join(remote)} cannot be read at the same time with options for S3",
            hint="copy one of them to a local directory, or configure S3 in the environment",
        )
    service = _service(others[0], s3=s3, gcs=gcs, azure=azure)
    if service is None:
        return None
    from catalog.storage.bucket.files import BucketFiles

    return BucketFiles(service)


def outer_stores(store: ObjectStore) -> Iterator[ObjectStore]:
    """Yields stores of the directories or prefixes around a store, the nearest first."""
    from catalog.storage.bucket.store import BucketStore

    if isinstance(store, BucketStore):
        place = store.location
        while place.rstrip("/") != store.bucket_uri:
            place = place.rpartition("/")[0]
            yield BucketStore(place, store.service)
        return
    real, named = Path(os.path.realpath(store.location)), Path(store.location)
    for parent in dict.fromkeys((*named.parents, *real.parents)):
        yield LocalStore(str(parent))


def is_around(outer: ObjectStore, store: ObjectStore) -> bool:
    """Returns whether a store lies in the directory or prefix of another, by whatever path."""
    return any(is_same_place(outer, one) for one in outer_stores(store))


def is_same_place(one: ObjectStore, other: ObjectStore) -> bool:
    """Returns whether two stores are one, though symbolic links may lead there."""
    return _real_place(one) == _real_place(other)


def _real_place(store: ObjectStore) -> str:
    place = store.location
    return place.rstrip("/") if is_remote(place) else os.path.realpath(place)


def _service(
    uri: str, *, s3: "S3Options | None", gcs: "GcsOptions | None", azure: "AzureOptions | None"
) -> "Service[Any] | None":
    """Returns the service of a catalog in a bucket; None if the URI does not name one."""
    if uri.startswith("s3://"):
        from catalog.storage.s3.service import S3Service

        return S3Service(s3)
    if uri.startswith("gs://"):
        from catalog.storage.bucket.gcs import GcsService

        return GcsService(gcs)
    if uri.startswith("az://"):
        from catalog.storage.bucket.azure import AzureService

        return AzureService(azure)
    return None


def _user_cache() -> str:
    """Returns the directory below the user's cache directory that is ours."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "parquetry")


def _local_root(uri: str) -> str:
    """Returns the directory a catalog's URI names.

    Raises:
        InvalidInput: The directory or one above it is a file.
        Unsupported: This version does not support its scheme.
    """
    if "://" in uri:
        raise Unsupported(
            f"catalogs in {uri.partition('://')[0]}:// are not supported",
            hint="use a local directory, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or "
            "az://CONTAINER/PREFIX",
        )
    root = Path(os.path.abspath(uri))
    for path in (root, *root.parents):
        with suppress(OSError):
            if path.is_file():
                raise InvalidInput(
                    f"{path} is a file; a catalog is a directory",
                    kind=ErrorKind.NOT_A_DIRECTORY,
                    hint="name a directory",
                )
    return str(root)
