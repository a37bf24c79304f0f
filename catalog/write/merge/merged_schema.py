"""What the merge of the shape of a table comes to: the merged shape and its conflicts."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass, field, replace
from catalog.model.datafile import DataFile, FileChanges
from catalog.model.schema import Field, FileSchema
from catalog.model.table import TableSnapshot
from catalog.write.merge.columns import MatchedColumn, renumbered_schema

Side: TypeAlias = Literal["ours", "theirs"]


class ShapeConflictKind(StrEnum):
    """What the sides contradict each other about."""

    COLUMN_ADDED = "column_added"
    """Both added the column, with types that have no common one."""

    COLUMN_REMOVED = "column_removed"
    """One side dropped the column, the other renamed or retyped it."""

    COLUMN_IN_USE = "column_in_use"
    """One side dropped the column, the other's key or partition spec needs it."""

    COLUMN_RENAMED = "column_renamed"
    """Both renamed the column, differently."""

    NAME_TAKEN = "name_taken"
    """Two columns would get one name."""

    TYPE_CHANGED = "type_changed"
    """Both changed the column's type, and no type holds the values of both."""

    KEY_CHANGED = "key_changed"
    """Both changed the key, differently."""

    PARTITIONING_CHANGED = "partitioning_changed"
    """The sides are partitioned differently, whichever changed it."""

    PROPERTY_CHANGED = "property_changed"
    """Both changed a property, differently."""


@dataclass(frozen=True, slots=True)
class ShapeConflict:
    """A contradiction, in words for people.

    Attributes:
        column: The column, by its name in the base if it had one; None if it is not about a
            single column. For ``NAME_TAKEN`` the name that two columns would get.
        base: The value of the base: a type, a name, a list of names; None if it has none.
        ours: The value of ours, which the merged shape takes.
        theirs: The value of theirs.
        property_name: The property, if it is about one.
    """

    kind: ShapeConflictKind
    column: str | None
    base: str | None
    ours: str | None
    theirs: str | None
    property_name: str | None = None


@dataclass(frozen=True, slots=True)
class MergedColumn(MatchedColumn):
    """A column of the merged table, with what each snapshot has of it."""

    merged: Field


@dataclass(frozen=True, slots=True)
class DroppedColumn:
    """A column that one side dropped and the other left as it was.

    Attributes:
        field_id: Its id in the base and, where the ids are shared, everywhere else.
        kept_id: Its id in the snapshot of the side that kept it.
        side: Who dropped it.
    """

    column: str
    field_id: int
    kept_id: int
    side: Side


@dataclass(frozen=True, slots=True)
class Renumbering:
    """How files of another numbering fit into the merged shape.

    Attributes:
        renumbered: Field ids that the merged table has under another id.
        file_schemas: Ids of file schemas that are others in the merged table.
        schemas: These file schemas, in the merged table's field ids.
    """

    renumbered: Mapping[int, int] = field(default_factory=dict)
    file_schemas: Mapping[str, str] = field(default_factory=dict)
    schemas: Mapping[str, FileSchema] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MergedShape:
    """The merged shape of a table, and how files of theirs fit into it.

    Attributes:
        snapshot: The snapshot of ours with the merged schema, key, partition spec and
            properties, and the file schemas of both; totals and manifest are still ours.
        renumbered: Field ids of theirs that the merged table has under another id.
        file_schemas: Ids of theirs' file schemas that are others in the merged table.
        conflicts: Where the sides contradict each other.
        dropped: Columns that one side dropped and the other left as they were.
        of_base: How files of the base fit in.
        columns: The columns of the merged schema, as each snapshot has them.
    """

    snapshot: TableSnapshot
    renumbered: Mapping[int, int] = field(default_factory=dict)
    file_schemas: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[ShapeConflict, ...] = ()
    dropped: tuple[DroppedColumn, ...] = ()
    of_base: Renumbering = field(default_factory=Renumbering)
    columns: tuple[MergedColumn, ...] = ()


def renumber(file: DataFile, how: MergedShape | Renumbering) -> DataFile:
    """Returns a file of theirs as the merged table has it: the same bytes, other field ids.

    A file of the base takes the merged shape's ``of_base``.
    """
    file_schema = how.file_schemas.get(file.file_schema, file.file_schema)
    if file_schema == file.file_schema and how.renumbered.keys().isdisjoint(file.stats):
        return file
    stats = {how.renumbered.get(i, i): one for i, one in file.stats.items()}
    return replace(file, file_schema=file_schema, stats=stats)


def renumbering(ids: Mapping[int, int], schemas: Mapping[str, FileSchema]) -> Renumbering:
    """Returns how files of some schemas fit where their field ids are others."""
    made = {one: renumbered_schema(schema, ids) for one, schema in schemas.items()}
    return Renumbering(
        {old: new for old, new in ids.items() if old != new},
        {old: schema.id for old, schema in made.items() if old != schema.id},
        {schema.id: schema for schema in made.values()},
    )


def without_unchanged(
    removed: Sequence[DataFile],
    added: Sequence[DataFile],
    content: Callable[[DataFile], object] = lambda file: file,
) -> tuple[tuple[DataFile, ...], tuple[DataFile, ...]]:
    """Leaves out files that go and come with the same content."""
    before = {file.path: content(file) for file in removed}
    same = {f.path for f in added if f.path in before and before[f.path] == content(f)}
    gone, come = (tuple(f for f in files if f.path not in same) for files in (removed, added))
    return gone, come


def without_renumbered(changes: FileChanges, shape: TableSnapshot) -> FileChanges:
    """Leaves out files that only have other field ids than in the base, or other dead ones.

    Args:
        changes: What a side did since the base, in the merged table's field ids.
        shape: The merged table, with the file schemas in the same ids.
    """
    living = {f.id for f in shape.schema.fields}

    def content(file: DataFile) -> object:
        columns = shape.file_schemas[file.file_schema].columns
        return file.partition, file.token, tuple(c for c in columns if c.field_id in living)

    removed, added = without_unchanged(changes.removed, changes.added, content)
    return replace(changes, removed=removed, added=added)
