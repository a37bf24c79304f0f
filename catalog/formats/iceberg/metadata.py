"""The metadata of an Iceberg table over our data files: one snapshot for each of our commits.

Everything in it comes from the commits, so it can be made again, and is the same then: snapshot
ids, times and names of files, and their bytes too.
"""

import datetime
import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.formats.iceberg.metadata_avro import (
    VERSION,
    check_installed,
    manifest_list_bytes,
    read_entries,
    read_manifests,
)
from catalog.formats.iceberg.metadata_changes import Changes, Placement
from catalog.formats.iceberg.metadata_files import Placing, iceberg_file, known_not_null
from catalog.formats.iceberg.metadata_manifests import (
    Edit,
    Edited,
    ManifestStore,
    Shape,
    edit_manifests,
)
from catalog.formats.iceberg.metadata_names import Names
from catalog.formats.iceberg.metadata_shapes import (
    FIRST_PARTITION_ID,
    is_partitioned_as,
    is_reshaped,
    numbered,
    possible_key,
    schema_json,
    spec_json,
)
from catalog.formats.iceberg.metadata_types import check_columns
from catalog.formats.version_times import milliseconds
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestFile

Metadata: TypeAlias = dict[str, Any]
"""The content of a ``metadata.json``."""

RefKind: TypeAlias = Literal["branch", "tag"]
"""What a ref of Iceberg is."""

COMMIT = "parquetry.commit"
"""Where a snapshot's summary has the id of its commit."""

TABLE_ID = "parquetry.table-id"
"""The property that has the id of our table: one made anew in the place of another has another."""

NAMES = "parquetry.names"
"""The property that has what names and ids in files mean, from which the metadata goes on."""

MAPPING = "schema.name-mapping.default"
"""The property by which readers know columns in files without field ids."""

_LAYOUT = "1"
"""Goes into the names of files: to be raised when the same commits give other files."""


