"""Packs: one immutable object per commit, the commit first, then the nodes it brought.

Layout, all numbers little-endian:

| bytes | what |
|---|---|
| 8 | ``PQTRPACK`` |
| 4 | u32, format of the pack: 1 |
| 4 | u32 C, length of the commit's canonical JSON |
| 4 | u32 P, length of the places |
| C | the commit; its SHA-256 is the commit id and the pack's name |
| P | places: JSON object, node id → [pack or null, offset, length] |
| … | node frames; offsets count from the first byte after the places |

A node frame is one byte ``C`` (columnar, see ``columnar``) or ``J`` (JSON), then the
node. A JSON node is u32 length of the whole uncompressed, then zlib of: u32 length of the
canonical JSON, that JSON (its SHA-256 is the node id), and its own places.
"""

import struct
from collections.abc import Mapping

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData
from catalog.model.ids import COMMIT_ID, canonical_json, excerpt, parse_json
from catalog.repository.inflating import MAX_BYTES, deflated, inflated

MAGIC = b"PQTRPACK"
PACK_FORMAT = 1
HEADER = struct.Struct("<8sIII")

HEAD_BYTES = 1 << 16
"""First read of a pack: it holds nearly every commit, its places and often its nodes."""


MAX_HEAD_BYTES = 256 << 20
"""What the commit and the places of a pack never take: with 256 tables they take 40 kB, and what
users may write into them is a message, and metadata."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node's frame is stored; not part of any id.

    Attributes:
        pack: The commit id whose pack it is in.
        offset: From the end of the pack's places, in bytes.
        length: Of the frame, in bytes.
    """

    pack: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class PackHead:
    """What precedes the node frames of a pack.

    The places are as stored: there may be hundreds, and a walk over commits needs none of them.
    """

    commit: bytes
    stored_places: bytes
    body_offset: int
    own_id: str = ""

    @property
    def places(self) -> Mapping[str, Place]:
        """Returns the places of the nodes that the commit points to.

        Raises:
            CorruptData: They are not readable.
        """
        return decode_places(self.stored_places, self.own_id, f"commit {self.own_id}")


def pack_path(commit_id: str) -> str:
    """Returns the path of a commit's pack."""
    return f"objects/{commit_id[:2]}/{commit_id}"


def encode_pack(commit: bytes, places: Mapping[str, Place], frames: bytes, *, own_id: str) -> bytes:
    """Returns the bytes of a pack."""
    stored_places = encode_places(places, own_id)
    header = HEADER.pack(MAGIC, PACK_FORMAT, len(commit), len(stored_places))
    return b"".join((header, commit, stored_places, frames))


def head_length(start: bytes, what: str) -> int:
    """Returns how many bytes of a pack, given at least its header, precede its node frames.

    Raises:
        CorruptData: This is not a pack, or one of a newer format.
    """
    if len(start) < HEADER.size:
        raise CorruptData(f"{what} is too short to be a pack")
    magic, pack_format, commit_length, places_length = HEADER.unpack_from(start)
    if magic != MAGIC or pack_format != PACK_FORMAT:
        raise CorruptData(f"{what} is not a pack of format {PACK_FORMAT}")
    length = HEADER.size + int(commit_length) + int(places_length)
    if length > MAX_HEAD_BYTES:
        raise CorruptData(f"{what} is damaged: its commit and places take {length} bytes")
    return length


def decode_head(start: bytes, own_id: str, what: str) -> PackHead:
    """Reads what precedes the node frames.

    Raises:
        CorruptData: The bytes are not readable.
    """
    end = head_length(start, what)
    if len(start) < end:
        raise CorruptData(f"{what} is truncated")
    _, _, commit_length, _ = HEADER.unpack_from(start)
    commit_end = HEADER.size + int(commit_length)
    return PackHead(start[HEADER.size : commit_end], start[commit_end:end], end, own_id)


def encode_json_node(content: bytes, places: Mapping[str, Place], own_id: str) -> bytes:
    """Returns the frame of a JSON node."""
    whole = struct.pack("<I", len(content)) + content + encode_places(places, own_id)
    return b"J" + struct.pack("<I", len(whole)) + deflated(whole)


def decoded_length(frame: bytes) -> int:
    """Returns how many bytes a node takes that was decoded from a frame."""
    length: int = struct.unpack_from("<I", frame, 1)[0]
    return length


def decode_json_node(frame: bytes, own_id: str, what: str) -> tuple[bytes, dict[str, Place]]:
    """Returns the canonical JSON and the places that the frame of a JSON node holds.

    Raises:
        CorruptData: The bytes are not readable.
    """
    try:
        (promised,) = struct.unpack_from("<I", frame, 1)
        whole = inflated(frame[5:], what, length=promised)
        (length,) = struct.unpack_from("<I", whole)
    except struct.error as error:
        raise CorruptData(f"{what} is not readable: {error}") from error
    return whole[4 : 4 + length], decode_places(whole[4 + length :], own_id, what)


def encode_places(places: Mapping[str, Place], own_id: str) -> bytes:
    """Returns places as JSON; those in the own pack have null for a pack."""
    return canonical_json(
        {
            node: [None if place.pack == own_id else place.pack, place.offset, place.length]
            for node, place in places.items()
        }
    )


def decode_places(stored: bytes, own_id: str, what: str) -> dict[str, Place]:
    """Reads places.

    Raises:
        CorruptData: The bytes are not readable.
    """
    places = {}
    for node, place in parse_json(stored, what).items():
        match place:
            case [(str() | None) as pack, int(offset), int(length)] if is_place(
                offset, length
            ) and (pack is None or COMMIT_ID.fullmatch(pack)):
                places[node] = Place(pack or own_id, offset, length)
            case _:
                raise CorruptData(f"{what} has an unknown place: {excerpt(place)}")
    return places


def is_place(offset: int, length: int) -> bool:
    """Returns whether a frame can lie there, so that reading it asks for no more than there is."""
    return 0 <= offset < 1 << 62 and 0 <= length <= MAX_BYTES
