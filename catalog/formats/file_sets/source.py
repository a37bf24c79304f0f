"""Finding the files of a source of a file set, in a directory or a bucket."""

import os

from catalog.errors import NotFound
from catalog.formats.file_sets.bucket import list_objects
from catalog.formats.file_sets.directory import list_files
from catalog.formats.file_sets.listing import FileListing, Found
from catalog.storage.external_files import check_no_secrets, is_remote, remote_files
from catalog.storage.store import ObjectStore


def list_source(source: str, store: ObjectStore, *, missing_ok: bool = False) -> FileListing:
    """Lists the files of a source.

    Args:
        source: A directory, or a prefix of a bucket.
        store: The store of the catalog that takes them.
        missing_ok: Whether a missing source counts as one without files.

    Raises:
        NotFound: Nothing has that name.
        InvalidInput: The source cannot be a file set.
        StorageFailure: It cannot be read.
    """
    far, own = is_remote(source), store.location
    try:
        if far:
            return list_objects(check_no_secrets(source), remote_files(store, source), own)
        return list_files(source, "" if is_remote(own) else own)
    except NotFound:
        if not missing_ok:
            raise
    return Found().listing(source.rstrip("/") if far else os.path.abspath(source))
