"""Three-way merges of all tables: what a branch did since a base, brought to another."""

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa

from catalog.dataclasses import dataclass, replace
from catalog.model.derived import is_derived
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import Commits, StoredTable
from catalog.write.files.writer import with_own_schema
from catalog.write.merge.conflicts import CONFLICTS, ConflictRow, conflict_row, conflict_table
from catalog.write.merge.derivation import is_only_refreshed, merge_derivations
from catalog.write.merge.ends import BothSides, Ends, MergeContext
from catalog.write.merge.file_sets import unlike_file_sets
from catalog.write.merge.merged_schema import (
    MergedShape,
    Renumbering,
    ShapeConflictKind,
    renumber,
    without_renumbered,
)
from catalog.write.merge.namesakes import took_in
from catalog.write.merge.renamed_apart import named_otherwise
from catalog.write.merge.restored_columns import hidden, returned_columns, shown, with_returned
from catalog.write.merge.rows import Taking
from catalog.write.merge.schema_conflicts import check_may_take, described, is_lost, shape_clashes
from catalog.write.merge.sides import TableSides
from catalog.write.merge.table import merge_rows
from catalog.write.merge.types import find_misfits, widened
from catalog.write.merge.whole_table import TableAt, whole_table
from catalog.write.working_table import same_shape


