"""Records of linked files that were copied, so that their guards no longer fit.

The guard of a linked file is its size, time and inode: a cheap stand-in for its hash, as long as
it is the very file that was linked. In a copy of the catalog it is another file. There the hash
decides, which the entry has too, and a record says what the file was like when its hash was found
to be right. Records are derived: without them, a file is hashed again.

A record is the hex SHA-256 of what follows, a line feed, and zlib of canonical JSON
``{"kind": "links", "files": {path: [token, identity]}}``, with the identity that the store has
for the file: ``<size>+<mtime_ns>+<inode>`` in a directory, an ETag in a bucket.
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError
from catalog.model.ids import canonical_json, parse_json
from catalog.repository.inflating import inflated
from catalog.storage.store import ObjectStore

PREFIX = "cache/links/"

WHAT = "records of links"


@dataclass(frozen=True, slots=True)
class CopiedLink:
    """A copied file whose hash was right.

    Attributes:
        path: Where it is.
        token: Its content token, with the hash.
        identity: What the store told it by then.
    """

    path: str
    token: str
    identity: str


def is_copied_link(path: str, token: str, guard: str | None) -> bool:
    """Returns whether the hash of a data file can stand in for its guard.

    That is so for the catalog's own links, and neither for references nor for files in buckets
    that are not the catalog's.
    """
    local = guard is not None and not guard.startswith("etag:")
    return local and path.startswith("data/") and token.startswith("sha256:")


def read_links(store: ObjectStore, paths: Iterable[str]) -> dict[str, CopiedLink]:
    """Returns what is recorded of files, by their paths; nothing where nothing can be trusted."""
    found: dict[str, CopiedLink] = {}
    for name, wanted in _by_record(paths).items():
        recorded = _read(store, name)
        found.update((path, recorded[path]) for path in wanted if path in recorded)
    return found


def keep_links(store: ObjectStore, links: Iterable[CopiedLink]) -> None:
    """Records files; where nothing can be written, nothing is kept."""
    known = {link.path: link for link in links}
    for name, paths in _by_record(known).items():
        before = _read(store, name)
        after = before | {path: known[path] for path in paths}
        if after == before:
            continue
        files = {path: [link.token, link.identity] for path, link in after.items()}
        packed = zlib.compress(canonical_json({"kind": "links", "files": files}), 1)
        checksum = hashlib.sha256(packed).hexdigest().encode()
        try:
            store.put(name, checksum + b"\n" + packed)
        except CatalogError:
            return


def _by_record(paths: Iterable[str]) -> Mapping[str, list[str]]:
    """Returns paths by the record that they are in: sixteen for a table."""
    found: dict[str, list[str]] = {}
    for path in paths:
        folder = "/".join(path.split("/")[:2])
        shard = hashlib.sha256(path.encode()).hexdigest()[0]
        name = hashlib.sha256(f"{folder}\n{shard}".encode()).hexdigest()
        found.setdefault(f"{PREFIX}{name[:2]}/{name}", []).append(path)
    return found


def _read(store: ObjectStore, name: str) -> dict[str, CopiedLink]:
    try:
        checksum, _, packed = store.read(name).data.partition(b"\n")
        if hashlib.sha256(packed).hexdigest().encode() != checksum:
            return {}
        match parse_json(inflated(packed, WHAT), WHAT):
            case {"kind": "links", "files": dict(files)}:
                return {path: _link(path, stored) for path, stored in files.items()}
    except (CatalogError, ValueError):
        pass
    return {}


def _link(path: str, stored: object) -> CopiedLink:
    match stored:
        case [str(token), str(identity)]:
            return CopiedLink(path, token, identity)
    raise ValueError(f"{WHAT} are damaged")
