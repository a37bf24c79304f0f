"""Three-way merges of all tables: what a branch did since a base, brought to another."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import Commits, StoredTable
from catalog.write.files.rewrite import FileChange
from catalog.write.files.writer import with_own_schema
from catalog.write.merge.conflicts import CONFLICTS, conflict_row, conflict_table
from catalog.write.merge.ends import BothSides, Ends
from catalog.write.merge.field_ids import without_renumbered
from catalog.write.merge.merged_schema import MergedShape, Renumbering, ShapeConflictKind, renumber
from catalog.write.merge.restored_columns import hidden, returned_columns, shown, with_returned
from catalog.write.merge.rows import Taking
from catalog.write.merge.schema_conflicts import described, is_lost, misfits, shape_conflicts
from catalog.write.merge.sides import TableSides
from catalog.write.merge.table import MergeContext, merge_rows
from catalog.write.merge.types import widened
from catalog.write.merge.whole_table import whole_table
from catalog.write.working_table import same_shape

Resolve = Callable[[str], Taking | None]
"""Says by table which side is taken where both clash; None leaves a conflict."""


@dataclass(frozen=True, slots=True)
class MergedTable:
    """Tells what a merge does to a table.

    Attributes:
        name: The table.
        how: ``taken`` from theirs as it is, ``merged``, ``conflict`` if neither; ``ours`` or
            ``theirs`` if both sides changed it, and one was to be taken, whole.
        update: What changes in ours; None if nothing does.
        conflicts: Where both sides clash, with the columns of ``CONFLICTS``.
    """

    name: str
    how: str
    update: TableUpdate | None
    conflicts: pa.Table


@dataclass(frozen=True, slots=True)
class Merge:
    """Holds what a merge does to all tables of which theirs is not what ours has anyway."""

    tables: tuple[MergedTable, ...]

    @property
    def updates(self) -> list[TableUpdate]:
        """Returns what changes in ours."""
        return [one.update for one in self.tables if one.update is not None]

    @property
    def conflicts(self) -> pa.Table:
        """Returns all conflicts, by table."""
        return pa.concat_tables([conflict_table(()), *(t.conflicts for t in self.tables)])


def merge_commits(
    context: MergeContext,
    commits: Commits,
    ends: Ends,
    *,
    resolve: Resolve = lambda table: None,
    by_cell: bool = True,
    whole: bool = False,
    leave_out: Sequence[str] = (),
) -> Merge:
    """Merges what theirs did since the base into ours; writes data files, but no commit.

    Args:
        context: What merging needs.
        commits: Reads the tables.
        ends: The three commits.
        resolve: What is done where both sides clash.
        by_cell: Whether different cells of one row merge.
        whole: Whether a side that is to be taken is taken whole where the shapes of both
            contradict each other; else that is refused.
        leave_out: Tables that stay as ours has them.
    """
    entries = [commits.entries(c) for c in (ends.base, ends.ours, ends.theirs)]
    base, ours, theirs = entries
    merged = []
    for name in sorted(base.keys() | ours.keys() | theirs.keys()):
        if name in leave_out:
            continue
        b, o, t = (None if (e := at.get(name)) is None else e.entry.snapshot for at in entries)
        if t in (o, b):
            continue
        tables = (None if (e := s.get(name)) is None else commits.table(e) for s in entries)
        old, mine, yours = tables
        side = resolve(name)
        one = _TableMerge(context, commits, ends, name, old, mine, yours, side, by_cell, whole)
        if o == b:
            merged.append(one.take_theirs())
        elif o is None or t is None:
            merged.append(one.gone_on_one_side())
        else:
            merged.append(one.run())
    return Merge(tuple(_apart_in_more_than_case(merged, ours)))


def _apart_in_more_than_case(
    merged: Sequence[MergedTable], ours: Mapping[str, object]
) -> Iterable[MergedTable]:
    """Yields tables, in conflict if they come and ours has one whose name differs in case only."""
    gone = {one.name for one in merged if one.update is not None and one.update.snapshot is None}
    there = {name.casefold(): name for name in ours.keys() - gone}
    for one in merged:
        other = there.get(one.name.casefold(), one.name)
        if one.update is None or one.update.snapshot is None or other == one.name:
            yield one
            continue
        row = {"table_name": one.name, "kind": "name-taken", "ours": other, "theirs": one.name}
        yield MergedTable(one.name, "conflict", None, conflict_table([row]))


class _TableMerge:
    """Merges one table of which theirs is neither what ours has nor what the base had."""

    def __init__(
        self,
        context: MergeContext,
        commits: Commits,
        ends: Ends,
        name: str,
        base: StoredTable | None,
        ours: StoredTable | None,
        theirs: StoredTable | None,
        resolve: Taking | None,
        by_cell: bool,
        whole: bool,
    ) -> None:
        self.context, self.commits, self.ends, self.name = context, commits, ends, name
        self.base, self.ours, self.theirs = base, ours, theirs
        self.resolve, self.by_cell, self.whole = resolve, by_cell, whole

    def take_theirs(self) -> MergedTable:
        """Takes the table as theirs has it: no file of it is opened."""
        return self.take(self.theirs, self.ends.theirs)

    def take(self, table: StoredTable | None, commit_id: str) -> MergedTable:
        """Takes the table as one of the commits has it."""
        at = self.ends.ours, commit_id
        shape = None
        if self.ours is not None and table is not None and commit_id == self.ends.theirs:
            shape = self.both(self.ours, table).merged_shape()
        update = whole_table(self.commits, self.name, self.ours, table, at, shape=shape)
        return self.result("taken", update)

    def both(self, ours: StoredTable, theirs: StoredTable) -> BothSides:
        """Returns the table as both sides have it, with a base only if that is the same table."""
        base, made_alike = self.base, ours.snapshot.table_id == theirs.snapshot.table_id
        if base is not None and made_alike and base.snapshot.table_id != ours.snapshot.table_id:
            base = None
        return BothSides(self.commits, self.ends, self.name, base, ours, theirs)

    def whole_side(self, shape: MergedShape | None = None) -> MergedTable | None:
        """Returns the table as the side has it that is to be taken; None if none is."""
        match self.resolve:
            case "theirs":
                at = self.ends.ours, self.ends.theirs
                update = whole_table(
                    self.commits, self.name, self.ours, self.theirs, at, shape=shape
                )
                return self.result("theirs", update)
            case "base":
                return self.take(self.base, self.ends.base)
            case "ours":
                return self.result("ours", None)
        return None

    def gone_on_one_side(self) -> MergedTable:
        """Decides for a table that one side dropped and the other changed."""
        taken = self.whole_side()
        if taken is not None:
            return taken
        states = ["dropped" if table is None else "changed" for table in (self.ours, self.theirs)]
        found = conflict_row(self.name, "table-dropped", None, "there", *states)
        return self.result("conflict", None, [found])

    def run(self) -> MergedTable:
        """Merges a table that both sides have, and both changed or made."""
        assert self.ours is not None and self.theirs is not None, "both sides have the table"
        both = self.both(self.ours, self.theirs)
        self.base = both.base
        mine, yours = both.ours.snapshot.table_id, both.theirs.snapshot.table_id
        made_anew = both.base is not None and not (both.base.snapshot.table_id == mine == yours)
        shape = both.merged_shape()
        kinds = {conflict.kind for conflict in shape.conflicts}
        if made_anew or ShapeConflictKind.PARTITIONING_CHANGED in kinds:
            return self.whole_or_none(shape, made_anew=made_anew)
        narrow = misfits(self.context, both, shape)
        clashes = shape_conflicts(
            self.context, both, shape, narrow, resolve=self.resolve, whole=self.whole
        )
        taken = self.whole_side(shape) if clashes else None
        if taken is not None:
            return taken
        if is_lost(shape) or any(misfit.wide is None for misfit in narrow):
            return self.result("conflict", None, clashes)
        snapshot = widened(shape.snapshot, narrow)
        if self.resolve == "theirs":
            snapshot = replace(snapshot, properties=_theirs_properties(shape))
        shape = replace(shape, snapshot=snapshot)
        sides, back = _table_sides(both, shape)
        found = merge_rows(self.context, sides, resolve=self.resolve, by_cell=self.by_cell)
        schemas = sides.shape.file_schemas
        own = {i: s for i, s in schemas.items() if i not in back.file_schemas.values()}
        snapshot = replace(sides.shape, file_schemas=own)
        update = self.updated(snapshot, shown(found.change, back) if back.schemas else found.change)
        rows = found.conflicts
        named = [] if rows is None else [self.named(rows)]
        how = "conflict" if named or clashes else "merged"
        conflicts = pa.concat_tables([conflict_table(clashes), *named])
        return MergedTable(self.name, how, update, conflicts)

    def whole_or_none(self, shape: MergedShape, *, made_anew: bool) -> MergedTable:
        """Decides for a table whose rows cannot be merged: one side's state is taken whole."""
        taken = self.whole_side(shape)
        if taken is not None:
            return taken
        found = (
            [conflict_row(self.name, "table-replaced", None, "there", "changed", "changed")]
            if made_anew
            else described(self.name, shape)
        )
        return self.result("conflict", None, found)

    def updated(self, shape: TableSnapshot, change: FileChange) -> TableUpdate | None:
        """Returns the update of ours, None if there is none."""
        assert self.ours is not None, "ours has the table"
        if not change.removed and not change.added and same_shape(self.ours.snapshot, shape):
            return None
        return TableUpdate(self.name, self.ours, shape, change.removed, change.added)

    def named(self, rows: pa.Table) -> pa.Table:
        """Returns conflicts of rows with the table's name."""
        name = pa.array([self.name] * rows.num_rows, pa.string())
        return rows.add_column(0, CONFLICTS.field(0), name).cast(CONFLICTS)

    def result(
        self,
        how: str,
        update: TableUpdate | None,
        conflicts: Sequence[Mapping[str, str | None]] = (),
    ) -> MergedTable:
        """Returns what becomes of the table."""
        return MergedTable(self.name, how, update, conflict_table(conflicts))


