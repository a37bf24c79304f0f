"""Listings of branches and tags: what is neither is passed over and reported."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from catalog.errors import CorruptData
from catalog.messages import printable
from catalog.model.names import decode_segment, encode_segment
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore

T = TypeVar("T")

LOG = logging.getLogger("catalog.refs")
"""Tells what is passed over: tools that synchronise folders, and people, leave files there."""

SUFFIX = ".json"

READS = 16
"""References read at a time when they are listed: each may be a request."""


def named_objects(paths: Iterable[str], prefix: str) -> Iterator[str]:
    """Yields the names that the paths of objects stand for; others are reported."""
    for path in paths:
        segment = path.removeprefix(prefix).removesuffix(SUFFIX)
        name = decode_segment(segment)
        if name.isprintable() and name and path == f"{prefix}{encode_segment(name)}{SUFFIX}":
            yield name
        else:
            LOG.warning("%s is not the catalog's, and is passed over", printable(path))


def each(
    store: ObjectStore, read: Callable[[str], T | None], names: Iterable[str]
) -> Iterator[T | None]:
    """Yields what is read of names in order, many at a time where each takes a request."""
    if not is_remote(store.location):
        yield from map(read, names)
        return
    from catalog.threads import Threads

    with Threads(READS) as pool:
        yield from pool.map(read, names)


def passed_over(
    read: Callable[[str], T | None], path_of: Callable[[str], str], name: str
) -> T | None:
    """Returns what is read of a name; None if it is damaged, which is reported."""
    try:
        return read(name)
    except CorruptData as error:
        LOG.warning("%s is passed over: %s", path_of(name), error.message)
        return None
