"""Which rows of a data file are deleted: position deletes, and deletion vectors."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.manifest import DataFile, FileFormat
from pyiceberg.table.delete_file_index import DeleteFileIndex

from catalog.formats.iceberg.file_io import TableFiles
from catalog.formats.iceberg.manifests import DataEntry, DeleteEntry
from catalog.formats.iceberg.table_metadata import damaged

Positions: TypeAlias = npt.NDArray[np.int64]
"""Places of rows in a file, from 0."""

PATH_ID, POSITION_ID = b"2147483546", b"2147483545"
"""Field ids of the two columns of position deletes."""

VECTOR_MAGIC = b"\xd1\xd3\x39\x64"
"""How a deletion vector begins, behind its length."""


class Deletes:
    """The deletes of a snapshot.

    Args:
        entries: Its files of deletes.
        contents: Returns what one deletes: positions by the location of a data file.
    """

    def __init__(
        self,
        entries: Sequence[DeleteEntry],
        contents: Callable[[DeleteEntry], Mapping[str, Positions]],
    ) -> None:
        self._contents = contents
        self._entries = {entry.location: entry for entry in entries}
        self._vectors: dict[str, list[DeleteEntry]] = {}
        self._index = DeleteFileIndex()
        for entry in entries:
            if entry.entry.data_file.file_format == FileFormat.PUFFIN:
                self._vectors.setdefault(entry.referenced or "", []).append(entry)
            else:
                self._index.add_delete_file(entry.entry, entry.entry.data_file.partition)

    def of(self, file: DataEntry) -> Positions | None:
        """Returns the rows of a file that are deleted, in order; None if there are none."""
        found = [
            self._contents(entry)[file.location]
            for entry in self._applying(file)
            if file.location in self._contents(entry)
        ]
        if not found:
            return None
        positions = np.unique(np.concatenate(found))
        positions = positions[(positions >= 0) & (positions < file.rows)]
        return positions if len(positions) else None

    def _applying(self, file: DataEntry) -> list[DeleteEntry]:
        vectors = [
            entry
            for entry in self._vectors.get(file.location, ())
            if (entry.entry.sequence_number or 0) >= file.sequence
        ]
        if self._index.is_empty():
            return vectors
        data_file = DataFile(None, file.location, None, file.partition, file.rows, file.size_bytes)
        data_file.spec_id = file.spec_id
        found = self._index.for_data_file(file.sequence, data_file, file.partition)
        return [*vectors, *(self._entries[one.file_path] for one in found)]


def read_positions(files: TableFiles, entry: DeleteEntry) -> dict[str, Positions]:
    """Reads a file of deletes: the positions by the location of the data file.

    Raises:
        CorruptData: It is missing or damaged.
    """
    if entry.entry.data_file.file_format == FileFormat.PUFFIN:
        return _vector(files, entry)
    location = entry.location
    try:
        stream: Any = files.new_input(location).open()
        with stream:
            file = pq.ParquetFile(stream)
            names = [
                _name(file.schema_arrow, PATH_ID, "file_path"),
                _name(file.schema_arrow, POSITION_ID, "pos"),
            ]
            table = file.read(columns=names)
        paths = table.column(names[0]).cast(pa.string()).combine_chunks().dictionary_encode()
        positions = table.column(names[1]).cast(pa.int64())
        if paths.null_count or positions.null_count:
            raise damaged(location, "it has NULLs")
        known = paths.dictionary.to_pylist()
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise damaged(location, error) from error
    places = paths.indices.to_numpy()
    numbers = positions.to_numpy()[np.argsort(places, kind="stable")]
    ends = np.cumsum(np.bincount(places, minlength=len(known)))
    parts = np.split(numbers, ends[:-1]) if len(ends) else []
    return dict(zip(known, parts, strict=True))


def _name(schema: pa.Schema, field_id: bytes, name: str) -> str:
    for field in schema:
        if (field.metadata or {}).get(b"PARQUET:field_id") == field_id:
            return str(field.name)
    return name


def _vector(files: TableFiles, entry: DeleteEntry) -> dict[str, Positions]:
    """Reads a deletion vector, which is a part of a file.

    Its form: length, magic, a bitmap of 64-bit numbers, checksum.
    """
    from pyroaring import BitMap64

    location = entry.location
    if entry.referenced is None or entry.offset is None or entry.length is None:
        raise damaged(location, "it is not said which deletion vector in it is meant")
    data = files.read(location)
    blob = data[entry.offset : entry.offset + entry.length]
    size = int.from_bytes(blob[:4], "big")
    if len(blob) < 12 or len(blob) != entry.length or size != len(blob) - 8 or size < 12:
        raise damaged(location, "a deletion vector in it has another length than its own")
    body = blob[4 : 4 + size]
    if body[:4] != VECTOR_MAGIC or zlib.crc32(body) != int.from_bytes(blob[-4:], "big"):
        raise damaged(location, "a deletion vector in it does not fit its checksum")
    try:
        bitmap = BitMap64.deserialize(body[4:])
        positions = np.fromiter(bitmap, dtype=np.int64, count=len(bitmap))
    except (ValueError, OverflowError, MemoryError) as error:
        raise damaged(location, error) from error
    if len(positions) != entry.entry.data_file.record_count:
        raise damaged(location, "a deletion vector in it has another number of rows than stated")
    return {entry.referenced: positions}
