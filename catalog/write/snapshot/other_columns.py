"""Which columns of a table of another format are which columns here."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from catalog.dataclasses import dataclass, replace
from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.formats.source import Layout
from catalog.formats.table_state import LiveFile, TableState
from catalog.formats.unify import Unified
from catalog.model.schema import Field, FileSchema, PhysicalColumn, Schema
from catalog.model.source_record import SourceRecord
from catalog.model.table import TableSnapshot
from catalog.model.types import DataType, Scalar, common_type
from catalog.model.values import encode, has_order
from catalog.write.snapshot.table_plan import PartitionSpec

UNNAMED = "\0"
"""Begins what identifies a column of files that belongs to none of the table: no name has it."""


@dataclass(slots=True)
class Identities:
    """The field ids of a table's columns, by what stays with the columns.

    Attributes:
        ids: Field ids by identity; those of columns that are met only in files are added.
        last: The greatest field id given so far.
        known: Whether the table said which columns were which: else they went by their names.
    """

    ids: dict[str, int]
    last: int
    known: bool

    @staticmethod
    def of(state: TableState, before: TableSnapshot | None) -> "Identities":
        """Finds the ids of a version's columns.

        Columns that the table has had from the same source keep their ids. Others take those of
        the table's columns of their names that are no other's.
        """
        if before is None:
            found = Identities({}, 0, known=False)
        else:
            record = before.source
            same = record is not None and is_same_table(record, state)
            known = dict(record.columns) if same and record is not None else {}
            found = Identities(known, before.last_field_id, known=same)
        taken = set(found.ids.values())
        for column in state.columns:
            if column.identity in found.ids:
                continue
            field = None if before is None else before.schema.find(column.name)
            if field is not None and field.id not in taken:
                found.ids[column.identity] = field.id
                taken.add(field.id)
            else:
                found.give(column.identity)
        return found

    def give(self, identity: str) -> int:
        """Returns the id of a column, a new one if it has none."""
        found = self.ids.get(identity)
        if found is None:
            self.last += 1
            found = self.ids[identity] = self.last
        return found


def is_same_table(record: SourceRecord, state: TableState) -> bool:
    """Returns whether a table was taken from the table that a state is of."""
    return (record.format, record.table_id) == (str(state.format), state.table_id)


def table_schema(state: TableState, identities: Identities) -> Schema:
    """Returns the schema of a version as the table gets it.

    Raises:
        InvalidInput: Columns have names that SQL cannot tell apart.
        Unsupported: There are none.
    """
    if not state.columns:
        raise Unsupported(
            f"{state.root} has no columns at version {state.version.number}",
            kind=ErrorKind.UNSUPPORTED_FEATURE,
            hint="take a version that has some",
        )
    folded: dict[str, str] = {}
    for column in state.columns:
        other = folded.setdefault(column.name.casefold(), column.name)
        if other != column.name:
            raise InvalidInput(
                f"{state.root} has columns {other!r} and {column.name!r}, which SQL cannot tell "
                "apart",
                kind=ErrorKind.BAD_COLUMNS,
            )
    return Schema(
        tuple(Field(identities.ids[one.identity], one.name, one.type) for one in state.columns)
    )


def file_schema(layout: Layout, file: LiveFile, identities: Identities) -> FileSchema:
    """Returns how a live file is read."""

    def identity(name: str) -> str:
        if file.columns is None:
            return name
        return file.columns.get(name, f"{UNNAMED}{name}")

    columns = tuple(
        PhysicalColumn(name, kind, identities.give(identity(name))) for name, kind in layout
    )
    return FileSchema(columns)


def unlike(layout: FileSchema, schema: Schema) -> str:
    """Returns why a file cannot be read as it is: a type that is not the table's; empty if it can.

    A type that holds fewer values than the table's is widened when the file is read.
    """
    by_id: Mapping[int, DataType] = {field.id: field.type for field in schema.fields}
    for column in layout.columns:
        wanted = by_id.get(column.field_id)
        if wanted is not None and common_type((column.type, wanted)) != wanted:
            return f"column {column.name!r} of it is {column.type}, and {wanted} in the table"
    return ""


def partitioning(state: TableState, files: Iterable[LiveFile]) -> PartitionSpec:
    """Returns how a version is partitioned, with the values of its files by their paths.

    Raises:
        Unsupported: A column has a type that tables cannot be partitioned by.
    """
    types = {one.name: one.type for one in state.columns}
    kinds = []
    for name in state.partition_by:
        kind = types[name]
        if not isinstance(kind, Scalar) or not has_order(kind):
            raise Unsupported(
                f"{state.root} is partitioned by {name!r} of type {kind}",
                kind=ErrorKind.UNSUPPORTED_FEATURE,
            )
        kinds.append(kind)
    cache: dict[tuple[object, ...], tuple[bytes | None, ...]] = {}
    values = {}
    for file in files:
        key = tuple(map(repr, file.partition))
        encoded = cache.get(key)
        if encoded is None:
            if "-0.0" in key:
                raise Unsupported(
                    f"{file.path} has the partition value -0.0, which is kept as 0.0 here",
                    kind=ErrorKind.UNSUPPORTED_FEATURE,
                    hint="write the rows of this partition again, with 0.0",
                )
            encoded = cache[key] = tuple(
                None if value is None else encode(value, kind)  # type: ignore[arg-type]
                for value, kind in zip(file.partition, kinds, strict=True)
            )
        values[file.path] = encoded
    return PartitionSpec(state.partition_by, tuple(kinds), values)


def shape_digest(state: TableState) -> str:
    """Returns what tells whether two versions have the same columns, partitioning and key."""
    said = [
        [[one.name, str(one.type), one.identity] for one in state.columns],
        list(state.partition_by),
        list(state.key),
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def with_files(unified: Unified, by_path: Mapping[str, FileSchema]) -> Unified:
    """Returns the schema of a table with how its single files are read."""
    return replace(unified, by_path=dict(by_path))
