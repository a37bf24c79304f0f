"""Where the shapes that two sides gave a table clash with each other, or with its rows."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from catalog.diff.compare.table_reader import TableReader
from catalog.diff.execute import compare_table
from catalog.diff.fingerprints.loading import load_prints
from catalog.diff.options import DiffOptions
from catalog.diff.plan import SIDES, ColumnPair, plan_table
from catalog.diff.result import TableDiff
from catalog.engine.quoting import identifier
from catalog.errors import ErrorKind, InvalidInput
from catalog.repository.tables import data_files
from catalog.write.merge.conflicts import ConflictRow, conflict_row
from catalog.write.merge.ends import BothSides
from catalog.write.merge.merged_schema import MergedShape, ShapeConflictKind, Side
from catalog.write.merge.rows import Taking
from catalog.write.merge.table import MergeContext
from catalog.write.merge.types import Holding, Misfit, find_misfits


def misfits(context: MergeContext, both: BothSides, shape: MergedShape) -> tuple[Misfit, ...]:
    """Returns the columns that cannot have the merged type, since values would be lost."""
    ours, theirs = both.changes("ours"), both.changes("theirs")
    before = {file.path: file for file in (*ours.removed, *theirs.removed)}
    holdings = (
        None if both.base is None else Holding(both.base.snapshot, tuple(before.values())),
        Holding(both.ours.snapshot, ours.added),
        Holding(both.theirs.snapshot, theirs.added),
    )
    return find_misfits(context.write, both.name, shape, holdings)


def described(name: str, shape: MergedShape) -> list[ConflictRow]:
    """Returns the conflicts of a merged shape in the form of all conflicts."""
    return [
        conflict_row(
            name, one.kind, one.column or one.property_name, one.base, one.ours, one.theirs
        )
        for one in shape.conflicts
    ]


def shape_conflicts(
    context: MergeContext,
    both: BothSides,
    shape: MergedShape,
    misfits: Sequence[Misfit],
    *,
    resolve: Taking | None,
    whole: bool,
) -> list[ConflictRow]:
    """Returns what clashes in the shape, and columns dropped whose cells changed.

    If a side is to be taken, that is what its shape does not settle: the rows of the other
    do not fit into it.

    Args:
        context: Reads rows.
        both: The table.
        shape: The merged shape.
        misfits: Columns that cannot have the merged type.
        resolve: The side to be taken where both clash; None leaves conflicts.
        whole: Whether the table may be taken whole.

    Raises:
        InvalidInput: There is such, and the table must not be taken whole.
    """
    found = described(both.name, shape)
    hard = [one for one in found if one["kind"] != "property-changed"]
    if resolve == "ours" and not is_lost(shape):
        hard = []
    for misfit in misfits:
        column = misfit.column
        winner = {"ours": column.ours, "theirs": column.theirs}.get(resolve or "")
        if winner is not None and winner.type == misfit.wide:
            continue
        fields = (column.base, column.ours, column.theirs)
        one = conflict_row(
            both.name,
            "type_changed",
            column.merged.name,
            *(str(f.type) if f else None for f in fields),
        )
        hard.append(one)
        if not any(o["column_name"] == one["column_name"] for o in found):
            found.append(one)
    if any(_shares_key(context, both, shape, side) for side in ("ours", "theirs")):
        tables = None if both.base is None else both.base, both.ours, both.theirs
        keys = (", ".join(t.snapshot.key_names) if t is not None else None for t in tables)
        one = conflict_row(both.name, ShapeConflictKind.KEY_CHANGED, None, *keys)
        found.append(one)
        hard.append(one)
    for dropped in shape.dropped:
        kept_by: Side = "theirs" if dropped.side == "ours" else "ours"
        cells = (
            0
            if dropped.side == resolve
            else _changed_cells(context, both, kept_by, dropped.kept_id)
        )
        if cells:
            states = ["dropped", f"{cells} cells written"]
            one = conflict_row(
                both.name,
                "column-dropped",
                dropped.column,
                "there",
                *(states if dropped.side == "ours" else reversed(states)),
            )
            found.append(one)
            hard.append(one)
    if resolve not in ("ours", "theirs"):
        return found
    if hard and not whole:
        other_side = "theirs" if resolve == "ours" else "ours"
        raise InvalidInput(
            f"table {both.name!r} was given another shape "
            f"({', '.join(sorted({str(one['kind']) for one in hard}))}): taking {resolve} "
            f"would need rows of {other_side} in a shape they do not have",
            kind=ErrorKind.SHAPE_CONFLICT,
            hint="alter the table on one of the branches so that both agree, then merge",
        )
    return hard


def _shares_key(context: MergeContext, both: BothSides, shape: MergedShape, side: Side) -> bool:
    """Tells whether rows of a side, which its own key told apart, share the merged key."""
    table = both.ours if side == "ours" else both.theirs
    held = {one.merged.id: one.ours if side == "ours" else one.theirs for one in shape.columns}
    key = [held.get(field_id) for field_id in shape.snapshot.key]
    ids = [field.id for field in key if field is not None]
    own = set(table.snapshot.key)
    if not key or (own and own.issubset(ids)) or not both.changes(side).added:
        return False
    if len(ids) < len(key):
        return True
    files = context.write.verified(both.name, list(data_files(both.commits, table)))
    relation = context.write.relation(table.snapshot, files, columns=ids)
    listed = ", ".join(f"c{field_id}" for field_id in ids)
    repeated = f"SELECT 1 FROM {relation} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"
    return bool(context.write.con.sql(repeated).fetchall())


def is_lost(shape: MergedShape) -> bool:
    """Tells whether a merged column is missing in theirs, which dropped it, but not in ours.

    Then rows of theirs cannot be merged: they do not say what the column has in them.
    """
    return any(
        one.base is not None and one.ours is not None and one.theirs is None
        for one in shape.columns
    )


def _changed_cells(context: MergeContext, both: BothSides, side: Side, field_id: int) -> int:
    """Counts the cells of a column that one side changed since the base, or brought with new rows.

    Without a key, rows tell that are gone and came again with no other cell changed.
    """
    table = both.ours if side == "ours" else both.theirs
    name = next(f.name for f in table.snapshot.schema.fields if f.id == field_id)
    label = f"dropped_{side}_{field_id}"
    only = _compared(context, both, side, f"{label}_cells", lambda pair: pair.name == name)
    if only is None:
        return 0
    if only.key:
        return only.columns[name].changed + _brought(only, name)
    whole = _compared(context, both, side, f"{label}_rows", lambda pair: True)
    others = _compared(context, both, side, f"{label}_others", lambda pair: pair.name != name)
    assert whole is not None and others is not None, "the files differ"
    changed = (whole.rows.deleted or 0) - (others.rows.deleted or 0)
    return max(changed, _brought(whole, name))


def _brought(found: TableDiff, name: str) -> int:
    """Counts the inserted rows that have a value in a column."""
    if not found.rows.inserted:
        return 0
    rows = found.changes(change="inserted", where=f"_to.{identifier(name)} IS NOT NULL")
    return sum(batch.num_rows for batch in rows)


def _compared(
    context: MergeContext,
    both: BothSides,
    side: Side,
    label: str,
    wanted: Callable[[ColumnPair], bool],
) -> TableDiff | None:
    """Compares some columns of the base with those of a side; None if no files differ."""
    base, shared = both.base, both.shared_ids()
    assert base is not None, "a column that was dropped was there"
    table, common = (both.ours, shared.ours) if side == "ours" else (both.theirs, shared.theirs)
    plan = plan_table(
        both.name,
        base.snapshot,
        table.snapshot,
        changes=both.changes(side),
        options=DiffOptions(),
        shared_ids=common,
    )
    if not plan.tasks:
        return None
    plan = replace(
        plan,
        pairs=tuple(replace(pair, compared=pair.key or wanted(pair)) for pair in plan.pairs),
        added=(),
    )
    write = context.write
    for one in SIDES:
        write.verified(both.name, plan.files(one))
    prints = load_prints(write.repository, plan, None).prints
    reader = TableReader(write.con, plan, write.store, prints)
    return compare_table(reader, DiffOptions(), name=label, keep_rows=True)
