"""Where the shapes that two sides gave a table clash with each other, or with its rows."""

from collections.abc import Callable, Sequence

from catalog.dataclasses import dataclass, replace
from catalog.diff.execute import compare_table
from catalog.diff.options import DiffOptions
from catalog.diff.plan import ColumnPair, TablePlan, plan_table
from catalog.diff.result import TableDiff
from catalog.engine.quoting import identifier
from catalog.errors import ErrorKind, InvalidInput
from catalog.repository.tables import data_files
from catalog.write.merge.conflicts import ConflictRow, conflict_row
from catalog.write.merge.ends import BothSides
from catalog.write.merge.merged_schema import DroppedColumn, MergedShape, ShapeConflictKind, Side
from catalog.write.merge.rows import Taking
from catalog.write.merge.space import table_reader
from catalog.write.merge.types import Misfit


@dataclass(frozen=True, slots=True)
class ShapeClashes:
    """What clashes in the shape of a table, and columns dropped whose cells changed.

    Attributes:
        listed: All of it, as conflicts.
        unsettled: What taking a side does not settle, since rows of the other side do not fit
            into that side's shape.
    """

    listed: tuple[ConflictRow, ...]
    unsettled: tuple[ConflictRow, ...]


def described(name: str, shape: MergedShape) -> list[ConflictRow]:
    """Returns the conflicts of a merged shape in the form of all conflicts."""
    return [
        conflict_row(
            name,
            one.kind,
            (one.base, one.ours, one.theirs),
            column=one.column or one.property_name,
        )
        for one in shape.conflicts
    ]


def shape_clashes(
    both: BothSides, shape: MergedShape, misfits: Sequence[Misfit], *, resolve: Taking | None
) -> ShapeClashes:
    """Finds what clashes in the shape of a table, also with its rows."""
    of_shape = described(both.name, shape)
    contradictions = [one for one in of_shape if one["kind"] != "property-changed"]
    if resolve == "ours" and not is_lost(shape):
        contradictions = []
    types = [_type_conflict(both.name, one) for one in misfits if not _is_settled(one, resolve)]
    known = {one["column_name"] for one in of_shape}
    rows = _key_conflict(both, shape)
    for dropped in shape.dropped:
        if dropped.side != resolve:
            rows += _dropped_conflict(both, dropped)
    new_types = [one for one in types if one["column_name"] not in known]
    return ShapeClashes((*of_shape, *new_types, *rows), (*contradictions, *types, *rows))


def check_may_take(name: str, clashes: ShapeClashes, side: Taking) -> None:
    """Checks that a side can be taken row by row.

    Raises:
        InvalidInput: Its shape has no room for rows of the other side.
    """
    if clashes.unsettled:
        other_side = "theirs" if side == "ours" else "ours"
        raise InvalidInput(
            f"table {name!r} has another shape on each side "
            f"({', '.join(sorted({str(one['kind']) for one in clashes.unsettled}))}): taking "
            f"{side} would put rows of {other_side} into a shape that they do not fit",
            kind=ErrorKind.SHAPE_CONFLICT,
            hint="alter the table on one of the branches so that both agree, then merge",
        )


def _is_settled(misfit: Misfit, resolve: Taking | None) -> bool:
    """Returns whether the side to be taken has the type that holds all values."""
    column = misfit.column
    winner = {"ours": column.ours, "theirs": column.theirs}.get(resolve or "")
    return winner is not None and winner.type == misfit.wide


def _type_conflict(name: str, misfit: Misfit) -> ConflictRow:
    texts = misfit.column.texts(lambda field: str(field.type))
    kind = ShapeConflictKind.TYPE_CHANGED
    return conflict_row(name, kind, texts, column=misfit.column.merged.name)


def _key_conflict(both: BothSides, shape: MergedShape) -> list[ConflictRow]:
    """Returns the conflict that rows of a side share the merged key, if they do."""
    if not any(_shares_key(both, shape, side) for side in ("ours", "theirs")):
        return []
    base, ours, theirs = (
        ", ".join(table.snapshot.key_names) if table is not None else None
        for table in (both.base, both.ours, both.theirs)
    )
    return [conflict_row(both.name, ShapeConflictKind.KEY_CHANGED, (base, ours, theirs))]