@dataclass(frozen=True, slots=True)
class TableCommit:
    """A commit that left a table in another state than the one before it.

    Attributes:
        id: The commit id.
        time: When it was made.
        table: The table after it.
        files: Returns all data files after it.
        changes: Returns the data files that went, and those that came, since the commit before it
            in the list; None if that is not known, as for the first.
        message: What its author said about it.
    """

    id: str
    time: datetime.datetime
    table: TableSnapshot
    files: Callable[[], Iterable[DataFile]]
    changes: Callable[[], tuple[Sequence[DataFile], Sequence[DataFile]]] | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where metadata goes and where data files are.

    Attributes:
        name: The table's name, for messages and as a property.
        location: The table's own place, absolute path or URI.
        placing: Where its data files are.
        store: Reads and writes its metadata files.
    """

    name: str
    location: str
    placing: Placing
    store: ManifestStore


def snapshot_id(commit_id: str) -> int:
    """Returns the snapshot id of a commit: the first 60 bits of its own."""
    return int(commit_id[:15], 16)


def extend(metadata: Metadata | None, commits: Sequence[TableCommit], to: Destination) -> Metadata:
    """Writes the snapshots of commits, and returns the metadata that has them all.

    Args:
        metadata: What was returned for the commits before them; None to begin.
        commits: What follows, oldest first, of one table (``table_id``).
        to: Where it goes.

    Raises:
        Unsupported: Iceberg cannot say what a table has, or a file cannot be shared; the message
            names it.
    """
    check_installed()
    extended = _Extension(metadata, to)
    for commit in commits:
        check_columns(commit.table.schema, to.name)
        extended.add(commit)
    return extended.metadata()


def with_refs(metadata: Metadata, refs: Mapping[str, tuple[RefKind, str]]) -> Metadata:
    """Returns metadata with refs, each to the snapshot of a commit that it has.

    Iceberg's own ``main`` is always the newest snapshot.
    """
    known = {snapshot["summary"][COMMIT]: snapshot for snapshot in metadata["snapshots"]}
    named = {
        name: {"snapshot-id": known[commit]["snapshot-id"], "type": kind}
        for name, (kind, commit) in sorted(refs.items())
        if commit in known and name != "main"
    }
    current = metadata["current-snapshot-id"]
    main = {"main": {"snapshot-id": current, "type": "branch"}} if current != -1 else {}
    return {**metadata, "refs": {**main, **named}}


def cut(metadata: Metadata, commit_id: str) -> Metadata:
    """Returns metadata as if a commit that it has were the newest.

    Some readers take the newest snapshot that is listed, whatever is said to be the current one.

    Raises:
        KeyError: It has no snapshot of the commit.
    """
    ids = commit_ids(metadata)
    if commit_id not in ids:
        raise KeyError(commit_id)
    snapshots = metadata["snapshots"][: ids.index(commit_id) + 1]
    newest = snapshots[-1]
    schemas = [s for s in metadata["schemas"] if s["schema-id"] <= newest["schema-id"]]
    kept = {snapshot["snapshot-id"] for snapshot in snapshots}
    return {
        **metadata,
        "snapshots": snapshots,
        "snapshot-log": [e for e in metadata["snapshot-log"] if e["snapshot-id"] in kept],
        "current-snapshot-id": newest["snapshot-id"],
        "last-sequence-number": newest["sequence-number"],
        "last-updated-ms": newest["timestamp-ms"],
        "current-schema-id": newest["schema-id"],
        "schemas": schemas,
        "refs": {
            **{k: v for k, v in metadata.get("refs", {}).items() if v["snapshot-id"] in kept},
            "main": {"snapshot-id": newest["snapshot-id"], "type": "branch"},
        },
    }


def commit_ids(metadata: Metadata) -> list[str]:
    """Returns the commits whose snapshots metadata has, oldest first."""
    return [snapshot["summary"][COMMIT] for snapshot in metadata["snapshots"]]


class _Extension:
    """Metadata that grows by one commit at a time."""

    def __init__(self, metadata: Metadata | None, to: Destination) -> None:
        self._to = to
        before: Metadata = metadata or {}
        properties = before.get("properties", {})
        self._names = Names.from_text(properties[NAMES]) if metadata else Names()
        self._table_id = properties.get(TABLE_ID, "")
        self._snapshots: list[Metadata] = list(before.get("snapshots", []))
        self._schemas: list[Metadata] = list(before.get("schemas", []))
        self._specs: list[Metadata] = list(before.get("partition-specs", []))
        self._spec_id = before.get("default-spec-id", 0)
        self._manifests: list[ManifestFile] = []
        if self._snapshots:
            newest = self._snapshots[-1]["manifest-list"]
            self._manifests = read_manifests(newest, to.store.read(newest))
        self._chain = hashlib.sha256(_LAYOUT.encode())
        for commit in commit_ids(before) if before else []:
            self._chain.update(commit.encode())

    def add(self, commit: TableCommit) -> None:
        """Adds the snapshot of a commit."""
        table = commit.table
        self._table_id = table.table_id
        last = self._snapshots[-1] if self._snapshots else None
        changes = self._changes(commit, last)
        schema = schema_json(table, self._names, self._key(table, changes, last))
        schema_id = numbered(self._schemas, schema, "schema-id")
        spec = spec_json(table, self._names, self._specs)
        self._spec_id = numbered(self._specs, spec, "spec-id")
        number = 1 if last is None else last["sequence-number"] + 1
        made = snapshot_id(commit.id)
        self._chain.update(commit.id.encode())
        name = f"{commit.id[:15]}-{self._chain.hexdigest()[:16]}"
        sizes = self._to.placing.bring(table, list(changes.come.values()))
        added = [
            iceberg_file(one, table, size_bytes=sizes[place], names=self._names)
            for place, one in changes.come.items()
        ]
        edit = Edit(made, number, name, added, changes.gone)
        shape = self._shape(schema_id)
        edited = edit_manifests(self._manifests, edit, shape=shape, store=self._to.store)
        changes.check(len(edited.removed))
        parent = {} if last is None else {"parent-snapshot-id": last["snapshot-id"]}
        content = manifest_list_bytes(
            edited.manifests,
            snapshot_id=made,
            parent_id=parent.get("parent-snapshot-id"),
            sequence_number=number,
        )
        self._manifests = edited.manifests
        self._snapshots.append(
            {
                "snapshot-id": made,
                **parent,
                "sequence-number": number,
                "timestamp-ms": _milliseconds(commit.time, last),
                "manifest-list": self._to.store.write(f"snap-{name}.avro", content),
                "summary": _summary(commit, edited, edit),
                "schema-id": schema_id,
            }
        )

    def metadata(self) -> Metadata:
        """Returns all of it."""
        newest = self._snapshots[-1]
        partition = [f["field-id"] for spec in self._specs for f in spec["fields"]]
        log = [(s["snapshot-id"], s["timestamp-ms"]) for s in self._snapshots]
        return with_refs(
            {
                "format-version": VERSION,
                "table-uuid": _uuid(self._table_id),
                "location": self._to.location,
                "last-sequence-number": newest["sequence-number"],
                "last-updated-ms": newest["timestamp-ms"],
                "last-column-id": max([0, *self._names.ids.values()]),
                "current-schema-id": newest["schema-id"],
                "schemas": self._schemas,
                "default-spec-id": self._spec_id,
                "partition-specs": self._specs,
                "last-partition-id": max([FIRST_PARTITION_ID - 1, *partition]),
                "default-sort-order-id": 0,
                "sort-orders": [{"order-id": 0, "fields": []}],
                "properties": {
                    MAPPING: self._names.mapping(),
                    "gc.enabled": "false",
                    "parquetry.table": self._to.name,
                    TABLE_ID: self._table_id,
                    NAMES: self._names.to_text(),
                },
                "current-snapshot-id": newest["snapshot-id"],
                "snapshots": self._snapshots,
                "snapshot-log": [{"snapshot-id": i, "timestamp-ms": ms} for i, ms in log],
                "metadata-log": [],
            },
            {},
        )

    def _changes(self, commit: TableCommit, last: Metadata | None) -> Changes:
        """Returns what a snapshot changes: from the commit's own list if that is enough.

        It is not if columns changed, for then other files may be read as they are.
        """
        table, names = commit.table, self._names
        placement = Placement(self._to.name, table, names, self._to.placing)
        if last is None:
            return placement.all(commit.files(), (), anew=True)
        schema, spec = self._schemas[last["schema-id"]], self._specs[self._spec_id]
        reshaped = is_reshaped(table, names, schema=schema, spec=spec)
        if commit.changes is not None and not reshaped:
            gone, come = commit.changes()
            listed = placement.listed(gone, come)
            if listed is not None:
                return listed
        anew = not is_partitioned_as(table, names, schema=schema, spec=spec)
        return placement.all(commit.files(), self._live(), anew=anew)

    def _live(self) -> set[str]:
        """Returns the locations of all files of the newest snapshot."""
        return {
            entry.data_file.file_path
            for manifest in self._manifests
            for entry in read_entries(manifest, self._to.store.read(manifest.manifest_path))
        }

    def _key(
        self, table: TableSnapshot, changes: Changes, last: Metadata | None
    ) -> tuple[int, ...]:
        """Returns the columns that identify rows: the key, if no row is NULL in it."""
        key = possible_key(table)
        files = changes.files
        if files is None and last is not None:
            before = self._schemas[last["schema-id"]].get("identifier-field-ids")
            if before != [self._names.ids[one,] for one in key]:
                return ()
            files = tuple(one.file for one in changes.come.values())
        return key if all(known_not_null(files or (), table, one) for one in key) else ()

    def _shape(self, schema_id: int) -> Shape:
        from pyiceberg.partitioning import PartitionSpec
        from pyiceberg.schema import Schema

        specs = {spec["spec-id"]: PartitionSpec.model_validate(spec) for spec in self._specs}
        schema = Schema.model_validate(self._schemas[schema_id])
        return Shape(schema, specs[self._spec_id], specs)


def _uuid(table_id: str) -> str:
    digest = hashlib.sha256(f"iceberg:{table_id}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _milliseconds(time: datetime.datetime, last: Metadata | None) -> int:
    """Returns the time of a snapshot, which is after that of the one before it."""
    ms = milliseconds(time)
    return ms if last is None else max(ms, last["timestamp-ms"] + 1)


def _summary(commit: TableCommit, edited: Edited, edit: Edit) -> dict[str, str]:
    """Returns what a snapshot says of itself."""
    table, come, gone = commit.table, edit.added, edited.removed
    counts = {
        "added-data-files": len(come),
        "deleted-data-files": len(gone),
        "added-records": sum(file.record_count for file in come),
        "deleted-records": sum(file.record_count for file in gone),
        "added-files-size": sum(file.file_size_in_bytes for file in come),
        "removed-files-size": sum(file.file_size_in_bytes for file in gone),
    }
    operation = "append"
    if gone:
        operation = "overwrite" if come else "delete"
    return {
        "operation": operation,
        COMMIT: commit.id,
        **({"parquetry.message": commit.message} if commit.message else {}),
        **{name: str(number) for name, number in counts.items() if number},
        "total-data-files": str(table.files),
        "total-records": str(table.rows),
        "total-delete-files": "0",
        "total-position-deletes": "0",
        "total-equality-deletes": "0",
    }
