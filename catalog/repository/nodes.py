"""Nodes of the content-addressed graph: read by place and verified, gathered into packs."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, NotFound
from catalog.model.commit import EMPTY, EMPTY_ID
from catalog.model.ids import content_id
from catalog.repository import pack
from catalog.repository.kept import Kept
from catalog.repository.pack import Place
from catalog.storage.store import ObjectStore

if TYPE_CHECKING:
    from catalog.repository.columnar import Columns

T = TypeVar("T")

CACHE_NODES_BYTES = 96 << 20
"""Decoded nodes kept in a process: some thousands of a narrow table, a hundred of a wide one."""

CACHE_HEADS_BYTES = 24 << 20
"""Heads of packs kept in a process: some ten thousand, or 600 with hundreds of tables in them."""

CACHE_PLACES = 50_000
"""Places of nodes kept in a process: at about 400 bytes each, 20 MB."""

CACHE_PACKS_BYTES = 16 << 20
"""Small packs, and parts of others, kept in a process as they are stored."""

FORM_BYTES = 512
"""Bytes that a kept object takes at least, beside its content."""

PARSED_TIMES = 5
"""How many times the bytes of a node its rows take as objects."""

CACHE_AHEAD = 32
"""Parts of packs kept that were read ahead: at most as many times what is read at a time."""

CHILD_BYTES = 32 << 10
"""Bytes before a JSON node that are read with it: children are written before their parents, so
that the root of a table's manifest, and often what is below it, come in the same request."""


@dataclass(frozen=True, slots=True)
class JsonNode:
    """A verified JSON node: its content and the places of nodes it points to."""

    content: bytes
    places: Mapping[str, Place]


class NodeReader:
    """Reads nodes from packs, verifies their ids and keeps the latest decoded.

    Args:
        store: Where the packs are.
        ahead: Bytes to read at least, where nodes are read mostly one after another. Nodes are
            not kept then: each copy of a node is read where it is said to be, with the places
            that this copy names.
    """

    def __init__(self, store: ObjectStore, *, ahead: int = 0) -> None:
        self._store = store
        self._ahead = ahead
        self._heads: Kept[pack.PackHead] = Kept(CACHE_HEADS_BYTES)
        self._places: Kept[Mapping[str, Place]] = Kept(CACHE_PLACES)
        self._small: Kept[bytes] = Kept(CACHE_PACKS_BYTES)
        self._near: Kept[tuple[int, bytes]] = Kept(CACHE_AHEAD * ahead or CACHE_PACKS_BYTES)
        self._nodes: Kept[object] = Kept(CACHE_NODES_BYTES)

    def head(self, commit_id: str) -> pack.PackHead:
        """Returns the verified head of a commit's pack.

        Raises:
            CorruptData: It is gone, or its commit is not the one of that id.
        """
        cached = self._heads.get(commit_id)
        if cached is not None:
            return cached
        if commit_id == EMPTY_ID:
            return pack.PackHead(EMPTY.to_bytes(), b"{}", 0)
        what = f"commit {commit_id}"
        path = pack.pack_path(commit_id)
        try:
            start = self._store.read_range(path, 0, pack.HEAD_BYTES)
        except NotFound as error:
            raise CorruptData(f"{what} is missing: its pack is gone") from error
        needed = pack.head_length(start, what)
        whole = len(start) < pack.HEAD_BYTES
        if needed > len(start):
            start = self._store.read_range(path, 0, needed)
        head = pack.decode_head(start[:needed], commit_id, what)
        if content_id(head.commit) != commit_id:
            raise CorruptData(f"{what} is damaged: its bytes do not match its id")
        self._heads.keep(commit_id, head, FORM_BYTES + needed)
        if whole:
            self._small.keep(commit_id, start, len(start))
        return head

    def places(self, commit_id: str) -> Mapping[str, Place]:
        """Returns the places of the nodes that a commit points to.

        Raises:
            CorruptData: They are not readable, or the commit is not.
        """
        found = self._places.get(commit_id)
        if found is None:
            found = self.head(commit_id).places
            self._places.keep(commit_id, found, 1 + len(found))
        return found

    def know(self, commit_id: str, data: bytes) -> None:
        """Takes a pack that was just written, so that it need not be read."""
        head = pack.decode_head(data, commit_id, f"commit {commit_id}")
        self._heads.keep(commit_id, head, FORM_BYTES + head.body_offset)
        if len(data) < pack.HEAD_BYTES:
            self._small.keep(commit_id, data, len(data))

    def know_columns(self, node_id: str, columns: "Columns") -> None:
        """Takes a columnar node that points to no others, so that it need not be read."""
        self._nodes.keep(node_id, columns, _bytes_of(columns))

    def json(self, node_id: str, place: Place) -> JsonNode:
        """Returns a verified JSON node.

        Raises:
            CorruptData: Its bytes do not match its id, or are gone.
        """

        def decode(frame: bytes, what: str) -> JsonNode:
            content, places = pack.decode_json_node(frame, place.pack, what)
            if content_id(content) != node_id:
                raise CorruptData(f"{what} is damaged: its bytes do not match its id")
            return JsonNode(content, places)

        return self._node(node_id, place, decode, tag=b"J", before=CHILD_BYTES)

    def columns(self, node_id: str, kind: str, place: Place) -> "Columns":
        """Returns a verified columnar node; its pack column is filled in.

        Raises:
            CorruptData: Its bytes do not match its id, or are gone.
        """
        from catalog.repository import columnar

        def decode(frame: bytes, what: str) -> "Columns":
            columns = columnar.decode(frame[1:], what)
            if columnar.node_id(kind, columns) != node_id:
                raise CorruptData(f"{what} is damaged: its bytes do not match its id")
            if "@offset" in columns:
                own, packs = bytes.fromhex(place.pack), columns.get("@pack")
                known = [None] * len(columns["@offset"]) if packs is None else packs.to_pylist()
                if any(pack and len(pack) != len(own) for pack in known):
                    raise CorruptData(f"{what} is damaged: it points to what is not a pack")
                columns["@pack"] = columnar.byte_strings([pack or own for pack in known])
            return columns

        return self._node(node_id, place, decode, tag=b"C")

    def parsed(
        self, node_id: str, place: Place, *, kind: str, parse: "Callable[[Columns], T]"
    ) -> T:
        """Returns what ``parse`` makes of a columnar node; it is kept, so nobody may change it."""
        if self._ahead:
            return parse(self.columns(node_id, kind, place))
        key = f"{node_id}/{kind}"
        cached = self._nodes.get(key)
        if cached is not None:
            return cast(T, cached)
        columns = self.columns(node_id, kind, place)
        found = parse(columns)
        self._nodes.keep(key, found, PARSED_TIMES * _bytes_of(columns))
        return found

    def _node(
        self,
        node_id: str,
        place: Place,
        decode: Callable[[bytes, str], T],
        *,
        tag: bytes,
        before: int = 0,
    ) -> T:
        cached = None if self._ahead else self._nodes.get(node_id)
        if cached is not None:
            return cast(T, cached)
        what = f"node {node_id[:12]} of pack {place.pack[:12]}"
        if not pack.is_place(place.offset, place.length):
            raise CorruptData(f"{what} cannot be where it is said to be")
        frame = self._frame(place, what, before)
        if frame[:1] != tag:
            raise CorruptData(f"{what} is damaged: it is of another kind")
        node = decode(frame, what)
        if not self._ahead:
            self._nodes.keep(node_id, node, FORM_BYTES + pack.decoded_length(frame))
        return node

    def _frame(self, place: Place, what: str, before: int) -> bytes:
        try:
            offset = self.head(place.pack).body_offset + place.offset
            known = self._small.get(place.pack)
            start, near = self._near.get(place.pack) or (0, b"")
            if known is not None:
                frame = known[offset : offset + place.length]
            elif start <= offset and offset + place.length <= start + len(near):
                frame = near[offset - start : offset - start + place.length]
            else:
                path, start = pack.pack_path(place.pack), max(offset - before, 0)
                needed = offset - start + place.length
                found = self._store.read_range(path, start, max(needed, self._ahead))
                frame = found[offset - start : needed]
                if self._ahead or before:
                    self._near.keep(place.pack, (start, found), len(found))
        except NotFound as error:
            raise CorruptData(f"{what} is missing: its pack is gone") from error
        if len(frame) != place.length:
            raise CorruptData(f"{what} is truncated")
        return frame


