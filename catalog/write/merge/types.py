"""Whether the values of both sides of a merge fit the types that the merged columns get.

A type that one side gave may be narrower than what the other holds: an overwritten table whose
integers became smaller, a DOUBLE that became a BIGINT. Where all values in the files that
changed are the same in the merged type, it is taken. Else the column gets a type that holds
them all, if there is one, so that no value is lost or rounded while its rows are merged.
"""

from collections.abc import Iterable, Sequence

from catalog.dataclasses import dataclass, replace
from catalog.engine.connection import single_row
from catalog.engine.quoting import type_sql
from catalog.model.datafile import DataFile
from catalog.model.schema import Field, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE, DataType, common_type
from catalog.write.merge.ends import BothSides
from catalog.write.merge.merged_schema import MergedColumn, MergedShape


@dataclass(frozen=True, slots=True)
class Misfit:
    """A column with values that are not the same in the merged type.

    Attributes:
        wide: A type that holds the values of all sides, that of ours or theirs if one does;
            None if there is none.
    """

    column: MergedColumn
    wide: DataType | None


def find_misfits(both: BothSides, shape: MergedShape) -> tuple[Misfit, ...]:
    """Finds the columns whose merged type does not hold all values, since some would be lost."""
    ours, theirs = both.changes("ours"), both.changes("theirs")
    before = {file.path: file for file in (*ours.removed, *theirs.removed)}
    misfits = []
    for column in shape.columns:
        held = [
            _Held(both, stored.snapshot, field, files)
            for stored, field, files in (
                (both.base, column.base, tuple(before.values())),
                (both.ours, column.ours, ours.added),
                (both.theirs, column.theirs, theirs.added),
            )
            if stored is not None and field is not None
        ]
        if any(one.loses(column.merged.type) for one in held):
            sides = [field.type for field in (column.ours, column.theirs) if field is not None]
            fitting = (kind for kind in sides if not any(one.loses(kind) for one in held))
            wide = next(fitting, None) or common_type([one.kind for one in held])
            misfits.append(Misfit(column, wide))
    return tuple(misfits)


def widened(table: TableSnapshot, misfits: Iterable[Misfit]) -> TableSnapshot:
    """Returns a table whose columns hold all values, where there are such types."""
    kinds = {m.column.merged.id: m.wide for m in misfits if m.wide is not None}
    fields = tuple(replace(f, type=kinds.get(f.id, f.type)) for f in table.schema.fields)
    return replace(table, schema=Schema(fields))


@dataclass(frozen=True, slots=True)
class _Held:
    """The values of a column in those files of a snapshot that matter."""

    both: BothSides
    table: TableSnapshot
    field: Field
    files: Sequence[DataFile]

    @property
    def kind(self) -> DataType:
        """The type in which the files hold the values."""
        return self.table.held_type(self.field)

    def loses(self, merged: DataType) -> bool:
        """Returns whether a value is not the same in another type."""
        kind = self.kind
        if kind == NULL_TYPE or common_type((merged, kind)) == merged or not self.files:
            return False
        write = self.both.context.write
        files = write.verified(self.both.name, self.files)
        value = f"c{self.field.id}"
        back = f"TRY_CAST(TRY_CAST({value} AS {type_sql(merged)}) AS {type_sql(kind)})"
        query = (
            f"SELECT count(*) FROM {write.relation(self.table, files, columns=[self.field.id])} "
            f"WHERE {back} IS DISTINCT FROM {value}"
        )
        return bool(single_row(write.con, query)[0])
