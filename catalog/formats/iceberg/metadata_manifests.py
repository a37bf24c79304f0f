"""The manifests of one snapshot: those of the one before it, less what went, and what came."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.dataclasses import dataclass
from catalog.formats.iceberg.metadata_avro import manifest_bytes, read_entries

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile as IcebergFile
    from pyiceberg.manifest import ManifestEntry, ManifestFile
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema

ENTRIES = 1000
"""Most entries of a manifest: a commit writes again those manifests of which files go, so they
must be small beside a large table."""

MANIFESTS = 100
"""Manifests from which on small ones are joined, as Iceberg's own writers do."""


@dataclass(frozen=True, slots=True)
class ManifestStore:
    """Reads and writes the files of an Iceberg table's metadata, by location.

    Attributes:
        read: Returns the content at a location.
        write: Writes a file of a name, and returns its location.
    """

    read: Callable[[str], bytes]
    write: Callable[[str, bytes], str]


@dataclass(frozen=True, slots=True)
class Shape:
    """How the files of a snapshot are described.

    Attributes:
        schema: The table's.
        spec: Its partition spec.
        specs: All specs that its manifests have, by id.
    """

    schema: "Schema"
    spec: "PartitionSpec"
    specs: "Mapping[int, PartitionSpec]"


@dataclass(frozen=True, slots=True)
class Edit:
    """What a snapshot changes.

    Attributes:
        snapshot_id: Its id.
        sequence_number: Its number.
        name: How the names of its manifests begin.
        added: What comes, in order.
        gone: The locations of what goes.
    """

    snapshot_id: int
    sequence_number: int
    name: str
    added: "Sequence[IcebergFile]"
    gone: Collection[str]


@dataclass(frozen=True, slots=True)
class Edited:
    """The manifests after an edit, and the files that went."""

    manifests: "list[ManifestFile]"
    removed: "list[IcebergFile]"


def edit_manifests(
    manifests: "Sequence[ManifestFile]", edit: Edit, *, shape: Shape, store: ManifestStore
) -> Edited:
    """Writes the manifests of a snapshot that are new, and returns all of them."""
    writing = _Writing(edit, shape, store)
    kept: list[ManifestFile] = []
    removed: list[IcebergFile] = []
    for manifest in manifests:
        if not (manifest.added_files_count or 0) + (manifest.existing_files_count or 0):
            continue  # it only said what went with an earlier snapshot
        if not edit.gone:
            kept.append(manifest)
            continue
        entries = read_entries(manifest, store.read(manifest.manifest_path))
        gone = [entry.data_file.file_path in edit.gone for entry in entries]
        if not any(gone):
            kept.append(manifest)
            continue
        removed += [e.data_file for e, goes in zip(entries, gone, strict=True) if goes]
        rewritten = [writing.carried(e, goes) for e, goes in zip(entries, gone, strict=True)]
        kept.append(writing.manifest(rewritten, shape.specs[manifest.partition_spec_id]))
    new = [writing.added(file) for file in edit.added]
    kept += [
        writing.manifest(new[start : start + ENTRIES], shape.spec)
        for start in range(0, len(new), ENTRIES)
    ]
    return Edited(_joined(kept, writing), removed)


def _joined(manifests: "list[ManifestFile]", writing: "_Writing") -> "list[ManifestFile]":
    """Returns manifests of which small ones are joined if there are many."""
    if len(manifests) <= MANIFESTS:
        return manifests
    edit, shape = writing.edit, writing.shape
    small: dict[int, list[ManifestFile]] = {}
    kept: list[ManifestFile] = []
    for manifest in manifests:
        live = (manifest.added_files_count or 0) + (manifest.existing_files_count or 0)
        own = manifest.added_snapshot_id == edit.snapshot_id
        if own or live >= ENTRIES // 2:
            kept.append(manifest)
        else:
            small.setdefault(manifest.partition_spec_id, []).append(manifest)
    for spec_id, members in sorted(small.items()):
        entries = [
            writing.carried(entry, goes=False)
            for manifest in members
            for entry in read_entries(manifest, writing.store.read(manifest.manifest_path))
        ]
        kept += [
            writing.manifest(entries[start : start + ENTRIES], shape.specs[spec_id])
            for start in range(0, len(entries), ENTRIES)
        ]
    return kept


