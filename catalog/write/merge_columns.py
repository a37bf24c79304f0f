"""Which columns of three snapshots of a table are the same, and which ids theirs get.

Up to the ``last_field_id`` of the base an id means the same column everywhere, provided that
all three have one ``table_id``. Columns that came later, and all columns of tables made apart,
are told apart by their exact names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.model.schema import Field, FileSchema
from catalog.model.table import TableSnapshot


@dataclass(frozen=True, slots=True)
class MatchedColumn:
    """Is one column as each snapshot has it; None where a snapshot lacks it."""

    base: Field | None
    ours: Field | None
    theirs: Field | None

    @property
    def name(self) -> str:
        """Returns the name by which people know the column from before."""
        field = self.base or self.ours or self.theirs
        assert field is not None, "a column is in one of the snapshots"
        return field.name


def match_columns(
    base: TableSnapshot | None, ours: TableSnapshot, theirs: TableSnapshot
) -> tuple[MatchedColumn, ...]:
    """Matches the columns: ours in their order, then others of theirs, then those of base only."""
    shared = _shared_ids(base, ours, theirs)
    before, mine, yours = (
        {_mark(f, shared): f for f in table.schema.fields} if table is not None else {}
        for table in (base, ours, theirs)
    )
    return tuple(
        MatchedColumn(before.get(mark), mine.get(mark), yours.get(mark))
        for mark in {**mine, **yours, **before}
    )


def _shared_ids(base: TableSnapshot | None, ours: TableSnapshot, theirs: TableSnapshot) -> int:
    """Returns the greatest id that means the same column in all snapshots; 0 if none does."""
    if base is None or not base.table_id == ours.table_id == theirs.table_id:
        return 0
    return base.last_field_id


def _mark(field: Field, shared: int) -> int | str:
    return field.id if field.id <= shared else field.name


def new_ids(
    columns: Sequence[MatchedColumn],
    base: TableSnapshot | None,
    ours: TableSnapshot,
    theirs: TableSnapshot,
) -> dict[int, int]:
    """Gives every field id of theirs its id in the merged table; no two get the same.

    Columns that ours has too get the id of ours. Ids that only theirs has given stay. Others
    get fresh ids, also those of columns that are dropped by now, as files still hold them: such
    an id may mean a living column of ours.
    """
    shared = _shared_ids(base, ours, theirs)
    ids = {c.theirs.id: c.ours.id for c in columns if c.ours is not None and c.theirs is not None}
    last = max(ours.last_field_id, theirs.last_field_id)
    held, held_by_ours = _physical_names(theirs), _physical_names(ours)
    living = {f.id for side in (ours, theirs) for f in side.schema.fields}
    for field_id in sorted({*held, *(f.id for f in theirs.schema.fields)} - ids.keys()):
        relic_of_both = field_id not in living and held[field_id] <= held_by_ours.get(
            field_id, set()
        )
        if field_id <= shared or field_id > ours.last_field_id or relic_of_both:
            ids[field_id] = field_id
        else:
            last += 1
            ids[field_id] = last
    return ids


def _physical_names(table: TableSnapshot) -> dict[int, set[str]]:
    names: dict[int, set[str]] = {}
    for schema in table.file_schemas.values():
        for column in schema.columns:
            names.setdefault(column.field_id, set()).add(column.name)
    return names


def renumbered_schema(schema: FileSchema, ids: Mapping[int, int]) -> FileSchema:
    """Returns a file schema of theirs with the field ids of the merged table."""
    return FileSchema(
        tuple(replace(c, field_id=ids.get(c.field_id, c.field_id)) for c in schema.columns)
    )
