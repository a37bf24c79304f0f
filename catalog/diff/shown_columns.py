"""Which columns of changed rows are shown, and which must be read for that."""

from collections.abc import Collection, Iterator

import pyarrow as pa

from catalog.arrow_functions import call
from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.plan import SIDES, TablePlan, near
from catalog.diff.row_condition import FROM, TO, condition
from catalog.diff.selection import Selection
from catalog.engine.arrow_arrays import structs
from catalog.errors import ErrorKind, InvalidInput


def shown_columns(
    selection: Selection, columns: SqlColumns, touched: Collection[str]
) -> frozenset[str] | None:
    """Returns the columns that are shown besides the key; None means all.

    Raises:
        InvalidInput: The table has no such column.
    """
    names = (*(selection.only or ()), *selection.context)
    known = dict.fromkeys(f.name for side in reversed(SIDES) for f in columns.fields(side))
    for name in names:
        if name not in known:
            raise InvalidInput(
                f"table {columns.plan.table} has no column {name!r} to show",
                kind=ErrorKind.COLUMN_NOT_FOUND,
                hint=near(name, list(known)),
            )
    if selection.only is not None:
        return frozenset(names)
    plan = columns.plan
    if not (selection.narrow and plan.key):
        return None
    paired = {pair.name for pair in plan.pairs}
    return frozenset((*paired.intersection(touched), *selection.context))


def needed_columns(
    selection: Selection, columns: SqlColumns, shown: frozenset[str] | None
) -> frozenset[str] | None:
    """Returns the columns that must be read besides the key: those shown, and asked about."""
    plan = columns.plan
    if shown is None or not plan.key:
        return None
    needed = shown
    if selection.where is not None:
        about = condition(selection.where, plan)
        fields = [f for side in SIDES for f in columns.fields(side)]
        mentioned = about.mentions({f.name for f in fields})
        if mentioned is None:
            return None
        newer = {p.before.name: p.name for p in plan.pairs}
        needed |= {newer.get(name, name) for name in mentioned} | mentioned
    paired = {pair.name for pair in plan.pairs}
    one_sided = {f.name for f in columns.fields("t")} - paired
    one_sided |= {f.name for f in columns.fields("f")} - {p.before.name for p in plan.pairs}
    return None if needed & one_sided else needed & paired


def narrowed(
    reader: pa.RecordBatchReader, shown: Collection[str], plan: TablePlan
) -> pa.RecordBatchReader:
    """Leaves only the key and the columns shown in rows of which more was read."""
    newer = {p.before.name: p.name for p in plan.pairs}
    own = {pair.name for pair in plan.key_pairs} | {*shown}
    kept = {
        side: [
            n
            for n in range(kind.num_fields)
            for name in [kind.field(n).name]
            if (newer.get(name, name) if side == FROM else name) in own
        ]
        for side in (FROM, TO)
        for kind in [reader.schema.field(side).type]
    }
    schema = reader.schema
    for side, places in kept.items():
        kind = pa.struct([schema.field(side).type.field(n) for n in places])
        schema = schema.set(schema.get_field_index(side), pa.field(side, kind))

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            arrays = list(batch.columns)
            for side, places in kept.items():
                at = schema.get_field_index(side)
                cells = arrays[at].flatten()
                kind = schema.field(side).type
                arrays[at] = (
                    structs([cells[n] for n in places], kind, call("is_valid", arrays[at]))
                    if places
                    else pa.nulls(len(batch), kind)
                )
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
