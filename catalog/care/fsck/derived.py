"""Verification of what stands beside the history: records of expiry, of gc, and the cache."""

import hashlib
import json
import re
import zlib
from collections.abc import Callable
from contextlib import suppress

from catalog.care.fsck.files import parts_of
from catalog.care.fsck.findings import Findings
from catalog.care.gc.listing import read_objects
from catalog.care.gc.record import PREFIX as LOG
from catalog.care.gc.record import record_from_bytes
from catalog.errors import CatalogError, CorruptData, NotFound, Unsupported
from catalog.interruption import check
from catalog.model.fingerprint import ALGORITHM
from catalog.model.ids import canonical_json, parse_json
from catalog.model.names import decode_segment
from catalog.model.refs import branch_from_json, tag_from_json
from catalog.repository import branches, tags
from catalog.repository.condemned import PREFIX as LISTS
from catalog.repository.condemned import SWEEP, SWEPT, WITHDRAWN, decode_names, read_notes
from catalog.repository.expired import NAME as EXPIRY
from catalog.repository.expired import PREFIX as EXPIRIES
from catalog.repository.expired import Expired, parsed_record, union
from catalog.repository.iceberg_sums import PREFIX as ICEBERG
from catalog.repository.iceberg_sums import read_sum, sum_path, summed
from catalog.repository.ref_listing import SUFFIX
from catalog.repository.row_digests import is_damaged
from catalog.repository.spares import PREFIX as SPARE
from catalog.repository.spares import reference_of, spare_path
from catalog.storage.store import ObjectStore

_OWN = re.compile(
    r"cache/(fingerprints|rows|gathered|stat|keys|refs|links)/(?:[0-9a-f]{2}/)?([0-9a-z]+)"
)

_METADATA = re.compile(r"cache/iceberg/[^/]+/[^/]+/([0-9a-f]{64})\.metadata\.json")

CACHE = "cache/"


def check_expiry(store: ObjectStore, findings: Findings) -> Expired:
    """Verifies the records of expired data; returns what they say together."""
    found = []
    for info in store.list(EXPIRIES):
        if not EXPIRY.fullmatch(info.path):
            continue
        try:
            found.append(parsed_record(store.read(info.path).data, info.path))
        except (NotFound, Unsupported):
            continue
        except CatalogError as error:
            findings.add("expiry-damaged", info.path, error.message)
    return union(found)


def check_gc(store: ObjectStore, findings: Findings) -> None:
    """Verifies the lists of garbage, and the records of what garbage collections did."""
    there = {info.path: info.size_bytes for info in store.list(LISTS)}
    for path in there:
        folder, _, name = path.rpartition("/")
        if f"{folder.removesuffix('/kept')}/{SWEPT}" in there:
            continue  # nobody reads it any more
        list_id = folder.removeprefix(LISTS)
        try:
            if name == "names" and "/" not in list_id:
                decode_names(store.read(path).data, path)
                if f"{folder}/objects" not in there:
                    raise CorruptData(f"{folder}/objects is gone")
                objects = read_objects(store, list_id)
                names = decode_names(store.read(path).data, path)
                if objects.names.tolist() != names.tolist():
                    raise CorruptData(f"{folder}/objects is damaged")
            elif name == "claim" and store.read(path).data not in (SWEEP, WITHDRAWN):
                raise CorruptData(f"{path} is damaged")
            elif folder.endswith("/kept"):
                read_notes(store, list_id.removesuffix("/kept"))
        except NotFound:
            continue
        except CatalogError as error:
            findings.add("gc-list-damaged", path, error.message)
    for info in store.list(LOG):
        try:
            if info.path.endswith(".json"):
                record_from_bytes(store.read(info.path).data, info.path)
            elif info.path.startswith(f"{LOG}removed/"):
                zlib.decompress(store.read(info.path).data)
        except (NotFound, Unsupported):
            continue
        except (CatalogError, zlib.error) as error:
            message = (
                error.message if isinstance(error, CatalogError) else f"{info.path} is damaged"
            )
            findings.add("gc-record-damaged", info.path, message)