def _table_sides(both: BothSides, shape: MergedShape) -> tuple[TableSides, Renumbering]:
    """Returns what both sides did, in the merged shape, and what is hidden there of the base."""
    ours, theirs = both.changes("ours"), both.changes("theirs")
    base, old = both.base, shape.of_base
    back = Renumbering()
    if base is not None and not old.schemas:
        mine, yours = (
            returned_columns(base.snapshot, shape, side, both.shared_ids())
            for side in ("ours", "theirs")
        )
        ours = with_returned(both.commits, base, ours, mine)
        theirs = with_returned(both.commits, base, theirs, yours)
        old = back = hidden(base.snapshot, shape, mine | yours)
    schemas = old.schemas or ({} if base is None else base.snapshot.file_schemas)
    merged = with_own_schema(
        replace(shape.snapshot, file_schemas={**schemas, **shape.snapshot.file_schemas})
    )

    ours, theirs = (
        replace(side, removed=tuple(renumber(file, old) for file in side.removed))
        for side in (ours, theirs)
    )
    theirs = replace(theirs, added=tuple(renumber(file, shape) for file in theirs.added))
    if old.schemas:
        living = {f.id for f in merged.schema.fields}
        ours, theirs = (
            without_renumbered(side, merged.file_schemas, living) for side in (ours, theirs)
        )
    sides = TableSides(
        both.name, merged, base, both.ours, ours, theirs, lambda file: renumber(file, old)
    )
    return sides, back


def _theirs_properties(shape: MergedShape) -> dict[str, str]:
    """Returns the merged properties, as theirs has them where both sides clash."""
    merged = dict(shape.snapshot.properties)
    for one in shape.conflicts:
        if one.property_name is not None:
            merged.pop(one.property_name, None)
            if one.theirs is not None:
                merged[one.property_name] = one.theirs
    return merged
