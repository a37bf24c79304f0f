"""Files that lie elsewhere: who reads them for a store, whatever its kind."""

from catalog.errors import Unsupported
from catalog.storage.options import S3Options
from catalog.storage.s3.access import SCHEME, S3Access
from catalog.storage.s3.files import S3Files
from catalog.storage.store import ObjectStore, ReadsRemotely, RemoteFiles


def is_remote(location: str) -> bool:
    """Tells whether a location is a URI rather than a local path."""
    return "://" in location


def own_files(store: ObjectStore | None) -> RemoteFiles | None:
    """Returns what a store reads files by that nobody could guess; None if there is no such thing.

    A directory whose access to S3 is that of the environment needs none: what reads a file
    that lies there is loaded when the first one is met.
    """
    if isinstance(store, ReadsRemotely):
        return store.files
    known: RemoteFiles | None = getattr(store, "elsewhere", None)
    if isinstance(known, S3Files) and known.access.options == S3Options():
        return None
    return known


def remote_files(store: ObjectStore | None, location: str) -> RemoteFiles:
    """Returns what reads a file that lies elsewhere.

    Args:
        store: The catalog's store: its own access is taken where it fits.
        location: The file's URI.

    Raises:
        Unsupported: Files of that kind are not read.
    """
    if isinstance(store, ReadsRemotely) and location.startswith(store.files.scheme):
        return store.files
    if location.startswith(SCHEME):
        known = getattr(store, "elsewhere", None)
        return known if known is not None else S3Files(S3Access())
    raise Unsupported(
        f"{location.partition('://')[0]} is no place that files are read from",
        hint="use a local path, or s3://BUCKET/PREFIX; a catalog in gs:// or az:// also takes "
        "sources in the same service",
    )
