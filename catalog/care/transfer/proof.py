"""Proof of a copy: what its commits need is there, read anew from the copy alone."""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from typing import BinaryIO, cast

from catalog.care.transfer.presence import Presence, WantedObject
from catalog.care.transfer.report import Amount
from catalog.errors import CorruptData, ErrorKind
from catalog.interruption import check
from catalog.repository.blobs import read_list
from catalog.repository.expired import expired
from catalog.repository.reachability import Needed, Walk
from catalog.repository.repository import Repository
from catalog.storage.external_files import is_remote, remote_files
from catalog.storage.failures import machine_errors
from catalog.storage.store import ObjectStore
from catalog.threads import Threads

AT_ONCE = 1000
"""Objects that are compared together."""

THREADS = 8
"""Files that are read at a time."""

READ_BYTES = 1 << 20
REMOTE_READ_BYTES = 16 << 20
"""Bytes that are read at a time."""


def prove(repository: Repository, heads: Sequence[str], *, hashes: bool) -> Amount:
    """Compares what commits and those before them need with what is there.

    Args:
        repository: The copy.
        heads: The commits.
        hashes: Whether all bytes are read, and compared with the hashes that are known.

    Returns:
        How many objects were compared.

    Raises:
        CorruptData: Something is missing or damaged.
    """
    proof = _Proof(repository, hashes=hashes)
    walk = Walk(repository, expired=expired(repository.store))
    waiting: list[Needed] = []
    for logged in walk.commits(*heads):
        for needed in walk.objects(logged.id):
            if not (is_remote(needed.path) or needed.path.startswith("/")):
                waiting.append(needed)
        if len(waiting) >= AT_ONCE:
            proof.take(waiting)
            waiting = []
    proof.take(waiting)
    return proof.amount


class _Proof:
    def __init__(self, repository: Repository, *, hashes: bool) -> None:
        self._store = repository.store
        self._hashes = hashes
        self._presence = Presence(repository.store, many=True)
        self.amount = Amount()

    def take(self, objects: Sequence[Needed]) -> None:
        found = {one.path: one for one in objects}
        wanted = [WantedObject(path, one.size_bytes) for path, one in found.items()]
        absent = self._presence.absent(wanted)
        for one in absent.missing:
            raise _failed(self._store, one.path, "is missing")
        for one in absent.wrong:
            raise _failed(self._store, one.path, "has another size")
        if self._hashes:
            with Threads(THREADS) as pool:
                for path, right in zip(
                    found, pool.map(self._is_right, found.values()), strict=True
                ):
                    if not right:
                        raise _failed(self._store, path, "has other bytes")
        sizes = sum(one.size_bytes or 0 for one in found.values())
        self.amount += Amount(len(found), sizes)
        for path in found:
            self._presence.add(path)

    def _is_right(self, needed: Needed) -> bool:
        if needed.kind == "data" and needed.file is not None:
            kind, _, expected = needed.file.token.partition(":")
            return kind != "sha256" or _hash(self._store, needed.path) == expected
        if needed.kind == "blob":
            return _hash(self._store, needed.path) == needed.path.rpartition("/")[2][:64]
        if needed.kind == "list" and needed.file is not None and needed.file.blobs is not None:
            read_list(self._store, needed.file.blobs)
        return True  # packs are read node by node by the walk


def _hash(store: ObjectStore, path: str) -> str:
    place = store.uri(path)
    digest = hashlib.sha256()
    with machine_errors(f"cannot read {place}"), closing(_opened(store, place)) as opened:
        while part := opened.read(REMOTE_READ_BYTES if is_remote(place) else READ_BYTES):
            check()
            digest.update(part)
    return digest.hexdigest()


def _opened(store: ObjectStore, place: str) -> BinaryIO:
    if is_remote(place):
        return cast(BinaryIO, remote_files(store, place).open(place))
    return open(place, "rb")


def _failed(store: ObjectStore, path: str, problem: str) -> CorruptData:
    return CorruptData(
        f"{path} {problem} in {store.location}, the copy",
        kind=ErrorKind.CORRUPT_DATA,
        hint="look at the disk or bucket of the copy; then copy again what is missing",
    )
