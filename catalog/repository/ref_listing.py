"""Listings of branches and tags: what is neither is passed over and reported."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TypeVar

from catalog.errors import CorruptData, NotFound
from catalog.messages import printable
from catalog.model.names import decode_segment, encode_segment
from catalog.storage.store import ObjectStore

T = TypeVar("T")

LOG = logging.getLogger("catalog.refs")
"""Tells what is passed over: tools that synchronise folders, and people, leave files there."""

SUFFIX = ".json"


def named_objects(paths: Iterable[str], prefix: str) -> Iterator[str]:
    """Yields the names that the paths of objects stand for; others are reported."""
    for path in paths:
        segment = path.removeprefix(prefix).removesuffix(SUFFIX)
        name = decode_segment(segment)
        if name.isprintable() and name and path == f"{prefix}{encode_segment(name)}{SUFFIX}":
            yield name
        else:
            LOG.warning("%s is not the catalog's, and is passed over", printable(path))


def mentions(store: ObjectStore, path: str, commit_ids: Collection[str]) -> bool:
    """Returns whether an object mentions one of some commits; looking costs less than reading."""
    try:
        data = store.read(path).data
    except (CorruptData, NotFound):
        return True  # whoever reads it says what is wrong
    return any(commit_id.encode() in data for commit_id in commit_ids)


def passed_over(
    read: Callable[[str], T | None], path_of: Callable[[str], str], name: str
) -> T | None:
    """Returns what is read of a name; None if it is damaged, which is reported."""
    try:
        return read(name)
    except CorruptData as error:
        LOG.warning("%s is passed over: %s", path_of(name), error.message)
        return None
