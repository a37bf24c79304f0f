"""An Iceberg table: its versions, and what is live in each, as values."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
from pyiceberg.exceptions import ResolveError, ValidationError
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import CorruptData, ErrorKind, InvalidInput, NotFound, Unsupported
from catalog.formats.iceberg.columns import source_columns
from catalog.formats.iceberg.deletes import Deletes, Positions, read_positions
from catalog.formats.iceberg.file_io import TableFiles
from catalog.formats.iceberg.locations import place_of
from catalog.formats.iceberg.manifests import (
    DataEntry,
    DeleteEntry,
    read_data_entries,
    read_delete_entries,
    read_manifest_list,
)
from catalog.formats.iceberg.partitions import Partitioning, identity_values, partitioning
from catalog.formats.iceberg.table_metadata import Metadata, damaged, refused
from catalog.formats.iceberg.versions import named_snapshot, table_version, versions_of
from catalog.formats.parquet import ParquetFooter, StoredFooter
from catalog.formats.partition_columns import check_partition_column
from catalog.formats.source import Layout, SourceFormat
from catalog.formats.table_state import FileSteps, LiveFile, SourceColumn, TableState, TableVersion
from catalog.model.types import DataType, Scalar
from catalog.model.values import encode, encoded_text

if TYPE_CHECKING:
    from catalog.formats.iceberg.layouts import ExpectedFile

MAX_MANIFESTS = 1024
"""Manifests whose entries are remembered, since the next version has most of them too."""

MAX_VIEWS = 4
"""Versions that are remembered with all that was found out about them."""


_LayoutKey: TypeAlias = tuple[bytes, Layout, frozenset[int]]


@dataclass(frozen=True, slots=True)
class _View:
    """A version as it was read.

    Attributes:
        schema: Its columns.
        kinds: Their types here, by field id.
        entries: Its live files by place.
        deleted: Which rows of them are deleted, by place.
        reading: What decides how files are read, as a digest; see ``TableState``.
        layouts: What files of one layout have, and why they must be rewritten.
    """

    schema: Schema
    columns: tuple[SourceColumn, ...]
    partitioning: Partitioning
    entries: Mapping[str, DataEntry]
    deleted: Mapping[str, Positions]
    reading: str
    layouts: dict[_LayoutKey, tuple[Mapping[str, str], str]] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[int, DataType]:
        """Returns the types of the columns by field id."""
        return {int(column.identity): column.type for column in self.columns}


class IcebergTable:
    """A table of Iceberg; see ``SourceTable``.

    Attributes:
        root: Its directory, or where a catalog says that it is.
    """

    format = SourceFormat.ICEBERG

    def __init__(self, metadata: Metadata, *, root: str, files: TableFiles) -> None:
        self.root = root
        self._said = metadata
        self._files = files
        self._manifests: dict[str, tuple[Any, ...]] = {}
        self._positions: dict[tuple[str, int | None], Mapping[str, Positions]] = {}
        self._views: dict[tuple[int | None, int], _View] = {}

    @property
    def _metadata(self) -> TableMetadata:
        return self._said.table

    def versions(self, since: int | None = None) -> Sequence[TableVersion]:
        """Returns the snapshots that led to the current one and are still there, oldest first."""
        return versions_of(self._metadata)

    def state(self, at: str | None = None) -> TableState:
        """Returns a version: the current, or that of a snapshot id, a tag, a branch or a time.

        The current one has the table's columns as they are now, as PyIceberg reads it too; others
        have those that they were written with.

        Raises:
            CorruptData: A file of the table's metadata is missing or damaged.
            NotFound: There is no such version, or it was expired.
            Unsupported: A feature of the table is not known; the message names it.
        """
        metadata = self._metadata
        if at is None:
            snapshot = metadata.current_snapshot()
            if snapshot is None and metadata.current_snapshot_id is not None:
                raise damaged(self._said.path, "it does not have its current snapshot")
            schema = metadata.schema()
        else:
            snapshot = named_snapshot(metadata, at, self.root)
            schema = self._schema_of(snapshot)
        return self._state(snapshot, schema)

    def mark(self, version: int) -> str:
        """Returns what tells a version from one of its number in another history: its number."""
        return str(version)

    def steps(self, since: TableState | TableVersion, to: TableState) -> FileSteps | None:
        """Returns what a later version has otherwise; None if the two are of unlike shapes.

        A version that is only named is taken to have the columns of the later one.
        """
        if isinstance(since, TableVersion):
            snapshot = self._metadata.snapshot_by_id(since.number)
            if snapshot is None:
                return None
            since = self._state(snapshot, self._view_of(to).schema)
        if (since.columns, since.partition_by) != (to.columns, to.partition_by):
            return None
        before, after = self._view_of(since), self._view_of(to)
        old = {file.path: file for file in since.files}
        new = {file.path: file for file in to.files}

        def same(path: str) -> bool:
            if old.get(path) != new.get(path):
                return False
            one, other = before.deleted.get(path), after.deleted.get(path)
            return one is other or (
                one is not None and other is not None and np.array_equal(one, other)
            )

        return FileSteps(
            added=tuple(file for path, file in new.items() if not same(path)),
            removed=tuple(file for path, file in old.items() if not same(path)),
        )

    def settled(
        self, state: TableState, file: LiveFile, *, footer: StoredFooter, columns: Layout
    ) -> LiveFile:
        """Returns a live file with its columns, by the field ids in its footer.

        Raises:
            Unsupported: It has what is not known; the message names it.
        """
        view = self._view_of(state)
        entry = view.entries[file.path]
        expected = self._expected(view, entry)
        key = (footer.structure.elements, columns, expected.constants)
        known = view.layouts.get(key)
        if known is None:
            from catalog.formats.iceberg.layouts import file_schema, reason_to_rewrite

            metadata = self._metadata
            version = metadata.format_version
            found = file_schema(footer, file.path, mapping=metadata.name_mapping(), version=version)
            names = {one.name: str(one.field_id) for one in found.fields}
            known = view.layouts[key] = (
                names,
                reason_to_rewrite(found, columns, expected, file.path),
            )
        identities, reason = known
        read = footer.read_as([kind for _, kind in columns])
        self._check_partition(view, replace(file, columns=identities), read)
        revision = view.reading if reason else ""
        return replace(file, columns=identities, rewritten=reason, revision=revision)

    def rows(self, state: TableState, file: LiveFile) -> Iterator[pa.RecordBatch]:
        """Yields the live rows of one file, under the columns' names at the version.

        Raises:
            CorruptData: The file is missing or damaged.
            Unsupported: PyIceberg does not read it.
        """
        view = self._view_of(state)
        entry = view.entries[file.path]
        deleted = view.deleted.get(file.path)
        first, schema = 0, None
        for batch in self._scanned(view.schema, entry, file.path):
            schema = schema or batch.schema
            batch = batch if batch.schema == schema else batch.cast(schema)
            end = first + batch.num_rows
            if deleted is not None:
                keep = np.ones(batch.num_rows, dtype=bool)
                keep[deleted[(deleted >= first) & (deleted < end)] - first] = False
                batch = batch.filter(pa.array(keep))
            first = end
            for (name, _, _), value in zip(view.partitioning.columns, file.partition, strict=True):
                if any(one != value for one in batch.column(name).unique().to_pylist()):
                    raise _contradiction(file.path, name, value)
            if batch.num_rows:
                yield batch
        if first != entry.rows:
            raise damaged(file.path, f"it has {first} rows where the table says {entry.rows}")

    def _scanned(self, schema: Schema, entry: DataEntry, path: str) -> Iterator[pa.RecordBatch]:
        """Yields all rows of a file as PyIceberg reads them, deleted ones too."""
        from pyiceberg.io.pyarrow import ArrowScan
        from pyiceberg.table import FileScanTask

        data_file = DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=entry.location,
            file_format=FileFormat.PARQUET,
            partition=entry.partition,
            record_count=entry.rows,
            file_size_in_bytes=entry.size_bytes,
        )
        data_file.spec_id = entry.spec_id
        metadata = self._with_schema(schema)
        scan = ArrowScan(metadata, self._files, schema, AlwaysTrue())
        try:
            yield from scan.to_record_batches([FileScanTask(data_file)])
        except (ResolveError, ValidationError, NotImplementedError) as error:
            text = " ".join(str(error).split())[:300]
            raise Unsupported(
                f"{path} cannot be read by PyIceberg: {text}", kind=ErrorKind.UNSUPPORTED_FEATURE
            ) from error
        except (
            ValueError,
            TypeError,
            LookupError,
            AttributeError,  # of a type that it did not expect
            OSError,
            pa.ArrowException,
        ) as error:
            raise CorruptData(
                f"{path} cannot be read by PyIceberg: {' '.join(str(error).split())[:300]}",
                kind=ErrorKind.DAMAGED_PARQUET,
                hint="restore the file, or take another version of the table",
            ) from error

    def _with_schema(self, schema: Schema) -> TableMetadata:
        """Returns the metadata with a version's columns as the current ones."""
        metadata = self._metadata
        if schema.schema_id == metadata.current_schema_id:
            return metadata
        return metadata.model_copy(update={"current_schema_id": schema.schema_id})

    def _schema_of(self, snapshot: Snapshot) -> Schema:
        number = snapshot.schema_id
        if number is None:
            return self._metadata.schema()
        if number in self._said.unreadable:
            raise refused(self._said.path, self._said.unreadable[number])
        schema = self._metadata.schema_by_id(number)
        if schema is None:
            raise damaged(self._said.path, f"it does not have schema {number} of a snapshot")
        return schema

    def _state(self, snapshot: Snapshot | None, schema: Schema) -> TableState:
        view = self._view(snapshot, schema)
        specs, names = self._metadata.specs(), {f.field_id: f.name for f in schema.fields}
        files = []
        for path, entry in view.entries.items():
            deleted = view.deleted.get(path)
            reason, revision = "", ""
            if deleted is not None:
                reason = f"rows of it are deleted: {len(deleted):,} of {entry.rows:,}"
                revision = _digest(deleted.tobytes(), view.reading.encode())
            values = view.partitioning.values(entry, specs)
            files.append(
                LiveFile(
                    path,
                    entry.size_bytes,
                    entry.rows,
                    values,
                    rewritten=reason,
                    revision=revision,
                )
            )
        identifiers = schema.identifier_field_ids
        warnings = list(view.partitioning.warnings)
        inner = [number for number in identifiers if number not in names]
        if inner:
            shown = ", ".join(repr(schema.find_column_name(number)) for number in inner)
            warnings.append(f"{shown} in the key of the table: a field within a column, so no key")
        return TableState(
            format=SourceFormat.ICEBERG,
            root=self.root,
            table_id=self._said.table_id,
            version=table_version(self._metadata, snapshot),
            columns=view.columns,
            partition_by=view.partitioning.names,
            key=() if inner else tuple(names[number] for number in identifiers),
            files=tuple(files),
            warnings=tuple(warnings),
            reading=view.reading,
        )

    def _view_of(self, state: TableState) -> _View:
        """Returns a version as it was read, reading it again if it was forgotten."""
        snapshot = self._metadata.snapshot_by_id(state.version.number)
        for schema in self._metadata.schemas:
            if schema.schema_id in self._said.unreadable or not _is_of(schema, state):
                continue
            view = self._view(snapshot, schema)
            if (view.columns, view.reading) == (state.columns, state.reading):
                return view
        raise NotFound(
            f"{self.root} no longer has the columns of version {state.version.number}",
            kind=ErrorKind.VERSION_NOT_FOUND,
        )

    def _view(self, snapshot: Snapshot | None, schema: Schema) -> _View:
        key = (None if snapshot is None else snapshot.snapshot_id, schema.schema_id)
        known = self._views.get(key)
        if known is None:
            known = self._read(snapshot, schema)
            while len(self._views) >= MAX_VIEWS:
                del self._views[next(iter(self._views))]
            self._views[key] = known
        return known

    def _read(self, snapshot: Snapshot | None, schema: Schema) -> _View:
        columns = source_columns(schema, self.root)
        listed = [] if snapshot is None else read_manifest_list(self._files, snapshot.manifest_list)
        specs = self._metadata.specs()
        entries: dict[str, DataEntry] = {}
        deletes: list[DeleteEntry] = []
        for manifest in listed:
            spec = specs.get(manifest.partition_spec_id)
            if spec is None:
                raise damaged(manifest.manifest_path, "its partition spec is not in the metadata")
            if manifest.content == ManifestContent.DELETES:
                deletes.extend(self._entries(manifest, spec))
                continue
            for entry in self._entries(manifest, spec):
                if entries.setdefault(place_of(entry.location), entry) is not entry:
                    raise refused(entry.location, "a data file that is listed twice")
        index = Deletes(deletes, self._contents)
        deleted = {}
        for path, entry in list(entries.items()) if deletes else ():
            positions = index.of(entry)
            if positions is not None and len(positions) == entry.rows:
                del entries[path]
            elif positions is not None:
                deleted[path] = positions
        kinds = {int(column.identity): column.type for column in columns}
        parts = partitioning(
            schema, kinds, tuple(entries.values()), specs=specs, default=self._metadata.spec()
        )
        return _View(schema, columns, parts, entries, deleted, self._reading(schema, parts))

    def _reading(self, schema: Schema, parts: Partitioning) -> str:
        """Returns a digest of what decides how files are read, beside columns and their types."""
        nested = [
            field.model_dump_json() for field in schema.fields if not field.field_type.is_primitive
        ]
        defaults = [
            (field.field_id, repr(field.initial_default))
            for field in schema.fields
            if field.initial_default is not None
        ]
        mapping = self._metadata.properties.get("schema.name-mapping.default", "")
        own = [number for _, number, _ in parts.columns]
        said = (nested, defaults, mapping, own, self._metadata.format_version)
        return _digest(repr(said).encode())

    def _entries(self, manifest: Any, spec: PartitionSpec) -> tuple[Any, ...]:
        """Returns the live entries of a manifest, which is read once."""
        path = manifest.manifest_path
        known = self._manifests.get(path)
        if known is None:
            if manifest.content == ManifestContent.DELETES:
                known = read_delete_entries(self._files, manifest)
            else:
                known = read_data_entries(self._files, manifest, spec)
            while len(self._manifests) >= MAX_MANIFESTS:
                del self._manifests[next(iter(self._manifests))]
            self._manifests[path] = known
        return known

    def _contents(self, entry: Any) -> Mapping[str, Positions]:
        """Returns what a file of deletes has, which is read once."""
        key = (entry.location, entry.offset)
        known = self._positions.get(key)
        if known is None:
            known = self._positions[key] = read_positions(self._files, entry)
        return known

    def _check_partition(self, view: _View, file: LiveFile, footer: ParquetFooter) -> None:
        """Checks that columns of a file that every file has one value of have that value."""
        by_id = {identity: name for name, identity in (file.columns or {}).items()}
        for (shown, number, kind), value in zip(
            view.partitioning.columns, file.partition, strict=True
        ):
            name = by_id.get(str(number))
            wanted = None if value is None else encode(value, kind)  # type: ignore[arg-type]
            if name is None or _is_all(footer, name, kind, wanted):
                continue
            try:
                check_partition_column(
                    file.path,
                    footer,
                    name=name,
                    kind=kind,
                    value=wanted,
                    stated=encoded_text(wanted, kind),
                    types={},
                    opened=lambda: self._files.source(file.path),
                )
            except InvalidInput as error:
                raise _contradiction(file.path, shown, value) from error

    def _expected(self, view: _View, entry: DataEntry) -> "ExpectedFile":
        from catalog.formats.iceberg.layouts import ExpectedFile

        own = frozenset(number for _, number, _ in view.partitioning.columns)
        values = identity_values(entry, self._metadata.specs()[entry.spec_id])
        constants = frozenset(number for number, value in values.items() if value is not None)
        return ExpectedFile(view.schema, view.kinds, own, constants - own)


def _contradiction(path: str, column: str, value: object) -> CorruptData:
    return CorruptData(
        f"{path} has other values of {column!r} than the table has for its partition, {value!r}",
        kind=ErrorKind.PARTITION_COLUMN_MISMATCH,
        hint="write the rows of the file again",
    )


def _is_all(footer: ParquetFooter, name: str, kind: Scalar, value: bytes | None) -> bool:
    """Returns whether bounds show that a column has one value in all rows.

    Bounds that are cut are never the same: the lower one is then less, and the upper one greater.
    """
    stats = footer.stats.get(name)
    if stats is None or dict(footer.columns)[name] != kind:
        return False
    if value is None:
        return stats.nulls == footer.rows
    return stats.nulls == 0 and stats.low == stats.high == value


def _is_of(schema: Schema, state: TableState) -> bool:
    """Returns whether a version may have the columns of a schema, by their ids and names."""
    ours = [(str(field.field_id), field.name) for field in schema.fields]
    return ours == [(column.identity, column.name) for column in state.columns]


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:32]
