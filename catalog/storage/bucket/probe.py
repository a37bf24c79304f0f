"""Whether a server honours conditional writes: without them commits would be lost."""

import contextlib
import secrets

from catalog.errors import AlreadyExists, CatalogError, ErrorKind, StorageFailure, Unsupported
from catalog.storage.bucket.requests import RequestFailed
from catalog.storage.bucket.store import BucketStore
from catalog.storage.store import SwapLost

UNKNOWN_CONDITION = ("NotImplemented", "InvalidArgument")
"""Codes by which servers answer that they do not know a condition."""


def probe(store: BucketStore) -> bool:
    """Tests conditional writes with an object of its own, which it removes again.

    Returns:
        False if nothing may be written there, so that nothing can be lost either.

    Raises:
        Unsupported: The server ignores a condition, or does not know them.
    """
    creating, replacing = store.service.conditions
    ignored = f"replaces an object that was changed ({replacing} is ignored)"
    path = f"tmp/probe-{secrets.token_hex(16)}"
    try:
        version = store.create(path, b"first")
    except StorageFailure as error:
        if error.kind == ErrorKind.NOT_PERMITTED:
            return False
        cause = error.__cause__
        if isinstance(cause, RequestFailed) and cause.code in UNKNOWN_CONDITION:
            raise _refused(store, "does not know conditional writes") from error
        if isinstance(cause, RequestFailed):  # whether it was written does not matter
            raise cause.error from error
        raise
    try:
        with contextlib.suppress(AlreadyExists):
            store.create(path, b"second")
            raise _refused(store, f"creates an object that exists ({creating} is ignored)")
        with contextlib.suppress(SwapLost):
            store.swap(path, b"third", version=store.service.other_version)
            raise _refused(store, ignored)
        second = store.swap(path, b"fourth", version=version)
        with contextlib.suppress(SwapLost):
            store.swap(path, b"fifth", version=version)
            raise _refused(store, ignored)
        found = store.read(path)
        if (found.data, found.version) != (b"fourth", second):
            raise _refused(store, "does not return what was last written")
    except SwapLost as error:
        raise _refused(
            store, f"does not let an object be replaced ({replacing} never holds)"
        ) from error
    finally:
        with contextlib.suppress(CatalogError):
            store.delete(path)
    return True


def _refused(store: BucketStore, what: str) -> Unsupported:
    creating, replacing = store.service.conditions
    return Unsupported(
        f"the server at {store.service.endpoint} {what}: of two simultaneous commits, one "
        "would be lost silently",
        kind=ErrorKind.NO_CONDITIONAL_WRITES,
        hint=f"use a server that honours {creating} and {replacing} when writing, such as "
        f"{store.service.supported_servers}",
    )
