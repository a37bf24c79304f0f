"""Three-way merges of all tables: what a branch did since a base, brought to another."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from catalog.diff.execute import Reading, compare_table
from catalog.diff.plan import SIDES, DiffOptions, SideName, plan_table
from catalog.errors import InvalidInput
from catalog.model.change import FileChanges
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import file_changes
from catalog.write.conflicts import CONFLICTS
from catalog.write.data_writer import with_own_schema
from catalog.write.merge_ids import shared_ids, without_renumbered
from catalog.write.merge_rows import Taking
from catalog.write.merge_schema import MergedShape, ShapeConflictKind, merge_shapes, renumber
from catalog.write.merge_sides import TableSides
from catalog.write.merge_table import MergeContext, merge_rows
from catalog.write.merge_types import Holding, Misfit, find_misfits, widened
from catalog.write.merge_whole import whole_table
from catalog.write.rewrite import FileChange
from catalog.write.working import same_shape

Resolve = Callable[[str], Taking | None]
"""Says by table which side is taken where both clash; None leaves a conflict."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Names the three commits of a merge.

    Attributes:
        base: Where the two parted.
        ours: The commit merged into.
        theirs: The commit that is merged.
    """

    base: str
    ours: str
    theirs: str


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
        return pa.concat_tables([CONFLICTS.empty_table(), *(t.conflicts for t in self.tables)])


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
        yield MergedTable(one.name, "conflict", None, pa.Table.from_pylist([row], schema=CONFLICTS))


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
            shape = self.merged_shape(self.ours, table)
        update = whole_table(self.commits, self.name, self.ours, table, at, shape=shape)
        return self.result("taken", update)

    def merged_shape(self, ours: StoredTable, theirs: StoredTable) -> MergedShape:
        """Merges the shapes, by the ids that mean the same on both sides."""
        tables = self.base, ours, theirs
        ends = self.ends.base, self.ends.ours, self.ends.theirs
        base = None if self.base is None else self.base.snapshot
        shared = shared_ids(self.commits, self.name, tables, ends)
        return merge_shapes(base, ours.snapshot, theirs.snapshot, shared=shared)

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
        found = self.conflict("table-dropped", None, "there", *states)
        return self.result("conflict", None, [found])

    def run(self) -> MergedTable:
        """Merges a table that both sides have, and both changed or made."""
        assert self.ours is not None and self.theirs is not None, "both sides have the table"
        mine, yours = self.ours.snapshot.table_id, self.theirs.snapshot.table_id
        if self.base is not None and self.base.snapshot.table_id != mine == yours:
            self.base = None
        made_anew = self.base is not None and not (self.base.snapshot.table_id == mine == yours)
        shape = self.merged_shape(self.ours, self.theirs)
        kinds = {conflict.kind for conflict in shape.conflicts}
        if made_anew or ShapeConflictKind.PARTITIONING_CHANGED in kinds:
            return self.whole_or_none(shape, made_anew=made_anew)
        misfits = self.misfits(shape)
        clashes = self.shape_conflicts(shape, misfits)
        taken = self.whole_side(shape) if clashes else None
        if taken is not None:
            return taken
        if _lost(shape) or any(misfit.wide is None for misfit in misfits):
            return self.result("conflict", None, clashes)
        snapshot = widened(shape.snapshot, misfits)
        if self.resolve == "theirs":
            snapshot = replace(snapshot, properties=_theirs_properties(shape))
        shape = replace(shape, snapshot=snapshot)
        sides = self.sides(shape)
        found = merge_rows(self.context, sides, resolve=self.resolve, by_cell=self.by_cell)
        update = self.updated(sides.shape, found.change)
        rows = found.conflicts
        named = [] if rows is None else [self.named(rows)]
        how = "conflict" if named or clashes else "merged"
        conflicts = pa.concat_tables([pa.Table.from_pylist(clashes, schema=CONFLICTS), *named])
        return MergedTable(self.name, how, update, conflicts)

    def sides(self, shape: MergedShape) -> TableSides:
        """Returns what both sides did, in the merged shape."""
        assert self.ours is not None and self.theirs is not None, "both sides have the table"
        ours = self.changes(self.base, self.ours, self.ends.base, self.ends.ours)
        theirs = self.changes(self.base, self.theirs, self.ends.base, self.ends.theirs)
        base = self.base
        old = shape.of_base
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
        return TableSides(
            self.name, merged, base, self.ours, ours, theirs, lambda file: renumber(file, old)
        )

    def whole_or_none(self, shape: MergedShape, *, made_anew: bool) -> MergedTable:
        """Decides for a table whose rows cannot be merged: one side's state is taken whole."""
        taken = self.whole_side(shape)
        if taken is not None:
            return taken
        found = (
            [self.conflict("table-replaced", None, "there", "changed", "changed")]
            if made_anew
            else self.described(shape)
        )
        return self.result("conflict", None, found)

    def misfits(self, shape: MergedShape) -> tuple[Misfit, ...]:
        """Returns the columns that cannot have the merged type, since values would be lost."""
        assert self.ours is not None and self.theirs is not None, "both sides have the table"
        ours = self.changes(self.base, self.ours, self.ends.base, self.ends.ours)
        theirs = self.changes(self.base, self.theirs, self.ends.base, self.ends.theirs)
        before = {file.path: file for file in (*ours.removed, *theirs.removed)}
        holdings = (
            None if self.base is None else Holding(self.base.snapshot, tuple(before.values())),
            Holding(self.ours.snapshot, ours.added),
            Holding(self.theirs.snapshot, theirs.added),
        )
        return find_misfits(self.context.write, self.name, shape, holdings)

    def shape_conflicts(
        self, shape: MergedShape, misfits: Sequence[Misfit]
    ) -> list[dict[str, str | None]]:
        """Returns what clashes in the shape, and columns dropped whose cells changed.

        If a side is to be taken, that is what its shape does not settle: the rows of the other
        do not fit into it.

        Raises:
            InvalidInput: There is such, and the table must not be taken whole.
        """
        found = self.described(shape)
        hard = [one for one in found if one["kind"] != "property-changed"]
        if self.resolve == "ours" and not _lost(shape):
            hard = []
        for misfit in misfits:
            column = misfit.column
            winner = {"ours": column.ours, "theirs": column.theirs}.get(self.resolve or "")
            if winner is not None and winner.type == misfit.wide:
                continue
            fields = (column.base, column.ours, column.theirs)
            one = self.conflict(
                "type_changed", column.merged.name, *(str(f.type) if f else None for f in fields)
            )
            hard.append(one)
            if not any(o["column_name"] == one["column_name"] for o in found):
                found.append(one)
        for dropped in shape.dropped:
            other = self.theirs if dropped.side == "ours" else self.ours
            assert other is not None and self.base is not None, "a column was there"
            cells = (
                0 if dropped.side == self.resolve else self.changed_cells(other, dropped.kept_id)
            )
            if cells:
                states = ["dropped", f"{cells} cells changed"]
                one = self.conflict(
                    "column-dropped",
                    dropped.column,
                    "there",
                    *(states if dropped.side == "ours" else reversed(states)),
                )
                found.append(one)
                hard.append(one)
        if self.resolve not in ("ours", "theirs"):
            return found
        if hard and not self.whole:
            other_side = "theirs" if self.resolve == "ours" else "ours"
            raise InvalidInput(
                f"table {self.name!r} was given another shape "
                f"({', '.join(sorted({str(one['kind']) for one in hard}))}): taking {self.resolve} "
                f"would need rows of {other_side} in a shape they do not have",
                kind="shape-conflict",
                hint="alter the table on one of the branches so that both agree, then merge",
            )
        return hard

    def described(self, shape: MergedShape) -> list[dict[str, str | None]]:
        """Returns the conflicts of a merged shape in the form of all conflicts."""
        return [
            self.conflict(one.kind, one.column or one.property_name, one.base, one.ours, one.theirs)
            for one in shape.conflicts
        ]

    def changed_cells(self, side: StoredTable, field_id: int) -> int:
        """Counts the cells of a column that one side changed since the base."""
        assert self.base is not None, "a column that was dropped was there"
        name = next(f.name for f in side.snapshot.schema.fields if f.id == field_id)
        commit_id = self.ends.ours if side is self.ours else self.ends.theirs
        changes = self.changes(self.base, side, self.ends.base, commit_id)
        plan = plan_table(
            self.name,
            self.base.snapshot,
            side.snapshot,
            changes,
            DiffOptions(columns=(name,)),
            self.context.comparable,
            shared_ids=self.shared_with(side),
        )
        if not plan.tasks:
            return 0

        def files(one: SideName) -> Sequence[DataFile]:
            return plan.files(one)

        write = self.context.write
        for one in SIDES:
            write.verified(self.name, plan.files(one))
        reading = Reading(write.con, plan, write.locate, files, self.context.prints(plan))
        counted = compare_table(reading, DiffOptions(), name="dropped_column", keep_rows=False)
        return counted.columns[name].changed

    def shared_with(self, side: StoredTable) -> int:
        """Returns up to which field id a side means the columns of the base."""
        assert self.ours is not None and self.theirs is not None, "both sides have the table"
        tables = self.base, self.ours, self.theirs
        ends = self.ends.base, self.ends.ours, self.ends.theirs
        shared = shared_ids(self.commits, self.name, tables, ends)
        return shared.ours if side is self.ours else shared.theirs

    def changes(
        self, old: StoredTable | None, new: StoredTable, old_commit: str, new_commit: str
    ) -> FileChanges:
        """Returns in which files two states of the table differ."""
        return file_changes(self.commits, old, new, old_commit=old_commit, new_commit=new_commit)

    def updated(self, shape: TableSnapshot, change: FileChange) -> TableUpdate | None:
        """Returns the update of ours, None if there is none."""
        assert self.ours is not None, "ours has the table"
        if not change.removed and not change.added and same_shape(self.ours.snapshot, shape):
            return None
        return TableUpdate(self.name, self.ours, shape, change.removed, change.added)

    def conflict(
        self,
        kind: str,
        column: str | None,
        base: str | None,
        ours: str | None,
        theirs: str | None,
    ) -> dict[str, str | None]:
        """Returns a conflict that is about no one row."""
        return {
            "table_name": self.name,
            "kind": str(kind).replace("_", "-"),
            "key": None,
            "column_name": column,
            "base": base,
            "ours": ours,
            "theirs": theirs,
        }

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
        rows = pa.Table.from_pylist([dict(one) for one in conflicts], schema=CONFLICTS)
        return MergedTable(self.name, how, update, rows)


def _lost(shape: MergedShape) -> bool:
    """Tells whether a merged column is missing in theirs, which dropped it, but not in ours.

    Then rows of theirs cannot be merged: they do not say what the column has in them.
    """
    return any(
        one.base is not None and one.ours is not None and one.theirs is None
        for one in shape.columns
    )


def _theirs_properties(shape: MergedShape) -> dict[str, str]:
    """Returns the merged properties, as theirs has them where both sides clash."""
    merged = dict(shape.snapshot.properties)
    for one in shape.conflicts:
        if one.property_name is not None:
            merged.pop(one.property_name, None)
            if one.theirs is not None:
                merged[one.property_name] = one.theirs
    return merged
