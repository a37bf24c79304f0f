"""The merge of one table that both sides changed: partitions first, then rows and cells."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from catalog.diff.compare.table_reader import TableReader
from catalog.diff.execute import changed_rows
from catalog.diff.fingerprints.loading import load_prints
from catalog.diff.options import DiffOptions
from catalog.diff.plan import SIDES, TablePlan, plan_table
from catalog.engine.quoting import type_sql
from catalog.model.datafile import DataFile, FileChanges
from catalog.model.partition import Partition
from catalog.repository.tables import has_path
from catalog.write.conditions import all_same, constant
from catalog.write.files.key_pruning import key_pruner
from catalog.write.files.rewrite import FileEdit
from catalog.write.files.writer import paths_of
from catalog.write.merge.apply import apply_rows, new_rows
from catalog.write.merge.context import MergeContext
from catalog.write.merge.rows import RowDecisions, RowMerger, Taking
from catalog.write.merge.sides import (
    TableSides,
    base_in,
    is_apart,
    states_holding,
    touched,
    without_common,
)
from catalog.write.merge.space import MergeSpace, merge_schema


@dataclass(frozen=True, slots=True)
class MergedRows:
    """What a merge makes of the rows of a table.

    Attributes:
        change: Files of ours that go, and those that come.
        conflicts: Rows and cells that both sides changed in unlike ways: ``kind``, ``key``,
            ``column_name``, ``base``, ``ours``, ``theirs``. There ours stays.
    """

    change: FileEdit
    conflicts: pa.Table | None = None


def merge_rows(
    context: MergeContext,
    sides: TableSides,
    *,
    resolve: Taking | None = None,
    by_cell: bool = True,
) -> MergedRows:
    """Merges what two sides did to the rows of a table.

    Partitions that one side changed are taken as they are; where keys might meet across
    partitions, the rows that changed are compared first.

    Args:
        context: What merging needs.
        sides: The changes.
        resolve: What is taken where both sides clash; None leaves ours, and conflicts.
        by_cell: Whether different cells of one row merge, and what both did alike is done
            once; else a row that both sides changed clashes in any case.
    """
    if by_cell:
        sides = without_common(sides)
    ours, theirs = touched(sides.ours), touched(sides.theirs)
    alone = is_apart(sides.shape) or not ours or not theirs
    scope = ours & theirs if alone else ours | theirs
    adopted = theirs - ours
    if not scope:
        return MergedRows(_adopted_files(sides, adopted))
    our_plan, their_plan = (_plan(sides, changes, scope) for changes in (sides.ours, sides.theirs))
    progress = _Progress(context, sides.name, [our_plan, their_plan])
    with merge_schema(context.write.work) as schema:
        our_rows = _changed(context, our_plan, f"{schema}.ours", progress=progress.add)
        their_rows = _changed(context, their_plan, f"{schema}.theirs", progress=progress.add)
        space = MergeSpace(context.write, sides.name, sides.shape, their_plan, schema)
        merger = RowMerger(space, resolve=resolve, by_cell=by_cell)
        if sides.shape.key:
            repeated = _repeated(space, sides, space.named("pairs"))
            decided = merger.keyed(our_rows, their_rows, repeated)
        else:
            base = context.write.verified(sides.name, base_in(context.commits, sides, scope))
            decided = merger.keyless(our_rows, their_rows, space.rows(base))
        change = _apply(space, sides, decided, adopted=adopted)
        conflicts = space.con.sql(f"FROM {decided.conflicts}").to_arrow_table()
    return MergedRows(change, conflicts if conflicts.num_rows else None)


class _Progress:
    """Counts the compared rows of a table, and reports them."""

    def __init__(self, context: MergeContext, table: str, plans: list[TablePlan]) -> None:
        self._context = context
        self._table = table
        self._total = sum(f.rows for plan in plans for side in SIDES for f in plan.files(side))
        self._done = 0
        self.add(0)

    def add(self, rows: int) -> None:
        """Reports that more rows were compared."""
        self._done += rows
        self._context.progress(self._table, self._done, self._total)


def _adopted_files(sides: TableSides, adopted: frozenset[Partition]) -> FileEdit:
    return FileEdit(
        tuple(f for f in sides.theirs.removed if f.partition in adopted),
        tuple(f for f in sides.theirs.added if f.partition in adopted),
    )


def _plan(sides: TableSides, changes: FileChanges, scope: frozenset[Partition]) -> TablePlan:
    within = FileChanges(
        tuple(f for f in changes.removed if f.partition in scope),
        tuple(f for f in changes.added if f.partition in scope),
        0,
        0,
    )
    shape = sides.shape
    options = DiffOptions(key=shape.key_names)
    return plan_table(sides.name, shape, shape, changes=within, options=options)


def _changed(
    context: MergeContext, plan: TablePlan, name: str, *, progress: Callable[[int], None]
) -> str:
    """Returns a table of the rows that a side changed; see ``rows``."""
    write = context.write
    for side in SIDES:
        write.verified(plan.table, plan.files(side))
    prints = load_prints(write.repository, plan, None).prints
    reader = TableReader(write.con, plan, write.store, prints)
    return changed_rows(reader, name=name, progress=progress)


def _repeated(space: MergeSpace, sides: TableSides, keys: str) -> Iterator[str]:
    """Yields SQL of those of some keys that several rows have in one state of the table.

    The states are the base, ours and theirs. All files that may hold one of the keys are
    searched, also those that no side changed.

    Args:
        space: The merged table in the engine.
        sides: The changes.
        keys: A table with keys ``k0``, ``k1`` …; the SQL yields keys called so too.
    """
    key = list(enumerate(sides.shape.key))
    named = ", ".join(f"k{n} AS c{i}" for n, i in key)
    values = ", ".join(f"{space.expression(i)} AS k{n}" for n, i in key)
    pruner = key_pruner(space.con, sides.shape, f"(SELECT {named} FROM {keys})")
    for files in states_holding(space.write.commits, sides, pruner):
        rows = space.rows(space.write.verified(sides.name, files), sides.shape.key)
        yield (
            f"(SELECT * FROM (SELECT {values} FROM {rows}) f SEMI JOIN {keys} w "
            f"ON {all_same('f.k', 'w.k', range(len(key)))} GROUP BY ALL HAVING count(*) > 1)"
        )


def _apply(
    space: MergeSpace, sides: TableSides, decided: RowDecisions, *, adopted: frozenset[Partition]
) -> FileEdit:
    """Puts what was decided into ours' files, and into theirs' where those are adopted.

    A rewritten file is named by its content. Where ours has another file of just that content
    already, all is written again under other names.
    """
    application = _Application(sides, decided.decisions, _Adopted.in_space(space, adopted))
    names = {
        file.path
        for changes in (sides.ours, sides.theirs)
        for file in (*changes.removed, *changes.added)
    }
    while True:
        change, clashing = application.attempt(names)
        if not clashing:
            return change
        names |= clashing


@dataclass(frozen=True, slots=True)
class _Adopted:
    """The partitions that start from theirs' files, since ours did not change them."""

    space: MergeSpace
    partitions: frozenset[Partition]

    @staticmethod
    def in_space(space: MergeSpace, partitions: frozenset[Partition]) -> "_Adopted":
        """Makes their table: one row for each, columns ``p<field id>``."""
        fields = space.shape.fields(space.shape.partition_by)
        if fields:
            columns = ", ".join(f"p{f.id} {type_sql(f.type)}" for f in fields)
            space.con.execute(f"CREATE TABLE {space.named('adopted')} ({columns})")
        kinds = [kind for _, kind in space.shape.partition_fields]
        for partition in partitions if fields else ():
            values = ", ".join(map(constant, partition, kinds))
            space.con.execute(f"INSERT INTO {space.named('adopted')} VALUES ({values})")
        return _Adopted(space, partitions)

    def holding(self, part: str) -> str:
        """Returns the condition that a row of a decision is in one of the partitions."""
        by = self.space.shape.partition_by
        if not by:
            return "true" if self.partitions else "false"
        same = all_same("p", f"{part}_c", by)
        return f"EXISTS (SELECT 1 FROM {self.space.named('adopted')} WHERE {same})"