def _bytes_of(columns: "Columns") -> int:
    total: int = FORM_BYTES + sum(column.nbytes for column in columns.values())
    return total


class PackBuilder:
    """Gathers new nodes, children before parents, and lays them out as a pack."""

    def __init__(self) -> None:
        self._pending: dict[str, Callable[[Mapping[str, Place]], bytes]] = {}

    def __contains__(self, node_id: str) -> bool:
        return node_id in self._pending

    def add_json(self, content: bytes, known: Mapping[str, Place], children: Iterable[str]) -> str:
        """Adds a node of canonical JSON and returns its id.

        Its children were added before, or are stored already at ``known`` places.
        """
        ids = tuple(children)

        def frame(placed: Mapping[str, Place]) -> bytes:
            places = {i: placed[i] if i in placed else known[i] for i in ids}
            return pack.encode_json_node(content, places, PENDING_PACK)

        node_id = content_id(content)
        self._pending.setdefault(node_id, frame)
        return node_id

    def add_columns(self, node_id: str, encode: Callable[[Mapping[str, Place]], bytes]) -> None:
        """Adds a columnar node; given the places of nodes added before, ``encode`` returns it."""
        self._pending.setdefault(node_id, lambda placed: b"C" + encode(placed))

    def take(self, other: "PackBuilder") -> None:
        """Adds the nodes that another builder gathered, in their order."""
        for node_id, encode in other._pending.items():
            self._pending.setdefault(node_id, encode)

    def build(self, commit: bytes, known: Mapping[str, Place], children: Iterable[str]) -> bytes:
        """Returns the bytes of the pack of a commit, given as canonical JSON; see ``add_json``."""
        placed: dict[str, Place] = {}
        frames = []
        offset = 0
        for node_id, encode in self._pending.items():
            frame = encode(placed)
            placed[node_id] = Place(PENDING_PACK, offset, len(frame))
            frames.append(frame)
            offset += len(frame)
        places = {i: placed[i] if i in placed else known[i] for i in children}
        return pack.encode_pack(commit, places, b"".join(frames), own_id=PENDING_PACK)


PENDING_PACK = "pending"
"""Stands for the pack being built, whose name is known only when its commit is."""
