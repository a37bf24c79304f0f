"""Footers of Parquet files, checked before Arrow's metadata are made of the same bytes.

Arrow ends the process where a method of its metadata meets an encrypted column, an unknown codec
or statistics of another size than their type's. So the footer is read here first, field by field.

Source: Apache Parquet, ``parquet.thrift`` and "Parquet Modular Encryption".
"""

import hashlib
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind, NotFound, Unsupported
from catalog.formats.chunks import (
    Damaged,
    EncryptedColumn,
    Leaf,
    RowGroup,
    integer,
    list_of,
    row_group,
)
from catalog.formats.recent import Recent
from catalog.formats.thrift import Fields, read_struct, varint
from catalog.model.ids import excerpt
from catalog.storage.failures import machine_failure
from catalog.storage.store import OpenFile

ParquetSource: TypeAlias = str | OpenFile
"""What Parquet is read from: a local path, or an open remote file."""

TAIL_BYTES = 1 << 16
"""Bytes at the end of a file that are read at once: most footers are shorter."""

MAX_LEVELS = 128
"""Groups within groups that a schema may have; Arrow and we descend into them by recursion."""

KNOWN_FOOTERS = 10_000
"""Footers that are remembered as sound: a file is opened several times on its way."""

KNOWN_METADATA = 16
"""Footers of which Arrow's metadata are kept: those of files in progress, if they are small."""

KNOWN_SCHEMAS = 64
"""Schemas that are remembered: the files of a source rarely have more than a few."""

_VERSION, _SCHEMA, _STRUCT = b"\x15", b"\x19", 12
"""How the fields ``version`` and ``schema`` begin where they are the first of a footer, and the
kind of the schema's elements."""

_ARROW_KEY = b"ARROW:schema\x18"
"""The key under which Arrow leaves a schema, and how its value begins."""

MAGIC, ENCRYPTED_MAGIC = b"PAR1", b"PARE"

_REPEATED, _FIXED = 2, 7

_sound: dict[tuple[bytes, int], None] = {}
_arrow_metadata: dict[bytes, pq.FileMetaData] = {}
_schemas: dict[bytes, tuple["Leaf", ...]] = {}
_schema_sizes: dict[int, None] = {}
_lock = threading.Lock()


def source_name(source: ParquetSource) -> str:
    """Returns the path or URI of a file, for messages."""
    return source if isinstance(source, str) else source.found.uri


@dataclass(frozen=True, slots=True)
class Label:
    """What errors call a file, what they advise where it is damaged, and whether a table has it."""

    name: str
    advice: str
    committed: bool


def source_label(name: str) -> Label:
    """Returns the label of a file that is about to be taken in."""
    return Label(name, "write the file again, or remove it from the source", False)


def committed_label(name: str) -> Label:
    """Returns the label of a file that a table has."""
    return Label(name, "restore the file from a backup, or snapshot the table again", True)


@dataclass(slots=True)
class _Group:
    """A group of a schema that is walked, of whose children some are left."""

    path: tuple[str, ...]
    definition: int
    repetition: int
    left: int


@dataclass(frozen=True, slots=True)
class Footer:
    """What the footer of a file says.

    Attributes:
        raw: All of its bytes.
        schema: The bytes of it that hold the schema; all of it if it begins otherwise.
        geo: The value of its key ``geo``; None if it has none.
        leaves: Its columns of plain values, in order.
        ordered: Whether bounds are in the order of their types, as the file says.
    """

    raw: bytes
    schema: bytes
    geo: bytes | None
    leaves: tuple[Leaf, ...]
    groups: tuple[RowGroup, ...]
    ordered: bool

    @property
    def rows(self) -> int:
        """Returns the rows of the row groups; the number that stands beside them is not used."""
        return sum(group.rows for group in self.groups)


_recent: Recent[tuple[bytes, int], Footer] = Recent()
"""Footers by their digests, and the sizes of their files."""


class _Encrypted(Exception):
    """What is encrypted."""


def read_checked(source: ParquetSource, label: Label) -> tuple[Footer, pq.FileMetaData]:
    """Reads the footer of a file.

    Raises:
        CorruptData: It is not a Parquet file, or damaged.
        NotFound: It is missing.
        StorageFailure: It cannot be read.
        Unsupported: It is encrypted.
    """
    with parquet_errors(label):
        footer, size = _footer_bytes(source)
        digest = _digest(footer)
        parsed = _recent.get((digest, size))
        if parsed is None:
            parsed = _parsed(footer, size)
            _remember(digest, size)
            _recent.put((digest, size), parsed, size_bytes=len(footer))
        return parsed, _metadata(footer, digest)


def checked_metadata(source: ParquetSource, label: Label) -> pq.FileMetaData:
    """Returns Arrow's metadata of a file, of which every method may be called.

    Raises:
        CorruptData: It is not a Parquet file, or damaged.
        NotFound: It is missing.
        StorageFailure: It cannot be read.
        Unsupported: It is encrypted.
    """
    with parquet_errors(label):
        footer, size = _footer_bytes(source)
        digest = _digest(footer)
        if (digest, size) not in _sound:
            _parsed(footer, size)
            _remember(digest, size)
        return _metadata(footer, digest)


