"""The metadata of an Iceberg table over our data files: one snapshot for each of our commits.

Everything in it comes from the commits, so it can be made again, and is the same then: snapshot
ids, times and names of files, and their bytes too.
"""

import datetime
import hashlib
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from catalog.dataclasses import dataclass, replace
from catalog.formats.iceberg.metadata_avro import (
    VERSION,
    check_installed,
    manifest_list_bytes,
    read_entries,
    read_manifests,
)
from catalog.formats.iceberg.metadata_files import (
    Placing,
    iceberg_file,
    known_not_null,
    unfit,
)
from catalog.formats.iceberg.metadata_manifests import (
    Edit,
    Edited,
    ManifestStore,
    Shape,
    edit_manifests,
)
from catalog.formats.iceberg.metadata_names import Names
from catalog.formats.iceberg.metadata_types import check_columns, type_json
from catalog.model.datafile import DataFile
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar, TypeClass

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

MAPPING = "schema.name-mapping.default"
"""The property by which readers know columns in files without field ids."""

FIRST_PARTITION_ID = 1000
"""Where Iceberg's ids of partition fields begin."""

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


@dataclass(frozen=True, slots=True)
class _Changes:
    """What a snapshot changes.

    Attributes:
        come: The files that come, by location.
        gone: The locations of those that go.
        whole: Whether all files were looked at.
        files: All files, if they were looked at.
    """

    come: Mapping[str, DataFile]
    gone: Collection[str]
    whole: bool
    files: tuple[DataFile, ...] = ()