def _dropped_conflict(both: BothSides, dropped: DroppedColumn) -> list[ConflictRow]:
    """Returns the conflict that a column was dropped whose cells the other side changed."""
    cells = _changed_cells(both, dropped)
    written = "1 cell written" if cells == 1 else f"{cells} cells written"
    ours, theirs = ("dropped", written) if dropped.side == "ours" else (written, "dropped")
    texts = "there", ours, theirs
    found = conflict_row(both.name, "column-dropped", texts, column=dropped.column)
    return [found] if cells else []


def _shares_key(both: BothSides, shape: MergedShape, side: Side) -> bool:
    """Returns whether rows of a side, which its own key told apart, share the merged key."""
    table = both.side(side)
    held = {one.merged.id: one.ours if side == "ours" else one.theirs for one in shape.columns}
    key = [held.get(field_id) for field_id in shape.snapshot.key]
    ids = [field.id for field in key if field is not None]
    own = set(table.snapshot.key)
    if not key or (own and own.issubset(ids)) or not both.changes(side).added:
        return False
    if len(ids) < len(key):
        return True
    write = both.context.write
    files = write.verified(both.name, list(data_files(both.context.commits, table)))
    listed = ", ".join(f"c{field_id}" for field_id in ids)
    repeated = (
        f"SELECT 1 FROM {write.relation(table.snapshot, files, columns=ids)} "
        f"GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"
    )
    return bool(write.con.sql(repeated).fetchall())


def is_lost(shape: MergedShape) -> bool:
    """Returns whether theirs dropped a merged column that ours still has.

    Then rows of theirs cannot be merged: they do not say what the column has in them.
    """
    return any(
        one.base is not None and one.ours is not None and one.theirs is None
        for one in shape.columns
    )


def _changed_cells(both: BothSides, dropped: DroppedColumn) -> int:
    """Counts the cells of a dropped column that the other side changed, or brought in new rows.

    Without a key, a changed row is one deleted and one inserted: those that are equal in all
    other columns were changed in this one.
    """
    assert both.base is not None, "a column that was dropped was there"
    side: Side = "theirs" if dropped.side == "ours" else "ours"
    kept, shared = both.side(side).snapshot, both.shared_ids()
    plan = plan_table(
        both.name,
        both.base.snapshot,
        kept,
        changes=both.changes(side),
        options=DiffOptions(),
        shared_ids=shared.ours if side == "ours" else shared.theirs,
    )
    if not plan.tasks:
        return 0
    name = next(f.name for f in kept.schema.fields if f.id == dropped.kept_id)
    label = f"dropped_{side}_{dropped.kept_id}"
    only = _compared(both, plan, label=f"{label}_cells", wanted=lambda pair: pair.name == name)
    if only.key:
        return only.columns[name].changed + _brought(only, name)
    whole = _compared(both, plan, label=f"{label}_rows", wanted=lambda pair: True)
    others = _compared(both, plan, label=f"{label}_others", wanted=lambda pair: pair.name != name)
    changed = (whole.rows.deleted or 0) - (others.rows.deleted or 0)
    return max(changed, _brought(whole, name))


def _compared(
    both: BothSides, plan: TablePlan, *, label: str, wanted: Callable[[ColumnPair], bool]
) -> TableDiff:
    """Compares the base with a side in some columns; the label is a name for the engine."""
    pairs = tuple(replace(pair, compared=pair.key or wanted(pair)) for pair in plan.pairs)
    reader = table_reader(both.context.write, replace(plan, pairs=pairs, added=()))
    return compare_table(reader, DiffOptions(), name=label, keep_rows=True)


def _brought(diff: TableDiff, name: str) -> int:
    """Counts the inserted rows that have a value in a column."""
    if not diff.rows.inserted:
        return 0
    rows = diff.changes(change="inserted", where=f"_to.{identifier(name)} IS NOT NULL")
    return sum(batch.num_rows for batch in rows)
