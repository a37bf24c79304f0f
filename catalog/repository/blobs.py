"""The contents of file sets as stored, and the lists of those that data files name.

A content of the catalog's own is at ``blobs/<aa>/<sha256>``; others stay where they lie. Beside
every data file of a file set its entry names a list, so that whoever needs to know which contents
a table has (to collect garbage, to check, to copy) opens no data file. A list is

    ``PQTRBLOB``, u32 1, u32 N,
    N times 32 bytes: the SHA-256 of each content, ascending,
    N times u64: its size,
    N times u32: the length of its place, 0 for a content of the catalog's own,
    the places, UTF-8, one after another: absolute paths, URIs, or, for hard links to files of
    others, ``blobs/<aa>/<sha256>-<inode>``,

all numbers little-endian, stored under ``lists/<aa>/<id>`` with the SHA-256 of its bytes as id.
"""

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, NotFound
from catalog.model.datafile import BlobList, is_outside
from catalog.model.file_sets import is_file_set
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import data_files
from catalog.storage.store import ObjectStore

MAGIC = b"PQTRBLOB"
_HEAD = struct.Struct("<8sII")
_VERSION = 1
_ID_BYTES = 32
_LINK = re.compile(r"blobs/[0-9a-f]{2}/[0-9a-f]{64}-[0-9a-f]{1,16}")


@dataclass(frozen=True, slots=True)
class Blob:
    """A content that a file set names.

    Attributes:
        sha256: Hex digest of its bytes.
        size_bytes: How many they are.
        place: Where it lies if it is not the catalog's own: an absolute path, a URI, or the path
            of a hard link in the store, whose bytes others can change; else empty.
    """

    sha256: str
    size_bytes: int
    place: str = ""

    @property
    def path(self) -> str | None:
        """Where it is within the store; None if it lies elsewhere."""
        if not self.place:
            return blob_path(self.sha256)
        return self.place if is_link(self.place) else None


def blob_path(sha256: str) -> str:
    """Returns where the catalog's own copy of a content is, within the store."""
    return f"blobs/{sha256[:2]}/{sha256}"


def link_path(sha256: str, inode: int) -> str:
    """Returns where a hard link to a file of others with some content is, within the store."""
    return f"{blob_path(sha256)}-{inode:x}"


def is_link(place: str) -> bool:
    """Returns whether a place is that of a hard link in the store."""
    return _LINK.fullmatch(place) is not None


def list_path(list_id: str) -> str:
    """Returns where a list of contents is, within the store."""
    return f"lists/{list_id[:2]}/{list_id}"


def encode_list(blobs: Iterable[Blob]) -> tuple[BlobList, bytes]:
    """Returns a list of contents, each once, as an entry names it, and its stored bytes."""
    ordered = sorted({blob.sha256: blob for blob in blobs}.values(), key=lambda blob: blob.sha256)
    places = [blob.place.encode() for blob in ordered]
    count = len(ordered)
    data = b"".join(
        (
            _HEAD.pack(MAGIC, _VERSION, count),
            *(bytes.fromhex(blob.sha256) for blob in ordered),
            struct.pack(f"<{count}Q", *(blob.size_bytes for blob in ordered)),
            struct.pack(f"<{count}I", *map(len, places)),
            *places,
        )
    )
    return BlobList(hashlib.sha256(data).hexdigest(), sum(map(bool, places))), data


def decode_list(data: bytes, what: str) -> list[Blob]:
    """Reads the stored bytes of a list.

    Raises:
        CorruptData: They are not those of a list.
    """
    damaged = CorruptData(f"{what} is damaged")
    if len(data) < _HEAD.size:
        raise damaged
    magic, version, count = _HEAD.unpack_from(data)
    start = _HEAD.size + count * (_ID_BYTES + 12)
    if (magic, version) != (MAGIC, _VERSION) or start > len(data):
        raise damaged
    at = _HEAD.size
    ids = [data[at + _ID_BYTES * n : at + _ID_BYTES * (n + 1)] for n in range(count)]
    at += _ID_BYTES * count
    sizes = struct.unpack_from(f"<{count}Q", data, at)
    lengths = struct.unpack_from(f"<{count}I", data, at + 8 * count)
    ends = list(accumulate(lengths, initial=start))
    if ends[-1] != len(data) or any(one >= other for one, other in pairwise(ids)):
        raise damaged
    try:
        places = [data[first:end].decode() for first, end in pairwise(ends)]
    except UnicodeDecodeError as error:
        raise damaged from error
    if any(size >= 1 << 63 for size in sizes):
        raise damaged
    if not all(is_outside(place) or is_link(place) for place in places if place):
        raise damaged
    return [
        Blob(one.hex(), size, place) for one, size, place in zip(ids, sizes, places, strict=True)
    ]


def read_list(store: ObjectStore, listed: BlobList) -> list[Blob]:
    """Returns the contents of a list.

    Raises:
        CorruptData: It is gone, or not what its id says.
    """
    what = f"list {listed.id[:12]} of contents"
    try:
        data = store.read(list_path(listed.id)).data
    except NotFound as error:
        raise CorruptData(f"{what} is missing") from error
    if hashlib.sha256(data).hexdigest() != listed.id:
        raise CorruptData(f"{what} is damaged: its bytes do not match its id")
    found = decode_list(data, what)
    if sum(bool(blob.place) for blob in found) != listed.elsewhere:
        raise CorruptData(f"{what} has other contents elsewhere than its entry says")
    return found


def blobs_of(store: ObjectStore, commits: Commits, table: StoredTable) -> Iterator[Blob]:
    """Yields the contents that a table names, none if it is no file set.

    A content that several data files name comes several times.

    No data file is opened: their entries name lists of contents, at ``list_path``.

    Raises:
        CorruptData: A data file of a file set has no list, or that is gone or damaged.
    """
    if not is_file_set(table.snapshot.properties):
        return
    for file in data_files(commits, table, fields=()):
        if file.blobs is None:
            raise CorruptData(f"{file.path}, of the file set {table.name}, has no list of contents")
        yield from read_list(store, file.blobs)
