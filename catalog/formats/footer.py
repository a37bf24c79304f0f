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
from dataclasses import dataclass
from io import FileIO
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.errors import CorruptData, ErrorKind, NotFound, Unsupported
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

KNOWN_SCHEMAS = 64
"""Schemas that are remembered: the files of a source rarely have more than a few."""

_VERSION, _SCHEMA, _STRUCT = b"\x15", b"\x19", 12
"""How the fields ``version`` and ``schema`` begin where they are the first of a footer, and the
kind of the schema's elements."""

MAGIC, ENCRYPTED_MAGIC = b"PAR1", b"PARE"

_BOOLEAN, _INT32, _INT64, _INT96, _FLOAT, _DOUBLE, _BYTE_ARRAY, _FIXED = range(8)
_WIDTHS = {_BOOLEAN: 1, _INT32: 4, _INT64: 8, _INT96: 12, _FLOAT: 4, _DOUBLE: 8}
_REPEATED = 2
_CODECS = range(8)
_ENCODINGS = frozenset((0, 2, 3, 4, 5, 6, 7, 8, 9))
_BOUNDS = (1, 2, 5, 6)
"""Fields of a chunk's statistics that hold a bound."""

_sound: dict[tuple[bytes, int], None] = {}
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


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column of plain values, as a footer describes it.

    Attributes:
        kind: Number of its physical type.
        length: Bytes of a value of fixed length; 0 for other types.
        definition: Its greatest definition level.
        repetition: Its greatest repetition level: 0 outside lists and maps.
    """

    path: tuple[str, ...]
    kind: int
    length: int
    definition: int
    repetition: int

    @property
    def name(self) -> str:
        """Returns its path as text, for messages."""
        return repr(".".join(self.path))[1:-1]


@dataclass(slots=True)
class _Group:
    """A group of a schema that is walked, of whose children some are left."""

    path: tuple[str, ...]
    definition: int
    repetition: int
    left: int


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group: its rows, and per leaf the fields of ``ColumnMetaData``."""

    rows: int
    chunks: Sequence[Fields]


@dataclass(frozen=True, slots=True)
class Footer:
    """What the footer of a file says.

    Attributes:
        schema: The bytes of it that hold the schema; all of it if it begins otherwise.
        geo: The value of its key ``geo``; None if it has none.
        leaves: Its columns of plain values, in order.
        ordered: Whether bounds are in the order of their types, as the file says.
    """

    schema: bytes
    geo: bytes | None
    leaves: tuple[Leaf, ...]
    groups: tuple[RowGroup, ...]
    ordered: bool

    @property
    def rows(self) -> int:
        """Returns the rows of the row groups; the number that stands beside them is not used."""
        return sum(group.rows for group in self.groups)


class _Damaged(ValueError):
    """What is wrong with a footer."""


class _Encrypted(Exception):
    """What is encrypted."""


class _EncryptedColumn(_Damaged):
    """A column that would be encrypted, if the file said by which algorithm."""


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
        parsed = _parsed(footer, size)
        _remember(footer, size)
        return parsed, _metadata(footer)


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
        if (_digest(footer), size) not in _sound:
            _parsed(footer, size)
            _remember(footer, size)
        return _metadata(footer)


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


def _metadata(footer: bytes) -> pq.FileMetaData:
    whole = b"".join((MAGIC, footer, struct.pack("<I", len(footer)), MAGIC))
    return pq.read_metadata(pa.BufferReader(whole))


def _digest(footer: bytes) -> bytes:
    return hashlib.sha256(footer).digest()


def _remember(footer: bytes, size: int) -> None:
    with _lock:
        while len(_sound) >= KNOWN_FOOTERS:
            del _sound[next(iter(_sound))]
        _sound[_digest(footer), size] = None


def _footer_bytes(source: ParquetSource) -> tuple[bytes, int]:
    """Returns the footer of a file, and the size of the file."""
    if not isinstance(source, str):
        return _read_footer(source, source.size)
    with open(source, "rb", buffering=0) as file:
        return _read_footer(file, os.fstat(file.fileno()).st_size)


def _read_footer(file: FileIO | OpenFile, size: int) -> tuple[bytes, int]:
    if size < 12:
        raise _Damaged("it is too short")
    start = max(0, size - TAIL_BYTES)
    tail = _bytes_at(file, start, size - start)
    if tail[-4:] == ENCRYPTED_MAGIC == _bytes_at(file, 0, 4):
        raise _Encrypted("it is")
    if tail[-4:] != MAGIC:
        raise _Damaged("it does not end as one does")
    (length,) = struct.unpack("<I", tail[-8:-4])
    if not 0 < length <= size - 12:
        raise _Damaged(f"its footer cannot be {length} bytes long")
    if length + 8 > len(tail):
        tail = _bytes_at(file, size - 8 - length, length) + tail[-8:]
    return tail[-8 - length : -8], size


