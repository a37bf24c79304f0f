"""Where a catalog lies: its URI, the store for it, and the local cache of one in a bucket."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.errors import InvalidInput, Unsupported
from catalog.storage.local import LocalStore
from catalog.storage.s3_access import S3Access
from catalog.storage.s3_files import S3Files
from catalog.storage.store import ObjectStore

if TYPE_CHECKING:
    from catalog.storage.s3_access import S3Options

S3_SCHEME = "s3://"

PROBED = "conditions are kept by "
"""Begins the cache's note that a server was tried out."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Holds a store and the URI by which it is known from any working directory."""

    uri: str
    store: ObjectStore


def open_store(
    uri: str,
    *,
    s3: "S3Options | None" = None,
    cache: str | None = None,
    new: bool = False,
) -> Opened:
    """Returns the store of a catalog.

    Args:
        uri: A directory or ``s3://bucket/prefix``.
        s3: How S3 is reached.
        cache: Directory of the local cache of a catalog in a bucket; None is the user's cache
            directory, and an empty text switches it off.
        new: Whether a catalog is going to be created: a server is then always tried out.

    Raises:
        InvalidInput: The URI is empty.
        Unsupported: It is of a kind that this version does not know, or a server that ignores
            the conditions of writes.
    """
    if not uri.startswith(S3_SCHEME):
        root = local_root(uri)
        return Opened(root, LocalStore(root, elsewhere=S3Files(S3Access(s3))))
    from catalog.storage.cached import CachedStore
    from catalog.storage.disk_cache import DiskCache
    from catalog.storage.probe import probe
    from catalog.storage.s3 import S3Store

    inner = S3Store(uri, S3Access(s3))
    directory = user_cache() if cache is None else cache
    known = DiskCache(directory) if directory else None
    note = f"{PROBED}{inner.bucket.endpoint} {inner.bucket.uri}"
    if (new or known is None or known.get(note) is None) and probe(inner) and known is not None:
        known.put(note, b"")
    return Opened(inner.location, inner if known is None else CachedStore(inner, known))


def user_cache() -> str:
    """Returns the directory below the user's cache directory that is ours."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "parquetry")


def local_root(uri: str) -> str:
    """Returns the directory a catalog's URI names.

    Raises:
        InvalidInput: The URI is empty.
        Unsupported: It is of a kind that this version does not know.
    """
    if not uri:
        raise InvalidInput("the catalog's directory is empty")
    if uri.startswith("file://"):
        return os.path.abspath(uri.removeprefix("file://"))
    if "://" in uri:
        raise Unsupported(
            f"catalogs in {uri.partition('://')[0]} are not supported by this version",
            hint="use a local directory, or s3://BUCKET/PREFIX",
        )
    return os.path.abspath(uri)
