"""Where nodes lie: no hash covers that, so a node that cannot be read may be whole elsewhere.

Then not the pack is damaged in which it is said to be, but the one that says so. What a pack holds
is found without places: frames lie one behind the other, and each tells where it ends.
"""

import string
import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, CorruptData
from catalog.interruption import check
from catalog.model.ids import content_id
from catalog.repository import columnar
from catalog.repository.pack import Place, decode_head, decode_json_node, head_length, pack_path
from catalog.storage.store import ObjectStore

KINDS = ("changes", "files", "files-index", "tables", "tables-index")
"""Kinds of columnar nodes."""

SCANS = 8
"""Packs of which is kept what they hold."""

PART = 1 << 16
"""Compressed bytes that are decompressed at a time, to find where they end."""

_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a pack holds, whatever anybody says of it.

    Attributes:
        nodes: Where its nodes are, by id.
        frames: Where its frames begin and how long they are.
        end: Where the last of them ends: further on nothing can be told.
        is_whole: Whether that is the end of the pack.
    """

    nodes: Mapping[str, Place]
    frames: Mapping[int, int]
    end: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A node that is not where it is said to be, while nothing is wrong with what is there.

    Attributes:
        place: Where it is; None if that is not known.
    """

    place: Place | None


class Places:
    """Tells packs that are damaged from places that are wrong.

    Args:
        store: The objects.
        has: Returns whether a listing has an object.
    """

    def __init__(self, store: ObjectStore, has: Callable[[str], bool]) -> None:
        self._store = store
        self._has = has
        self._known: OrderedDict[str, Contents | None] = OrderedDict()

    def judge(self, node_id: str, place: Place) -> Misplaced | None:
        """Returns what is wrong with the place of a node that cannot be read; None if nothing is.

        One byte of the name of a pack may be wrong: then it is one of those that are there.
        """
        held = self.contents(place.pack)
        if held is not None:
            found = held.nodes.get(node_id)
            if found is not None:
                return None if found == place else Misplaced(found)
            if place.offset == held.end or held.frames.get(place.offset) == place.length:
                return None  # what is there was a node
        for pack in _near(place.pack):
            if self._has(pack_path(pack)):
                near = self.contents(pack)
                if near is not None and node_id in near.nodes:
                    return Misplaced(near.nodes[node_id])
        return Misplaced(None) if held is not None and held.is_whole else None

    def contents(self, pack: str) -> Contents | None:
        """Returns what a pack holds; None if it is gone, or its beginning is damaged."""
        if pack not in self._known:
            check()
            found = None
            with suppress(CatalogError):
                data = self._store.read(pack_path(pack)).data
                found = contents_of(data, pack)
            self._known[pack] = found
            if len(self._known) > SCANS:
                self._known.popitem(last=False)
        return self._known[pack]


def contents_of(data: bytes, pack: str) -> Contents:
    """Returns what a pack holds.

    Raises:
        CorruptData: What precedes its nodes is damaged.
    """
    what = f"pack {pack[:12]}"
    start = head_length(data, what)
    if content_id(decode_head(data[:start], pack, what).commit) != pack:
        raise CorruptData(f"{what} is not the one of that commit")
    nodes: dict[str, Place] = {}
    frames: dict[int, int] = {}
    at = start
    with suppress(CorruptData, struct.error, IndexError):
        while at < len(data):
            length = _length(data, at)
            frames[at - start] = length
            for node_id in _ids(data[at : at + length], pack):
                nodes[node_id] = Place(pack, at - start, length)
            at += length
    return Contents(nodes, frames, at - start, at == len(data))


def _length(data: bytes, at: int) -> int:
    """Returns how long the frame is that begins somewhere.

    Raises:
        CorruptData: None begins there.
    """
    end = _deflated_end(data, at + 5) if data[at : at + 1] == b"J" else _zstd_end(data, at)
    if end > len(data):
        raise CorruptData("a frame is cut")
    return end - at


def _deflated_end(data: bytes, at: int) -> int:
    stream = zlib.decompressobj()
    while not stream.eof:
        part = stream.unconsumed_tail
        if not part:
            part = data[at : at + PART]
            at += len(part)
        if not part:
            raise CorruptData("a frame is cut")
        try:
            stream.decompress(part, PART)
        except zlib.error as error:
            raise CorruptData(f"a frame is damaged: {error}") from error
    return at - len(stream.unused_data)


def _zstd_end(data: bytes, at: int) -> int:
    if data[at : at + 1] != b"C" or data[at + 5 : at + 9] != _ZSTD:
        raise CorruptData("no frame begins there")
    about = data[at + 9]
    is_single, size = bool(about & 32), about >> 6
    at += 10 + (not is_single) + (0, 1, 2, 4)[about & 3]
    at += (int(is_single), 2, 4, 8)[size]
    is_last = False
    while not is_last:
        block = int.from_bytes(data[at : at + 3], "little")
        if at + 3 > len(data):
            raise CorruptData("a frame is cut")
        is_last = bool(block & 1)
        at += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
    return at + (4 if about & 4 else 0)


def _ids(frame: bytes, pack: str) -> Iterator[str]:
    """Yields the ids that a frame may have; a columnar node does not say of what kind it is."""
    with suppress(CorruptData):
        if frame[:1] == b"J":
            yield content_id(decode_json_node(frame, pack, "a node")[0])
            return
        columns = columnar.decode(frame[1:], "a node")
        for kind in KINDS:
            yield columnar.node_id(kind, columns)


def _near(pack: str) -> Iterator[str]:
    """Yields the ids of packs that differ from this one in one byte, written as two digits."""
    for at in range(0, len(pack), 2):
        for one in string.hexdigits[:16]:
            for other in string.hexdigits[:16]:
                if one + other != pack[at : at + 2]:
                    yield pack[:at] + one + other + pack[at + 2 :]