def _bytes_at(file: FileIO | OpenFile, start: int, length: int) -> bytes:
    file.seek(start)
    parts = []
    while length:
        part = file.read(length)
        if not part:
            raise _Damaged("it ends while it is read")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _parsed(footer: bytes, size: int) -> Footer:
    try:
        schema, leaves = _schema(footer)
        fields, _ = read_struct(footer, len(schema), after=2) if schema else read_struct(footer)
    except IndexError as error:
        raise _Damaged("its footer ends too early") from error
    if not schema:
        schema, leaves = footer, _leaves(_list(fields, 2))
    groups = _list(fields, 4)
    try:
        checked = tuple(_row_group(group, leaves, size) for group in groups)
    except _EncryptedColumn as error:
        if 8 in fields:
            raise _Encrypted(f"column {error} is") from error
        raise _Damaged(f"column {error} is encrypted, the footer does not say how") from error
    orders = fields.get(7)
    ordered = (
        isinstance(orders, list)
        and len(orders) == len(leaves)
        and all(isinstance(one, dict) and 1 in one for one in orders)
    )
    return Footer(schema, _value_of(fields, b"geo"), leaves, checked, ordered)


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
            raise _Damaged("its schema is not a list of columns")
        while groups and not groups[-1].left:
            groups.pop()
        children = _integer(element, 5, default=0)
        if element is elements[0]:
            groups.append(_Group((), 0, 0, children))
            continue
        if not groups:
            raise _Damaged("its schema has more columns than it says")
        above = groups[-1]
        above.left -= 1
        path = (*above.path, _text(element.get(4)))
        kind = _integer(element, 3, default=0)
        if kind > _REPEATED:
            raise _Damaged(f"column {path[0]} has repetition {kind}")
        levels = above.definition + (kind > 0), above.repetition + (kind == _REPEATED)
        if children or 1 not in element:
            groups.append(_Group(path, *levels, children))
        else:
            found.append(_leaf(element, path, *levels))
        if len(groups) > MAX_LEVELS:
            raise _Damaged(f"column {path[0]} is nested in more than {MAX_LEVELS} levels")
    if any(group.left for group in groups):
        raise _Damaged("its schema has fewer columns than it says")
    return tuple(found)


def _leaf(element: Fields, path: tuple[str, ...], definition: int, repetition: int) -> Leaf:
    kind = _integer(element, 1)
    if kind > _FIXED:
        raise _Damaged(f"column {path[0]} has physical type {kind}, which does not exist")
    return Leaf(path, kind, _integer(element, 2, default=0), definition, repetition)


def _row_group(group: object, leaves: Sequence[Leaf], size: int) -> RowGroup:
    if not isinstance(group, dict):
        raise _Damaged("a row group is missing")
    chunks = _list(group, 1)
    if len(chunks) != len(leaves):
        raise _Damaged(f"a row group has {len(chunks)} columns, the schema {len(leaves)}")
    metas = [_chunk(chunk, leaf, size) for chunk, leaf in zip(chunks, leaves, strict=True)]
    return RowGroup(_integer(group, 3), metas)


def _chunk(chunk: object, leaf: Leaf, size: int) -> Fields:
    """Returns the fields of the metadata of a column chunk after checking them."""
    if not isinstance(chunk, dict):
        raise _Damaged(f"column {leaf.name} is missing from a row group")
    if 8 in chunk or 9 in chunk:
        raise _EncryptedColumn(leaf.name)
    if 1 in chunk:
        raise _Damaged(f"column {leaf.name} is kept in another file")
    meta = chunk.get(3)
    if not isinstance(meta, dict):
        raise _Damaged(f"column {leaf.name} has no metadata in a row group")
    if meta.get(1) != leaf.kind:
        raise _Damaged(f"column {leaf.name} has another type in a row group than in the schema")
    if meta.get(4) not in _CODECS:
        raise _Damaged(f"column {leaf.name} is compressed by codec {meta.get(4)}, unknown here")
    encodings = _list(meta, 2)
    if not _ENCODINGS.issuperset(encodings):
        raise _Damaged(f"column {leaf.name} has encodings {encodings}, some unknown here")
    values, start = _integer(meta, 5), _integer(meta, 9)
    stored = _integer(meta, 7)
    dictionary = _integer(meta, 11, default=start)
    if (values and max(start, dictionary) >= size) or stored > size:
        raise _Damaged(f"column {leaf.name} would be outside the file")
    stats = meta.get(12)
    if stats is not None:
        _check_statistics(stats, leaf)
    sizes = meta.get(16)
    if sizes is not None:
        _check_sizes(sizes, leaf)
    return meta


def _check_statistics(stats: object, leaf: Leaf) -> None:
    if not isinstance(stats, dict):
        raise _Damaged(f"column {leaf.name} has statistics of no known form")
    width = _WIDTHS.get(leaf.kind)
    for number in _BOUNDS:
        if number in stats:
            bound = stats[number]
            if not isinstance(bound, bytes) or (width is not None and len(bound) != width):
                raise _Damaged(f"column {leaf.name} has statistics of another size than its type")


def _check_sizes(sizes: object, leaf: Leaf) -> None:
    """Checks statistics of the sizes of values, and of how often each level occurs."""
    if not isinstance(sizes, dict):
        raise _Damaged(f"column {leaf.name} has statistics of no known form")
    for number, most in ((2, leaf.repetition), (3, leaf.definition)):
        levels = sizes.get(number)
        if levels and (not isinstance(levels, list) or len(levels) != most + 1):
            raise _Damaged(f"column {leaf.name} has statistics of other levels than its own")
    if 1 in sizes and leaf.kind != _BYTE_ARRAY:
        raise _Damaged(f"column {leaf.name} has statistics of another type")


def _integer(fields: Fields, number: int, *, default: int | None = None) -> int:
    found = fields.get(number, default)
    if type(found) is not int or not 0 <= found < 1 << 63:
        raise _Damaged(f"its footer has {excerpt(found)} where a number is expected")
    return found


def _list(fields: Fields, number: int) -> list[Any]:
    found = fields.get(number)
    if not isinstance(found, list):
        raise _Damaged("its footer lacks a list")
    return found


def _text(found: object) -> str:
    if not isinstance(found, bytes):
        raise _Damaged("a column has no name")
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        raise _Damaged(f"the name of column {excerpt(found)} is not UTF-8") from error
