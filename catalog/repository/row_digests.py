"""Digests of rows as stored: derived objects under ``cache/``, one per data file.

An object is a line, the hex SHA-256 of a header, a blank and the header, which is canonical JSON;
then the digests, eight bytes for each row in the order of the file, in blocks that each end with
a checksum; see ``docs/reference/format.md``. The header names the file's content and the columns
that it holds: an object that is damaged, or about something else, is as good as none.
"""

import hashlib
from collections.abc import Collection
from contextlib import suppress
from typing import TypeAlias

import xxhash

from catalog.dataclasses import dataclass
from catalog.errors import CatalogError, NotFound
from catalog.model import types
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import BLOCK_ROWS, ROW_DIGEST_ALGORITHM
from catalog.model.ids import canonical_json, parse_json
from catalog.model.schema import PhysicalColumn
from catalog.model.table import TableSnapshot
from catalog.storage.store import ObjectStore

PREFIX = "cache/rows/"

WORD_BYTES = 8

HEADER_BYTES = 1 << 12
"""Bytes in which nearly every header ends: read at once, they are one request."""

MAX_HEADER_BYTES = 1 << 26
"""What no header is longer than."""

_BLOCK_BYTES = BLOCK_ROWS * WORD_BYTES

Buffer: TypeAlias = bytes | bytearray | memoryview


def digested_columns(table: TableSnapshot, file: DataFile) -> tuple[PhysicalColumn, ...]:
    """Returns the columns of a file that its table reads from it, by their order in the file.

    Partition columns are not among them, even if the file holds them: their values are those of
    the file's entry.
    """
    columns = table.file_schemas[file.file_schema].columns
    return tuple(column for column in columns if column.field_id not in table.partition_by)


@dataclass(frozen=True, slots=True)
class KeptDigests:
    """The digests of a file's rows, of which only the header has been read.

    Attributes:
        rows: Rows of the file.
        held: The columns that digests hold, by the names that the file gives them.
        left_out: The columns that they do not hold, partition columns aside.
    """

    rows: int
    held: frozenset[str]
    left_out: frozenset[str]
    _store: ObjectStore
    _path: str
    _header: str
    _offset: int
    _memory: Buffer | None = None

    def words(self, start: int = 0, stop: int | None = None) -> bytes | None:
        """Returns the digests of the rows from ``start`` up to ``stop``; None means all.

        Returns:
            Eight bytes for each row, the lowest first; None if they are damaged or gone.
        """
        stop = self.rows if stop is None else min(stop, self.rows)
        if start >= stop:
            return b""
        if self._memory is not None:
            return bytes(self._memory[start * WORD_BYTES : stop * WORD_BYTES])
        first, last = start // BLOCK_ROWS, (stop - 1) // BLOCK_ROWS
        blocks = [self._block_bytes(number) for number in range(first, last + 1)]
        offset = self._offset + first * (_BLOCK_BYTES + WORD_BYTES)
        length = sum(blocks) + WORD_BYTES * len(blocks)
        try:
            stored = memoryview(self._store.read_range(self._path, offset, length))
        except CatalogError:
            return None
        if len(stored) != length:
            return None
        found = []
        for number, size in enumerate(blocks, first):
            block, checksum = stored[:size], stored[size : size + WORD_BYTES]
            if _checksum(self._header, number, block) != checksum:
                return None
            found.append(block)
            stored = stored[size + WORD_BYTES :]
        skipped = (start - first * BLOCK_ROWS) * WORD_BYTES
        found[-1] = found[-1][: (stop - last * BLOCK_ROWS) * WORD_BYTES]
        found[0] = found[0][skipped:]
        return b"".join(found)

    def _block_bytes(self, number: int) -> int:
        return min(_BLOCK_BYTES, self.rows * WORD_BYTES - number * _BLOCK_BYTES)


