"""Table snapshots: the state of one table in one commit."""

from collections.abc import Mapping, Sequence

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import CorruptData
from catalog.model.derived import Computed, computed_from_json
from catalog.model.ids import MAX_LEVELS, canonical_json, content_id, excerpt, is_id
from catalog.model.schema import Field, FileSchema, Schema, schema_from_json, schema_to_json
from catalog.model.source_record import SourceRecord, source_record_from_json
from catalog.model.types import NULL_TYPE, DataType, Scalar
from catalog.model.values import has_order


@dataclass(frozen=True, slots=True)
class TableSnapshot:
    """A table at a commit; its files are listed below ``manifest``.

    Attributes:
        schema: Columns in order.
        last_field_id: Greatest field id ever given in this table.
        key: Field ids of the key columns, possibly none.
        partition_by: Field ids of the partition columns in path order, possibly none.
        rows: Rows in all files.
        size_bytes: Bytes in all files.
        files: Number of data files.
        partitions: Number of partitions that hold files; 1 for an unpartitioned table with files.
        file_schemas: The file schemas in use, by id.
        manifest: Id of the manifest tree's root; None for a table without files.
        levels: Levels of the manifest tree; 0 without files, 1 if the root is a leaf.
        properties: Free text properties.
        table_id: Random, assigned at creation: field ids of two snapshots mean the same columns
            only if this is equal too. Empty until the first commit.
        computed: What a derived table was computed from; None if no refresh left it as it is.
        source: The table of another format that it was taken from; None if it was not.
        same_rows: Two contents: its own, if it is what this was recorded of, and that of an earlier
            snapshot of the same rows, which lie in other files there. None if nothing is known.
    """

    schema: Schema
    last_field_id: int
    key: tuple[int, ...] = ()
    partition_by: tuple[int, ...] = ()
    rows: int = 0
    size_bytes: int = 0
    files: int = 0
    partitions: int = 0
    file_schemas: Mapping[str, FileSchema] = field(default_factory=dict)
    manifest: str | None = None
    levels: int = 0
    properties: Mapping[str, str] = field(default_factory=dict)
    table_id: str = ""
    computed: Computed | None = None
    source: SourceRecord | None = None
    same_rows: tuple[str, str] | None = None

    @property
    def content(self) -> str:
        """Returns an id of all that a query sees: tables that agree in it have the same rows."""
        return content_id(
            canonical_json(
                {
                    "schema": schema_to_json(self.schema),
                    "partition_by": list(self.partition_by),
                    "manifest": self.manifest,
                }
            )
        )

    @property
    def rows_id(self) -> str:
        """Returns an id of columns and rows: those that agree in it have the same.

        Unlike ``content``, it stays while files are only put together.
        """
        own = self.content
        return self.same_rows[1] if self.same_rows and self.same_rows[0] == own else own

    def has_rows_of(self, content: str) -> bool:
        """Returns whether it has the columns and rows of what had a content, or a ``rows_id``."""
        return content == self.content or content == self.rows_id

    def fields(self, ids: tuple[int, ...]) -> tuple[Field, ...]:
        """Returns the columns of the given ids that the schema still has."""
        known = {field.id: field for field in self.schema.fields} if ids else {}
        return tuple(known[field_id] for field_id in ids if field_id in known)

    @property
    def key_names(self) -> tuple[str, ...]:
        """Returns the names of the key columns."""
        return tuple(f.name for f in self.fields(self.key))

    @property
    def partition_fields(self) -> tuple[tuple[str, Scalar], ...]:
        """Returns name and type of the partition columns in path order."""
        found = self.fields(self.partition_by)
        return tuple((f.name, f.type) for f in found if isinstance(f.type, Scalar))

    def no_longer_of(self, before: "TableSnapshot | None") -> "TableSnapshot":
        """Returns the table, whose files or columns have changed since ``before``.

        It is not what a version of its source is any more, unless it says itself which version it
        has been taken from since.
        """
        source = self.source
        if source is None or source.version is None:
            return self
        if before is None or before.source != source:
            return self
        return replace(self, source=replace(source, version=None))

    def held_type(self, field: Field) -> DataType:
        """Returns the type of a column; ``NULL_TYPE`` if no file ever held a value of it."""
        if field.id in self.partition_by:
            return field.type
        kinds = {
            column.type
            for schema in self.file_schemas.values()
            for column in schema.columns
            if column.field_id == field.id
        }
        return NULL_TYPE if kinds == {NULL_TYPE} else field.type


