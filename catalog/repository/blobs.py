"""The contents of file sets as stored, and the lists of those that data files name.

A content of the catalog's own is at ``blobs/<aa>/<sha256>``; others stay where they lie. Beside
every data file of a file set its entry names a list, so that whoever needs to know which contents
a table has (to collect garbage, to check, to copy) opens no data file. A list is

    ``PQTRBLOB``, u32 1, u32 N,
    N times 32 bytes: the SHA-256 of each content, ascending,
    N times u64: its size,
    N times u32: the length of its place, 0 for a content of the catalog's own,
    the places, UTF-8, one after another: absolute paths, or URIs,

all numbers little-endian, stored under ``lists/<aa>/<id>`` with the SHA-256 of its bytes as id.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, NotFound
from catalog.model.datafile import BlobList, DataFile, is_outside
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import data_files
from catalog.storage.store import ObjectStore

MAGIC = b"PQTRBLOB"
_HEAD = struct.Struct("<8sII")
_VERSION = 1
_ID_BYTES = 32


@dataclass(frozen=True, slots=True)
class Blob:
    """A content that a file set names.

    Attributes:
        sha256: Hex digest of its bytes.
        size_bytes: How many they are.
        place: Where it lies if it is not the catalog's own: an absolute path or a URI; else empty.
    """

    sha256: str
    size_bytes: int
    place: str = ""

    @property
    def path(self) -> str:
        """Returns where the catalog's own copy of it is, within the store."""
        return blob_path(self.sha256)


def blob_path(sha256: str) -> str:
    """Returns where the catalog's own copy of a content is, within the store."""
    return f"blobs/{sha256[:2]}/{sha256}"


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
    if any(size >= 1 << 63 for size in sizes) or not all(map(is_outside, filter(None, places))):
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


def blobs_of_files(store: ObjectStore, files: Iterable[DataFile]) -> Iterator[Blob]:
    """Yields the contents that data files name; a content that several name comes several times."""
    for file in files:
        if file.blobs is not None:
            yield from read_list(store, file.blobs)


def blobs_of(store: ObjectStore, commits: Commits, table: StoredTable) -> Iterator[Blob]:
    """Yields the contents that a table names, none if it is no file set; see ``blobs_of_files``."""
    return blobs_of_files(store, data_files(commits, table, fields=()))


def list_paths(files: Sequence[DataFile]) -> list[str]:
    """Returns where the lists are that entries name, within the store."""
    return [list_path(file.blobs.id) for file in files if file.blobs is not None]
