"""Files that lie elsewhere: who reads them for a store, whatever its kind."""

from catalog.errors import Unsupported
from catalog.storage.s3_access import SCHEME, S3Access
from catalog.storage.s3_files import S3Files
from catalog.storage.store import ObjectStore, ReadsRemotely, RemoteFiles


def is_remote(location: str) -> bool:
    """Tells whether a location is a URI rather than a local path."""
    return "://" in location


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
