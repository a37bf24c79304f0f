"""Stat records: which files of a source were seen before, and what they contained.

A record spares reading a file again if its size, modification and change times and inode
agree, and if the file had rested for two seconds when the record was made: a file written
twice within the clock's grain could keep its times.

A record file is the hex SHA-256 of what follows, a line feed, and zlib of JSON
``{kind, records: {relative path: [size, mtime_ns, ctime_ns, inode, token]}}``.
"""

import contextlib
import hashlib
import json
import re
import zlib
from collections.abc import Mapping

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, CorruptData
from catalog.model.ids import excerpt
from catalog.repository.inflating import inflated
from catalog.storage.store import ObjectStore

REST_NS = 2_000_000_000
"""How long a file must have been at rest for its times to be trusted: FAT's grain."""


@dataclass(frozen=True, slots=True)
class StatRecord:
    """Records a file as it was when its content was hashed."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    token: str


def read_stat_records(store: ObjectStore, table: str, source: str) -> dict[str, StatRecord]:
    """Returns the records of a source by relative path; none if there are none to be trusted."""
    try:
        checksum, _, packed = store.read(_path(table, source)).data.partition(b"\n")
        if hashlib.sha256(packed).hexdigest().encode() != checksum:
            return {}
        match json.loads(inflated(packed, "stat records")):
            case {"records": dict(records)}:
                return {path: _record(values) for path, values in records.items()}
        return {}
    except (CatalogError, ValueError, RecursionError):
        return {}


_TOKEN = re.compile(r"sha256:[0-9a-f]{64}|(?:stat|etag):[^\0]*")


def _record(stored: object) -> StatRecord:
    match stored:
        case [int(size_bytes), int(mtime_ns), int(ctime_ns), int(inode), str(token)] if (
            _TOKEN.fullmatch(token)
        ):
            return StatRecord(size_bytes, mtime_ns, ctime_ns, inode, token)
    raise CorruptData(f"unknown stat record: {excerpt(stored)}")


def write_stat_records(
    store: ObjectStore, table: str, source: str, records: Mapping[str, StatRecord], *, now_ns: int
) -> None:
    """Keeps the records of a source, leaving out files that have not rested.

    Where nothing can be written, nothing is kept: the next snapshot reads the files again.
    """
    kept = {
        path: [r.size_bytes, r.mtime_ns, r.ctime_ns, r.inode, r.token]
        for path, r in records.items()
        if now_ns - max(r.mtime_ns, r.ctime_ns) > REST_NS
    }
    text = json.dumps({"kind": "stat-records", "records": kept}, separators=(",", ":"))
    packed = zlib.compress(text.encode(errors="surrogatepass"), 1)
    checksum = hashlib.sha256(packed).hexdigest().encode()
    with contextlib.suppress(CatalogError):
        store.put(_path(table, source), checksum + b"\n" + packed)


def _path(table: str, source: str) -> str:
    name = hashlib.sha256(f"{table}\0{source}".encode(errors="surrogatepass")).hexdigest()
    return f"cache/stat/{name[:2]}/{name}"
