"""Which columns of two snapshots of a table are the same, and what follows for their files.

By id, since renames keep ids; by name where ids mean nothing, as in tables created separately.
"""

from catalog.dataclasses import dataclass, replace
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE, is_integer


def ids_contradict(old: TableSnapshot, new: TableSnapshot) -> bool:
    """Returns whether a field id has two names: a column was renamed, or two columns share it."""
    names = {f.id: f.name for f in old.schema.fields}
    return old.table_id == new.table_id and any(
        names.get(f.id, f.name) != f.name for f in new.schema.fields
    )


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """Two snapshots of a table; ``pairs`` has the columns of both, in the newer side's order."""

    old: TableSnapshot
    new: TableSnapshot
    pairs: tuple[tuple[Field, Field], ...]

    @property
    def added(self) -> tuple[Field, ...]:
        """Returns the columns that only the newer snapshot has."""
        paired = {after.id for _, after in self.pairs}
        return tuple(f for f in self.new.schema.fields if f.id not in paired)

    @property
    def removed(self) -> tuple[Field, ...]:
        """Returns the columns that only the older snapshot has."""
        paired = {before.id for before, _ in self.pairs}
        return tuple(f for f in self.old.schema.fields if f.id not in paired)

    @property
    def shared_files_agree(self) -> bool:
        """Returns whether a data file that both snapshots have holds the same cells in both.

        It does not where ids mean other columns: in tables created separately from the same
        files, or on branches that each renamed a column they had added; nor where the file holds
        a column that was dropped and added again. All files must be compared then.
        """
        crossed = {i for a, b in self.pairs if a.id != b.id for i in (a.id, b.id)}
        crossed |= {f.id for f in self.added}
        if self.old.partition_by and self.new.partition_by and not self.partitions_agree:
            return False
        return not any(
            column.field_id in crossed
            for schema, held in self.old.file_schemas.items()
            if crossed and schema in self.new.file_schemas
            for column in held.columns
        )

    @property
    def partitions_agree(self) -> bool:
        """Returns whether equal encoded partition values are equal values of the same columns."""
        old, new = self.old, self.new
        if old.partition_by != new.partition_by:
            return False
        partners = {before.id: after for before, after in self.pairs}
        return all(
            i in partners and partners[i].id == i and _encoded_alike(field, partners[i])
            for i, field in zip(old.partition_by, old.fields(old.partition_by), strict=True)
        )


def _encoded_alike(before: Field, after: Field) -> bool:
    return before.type == after.type or (is_integer(before.type) and is_integer(after.type))


def match_columns(old: TableSnapshot, new: TableSnapshot, shared_ids: int | None) -> ColumnMatch:
    """Pairs columns by id, otherwise by exact name.

    Ids mean nothing across tables created separately, such as one dropped and recreated. Up to
    ``shared_ids`` they mean the same column on both sides; None: all do.
    """
    rest = {f.id: f for f in old.schema.fields}
    partners: dict[int, Field] = {}
    if old.table_id == new.table_id:
        partners = {
            f.id: rest.pop(f.id)
            for f in new.schema.fields
            if f.id in rest and (shared_ids is None or f.id <= shared_ids)
        }
    by_name = {f.name: f for f in rest.values()}
    for f in new.schema.fields:
        if f.id not in partners and f.name in by_name:
            partners[f.id] = by_name.pop(f.name)
    before, after = _held_fields(old), _held_fields(new)
    pairs = ((partners[f.id], f) for f in new.schema.fields if f.id in partners)
    return ColumnMatch(old, new, tuple((before[a.id], after[b.id]) for a, b in pairs))


def _held_fields(table: TableSnapshot) -> dict[int, Field]:
    """Returns the columns by id, those that no file ever held a value of as of the type of NULL."""
    columns = [column for schema in table.file_schemas.values() for column in schema.columns]
    empty = {column.field_id for column in columns if column.type == NULL_TYPE}
    if empty:
        empty -= {column.field_id for column in columns if column.type != NULL_TYPE}
        empty -= {*table.partition_by}
    return {f.id: replace(f, type=NULL_TYPE) if f.id in empty else f for f in table.schema.fields}