def schema_bytes(source: ParquetSource, label: Label) -> tuple[bytes, bytes]:
    """Returns the bytes of a file's footer that hold its schema, without reading the rest.

    The first are all of the footer if it begins otherwise than the standard has it. The second are
    the schema that Arrow has left there for its own readers, in base64; empty if it has not.

    Raises:
        CorruptData: It is not a Parquet file, or damaged.
        NotFound: It is missing.
        StorageFailure: It cannot be read.
        Unsupported: It is encrypted.
    """
    with parquet_errors(label):
        footer, _ = _footer_bytes(source)
        try:
            start = footer.rfind(_ARROW_KEY)
            arrow = b""
            if start >= 0:
                length, begin = varint(footer, start + len(_ARROW_KEY))
                arrow = footer[begin : begin + length]
            return _schema(footer)[0] or footer, arrow
        except IndexError as error:
            raise Damaged("its footer ends too early") from error


def writer_of(metadata: pq.FileMetaData) -> str:
    """Returns the program that wrote a file; empty if the file does not say it in UTF-8."""
    try:
        return metadata.created_by or ""
    except UnicodeDecodeError:
        return ""


@contextmanager
def parquet_errors(label: Label) -> Iterator[None]:
    """Raises what reading a Parquet file raises as the catalog's errors, which name the file.

    Raises:
        CorruptData: It is not a Parquet file, or damaged.
        NotFound: It is missing.
        StorageFailure: It cannot be read.
        Unsupported: It is encrypted.
    """
    try:
        yield
    except FileNotFoundError as error:
        if label.committed:
            raise CorruptData(
                f"{label.name} is gone", kind=ErrorKind.FILE_CHANGED, hint=label.advice
            ) from error
        raise NotFound(f"no file {label.name}", kind=ErrorKind.SOURCE_NOT_FOUND) from error
    except _Encrypted as error:
        raise Unsupported(
            f"{label.name} cannot be read: {error} encrypted",
            kind=ErrorKind.ENCRYPTED,
            hint="decrypt it first: write it again without encryption",
        ) from error
    except (pa.ArrowException, OSError, ValueError, RecursionError) as error:
        failure = machine_failure(error, f"cannot read {label.name}")
        raise failure or damaged(label, error) from error


def damaged(label: Label, reason: Exception | str) -> CorruptData:
    """Returns the error for a file that is damaged, or is no Parquet file."""
    text = str(reason).strip() or type(reason).__name__
    return CorruptData(
        f"{label.name} is not a readable Parquet file: {text.splitlines()[0]}",
        kind=ErrorKind.DAMAGED_PARQUET,
        hint=label.advice,
    )


def _metadata(footer: bytes, digest: bytes) -> pq.FileMetaData:
    """Returns Arrow's metadata of a footer, made once for a file that is opened several times."""
    found = _arrow_metadata.get(digest)
    if found is None:
        found = pq.read_metadata(pa.BufferReader(file_of(footer)))
        if len(footer) > TAIL_BYTES:
            return found
        with _lock:
            while len(_arrow_metadata) >= KNOWN_METADATA:
                del _arrow_metadata[next(iter(_arrow_metadata))]
            _arrow_metadata[digest] = found
    return found


def file_of(footer: bytes) -> bytes:
    """Returns a file that has a footer, and none of the rows that it tells of."""
    return b"".join((MAGIC, footer, struct.pack("<I", len(footer)), MAGIC))


def _digest(footer: bytes) -> bytes:
    return hashlib.sha256(footer).digest()


def _remember(digest: bytes, size: int) -> None:
    with _lock:
        while len(_sound) >= KNOWN_FOOTERS:
            del _sound[next(iter(_sound))]
        _sound[digest, size] = None


def _footer_bytes(source: ParquetSource) -> tuple[bytes, int]:
    """Returns the footer of a file, and the size of the file."""
    if not isinstance(source, str):
        return _read_footer(source, source.size)
    with open(source, "rb", buffering=0) as file:
        return _read_footer(file, os.fstat(file.fileno()).st_size)


def _read_footer(file: FileIO | OpenFile, size: int) -> tuple[bytes, int]:
    if size < 12:
        raise Damaged("it is too short")
    start = max(0, size - TAIL_BYTES)
    tail = _bytes_at(file, start, size - start)
    if tail[-4:] == ENCRYPTED_MAGIC == _bytes_at(file, 0, 4):
        raise _Encrypted("it is")
    if tail[-4:] != MAGIC:
        raise Damaged("it does not end as one does")
    (length,) = struct.unpack("<I", tail[-8:-4])
    if not 0 < length <= size - 12:
        raise Damaged(f"its footer cannot be {length} bytes long")
    if length + 8 > len(tail):
        tail = _bytes_at(file, size - 8 - length, length) + tail[-8:]
    return tail[-8 - length : -8], size