@dataclass(frozen=True, slots=True)
class _Application:
    """Decisions about the rows of a table, on their way into its files."""

    sides: TableSides
    decisions: str
    adopted: _Adopted

    def attempt(self, names: set[str]) -> tuple[FileEdit, set[str]]:
        """Writes all files, none of which may have some names.

        Returns:
            What changes in ours; the names that ours has already, in which case nothing is
            written.
        """
        space, adopted, sides = self.adopted.space, self.adopted, self.sides
        whole = _adopted_files(sides, adopted.partitions)
        with space.write.writer(sides.name, space.shape, taken=names) as writer:
            kept = apply_rows(
                space,
                writer,
                self.decisions,
                side="ours",
                where=f"NOT ({adopted.holding('ours')})",
                files=space.write.verified(sides.name, self._files_of_ours()),
            )
            taken = apply_rows(
                space,
                writer,
                self.decisions,
                side="theirs",
                where=adopted.holding("theirs"),
                files=space.write.verified(sides.name, whole.added),
            )
            written = (*kept.added, *taken.added)
            clashing = [f for f in written if has_path(space.write.commits, sides.head, f)]
            if clashing:
                for file in written:
                    writer.forget(file)
                return FileEdit(), paths_of(clashing)
            fresh = new_rows(space, self.decisions, adopted.holding("merged"))
            added = writer.sorted(fresh, append=True)
        rewritten = paths_of(taken.removed)
        unchanged = (file for file in whole.added if file.path not in rewritten)
        change = FileEdit(
            (*whole.removed, *kept.removed), (*unchanged, *kept.added, *taken.added, *added)
        )
        return change, set()

    def _files_of_ours(self) -> list[DataFile]:
        """Returns files of ours in partitions that either side changed and that ours keeps."""
        sides, partitions = self.sides, self.adopted.partitions
        gone = paths_of(sides.ours.removed)
        return [
            file
            for file in (*sides.theirs.removed, *sides.ours.added)
            if file.path not in gone and file.partition not in partitions
        ]
