"""Whether the values of both sides of a merge fit the types that the merged columns get.

A type that one side gave may be narrower than what the other holds: an overwritten table whose
integers became smaller, a DOUBLE that became a BIGINT. Where all values in the files that
changed are the same in the merged type, it is taken. Else the column gets a type that holds
them all, if there is one, so that no value is lost or rounded while its rows are merged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from catalog.engine.connection import single_row
from catalog.engine.quoting import type_sql
from catalog.model.datafile import DataFile
from catalog.model.schema import Field, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import NULL_TYPE, DataType, common_type
from catalog.write.context import WriteContext
from catalog.write.merge.merged_schema import MergedColumn, MergedShape


@dataclass(frozen=True, slots=True)
class Holding:
    """Is a snapshot of a table and those of its files whose values matter."""

    table: TableSnapshot
    files: Sequence[DataFile]


@dataclass(frozen=True, slots=True)
class Misfit:
    """Is a column with values that are not the same in the merged type.

    Attributes:
        column: The column.
        wide: A type that holds the values of all sides, that of ours or theirs if one does;
            None if there is none.
    """

    column: MergedColumn
    wide: DataType | None


def find_misfits(
    context: WriteContext, name: str, shape: MergedShape, holdings: Sequence[Holding | None]
) -> tuple[Misfit, ...]:
    """Finds the columns whose merged type does not hold all values.

    Args:
        context: Reads the files.
        name: The table.
        shape: The merged shape.
        holdings: The base, ours and theirs; None where the table was not there.
    """
    found = []
    for column in shape.columns:
        held = [
            (holding, field, holding.table.held_type(field))
            for holding, field in zip(
                holdings, (column.base, column.ours, column.theirs), strict=True
            )
            if holding is not None and field is not None
        ]

        def fits(
            kind: DataType, held: Sequence[tuple[Holding, Field, DataType]] = tuple(held)
        ) -> bool:
            return not any(_misfits(context, name, *one, kind) for one in held)

        if not fits(column.merged.type):
            sides = [field.type for field in (column.ours, column.theirs) if field is not None]
            wide = next(filter(fits, sides), None)
            found.append(Misfit(column, wide or common_type([kind for _, _, kind in held])))
    return tuple(found)


def widened(table: TableSnapshot, misfits: Iterable[Misfit]) -> TableSnapshot:
    """Returns a table whose columns hold all values, as far as there are such types."""
    kinds = {m.column.merged.id: m.wide for m in misfits if m.wide is not None}
    fields = tuple(replace(f, type=kinds.get(f.id, f.type)) for f in table.schema.fields)
    return replace(table, schema=Schema(fields))


def _misfits(
    context: WriteContext,
    name: str,
    holding: Holding,
    field: Field,
    kind: DataType,
    merged: DataType,
) -> bool:
    if kind == NULL_TYPE or common_type((merged, kind)) == merged or not holding.files:
        return False
    files = context.verified(name, holding.files)
    relation = context.relation(holding.table, files, columns=[field.id])
    value = f"c{field.id}"
    back = f"TRY_CAST(TRY_CAST({value} AS {type_sql(merged)}) AS {type_sql(kind)})"
    query = f"SELECT count(*) FROM {relation} WHERE {back} IS DISTINCT FROM {value}"
    return bool(single_row(context.con, query)[0])