def _bytes_at(file: FileIO | OpenFile, start: int, length: int) -> bytes:
    file.seek(start)
    parts = []
    while length:
        part = file.read(length)
        if not part:
            raise Damaged("it ends while it is read")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _parsed(footer: bytes, size: int) -> Footer:
    try:
        schema, leaves = _schema(footer)
        fields, _ = read_struct(footer, len(schema), after=2) if schema else read_struct(footer)
    except IndexError as error:
        raise Damaged("its footer ends too early") from error
    if not schema:
        schema, leaves = footer, _leaves(list_of(fields, 2))
    groups = list_of(fields, 4)
    try:
        checked = tuple(row_group(group, leaves, size) for group in groups)
    except EncryptedColumn as error:
        if 8 in fields:
            raise _Encrypted(f"column {error} is") from error
        raise Damaged(f"column {error} is encrypted, the footer does not say how") from error
    orders = fields.get(7)
    ordered = (
        isinstance(orders, list)
        and len(orders) == len(leaves)
        and all(isinstance(one, dict) and 1 in one for one in orders)
    )
    return Footer(footer, schema, _value_of(fields, b"geo"), leaves, checked, ordered)


def _value_of(fields: Fields, key: bytes) -> bytes | None:
    """Returns the value of a key of a footer; None if it has none."""
    pairs = fields.get(5)
    for pair in pairs if isinstance(pairs, list) else ():
        if isinstance(pair, dict) and pair.get(1) == key:
            value = pair.get(2, b"")
            return value if isinstance(value, bytes) else b""
    return None


def _schema(footer: bytes) -> tuple[bytes, tuple[Leaf, ...]]:
    """Returns the bytes of a footer up to the end of its schema, and the leaves that it has.

    Files of one writer begin alike, so that this part is read once. The bytes are empty if the
    footer does not begin with ``version`` and ``schema``, as the standard writes them.
    """
    for size in tuple(_schema_sizes):
        known = _schemas.get(footer[:size])
        if known is not None:
            return footer[:size], known
    at = _schema_start(footer)
    if not at:
        return b"", ()
    count, kind = footer[at] >> 4, footer[at] & 15
    at += 1
    if count == 15:
        count, at = varint(footer, at)
    if kind != _STRUCT or count > len(footer) - at:
        return b"", ()
    elements = []
    for _ in range(count):
        element, at = read_struct(footer, at)
        elements.append(element)
    leaves = _leaves(elements)
    with _lock:
        if len(_schemas) >= KNOWN_SCHEMAS:
            _schemas.clear()
            _schema_sizes.clear()
        _schemas[footer[:at]] = leaves
        _schema_sizes[at] = None
    return footer[:at], leaves


def _schema_start(footer: bytes) -> int:
    """Returns where the list ``schema`` begins behind ``version``; 0 if it is not there."""
    if footer[:1] != _VERSION:
        return 0
    _, at = varint(footer, 1)
    return at + 1 if footer[at : at + 1] == _SCHEMA else 0


def _leaves(elements: Sequence[Fields]) -> tuple[Leaf, ...]:
    """Walks the schema, a tree whose groups say how many children follow them."""
    found: list[Leaf] = []
    groups: list[_Group] = []
    for element in elements:
        if not isinstance(element, dict):
            raise Damaged("its schema is not a list of columns")
        while groups and not groups[-1].left:
            groups.pop()
        children = integer(element, 5, default=0)
        if element is elements[0]:
            groups.append(_Group((), 0, 0, children))
            continue
        if not groups:
            raise Damaged("its schema has more columns than it says")
        above = groups[-1]
        above.left -= 1
        path = (*above.path, _text(element.get(4)))
        kind = integer(element, 3, default=0)
        if kind > _REPEATED:
            raise Damaged(f"column {path[0]} has repetition {kind}")
        levels = above.definition + (kind > 0), above.repetition + (kind == _REPEATED)
        if children or 1 not in element:
            groups.append(_Group(path, *levels, children))
        else:
            found.append(_leaf(element, path, *levels))
        if len(groups) > MAX_LEVELS:
            raise Damaged(f"column {path[0]} is nested in more than {MAX_LEVELS} levels")
    if any(group.left for group in groups):
        raise Damaged("its schema has fewer columns than it says")
    return tuple(found)


def _leaf(element: Fields, path: tuple[str, ...], definition: int, repetition: int) -> Leaf:
    kind = integer(element, 1)
    if kind > _FIXED:
        raise Damaged(f"column {path[0]} has physical type {kind}, which does not exist")
    return Leaf(path, kind, integer(element, 2, default=0), definition, repetition)


def _text(found: object) -> str:
    if not isinstance(found, bytes):
        raise Damaged("a column has no name")
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        raise Damaged(f"the name of column {excerpt(found)} is not UTF-8") from error
