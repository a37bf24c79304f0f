"""Which columns of three snapshots of a table are the same, and which ids theirs get.

Up to some field id, ids mean the same column in the base and in a side, provided that all three
have one ``table_id``: see ``SharedIds``. Columns that came later, and all columns of tables made
apart, are told apart by their exact names.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from catalog.dataclasses import dataclass, replace
from catalog.model.schema import Field, FileSchema
from catalog.model.table import TableSnapshot

SideTexts: TypeAlias = tuple[str | None, str | None, str | None]
"""What the base, ours and theirs have, as text; None where they have nothing."""


@dataclass(frozen=True, slots=True)
class MatchedColumn:
    """One column as each snapshot has it; None where a snapshot does not."""

    base: Field | None
    ours: Field | None
    theirs: Field | None

    def texts(self, text: Callable[[Field], str]) -> SideTexts:
        """Returns a text about the column in each snapshot."""
        fields = self.base, self.ours, self.theirs
        base, ours, theirs = (None if field is None else text(field) for field in fields)
        return base, ours, theirs

    @property
    def name(self) -> str:
        """The name by which people know the column from before."""
        field = self.base or self.ours or self.theirs
        assert field is not None, "a column is in one of the snapshots"
        return field.name


@dataclass(frozen=True, slots=True)
class SharedIds:
    """Up to which field id each side means the same columns as the base.

    Branches give the columns that they add the same ids, and a merge gives one side's columns
    others. So ids agree only up to the last one given where the first parents of the two part.
    """

    ours: int
    theirs: int

    @property
    def all(self) -> int:
        """Returns up to which id all three mean the same columns."""
        return min(self.ours, self.theirs)


def shared_from_base(
    base: TableSnapshot | None, ours: TableSnapshot, theirs: TableSnapshot
) -> SharedIds:
    """Returns what is shared if both sides went on from the base itself; 0 if they did not."""
    if base is None or not base.table_id == ours.table_id == theirs.table_id:
        return SharedIds(0, 0)
    return SharedIds(base.last_field_id, base.last_field_id)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The three snapshots of a table that a merge compares; no base if it was not there."""

    base: TableSnapshot | None
    ours: TableSnapshot
    theirs: TableSnapshot
    shared: SharedIds


Mark: TypeAlias = tuple[str, int | str]
"""What identifies a column: its id in the base, an id that all share, or its name."""


def match_columns(tables: Snapshots) -> tuple[MatchedColumn, ...]:
    """Matches the columns: ours in their order, then others of theirs, then those of base only."""
    before: dict[Mark, Field] = {}
    if tables.base is not None:
        before = {("base", f.id): f for f in tables.base.schema.fields}
    ours = _marked(tables, tables.ours, tables.shared.ours)
    theirs = _marked(tables, tables.theirs, tables.shared.theirs)
    return tuple(
        MatchedColumn(before.get(mark), ours.get(mark), theirs.get(mark))
        for mark in {**ours, **theirs, **before}
    )


def _marked(tables: Snapshots, side: TableSnapshot, shared: int) -> dict[Mark, Field]:
    fields = tables.base.schema.fields if tables.base is not None else ()
    by_id = {f.id for f in fields if f.id <= shared}
    by_name = {f.name: f.id for f in fields if f.id > shared}
    found: dict[Mark, Field] = {}
    for field in side.schema.fields:
        if field.id <= shared and field.id in by_id:
            found["base", field.id] = field
        elif field.id > shared and field.name in by_name:
            found["base", by_name[field.name]] = field
        elif field.id <= tables.shared.all:
            found["id", field.id] = field
        else:
            found["name", field.name] = field
    return found


def new_ids(columns: Sequence[MatchedColumn], tables: Snapshots) -> dict[int, int]:
    """Gives every field id of theirs its id in the merged table; no two get the same.

    Columns that ours has too get the id of ours. Ids that only theirs has given stay. Others
    get fresh ids, also those of columns that are dropped by now, as files still hold them: such
    an id may mean a living column of ours.
    """
    ours, theirs, shared = tables.ours, tables.theirs, tables.shared
    ids = {c.theirs.id: c.ours.id for c in columns if c.ours is not None and c.theirs is not None}
    last = max(ours.last_field_id, theirs.last_field_id)
    held, held_by_ours = _physical_names(theirs), _physical_names(ours)
    living = {f.id for side in (ours, theirs) for f in side.schema.fields}
    for field_id in sorted({*held, *(f.id for f in theirs.schema.fields)} - ids.keys()):
        relic_of_both = field_id not in living and held[field_id] <= held_by_ours.get(
            field_id, set()
        )
        if field_id <= shared.all or field_id > ours.last_field_id or relic_of_both:
            ids[field_id] = field_id
        else:
            last += 1
            ids[field_id] = last
    return ids


def base_ids(
    columns: Sequence[MatchedColumn], tables: Snapshots, ids: Mapping[int, int]
) -> dict[int, int]:
    """Gives every field id of the base its id in the merged table, so that its files are read.

    Theirs get ``ids`` there.
    """
    base = tables.base
    assert base is not None, "there are files of the base"
    last, found = last_id(tables, ids), {}
    for column in columns:
        if column.base is not None and column.ours is not None:
            found[column.base.id] = column.ours.id
        elif column.base is not None and column.theirs is not None:
            found[column.base.id] = ids[column.theirs.id]
    fields = {f.id for f in base.schema.fields}
    for field_id in sorted({*_physical_names(base), *fields} - found.keys()):
        if field_id <= tables.shared.all:
            found[field_id] = field_id
        else:
            last += 1
            found[field_id] = last
    return found


def last_id(tables: Snapshots, ids: Mapping[int, int]) -> int:
    """Returns the last field id that the merged table has given."""
    return max(tables.ours.last_field_id, tables.theirs.last_field_id, *ids.values())


def _physical_names(table: TableSnapshot) -> dict[int, set[str]]:
    names: dict[int, set[str]] = {}
    for schema in table.file_schemas.values():
        for column in schema.columns:
            names.setdefault(column.field_id, set()).add(column.name)
    return names


def renumbered_schema(schema: FileSchema, ids: Mapping[int, int]) -> FileSchema:
    """Returns a file schema with the field ids of the merged table."""
    columns = (replace(c, field_id=ids.get(c.field_id, c.field_id)) for c in schema.columns)
    return FileSchema(tuple(columns))
