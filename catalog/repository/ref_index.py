"""What was read of branches and tags, kept in a derived object, so that nobody reads all again.

``cache/refs/branches`` and ``cache/refs/tags`` are the hex SHA-256 of what follows, a line feed,
and zlib of JSON ``{kind, refs: {path: [identity, fact]}}``. A fact holds for the very object that
a listing describes by that identity; others are read. One that was written less than two seconds
ago is left out: within the clock's grain, another one could look like it.
"""

import contextlib
import hashlib
import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from catalog.errors import CatalogError
from catalog.model.names import encode_segment
from catalog.repository.inflating import inflated
from catalog.repository.ref_listing import SUFFIX, each, named_objects
from catalog.storage.store import ObjectInfo, ObjectStore

Fact: TypeAlias = Sequence[object]
"""What is known of a reference, as JSON; it begins with its name and its commit."""

PREFIX = "cache/refs/"

FEW = 64
"""References that are read rather than looked up; and so many must be new for a new index."""

REST_S = 2.0
"""How long an object must have been at rest for its times to tell it from others: FAT's grain."""


class RefIndex:
    """Facts about references, by the paths of their objects.

    Args:
        store: The store.
        prefix: What the paths begin with.
        name: What it is about: ``branches`` or ``tags``.
        read: Reads the fact of a name; None stands for what is damaged or gone, and is not kept.
    """

    def __init__(
        self, store: ObjectStore, prefix: str, name: str, read: Callable[[str], Fact | None]
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._path = PREFIX + name
        self._read = read

    def facts(self, listed: Sequence[ObjectInfo], *, whole: bool) -> list[Fact]:
        """Returns what is known of listed objects, in their order; it reads those not known.

        Objects that are no references are reported. ``whole``: all that there are were listed.
        """
        known = self._load() if len(listed) >= FEW else {}
        found = {one.path: _fact(known, one) for one in listed}
        new = [path for path, fact in found.items() if fact is None]
        names = named_objects(new, self._prefix)
        for fact in each(self._store, self._read, names):
            if fact is not None:
                found[f"{self._prefix}{encode_segment(str(fact[0]))}{SUFFIX}"] = fact
        if len(new) >= FEW:
            self._save(found, listed, {} if whole else known)
        return [fact for fact in found.values() if fact is not None]

    def _save(
        self,
        found: Mapping[str, Fact | None],
        listed: Sequence[ObjectInfo],
        others: Mapping[str, object],
    ) -> None:
        """Keeps facts; where nothing can be written, nothing is kept."""
        latest = time.time() - REST_S
        kept = {
            **others,
            **{
                one.path: [one.identity, fact]
                for one in listed
                if (fact := found[one.path]) is not None
                and one.identity
                and one.modified.timestamp() < latest
            },
        }
        text = json.dumps({"kind": "refs", "refs": kept}, separators=(",", ":"))
        packed = zlib.compress(text.encode(), 1)
        checksum = hashlib.sha256(packed).hexdigest().encode()
        with contextlib.suppress(CatalogError):
            self._store.put(self._path, checksum + b"\n" + packed)

    def _load(self) -> Mapping[str, object]:
        try:
            checksum, _, packed = self._store.read(self._path).data.partition(b"\n")
            if hashlib.sha256(packed).hexdigest().encode() != checksum:
                return {}
            match json.loads(inflated(packed, self._path)):
                case {"kind": "refs", "refs": dict(refs)}:
                    return refs
        except (CatalogError, ValueError, RecursionError):
            pass
        return {}


def _fact(known: Mapping[str, object], one: ObjectInfo) -> Fact | None:
    match known.get(one.path):
        case [identity, [str(), _, *_] as fact] if identity and identity == one.identity:
            return fact
    return None
