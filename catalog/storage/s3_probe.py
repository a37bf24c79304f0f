"""Whether a server keeps the conditions of writes: without them commits would be lost."""

import contextlib
import secrets

from catalog.errors import AlreadyExists, CatalogError, StorageFailure, Unsupported
from catalog.storage.s3 import S3Store
from catalog.storage.store import SwapLost

_NO_VERSION = '"00000000000000000000000000000000"'
"""An ETag that no object has: it is not the MD5 of what the probe writes."""


def probe(store: S3Store) -> bool:
    """Tries out conditional writes with an object of its own, which it removes again.

    Args:
        store: The store.

    Returns:
        False if nothing may be written there, so that nothing can be lost either.

    Raises:
        Unsupported: The server ignores a condition, or does not know them.
    """
    path = f"tmp/probe-{secrets.token_hex(16)}"
    try:
        version = store.create(path, b"first")
    except StorageFailure as error:
        if error.kind == "not-permitted":
            return False
        if "NotImplemented" in error.message or "InvalidArgument" in error.message:
            raise _refused(store, "does not know conditions of writes") from error
        raise
    try:
        with contextlib.suppress(AlreadyExists):
            store.create(path, b"second")
            raise _refused(store, "creates an object that exists (If-None-Match is ignored)")
        with contextlib.suppress(SwapLost):
            store.swap(path, b"third", version=_NO_VERSION)
            raise _refused(store, "replaces an object that was changed (If-Match is ignored)")
        second = store.swap(path, b"fourth", version=version)
        with contextlib.suppress(SwapLost):
            store.swap(path, b"fifth", version=version)
            raise _refused(store, "replaces an object that was changed (If-Match is ignored)")
        found = store.read(path)
        if (found.data, found.version) != (b"fourth", second):
            raise _refused(store, "does not give back what was last written")
    except SwapLost as error:
        raise _refused(
            store, "does not let an object be replaced (If-Match never holds)"
        ) from error
    finally:
        with contextlib.suppress(CatalogError):
            store.delete(path)
    return True


def _refused(store: S3Store, what: str) -> Unsupported:
    return Unsupported(
        f"the server at {store.access.endpoint} {what}: of two commits at the same time, one "
        "would be lost without a word",
        kind="no-conditional-writes",
        hint="use a server that keeps If-None-Match and If-Match of PUT, such as S3 itself, "
        "MinIO or SeaweedFS",
    )
