"""Packs on their way: read whole, once, so that what was verified is what is written."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from catalog.errors import CorruptData, NotFound
from catalog.model.ids import content_id
from catalog.repository import pack
from catalog.storage.store import ObjectStore

HELD_BYTES = 64 << 20
"""Bytes of packs that are held: those of the commits that are looked at, and of their parents."""


class PacksInTransit:
    """Reads packs of a store: whole where they are going to be copied, else as they are asked for.

    Args:
        store: Where they are.
        travels: Returns whether the pack of a commit is going to be copied.
    """

    def __init__(self, store: ObjectStore, travels: Callable[[str], bool]) -> None:
        self._store = store
        self._travels = travels
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Returns part of a pack.

        Raises:
            NotFound: There is none.
        """
        commit_id = path.rpartition("/")[2]
        if not self._travels(commit_id):
            return self._store.read_range(path, offset, length)
        return self._whole(commit_id)[offset : offset + length]

    def whole(self, commit_id: str) -> bytes:
        """Returns the pack of a commit, whose id its beginning has.

        Raises:
            CorruptData: It is missing, or damaged.
        """
        what = f"commit {commit_id}"
        try:
            data = self._whole(commit_id)
        except NotFound as error:
            raise CorruptData(f"{what} is missing: its pack is gone") from error
        head = pack.decode_head(data, commit_id, what)
        if content_id(head.commit) != commit_id:
            raise CorruptData(f"{what} is damaged: its bytes do not match its id")
        return data

    def _whole(self, commit_id: str) -> bytes:
        with self._lock:
            known = self._held.get(commit_id)
            if known is not None:
                self._held.move_to_end(commit_id)
                return known
        data = self._store.read(pack.pack_path(commit_id)).data
        with self._lock:
            if commit_id not in self._held:
                self._held[commit_id] = data
                self._bytes += len(data)
            while self._bytes > HELD_BYTES and len(self._held) > 1:
                self._bytes -= len(self._held.popitem(last=False)[1])
        return data