def check_spares(store: ObjectStore, findings: Findings) -> None:
    """Verifies the spare copies of references, and compares those of tags with the tags."""
    for info in store.list(SPARE):
        path = reference_of(info.path)
        name = decode_segment(path.rpartition("/")[2].removesuffix(SUFFIX)) or ""
        check()
        try:
            data = store.read(info.path).data
            if path.endswith(tags.DELETED):
                if data:
                    raise CorruptData(f"{info.path} is not empty")
            elif path.startswith(branches.PREFIX):
                branch_from_json(parse_json(data, info.path), name)
            elif path.startswith(tags.PREFIX):
                tag_from_json(parse_json(data, info.path), name)
                _compare(store, findings, path, data)
        except NotFound:
            continue
        except CorruptData as error:
            findings.add("spare-damaged", info.path, f"{info.path} is damaged: {error.message}")
        except CatalogError as error:
            findings.add("unreadable", info.path, error.message)


def _compare(store: ObjectStore, findings: Findings, path: str, spare: bytes) -> None:
    """Compares a tag with a spare copy that is whole."""
    name = decode_segment(path.removeprefix(tags.PREFIX).removesuffix(SUFFIX)) or ""
    with suppress(CatalogError):  # one that is damaged, or gone, is found where tags are read
        data = store.read(path).data
        tag_from_json(parse_json(data, path), name)
        if data != spare:
            message = f"{path} and {spare_path(path)} are not the same"
            findings.ref(findings.add("tag-wrong", path, message), name)


def check_cache(store: ObjectStore, findings: Findings) -> int:
    """Verifies derived objects by their checksums and names; returns how many there are."""
    count = 0
    for info in store.list(CACHE):
        match = _OWN.fullmatch(info.path)
        if match is None and not info.path.startswith(ICEBERG):
            continue
        check()
        count += 1
        try:
            whole = (
                _is_iceberg(store, info.path)
                if match is None
                else _is_whole(store, match[1], match[2], info.path)
            )
        except NotFound:
            continue
        except CatalogError as error:
            findings.add("unreadable", info.path, error.message)
            continue
        if not whole:
            findings.add("cache-damaged", info.path, f"{info.path} is damaged")
    return count


def _is_whole(store: ObjectStore, kind: str, name: str, path: str) -> bool:
    if kind == "rows":
        return not is_damaged(store, name)
    checksum, line, packed = store.read(path).data.partition(b"\n")
    about = f"{name}\n".encode() if kind == "keys" else b""
    if not line or hashlib.sha256(about + packed).hexdigest().encode() != checksum:
        return False
    named = _NAMED.get(kind)
    try:
        return named is None or named(packed, name)
    except (CatalogError, ValueError, KeyError, TypeError, zlib.error):
        return False


def _is_iceberg(store: ObjectStore, path: str) -> bool:
    """Returns whether a file for clients of Iceberg is as it was written, as far as that is known.

    Releases before there were sums kept none.
    """
    wanted: str | None = _METADATA.sub(r"\1", path) if _METADATA.fullmatch(path) else None
    beside = sum_path(path)
    if beside is None:
        return read_sum(store.read(path).data, summed(path)) is not None
    if wanted is None:
        with suppress(NotFound):
            wanted = read_sum(store.read(beside).data, path)
    if wanted is None:
        return True
    digest = hashlib.sha256()
    for part in parts_of(store, path):
        digest.update(part)
    return digest.hexdigest() == wanted


def _fingerprint_named(packed: bytes, name: str) -> bool:
    """Returns whether a fingerprint is the one that its name says, or of another kind."""
    stored = parse_json(zlib.decompress(packed), "a fingerprint")
    about = canonical_json([stored["algorithm"], stored["about"]])
    return stored["algorithm"] != ALGORITHM or hashlib.sha256(about).hexdigest() == name


def _refs_named(packed: bytes, name: str) -> bool:
    refs = json.loads(zlib.decompress(packed))["refs"]
    return all(path.startswith(f"refs/{name}/") for path in refs)


_NAMED: dict[str, Callable[[bytes, str], bool]] = {
    "fingerprints": _fingerprint_named,
    "refs": _refs_named,
}
"""What tells that an object is about what its name says."""
