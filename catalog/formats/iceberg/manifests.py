"""Manifests of Iceberg tables: the data files and the deletes that a snapshot has.

Of data files only what a snapshot here needs is decoded, a small part of what manifests hold.
"""

from collections.abc import Sequence
from typing import Any

from pyiceberg.manifest import (
    DEFAULT_READ_VERSION,
    MANIFEST_ENTRY_SCHEMAS,
    MANIFEST_LIST_FILE_SCHEMAS,
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    PartitionFieldSummary,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BinaryType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    StructType,
)

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, Unsupported
from catalog.formats.iceberg.avro import read_records
from catalog.formats.iceberg.file_io import TableFiles
from catalog.formats.iceberg.table_metadata import damaged, refused

_ENTRY, _DATA_FILE, _PARTITION, _SUMMARY, _DELETED = -1, 2, 102, 508, 2
"""Field ids of records, and the status of an entry whose file is gone."""

_NEEDED = Schema(
    NestedField(0, "status", IntegerType(), required=True),
    NestedField(3, "sequence_number", LongType(), required=False),
    NestedField(
        _DATA_FILE,
        "data_file",
        StructType(
            NestedField(134, "content", IntegerType(), required=True, initial_default=0),
            NestedField(100, "file_path", StringType(), required=True),
            NestedField(101, "file_format", StringType(), required=True),
            NestedField(_PARTITION, "partition", StructType(), required=True),
            NestedField(103, "record_count", LongType(), required=True),
            NestedField(104, "file_size_in_bytes", LongType(), required=True),
            NestedField(131, "key_metadata", BinaryType(), required=False),
        ),
        required=True,
    ),
)
"""What is read of the entries of data files."""


@dataclass(frozen=True, slots=True)
class DataEntry:
    """A live data file.

    Attributes:
        location: Where it is, as the table has it.
        sequence: The number of the commit that added it, by which deletes know older files.
        spec_id: The partition spec that it was written with.
        partition: The values of that spec's fields, as stored.
        fields: The ids of that spec's fields, in the order of the values.
    """

    location: str
    rows: int
    size_bytes: int
    sequence: int
    spec_id: int
    partition: Record
    fields: tuple[int, ...]

    def value(self, field_id: int) -> object:
        """Returns the stored value of a field of the partition spec."""
        return self.partition[self.fields.index(field_id)]


@dataclass(frozen=True, slots=True)
class DeleteEntry:
    """A live file of deletes; ``entry`` is as PyIceberg has it."""

    entry: ManifestEntry
    referenced: str | None
    offset: int | None
    length: int | None

    @property
    def location(self) -> str:
        """Returns where it is, as the table has it."""
        return self.entry.data_file.file_path


def read_manifest_list(files: TableFiles, location: str) -> list[ManifestFile]:
    """Reads which manifests a snapshot has.

    Raises:
        CorruptData: The file is missing or damaged.
        Unsupported: A manifest is encrypted.
    """
    found: list[ManifestFile]
    found, _ = read_records(
        files.read(location),
        location,
        MANIFEST_LIST_FILE_SCHEMAS[DEFAULT_READ_VERSION],
        types={_ENTRY: ManifestFile, _SUMMARY: PartitionFieldSummary},
        enums={517: ManifestContent},
    )
    for manifest in found:
        if manifest.key_metadata is not None:
            raise _encrypted(manifest.manifest_path)
    return found


def read_data_entries(
    files: TableFiles, manifest: ManifestFile, spec: PartitionSpec
) -> tuple[DataEntry, ...]:
    """Reads the live data files of a manifest.

    Raises:
        CorruptData: The manifest is missing or damaged.
        Unsupported: A file is encrypted, or of another format than Parquet.
    """
    location = manifest.manifest_path
    records, schema = read_records(
        files.read(location), location, _NEEDED, types={_ENTRY: Record, _DATA_FILE: Record}
    )
    fields = _partition_fields(schema, spec, location)
    entries = []
    for status, sequence, file in (record._data for record in records):
        if status == _DELETED:
            continue
        content, path, kind, partition, rows, size_bytes, key = file._data
        if content != DataFileContent.DATA.value:
            raise damaged(location, f"it lists {path}, which has no rows, among data files")
        if kind.upper() != "PARQUET":
            raise refused(path, f"data files of format {kind}")
        if key is not None:
            raise _encrypted(path)
        number = manifest.sequence_number if sequence is None else sequence
        entries.append(
            DataEntry(
                path, rows, size_bytes, number or 0, manifest.partition_spec_id, partition, fields
            )
        )
    _check_count(manifest, len(entries))
    return tuple(entries)


def read_delete_entries(files: TableFiles, manifest: ManifestFile) -> tuple[DeleteEntry, ...]:
    """Reads the live files of deletes of a manifest.

    Raises:
        CorruptData: The manifest is missing or damaged.
        Unsupported: There are deletes of a kind that is not read.
    """
    location = manifest.manifest_path
    records, _ = read_records(
        files.read(location),
        location,
        MANIFEST_ENTRY_SCHEMAS[3],
        types={_ENTRY: ManifestEntry, _DATA_FILE: DataFile},
        enums={0: ManifestEntryStatus, 101: _format_of, 134: DataFileContent},
    )
    entries = []
    for entry in records:
        if entry.status == ManifestEntryStatus.DELETED:
            continue
        file = entry.data_file
        if entry.sequence_number is None:
            entry.sequence_number = manifest.sequence_number
        file.spec_id = manifest.partition_spec_id
        if file.content == DataFileContent.EQUALITY_DELETES:
            raise refused(file.file_path, "equality deletes")
        if file.content != DataFileContent.POSITION_DELETES:
            raise damaged(location, f"it lists {file.file_path} among deletes")
        if file.file_format not in (FileFormat.PARQUET, FileFormat.PUFFIN):
            raise refused(file.file_path, f"position deletes in {file.file_format.value}")
        if file.key_metadata is not None:
            raise _encrypted(file.file_path)
        entries.append(DeleteEntry(entry, *file._data[17:20]))
    _check_count(manifest, len(entries))
    return tuple(entries)


def _format_of(name: str) -> FileFormat:
    return FileFormat(name)


def _check_count(manifest: ManifestFile, live: int) -> None:
    added, existing = manifest.added_files_count, manifest.existing_files_count
    if added is not None and existing is not None and added + existing != live:
        raise damaged(
            manifest.manifest_path,
            f"it has {live} live files where its list says {added + existing}",
        )


def _partition_fields(schema: Schema, spec: PartitionSpec, location: str) -> tuple[int, ...]:
    """Returns the ids of a spec's fields in the order in which a manifest has their values."""
    stored: Any = schema.find_type(_PARTITION)
    own = [field.field_id for field in spec.fields]
    found = [field.field_id for field in stored.fields]
    if set(own) <= set(found):
        return tuple(found)
    if len(own) == len(found):  # older tables have no ids there
        return tuple(own)
    raise damaged(location, "its partition values are not those of its partition spec")


def _encrypted(path: str) -> Unsupported:
    return Unsupported(
        f"{path} is encrypted",
        kind=ErrorKind.ENCRYPTED,
        hint="write the table again without encryption",
    )


def by_path(manifests: Sequence[ManifestFile]) -> dict[str, ManifestFile]:
    """Returns manifests by their locations."""
    return {manifest.manifest_path: manifest for manifest in manifests}