class _Extension:
    """Metadata that grows by one commit at a time."""

    def __init__(self, metadata: Metadata | None, to: Destination) -> None:
        self._to = to
        before: Metadata = metadata or {}
        properties = before.get("properties", {})
        self._names = Names.from_text(properties[MAPPING]) if metadata else Names()
        self._table_id = properties.get(TABLE_ID, "")
        self._snapshots: list[Metadata] = list(before.get("snapshots", []))
        self._schemas: list[Metadata] = list(before.get("schemas", []))
        self._specs: list[Metadata] = list(before.get("partition-specs", []))
        self._spec_id = before.get("default-spec-id", 0)
        self._manifests: list[ManifestFile] = []
        if self._snapshots:
            newest = self._snapshots[-1]["manifest-list"]
            self._manifests = read_manifests(to.store.read(newest))
        self._chain = hashlib.sha256(_LAYOUT.encode())
        for commit in commit_ids(before) if before else []:
            self._chain.update(commit.encode())

    def add(self, commit: TableCommit) -> None:
        """Adds the snapshot of a commit."""
        table = commit.table
        self._table_id = table.table_id
        self._names.learn(table, [schema for _, schema in sorted(table.file_schemas.items())])
        changes = self._changes(commit)
        schema_id = self._numbered(self._schemas, self._schema(table, changes), "schema-id")
        self._spec_id = self._numbered(self._specs, self._spec(table), "spec-id")
        last = self._snapshots[-1] if self._snapshots else None
        number = 1 if last is None else last["sequence-number"] + 1
        made = snapshot_id(commit.id)
        self._chain.update(commit.id.encode())
        name = f"{commit.id[:15]}-{self._chain.hexdigest()[:16]}"
        edit = Edit(made, number, name, (), changes.gone)
        edited = self._edited(changes, table, schema_id=schema_id, edit=edit)
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
                "summary": _summary(commit, edited, changes.come),
                "schema-id": schema_id,
            }
        )

    def metadata(self) -> Metadata:
        """Returns all of it."""
        newest = self._snapshots[-1]
        columns = [i for schema in self._schemas for i in _field_ids(schema)]
        nested = list(self._names.nested.values())
        partition = [f["field-id"] for spec in self._specs for f in spec["fields"]]
        log = [(s["snapshot-id"], s["timestamp-ms"]) for s in self._snapshots]
        return with_refs(
            {
                "format-version": VERSION,
                "table-uuid": _uuid(self._table_id),
                "location": self._to.location,
                "last-sequence-number": newest["sequence-number"],
                "last-updated-ms": newest["timestamp-ms"],
                "last-column-id": max([0, *columns, *nested]),
                "current-schema-id": newest["schema-id"],
                "schemas": self._schemas,
                "default-spec-id": self._spec_id,
                "partition-specs": self._specs,
                "last-partition-id": max([FIRST_PARTITION_ID - 1, *partition]),
                "default-sort-order-id": 0,
                "sort-orders": [{"order-id": 0, "fields": []}],
                "properties": {
                    MAPPING: self._names.to_text(),
                    "gc.enabled": "false",
                    "parquetry.table": self._to.name,
                    TABLE_ID: self._table_id,
                },
                "current-snapshot-id": newest["snapshot-id"],
                "snapshots": self._snapshots,
                "snapshot-log": [{"snapshot-id": i, "timestamp-ms": ms} for i, ms in log],
                "metadata-log": [],
            },
            {},
        )

    def _changes(self, commit: TableCommit) -> _Changes:
        """Returns what a snapshot changes: from the commit's own list if that is enough.

        It is not if columns changed, for then other files may be read as they are; nor if files
        went that were described as no file of the table is any more.
        """
        table = commit.table
        if self._snapshots and commit.changes is not None and not self._is_reshaped(table):
            gone, come = commit.changes()
            if all(file.file_schema in table.file_schemas for file in gone):
                going = {self._location(file, table) for file in gone}
                coming = {self._location(file, table): file for file in come}
                if not going & coming.keys():
                    return _Changes(coming, going, whole=False)
        wanted = {self._location(file, table): file for file in commit.files()}
        live = self._live() if self._snapshots else set()
        if self._snapshots and self._spec(table)["fields"] != self._specs[self._spec_id]["fields"]:
            return _Changes(wanted, live, whole=True, files=tuple(wanted.values()))
        coming = {place: file for place, file in wanted.items() if place not in live}
        return _Changes(coming, live - wanted.keys(), whole=True, files=tuple(wanted.values()))

    def _is_reshaped(self, table: TableSnapshot) -> bool:
        """Returns whether the columns differ from those of the newest snapshot."""
        newest = self._schemas[self._snapshots[-1]["schema-id"]]
        before = [(f["id"], f["name"], f["type"]) for f in newest["fields"]]
        now = [(f["id"], f["name"], f["type"]) for f in self._fields(table, ())]
        return before != now or (
            self._spec(table)["fields"] != self._specs[self._spec_id]["fields"]
        )

    def _live(self) -> set[str]:
        """Returns the locations of all files of the newest snapshot."""
        return {
            entry.data_file.file_path
            for manifest in self._manifests
            for entry in read_entries(manifest, self._to.store.read(manifest.manifest_path))
        }

    def _location(self, file: DataFile, table: TableSnapshot) -> str:
        return self._to.placing.location(file, table, unfit(file, table, self._names.columns))

    def _edited(
        self, changes: _Changes, table: TableSnapshot, *, schema_id: int, edit: Edit
    ) -> Edited:
        """Writes the manifests of a snapshot."""
        from pyiceberg.partitioning import PartitionSpec
        from pyiceberg.schema import Schema
        from pyiceberg.types import PrimitiveType

        schema = Schema.model_validate(self._schemas[schema_id])
        types = {
            f.field_id: f.field_type
            for f in schema.fields
            if isinstance(f.field_type, PrimitiveType)
        }
        specs = {spec["spec-id"]: PartitionSpec.model_validate(spec) for spec in self._specs}
        added = []
        for file in changes.come.values():
            reason = unfit(file, table, self._names.columns)
            placed = self._to.placing.place(file, table, reason)
            added.append(iceberg_file(file, placed, table, types))
        return edit_manifests(
            self._manifests,
            replace(edit, added=added),
            Shape(schema, specs[self._spec_id], specs),
            self._to.store,
        )

    def _schema(self, table: TableSnapshot, changes: _Changes) -> Metadata:
        """Returns the schema without its id."""
        key = self._identifiers(table, changes)
        return {
            "type": "struct",
            "fields": self._fields(table, key),
            **({"identifier-field-ids": list(key)} if key else {}),
        }

    def _fields(self, table: TableSnapshot, key: Sequence[int]) -> list[Metadata]:
        return [
            {
                "id": column.id,
                "name": column.name,
                "required": column.id in key,
                "type": type_json(column.type, (column.id,), self._names.nested),
            }
            for column in table.schema.fields
        ]

    def _identifiers(self, table: TableSnapshot, changes: _Changes) -> tuple[int, ...]:
        """Returns the key as Iceberg allows it: columns that are never NULL, and no floats."""
        fields = table.fields(table.key)
        if not fields or not all(_may_identify(field) for field in fields):
            return ()
        if not changes.whole:
            newest = self._schemas[self._snapshots[-1]["schema-id"]]
            if newest.get("identifier-field-ids") != list(table.key):
                return ()
        files = changes.files if changes.whole else tuple(changes.come.values())
        if all(known_not_null(files, table, field.id) for field in fields):
            return tuple(field.id for field in fields)
        return ()

    def _spec(self, table: TableSnapshot) -> Metadata:
        """Returns the partition spec without its id; a column's field id in it stays."""
        known = {f["source-id"]: f["field-id"] for spec in self._specs for f in spec["fields"]}
        fields = []
        for column in table.fields(table.partition_by):
            following = max([FIRST_PARTITION_ID - 1, *known.values()]) + 1
            number = known.setdefault(column.id, following)
            fields.append(
                {
                    "source-id": column.id,
                    "field-id": number,
                    "transform": "identity",
                    "name": column.name,
                }
            )
        return {"fields": fields}

    @staticmethod
    def _numbered(known: list[Metadata], one: Metadata, number: str) -> int:
        """Returns the number of a schema or spec among those known; a new one is added."""
        for other in known:
            if {k: v for k, v in other.items() if k != number} == one:
                return int(other[number])
        known.append({number: len(known), **one})
        return len(known) - 1


