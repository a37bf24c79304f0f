"""Idempotency keys on old pages of reflogs: whether a key is there, without reading the pages.

``cache/keys/<aa>/<page id>`` is the hex SHA-256 of the page id, a line feed and what follows, a
line feed, and, ascending, the first eight bytes of the SHA-256 of every key on that page and on
those before, down to the newest deletion of the branch. Pages never change, so it never does. A
key that is not among them was not used; of one that is, the pages say where.
"""

import contextlib
import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from catalog.errors import CatalogError
from catalog.model.refs import Move
from catalog.storage.store import ObjectStore

HASH_BYTES = 8
"""Of a key: among a million, a key that is new looks known once in ten million million."""

PAGES_APART = 4
"""Pages from which on they get an index of their own: it takes eight bytes for every key, and a
writer reads at most so many pages, and looks for as many indexes."""

Page: TypeAlias = tuple[tuple[Move, ...], str | None]


class KeyIndex:
    """Says which idempotency keys may be on the older pages of reflogs.

    Args:
        store: The store.
        page: Reads a page: its moves, newest first, and the id of the page before.
    """

    def __init__(self, store: ObjectStore, page: Callable[[str], Page]) -> None:
        self._store = store
        self._page = page
        self._known: tuple[str, bytes] = ("", b"")

    def may_have(self, page_id: str, key: str) -> bool:
        """Returns whether a key may be on a page or on those before.

        Raises:
            CorruptData: A page is damaged or gone.
        """
        if self._known[0] != page_id:
            self._known = page_id, self._hashes(page_id)
        hashes, wanted = self._known[1], _hash(key)
        at = bisect_left(
            range(len(hashes) // HASH_BYTES), wanted, key=lambda number: _at(hashes, number)
        )
        return _at(hashes, at) == wanted

    def _hashes(self, page_id: str) -> bytes:
        """Returns the index of a page; it is made if it is not there."""
        read, is_end = 0, False
        come: set[bytes] = set()
        older: str | None = page_id
        while older is not None and not is_end:
            kept = self._load(older)
            if kept is not None:
                if not read:
                    return kept
                come.update(kept[at : at + HASH_BYTES] for at in range(0, len(kept), HASH_BYTES))
                break
            moves, older = self._page(older)
            keys, is_end = _keys(moves)
            come.update(map(_hash, keys))
            read += 1
        hashes = b"".join(sorted(come))
        if read >= PAGES_APART:
            self._save(page_id, hashes)
        return hashes

    def _load(self, page_id: str) -> bytes | None:
        try:
            checksum, _, hashes = self._store.read(_path(page_id)).data.partition(b"\n")
        except CatalogError:
            return None
        whole = _checksum(page_id, hashes) == checksum and len(hashes) % HASH_BYTES == 0
        return hashes if whole else None

    def _save(self, page_id: str, hashes: bytes) -> None:
        """Keeps an index; where nothing can be written, nothing is kept."""
        checksum = _checksum(page_id, hashes)
        with contextlib.suppress(CatalogError):
            self._store.put(_path(page_id), checksum + b"\n" + hashes)


def _keys(moves: Sequence[Move]) -> tuple[Iterable[str], bool]:
    """Returns the keys on a page that count, and whether a deletion ends those that do."""
    keys: list[str] = []
    for move in moves:
        if move.after is None:
            return keys, True
        if move.key is not None:
            keys.append(move.key)
    return keys, False


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:HASH_BYTES]


def _checksum(page_id: str, hashes: bytes) -> bytes:
    return hashlib.sha256(f"{page_id}\n".encode() + hashes).hexdigest().encode()


def _at(hashes: bytes, number: int) -> bytes:
    return hashes[HASH_BYTES * number : HASH_BYTES * (number + 1)]


def _path(page_id: str) -> str:
    return f"cache/keys/{page_id[:2]}/{page_id}"
