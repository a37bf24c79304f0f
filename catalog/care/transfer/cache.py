"""Derived objects that travel: what is known of data files without opening them."""

import re
from collections.abc import Sequence

from catalog.care.transfer.report import Amount
from catalog.errors import NotFound
from catalog.repository import fingerprints, gathered, row_digests
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore
from catalog.threads import Threads

PREFIXES = (fingerprints.PREFIX, gathered.PREFIX, row_digests.PREFIX)
"""Where they are; what is kept about files of one machine has no use elsewhere."""

THREADS = 16
"""Objects under way at a time where each takes requests."""

_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}")


def copy_cache(source: ObjectStore, target: ObjectStore) -> Amount:
    """Copies derived objects that a store lacks; each says itself what it was derived from."""
    return sum((_copied(source, target, prefix) for prefix in PREFIXES), Amount())


def _copied(source: ObjectStore, target: ObjectStore, prefix: str) -> Amount:
    there = {info.path for info in target.list(prefix)}
    paths: Sequence[str] = [
        info.path
        for info in source.list(prefix)
        if info.path not in there and _NAME.fullmatch(info.path.removeprefix(prefix))
    ]

    def copy(path: str) -> int:
        try:
            data = source.read(path).data
        except NotFound:
            return 0
        target.put(path, data)
        return len(data)

    if is_remote(source.location) or is_remote(target.location):
        with Threads(THREADS) as pool:
            sizes = list(pool.map(copy, paths))
    else:
        sizes = list(map(copy, paths))
    return Amount(len(paths), sum(sizes))