class _Writing:
    """Writes the manifests of one snapshot; their names are numbered."""

    def __init__(self, edit: Edit, shape: Shape, store: ManifestStore) -> None:
        self.edit, self.shape, self.store = edit, shape, store
        self._written = 0

    def added(self, file: "IcebergFile") -> "ManifestEntry":
        """Returns the entry of a file that comes; its numbers are those of its manifest."""
        from pyiceberg.manifest import ManifestEntry, ManifestEntryStatus

        return ManifestEntry.from_args(
            status=ManifestEntryStatus.ADDED, snapshot_id=self.edit.snapshot_id, data_file=file
        )

    def carried(self, entry: "ManifestEntry", goes: bool) -> "ManifestEntry":
        """Returns the entry of a file that was there before, and stays or goes."""
        from pyiceberg.manifest import ManifestEntry, ManifestEntryStatus

        return ManifestEntry.from_args(
            status=ManifestEntryStatus.DELETED if goes else ManifestEntryStatus.EXISTING,
            snapshot_id=self.edit.snapshot_id if goes else entry.snapshot_id,
            sequence_number=entry.sequence_number,
            file_sequence_number=entry.file_sequence_number,
            data_file=entry.data_file,
        )

    def manifest(self, entries: "Sequence[ManifestEntry]", spec: "PartitionSpec") -> "ManifestFile":
        """Writes a manifest, and returns what a manifest list says of it."""
        from pyiceberg.manifest import ManifestContent, ManifestEntryStatus, ManifestFile

        content = manifest_bytes(entries, schema=self.shape.schema, spec=spec)
        location = self.store.write(f"{self.edit.name}-m{self._written}.avro", content)
        self._written += 1
        counts = {status: [0, 0] for status in ManifestEntryStatus}
        for entry in entries:
            counts[entry.status][0] += 1
            counts[entry.status][1] += entry.data_file.record_count
        own = self.edit.sequence_number
        oldest = min(
            (
                own if entry.sequence_number is None else entry.sequence_number
                for entry in entries
                if entry.status != ManifestEntryStatus.DELETED
            ),
            default=own,
        )
        return ManifestFile.from_args(
            manifest_path=location,
            manifest_length=len(content),
            partition_spec_id=spec.spec_id,
            content=ManifestContent.DATA,
            sequence_number=own,
            min_sequence_number=oldest,
            added_snapshot_id=self.edit.snapshot_id,
            added_files_count=counts[ManifestEntryStatus.ADDED][0],
            existing_files_count=counts[ManifestEntryStatus.EXISTING][0],
            deleted_files_count=counts[ManifestEntryStatus.DELETED][0],
            added_rows_count=counts[ManifestEntryStatus.ADDED][1],
            existing_rows_count=counts[ManifestEntryStatus.EXISTING][1],
            deleted_rows_count=counts[ManifestEntryStatus.DELETED][1],
            partitions=_summaries(entries, spec, self.shape.schema),
            key_metadata=None,
        )


def _summaries(entries: "Sequence[ManifestEntry]", spec: "PartitionSpec", schema: "Schema") -> Any:
    """Returns the bounds of the partition values in a manifest; None if readers order them unlike.

    They may take bounds of floats, among which NaN is not counted, for bounds of NaN too.
    """
    from pyiceberg.manifest import construct_partition_summaries
    from pyiceberg.types import DoubleType, FloatType

    fields = spec.partition_type(schema).fields
    if any(isinstance(field.field_type, DoubleType | FloatType) for field in fields):
        return None
    records = [entry.data_file.partition for entry in entries]
    return construct_partition_summaries(spec, schema, records)