def _may_identify(field: Field) -> bool:
    kind = field.type
    return isinstance(kind, Scalar) and kind.type_class is not TypeClass.FLOAT


def _field_ids(schema: Metadata) -> list[int]:
    return [int(field["id"]) for field in schema["fields"]]


def _uuid(table_id: str) -> str:
    digest = hashlib.sha256(f"iceberg:{table_id}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _milliseconds(time: datetime.datetime, last: Metadata | None) -> int:
    """Returns the time of a snapshot, which is after that of the one before it."""
    ms = int(time.timestamp() * 1000)
    return ms if last is None else max(ms, last["timestamp-ms"] + 1)


def _summary(commit: TableCommit, edited: Edited, come: Mapping[str, DataFile]) -> dict[str, str]:
    """Returns what a snapshot says of itself."""
    table = commit.table
    gone_rows = sum(file.record_count for file in edited.removed)
    counts = {
        "added-data-files": len(come),
        "deleted-data-files": len(edited.removed),
        "added-records": sum(file.rows for file in come.values()),
        "deleted-records": gone_rows,
        "added-files-size": sum(file.size_bytes for file in come.values()),
        "removed-files-size": sum(file.file_size_in_bytes for file in edited.removed),
    }
    operation = "append"
    if edited.removed:
        operation = "overwrite" if come else "delete"
    return {
        "operation": operation,
        COMMIT: commit.id,
        **({"parquetry.message": commit.message} if commit.message else {}),
        **{name: str(number) for name, number in counts.items() if number},
        "total-data-files": str(table.files),
        "total-records": str(table.rows),
        "total-files-size": str(table.size_bytes),
        "total-delete-files": "0",
        "total-position-deletes": "0",
        "total-equality-deletes": "0",
    }