@dataclass(frozen=True, slots=True)
class MergedTable:
    """What a merge does to a table.

    Attributes:
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
    """What a merge does to all tables that differ between theirs and ours."""

    tables: tuple[MergedTable, ...]

    @property
    def updates(self) -> list[TableUpdate]:
        """Returns what changes in ours."""
        return [one.update for one in self.tables if one.update is not None]

    @property
    def conflicts(self) -> pa.Table:
        """Returns all conflicts, by table."""
        return pa.concat_tables([conflict_table(()), *(t.conflicts for t in self.tables)])


KnownTables = dict[tuple[object, ...], MergedTable]
"""Tables that were merged, by all that decides what they are merged to."""


def merge_commits(
    context: MergeContext,
    ends: Ends,
    *,
    resolve: Callable[[str], Taking | None] = lambda table: None,
    by_cell: bool = True,
    whole: bool = False,
    leave_out: Sequence[str] = (),
    known: KnownTables | None = None,
) -> Merge:
    """Merges what theirs did since the base into ours; writes data files, but no commit.

    Where both sides clash in a table, the side that ``resolve`` returns is taken; None leaves a
    conflict. Where the shapes of both contradict each other, that side is taken whole; without
    ``whole``, that is refused. For ``by_cell`` see ``RowMerger``. Tables in ``known`` that
    both sides changed are not merged again; those that are merged are added.
    """
    commits = context.commits
    entries = commits.entries(ends.ours)
    merged = []
    for name, (was, now) in commits.changed_entries(ends.base, ends.theirs).items():
        if name in leave_out:
            continue
        found = (was, entries.get(name), now)
        base_id, ours_id, theirs_id = (None if e is None else e.entry.snapshot for e in found)
        if theirs_id in (ours_id, base_id):
            continue
        base, ours, theirs = (None if e is None else commits.table(e) for e in found)
        one = _TableMerge(
            context, ends, name, base, ours, theirs, resolve(name), by_cell=by_cell, whole=whole
        )
        if ours_id == base_id:
            merged.append(one.take_theirs())
        elif ours is None or theirs is None:
            merged.append(one.gone_on_one_side())
        else:
            ids = base_id, ours_id, theirs_id
            key = (name, *ids, ends.base, ends.theirs, resolve(name), by_cell, whole)
            found_before = None if known is None else known.get(key)
            merged.append(found_before or one.of_both_sides())
            if known is not None:
                known[key] = merged[-1]
    merged = list(_apart_in_more_than_case(commits, merged, ends.ours))
    return Merge(tuple(_renamed_apart(commits, ends, merged, resolve=resolve)))


def taken_whole(context: MergeContext, ends: Ends, name: str) -> TableUpdate | None:
    """Returns the update by which a table of ours becomes what theirs has, whole.

    None means that theirs has no such table.
    """
    found = (context.commits.entries(c).get(name) for c in (ends.base, ends.ours, ends.theirs))
    base, ours, theirs = (None if e is None else context.commits.table(e) for e in found)
    if theirs is None:
        return None
    one = _TableMerge(context, ends, name, base, ours, theirs, None, by_cell=True, whole=True)
    return one.take_theirs().update


def _apart_in_more_than_case(
    commits: Commits, merged: Sequence[MergedTable], ours: str
) -> Iterable[MergedTable]:
    """Yields tables, in conflict if they come and ours has one whose name differs in case only."""
    gone = {one.name for one in merged if one.update is not None and one.update.snapshot is None}
    for one in merged:
        if one.update is None or one.update.snapshot is None:
            yield one
            continue
        there = commits.entry(ours, one.name)
        other = one.name if there is None or there.name in gone else there.name
        if other == one.name:
            yield one
            continue
        row = {"table_name": one.name, "kind": "name-taken", "ours": other, "theirs": one.name}
        yield MergedTable(one.name, "conflict", None, conflict_table([row]))


def _renamed_apart(
    commits: Commits,
    ends: Ends,
    merged: Sequence[MergedTable],
    *,
    resolve: Callable[[str], Taking | None],
) -> Iterable[MergedTable]:
    """Yields tables, in conflict if they come and ours has the same under another name."""
    there = commits.entries(ends.ours)
    updates = [one.update for one in merged if one.update is not None]
    coming = [u.name for u in updates if u.snapshot is not None and u.name not in there]
    gone = [u.name for u in updates if u.snapshot is None]
    others = dict(named_otherwise(commits, ends, coming=coming, gone=gone))
    for one in merged:
        other = others.get(one.name)
        taking = None if other is None else resolve(one.name)
        if other is None or taking == "theirs":
            yield one
        else:
            row = conflict_row(one.name, "table-renamed", (None, other, one.name))
            rows, how = ([], "ours") if taking == "ours" else ([row], "conflict")
            yield MergedTable(one.name, how, None, conflict_table(rows))
        if other is not None and taking == "theirs":
            drop = TableUpdate(other, commits.table(there[other]), None)
            yield MergedTable(other, "theirs", drop, conflict_table(()))


@dataclass(frozen=True, slots=True)
class _TableMerge:
    """A table of which theirs is neither what ours has nor what the base had.

    It is None in a commit that does not have it; see ``merge_commits`` for the rest.
    """

    context: MergeContext
    ends: Ends
    name: str
    base: StoredTable | None
    ours: StoredTable | None
    theirs: StoredTable | None
    resolve: Taking | None
    by_cell: bool
    whole: bool

    def take_theirs(self) -> MergedTable:
        """Takes the table as theirs has it: no file of it is opened."""
        shape = None
        if self.ours is not None and self.theirs is not None:
            shape = self._both(self.ours, self.theirs).merged_shape()
        return self._taken("taken", TableAt(self.theirs, self.ends.theirs), shape)

    def gone_on_one_side(self) -> MergedTable:
        """Decides for a table that one side dropped and the other changed.

        A derived table that the other side only refreshed is dropped.
        """
        kept = self.ours or self.theirs
        before = None if self.base is None else self.base.snapshot
        if kept is not None and is_only_refreshed(before, kept.snapshot):
            if self.ours is None:
                return self._result("ours", None)
            return self._taken("taken", TableAt(None, self.ends.theirs))
        ours, theirs = ("dropped" if t is None else "changed" for t in (self.ours, self.theirs))
        texts = "there", ours, theirs
        return self._one_side(self.base, [conflict_row(self.name, "table-dropped", texts)])

    def of_both_sides(self) -> MergedTable:
        """Merges a table that both sides have, and both changed or made."""
        assert self.ours is not None and self.theirs is not None, "both sides have the table"
        both = self._both(self.ours, self.theirs)
        if any(is_derived(table.snapshot.properties) for table in (self.ours, self.theirs)):
            return self._derived(both)
        shape = both.merged_shape()
        if both.base is not None and not self._is_one_table(both, both.base):
            texts = "there", "changed", "changed"
            conflicts = [conflict_row(self.name, "table-replaced", texts)]
            return self._one_side(both.base, conflicts, shape)
        unlike = unlike_file_sets(self.name, both)
        if unlike is not None:
            return self._one_side(both.base, [unlike], shape)
        kinds = {conflict.kind for conflict in shape.conflicts}
        if ShapeConflictKind.PARTITIONING_CHANGED in kinds:
            return self._one_side(both.base, described(self.name, shape), shape)
        misfits = find_misfits(both, shape)
        found = shape_clashes(both, shape, misfits, resolve=self.resolve)
        clashes = found.listed
        if self.resolve in ("ours", "theirs"):
            if not self.whole:
                check_may_take(self.name, found, self.resolve)
            clashes = found.unsettled
        if clashes and self.resolve is not None:
            return self._one_side(both.base, clashes, shape)
        if is_lost(shape) or any(misfit.wide is None for misfit in misfits):
            return self._result("conflict", None, clashes)
        snapshot = widened(shape.snapshot, misfits)
        if self.resolve == "theirs":
            snapshot = replace(snapshot, properties=_theirs_properties(shape))
        return self._rows(both, replace(shape, snapshot=snapshot), clashes)

    def _derived(self, both: BothSides) -> MergedTable:
        """Decides for a derived table: it is one side's, whole, with what it was computed from."""
        base = None if self.base is None else self.base.snapshot
        ours, theirs = both.ours.snapshot, both.theirs.snapshot
        merged = merge_derivations(self.name, base, ours, theirs, resolve=self.resolve)
        shape = both.merged_shape()
        if merged.side is None:
            return self._one_side(self.base, merged.conflicts, shape)
        update = None
        if merged.side == "theirs":
            update = self._taken("theirs", TableAt(self.theirs, self.ends.theirs), shape).update
        snapshot = ours if update is None else update.snapshot
        assert snapshot is not None, "both sides have the table"
        if snapshot.properties != merged.properties:
            snapshot = replace(snapshot, properties=merged.properties)
            before = update or TableUpdate(self.name, both.ours, snapshot)
            update = replace(before, snapshot=snapshot, stored=None)
        how = "conflict" if merged.conflicts else merged.side
        return self._result(how, update, merged.conflicts)

    def _rows(
        self, both: BothSides, shape: MergedShape, clashes: Sequence[ConflictRow]
    ) -> MergedTable:
        """Merges the rows of a table whose merged shape has room for those of both sides."""
        sides, back = _table_sides(both, shape)
        merged = merge_rows(self.context, sides, resolve=self.resolve, by_cell=self.by_cell)
        schemas = sides.shape.file_schemas
        own = {i: s for i, s in schemas.items() if i not in back.file_schemas.values()}
        snapshot = replace(sides.shape, file_schemas=own)
        change = shown(merged.change, back) if back.schemas else merged.change
        update = None
        if change.removed or change.added or not same_shape(both.ours.snapshot, snapshot):
            update = TableUpdate(self.name, self.ours, snapshot, change.removed, change.added)
        conflicts = conflict_table(clashes)
        if (rows := merged.conflicts) is not None:
            name = pa.array([self.name] * rows.num_rows, pa.string())
            rows = rows.add_column(0, CONFLICTS.field(0), name).cast(CONFLICTS)
            conflicts = pa.concat_tables([conflicts, rows])
        how = "conflict" if conflicts.num_rows else "merged"
        return MergedTable(self.name, how, update, conflicts)

    def _both(self, ours: StoredTable, theirs: StoredTable) -> BothSides:
        """Returns the table as both sides have it, with a base only if that is the same table."""
        base, made_alike = self.base, ours.snapshot.table_id == theirs.snapshot.table_id
        if base is not None and made_alike and base.snapshot.table_id != ours.snapshot.table_id:
            base = None
        return BothSides(self.context, self.ends, self.name, base, ours, theirs)

    def _is_one_table(self, both: BothSides, base: StoredTable) -> bool:
        """Returns whether both sides have the table of the base, also within another."""
        base_id = base.snapshot.table_id
        return all(
            table.snapshot.table_id == base_id
            or took_in(self.context.commits, self.name, at=end, other_id=base_id)
            for table, end in ((both.ours, self.ends.ours), (both.theirs, self.ends.theirs))
        )

    def _one_side(
        self,
        base: StoredTable | None,
        conflicts: Sequence[ConflictRow],
        shape: MergedShape | None = None,
    ) -> MergedTable:
        """Returns the table as the side has it that is to be taken; in conflict if none is.

        Args:
            base: The table in the base, if it is the same table there.
            conflicts: Where the sides clash.
            shape: What the shapes of both sides merge to, if both have the table.
        """
        match self.resolve:
            case "theirs":
                return self._taken("theirs", TableAt(self.theirs, self.ends.theirs), shape)
            case "base":
                return self._taken("taken", TableAt(base, self.ends.base))
            case "ours":
                return self._result("ours", None)
        return self._result("conflict", None, conflicts)

    def _taken(self, how: str, taken: TableAt, shape: MergedShape | None = None) -> MergedTable:
        """Takes the table as one of the commits has it."""
        ours = TableAt(self.ours, self.ends.ours)
        update = whole_table(self.context.commits, self.name, ours=ours, taken=taken, shape=shape)
        return self._result(how, update)

    def _result(
        self, how: str, update: TableUpdate | None, conflicts: Sequence[ConflictRow] = ()
    ) -> MergedTable:
        return MergedTable(self.name, how, update, conflict_table(conflicts))


def _table_sides(both: BothSides, shape: MergedShape) -> tuple[TableSides, Renumbering]:
    """Returns what both sides did, in the merged shape, and what is hidden there of the base."""
    ours, theirs = both.changes("ours"), both.changes("theirs")
    base, old = both.base, shape.of_base
    back = Renumbering()
    if base is not None and not old.schemas:
        returned = returned_columns(both, shape)
        ours = with_returned(both, ours, returned["ours"])
        theirs = with_returned(both, theirs, returned["theirs"])
        old = back = hidden(base.snapshot, shape, returned["ours"] | returned["theirs"])
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
        ours, theirs = (without_renumbered(side, merged) for side in (ours, theirs))
    sides = TableSides(
        both.name,
        merged,
        base,
        both.ours,
        ours,
        theirs,
        lambda file: renumber(file, old),
        together=both.put_together,
        only_appended=both.only_appended,
    )
    return sides, back


def _theirs_properties(shape: MergedShape) -> dict[str, str]:
    """Returns the merged properties, as theirs has them where both sides clash."""
    theirs = {c.property_name: c.theirs for c in shape.conflicts if c.property_name is not None}
    merged = {**shape.snapshot.properties, **theirs}
    return {name: value for name, value in merged.items() if value is not None}
