"""The objects of a store as garbage collection sees them: by kind, or unknown."""

import datetime
import hashlib
import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

from catalog.storage.store import ObjectInfo, ObjectStore

Kind: TypeAlias = Literal["packs", "data files", "contents", "lists", "reflog pages"]
"""Kinds of objects that a mark finds, or not."""

_ID = r"(?P<id>[0-9a-f]{64})"

PATTERNS: tuple[tuple[str, Kind, re.Pattern[str]], ...] = (
    ("objects/", "packs", re.compile(rf"objects/(?P<two>[0-9a-f]{{2}})/{_ID}")),
    ("data/", "data files", re.compile(rf"data/(?:[^/]+/)+{_ID}(?:-[0-9a-f]+)*\.parquet")),
    (
        "blobs/",
        "contents",
        re.compile(rf"blobs/(?P<two>[0-9a-f]{{2}})/{_ID}(?:-[0-9a-f]{{1,16}})?"),
    ),
    ("lists/", "lists", re.compile(rf"lists/(?P<two>[0-9a-f]{{2}})/{_ID}")),
    (
        "refs/reflogs/",
        "reflog pages",
        re.compile(rf"refs/reflogs/(?P<two>[0-9a-f]{{2}})/{_ID}\.json"),
    ),
)
"""Where objects of each kind are, and what their paths look like: nothing else is ever removed."""

BY_NAME = ("cache/fingerprints/", "cache/rows/")
"""Where derived objects are whose names follow from data files."""

BY_AGE = ("cache/gathered/", "cache/stat/", "cache/keys/")
"""Where derived objects are that say themselves what they are about."""

KEPT = datetime.timedelta(days=90)
"""Age from which on derived objects go that only reading would tell the use of: what still has one
is made again."""

BATCH = 8192
"""Derived objects looked at together."""

_DERIVED = re.compile(
    rf"cache/(?:fingerprints|rows|gathered|stat|keys)/(?P<two>[0-9a-f]{{2}})/{_ID}"
)


def objects(store: ObjectStore) -> Iterator[tuple[Kind | None, ObjectInfo]]:
    """Yields all objects where those lie that a mark finds; the kind is None if it is unknown."""
    for prefix, kind, pattern in PATTERNS:
        for info in store.list(prefix):
            yield (kind if _is_own(pattern, info.path) else None), info


def derived_batches(
    store: ObjectStore, *, now: datetime.datetime, age: datetime.timedelta
) -> Iterator[list[ObjectInfo]]:
    """Yields derived objects that may be removed, many at a time.

    Args:
        store: The objects.
        now: The store's time.
        age: How old those are at least whose use is known by their names.
    """
    batch: list[ObjectInfo] = []
    for prefixes, least in ((BY_NAME, age), (BY_AGE, KEPT)):
        for prefix in prefixes:
            for info in store.list(prefix):
                if info.modified <= now - least and _is_own(_DERIVED, info.path):
                    batch.append(info)
                if len(batch) == BATCH:
                    yield batch
                    batch = []
    if batch:
        yield batch


def _is_own(pattern: re.Pattern[str], path: str) -> bool:
    match = pattern.fullmatch(path)
    if match is None:
        return False
    found = match.groupdict()
    return "two" not in found or found["id"].startswith(found["two"])


def print_of(info: ObjectInfo) -> int:
    """Returns what tells an object from another one that has its path later, in 64 bits."""
    about = f"{info.size_bytes}|{info.modified.isoformat()}|{info.identity}"
    return int.from_bytes(hashlib.blake2b(about.encode(), digest_size=8).digest(), "big")