class RowDigests:
    """Reads and keeps the digests of the rows of a catalog's data files."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(self, table: TableSnapshot, file: DataFile) -> KeptDigests | None:
        """Returns what is kept of the rows of a file; None if nothing can be trusted.

        Only the header is read.
        """
        name = _name(table, file)
        path = _path(name)
        try:
            line = self.header(path)
            checksum, _, header = line.partition(b" ")
            if hashlib.sha256(header).hexdigest().encode() != checksum:
                return None
            match parse_json(header, "digests of rows"):
                case {
                    "algorithm": str(algorithm),
                    "about": str(about),
                    "rows": int(rows),
                    "left_out": [*left_out],
                }:
                    names = [column.name for column in digested_columns(table, file)]
                    expected = (ROW_DIGEST_ALGORITHM, name, file.rows)
                    absent = frozenset(name for name in names if name in left_out)
                    if (algorithm, about, rows) != expected or len(absent) != len(left_out):
                        return None
                    return KeptDigests(
                        rows,
                        frozenset(names) - absent,
                        absent,
                        self._store,
                        path,
                        checksum.decode(),
                        len(line) + 1,
                    )
        except (CatalogError, ValueError, TypeError):
            return None
        return None

    def keep(
        self, table: TableSnapshot, file: DataFile, words: Buffer, *, held: Collection[str]
    ) -> KeptDigests:
        """Keeps the digests of a file's rows; where nothing can be written, nothing is kept.

        Args:
            table: A table that the file belongs to.
            file: The file.
            words: Eight bytes for each row, in order.
            held: The names in the file of the columns that the digests hold.

        Returns:
            What was kept; where nothing could be, the digests as they were given.
        """
        name = _name(table, file)
        names = {column.name for column in digested_columns(table, file)}
        header = canonical_json(
            {
                "algorithm": ROW_DIGEST_ALGORITHM,
                "about": name,
                "rows": file.rows,
                "left_out": sorted(names.difference(held)),
            }
        )
        checksum = hashlib.sha256(header).hexdigest()
        content = memoryview(words).cast("B")
        parts: list[Buffer] = [checksum.encode(), b" ", header, b"\n"]
        for number, start in enumerate(range(0, len(content), _BLOCK_BYTES)):
            block = content[start : start + _BLOCK_BYTES]
            parts += [block, _checksum(checksum, number, block)]
        memory: Buffer | None = None
        try:
            self._store.put(_path(name), b"".join(parts))
        except CatalogError:
            memory = content
        left_out = frozenset(names.difference(held))
        offset = sum(map(len, parts[:4]))
        return KeptDigests(
            file.rows,
            frozenset(names) - left_out,
            left_out,
            self._store,
            _path(name),
            checksum,
            offset,
            memory,
        )

    def drop(self, table: TableSnapshot, file: DataFile) -> None:
        """Removes what is kept of a file's rows, where it can be removed."""
        with suppress(CatalogError):
            self._store.delete(_path(_name(table, file)))

    def header(self, path: str) -> bytes:
        """Returns the first line of an object, without its end."""
        length = HEADER_BYTES
        while length <= MAX_HEADER_BYTES:
            start = self._store.read_range(path, 0, length)
            end = start.find(b"\n")
            if end >= 0:
                return start[:end]
            if len(start) < length:
                break
            length *= 16
        raise ValueError("there is no header")


def _name(table: TableSnapshot, file: DataFile) -> str:
    """Returns the name of what is kept of a file: of its content, and what its columns are."""
    columns = [
        [column.name, types.to_json(column.type)] for column in digested_columns(table, file)
    ]
    about = [ROW_DIGEST_ALGORITHM, file.token, columns]
    return hashlib.sha256(canonical_json(about)).hexdigest()


def digests_path(table: TableSnapshot, file: DataFile) -> str:
    """Returns where the digests of a file's rows are."""
    return _path(_name(table, file))


def is_damaged(store: ObjectStore, name: str) -> bool:
    """Returns whether the digests of some rows, found by name, are not what was kept under it.

    Those of another algorithm are nobody's business.

    Raises:
        NotFound: There are none of that name.
    """
    path = _path(name)
    try:
        line = RowDigests(store).header(path)
        checksum, _, header = line.partition(b" ")
        if hashlib.sha256(header).hexdigest().encode() != checksum:
            return True
        said = parse_json(header, "digests of rows")
        if said["algorithm"] != ROW_DIGEST_ALGORITHM:
            return False
        rows = said["rows"]
        if said["about"] != name or not isinstance(rows, int):
            return True
    except NotFound:
        raise
    except (CatalogError, ValueError, TypeError, KeyError):
        return True
    kept = KeptDigests(
        rows, frozenset(), frozenset(), store, path, checksum.decode(), len(line) + 1
    )
    blocks = range(0, rows, BLOCK_ROWS)
    if any(kept.words(start, start + BLOCK_ROWS) is None for start in blocks):
        return True
    end = len(line) + 1 + rows * WORD_BYTES + len(blocks) * WORD_BYTES
    return bool(store.read_range(path, end, 1))


def _path(name: str) -> str:
    return f"{PREFIX}{name[:2]}/{name}"


def _checksum(header: str, number: int, block: Buffer) -> bytes:
    """Returns the checksum of a block, which belongs to one place of one object."""
    seed = (int(header[:16], 16) + number) % (1 << 64)
    return xxhash.xxh3_64_intdigest(block, seed=seed).to_bytes(WORD_BYTES, "little")