class StoredFileSchemas(dict[str, FileSchema]):
    """The file schemas of a stored table, by id; an entry of a file may name another one."""

    def __missing__(self, schema_id: str) -> FileSchema:
        """Raises CorruptData: every file of a table has a schema there."""
        raise CorruptData(f"a data file has the file schema {schema_id[:12]}, which is missing")


def to_json(table: TableSnapshot) -> dict[str, object]:
    """Returns the stored form of a table snapshot."""
    computed = {} if table.computed is None else {"computed": table.computed.to_json()}
    source = {} if table.source is None else {"source": table.source.to_json()}
    same_rows = {} if table.same_rows is None else {"same_rows": list(table.same_rows)}
    return {
        **computed,
        **source,
        **same_rows,
        "table_id": table.table_id,
        "schema": schema_to_json(table.schema),
        "last_field_id": table.last_field_id,
        "key": list(table.key),
        "partition_by": list(table.partition_by),
        "rows": table.rows,
        "size_bytes": table.size_bytes,
        "files": table.files,
        "partitions": table.partitions,
        "file_schemas": {i: s.to_json() for i, s in table.file_schemas.items()},
        "manifest": table.manifest,
        "levels": table.levels,
        "properties": dict(table.properties),
    }


def from_json(stored: Mapping[str, object]) -> TableSnapshot:
    """Reads the stored form of a table snapshot.

    Raises:
        CorruptData: The form is not one of format 1.
    """
    match stored:
        case {
            "table_id": str(table_id),
            "schema": schema,
            "last_field_id": int(last_field_id),
            "key": [*key],
            "partition_by": [*partition_by],
            "rows": int(rows),
            "size_bytes": int(size_bytes),
            "files": int(files),
            "partitions": int(partitions),
            "file_schemas": dict(file_schemas),
            "manifest": str() | None as manifest,
            "levels": int(levels),
            "properties": dict(properties),
        } if (
            min(last_field_id, rows, size_bytes, files, partitions) >= 0
            and _is_root(manifest, levels)
            and all(isinstance(text, str) for text in properties.values())
        ):
            columns = schema_from_json(schema)
            return TableSnapshot(
                schema=columns,
                last_field_id=last_field_id,
                key=_field_ids(key),
                partition_by=_partition_columns(partition_by, columns),
                rows=rows,
                size_bytes=size_bytes,
                files=files,
                partitions=partitions,
                file_schemas=StoredFileSchemas(
                    (schema_id, _file_schema(schema_id, one))
                    for schema_id, one in file_schemas.items()
                ),
                manifest=manifest,
                levels=levels,
                properties=properties,
                table_id=table_id,
                computed=computed_from_json(stored.get("computed")),
                source=source_record_from_json(stored.get("source")),
                same_rows=_same_rows(stored.get("same_rows")),
            )
    raise CorruptData("a table snapshot is not readable: fields are missing or of another type")


def _same_rows(stored: object) -> tuple[str, str] | None:
    match stored:
        case None:
            return None
        case [own, of] if is_id(own) and is_id(of):
            return own, of
    raise CorruptData(f"not what has the same rows as a table: {excerpt(stored)}")


def _is_root(manifest: str | None, levels: int) -> bool:
    """Returns whether a tree of so many levels can have such a root."""
    if manifest is None:
        return levels == 0
    return is_id(manifest) and 1 <= levels <= MAX_LEVELS


def _field_ids(stored: Sequence[object]) -> tuple[int, ...]:
    ids = tuple(i for i in stored if type(i) is int)
    if len(set(ids)) < len(stored):
        raise CorruptData(f"not a list of field ids: {excerpt(stored)}")
    return ids


def _partition_columns(stored: Sequence[object], schema: Schema) -> tuple[int, ...]:
    ids = _field_ids(stored)
    for field_id in ids:
        column = schema.by_id(field_id)
        if column is None or not has_order(column.type):
            raise CorruptData(f"a table cannot be partitioned by {excerpt(stored)}")
    return ids


def _file_schema(schema_id: str, stored: object) -> FileSchema:
    if content_id(canonical_json(stored)) != schema_id:
        raise CorruptData(f"file schema {schema_id[:12]!r} does not match its id")
    return FileSchema.from_json(stored)
