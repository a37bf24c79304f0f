"""The merge of one table that both sides changed: partitions first, then rows and cells."""

from collections.abc import Iterator

from catalog.dataclasses import dataclass
from catalog.diff.execute import changed_rows
from catalog.diff.options import DiffOptions
from catalog.diff.plan import SIDES, TablePlan, plan_table
from catalog.engine.quoting import type_sql
from catalog.model.datafile import DataFile, FileChanges
from catalog.model.file_sets import is_file_set
from catalog.model.partition import Partition
from catalog.repository.tables import has_path
from catalog.write.conditions import all_same, constant
from catalog.write.files.key_pruning import key_pruner
from catalog.write.files.rewrite import FileEdit
from catalog.write.files.writer import DataWriter, paths_of
from catalog.write.merge.appended import beside_one_another
from catalog.write.merge.apply import apply_rows, new_rows
from catalog.write.merge.ends import MergeContext
from catalog.write.merge.file_sets import merge_files
from catalog.write.merge.rows import RowMerger, Taking
from catalog.write.merge.sides import (
    MergedRows,
    TableSides,
    base_in,
    chosen,
    is_apart,
    states_holding,
    touched,
    without_common,
)
from catalog.write.merge.space import MergeSpace, merge_schema, table_reader


def merge_rows(
    context: MergeContext,
    sides: TableSides,
    *,
    resolve: Taking | None = None,
    by_cell: bool = True,
) -> MergedRows:
    """Merges what two sides did to the rows of a table.

    Partitions that one side changed are taken as they are, and so are theirs' files without a key
    where a side only added some; where keys might meet across
    partitions, the rows that changed are compared first. See ``RowMerger`` for ``resolve`` and
    ``by_cell``.
    """
    if is_file_set(sides.shape.properties):
        return merge_files(context, sides, resolve=resolve, strict=not by_cell)
    if by_cell:
        sides = without_common(sides, lambda file: _exists(context, file))
    ours, theirs = touched(sides.ours), touched(sides.theirs)
    alone = is_apart(sides.shape) or not ours or not theirs
    scope = ours & theirs if alone else ours | theirs
    if by_cell and not sides.shape.key:
        scope -= beside_one_another(context, sides)
    adopted = theirs - scope if alone else theirs - ours
    if not scope:
        return MergedRows(_adopted_files(sides, adopted))
    our_plan, their_plan = (_plan(sides, changes, scope) for changes in (sides.ours, sides.theirs))
    total = sum(f.rows for plan in (our_plan, their_plan) for s in SIDES for f in plan.files(s))
    done = 0

    def progress(rows: int) -> None:
        nonlocal done
        done += rows
        context.progress(sides.name, done, total)

    progress(0)
    with merge_schema(context.write.work) as schema:
        our_rows, their_rows = (
            changed_rows(table_reader(context.write, plan), name=name, progress=progress)
            for plan, name in ((our_plan, f"{schema}.ours"), (their_plan, f"{schema}.theirs"))
        )
        space = MergeSpace(context.write, sides.name, sides.shape, their_plan, schema)
        merger = RowMerger(space, resolve=resolve, by_cell=by_cell)
        if sides.shape.key:
            repeated = _repeated(space, sides, space.named("pairs"))
            merger.keyed(our_rows, their_rows, repeated)
        else:
            base = context.write.verified(sides.name, base_in(context.commits, sides, scope))
            merger.keyless(our_rows, their_rows, space.rows(base))
        change = _Application(space, sides, adopted).run()
        conflicts = space.con.sql(f"FROM {space.conflicts}").to_arrow_table()
    return MergedRows(change, conflicts if conflicts.num_rows else None)


def _exists(context: MergeContext, file: DataFile) -> bool:
    return file.guard is None and context.write.store.info(file.path) is not None


def _plan(sides: TableSides, changes: FileChanges, scope: frozenset[Partition]) -> TablePlan:
    within = chosen(changes, lambda file: file.partition in scope)
    shape, options = sides.shape, DiffOptions(key=sides.shape.key_names)
    return plan_table(sides.name, shape, shape, changes=within, options=options)


def _repeated(space: MergeSpace, sides: TableSides, keys: str) -> Iterator[str]:
    """Yields SQL of those of some keys that several rows have in one state of the table.

    The states are the base, ours and theirs. All files that may hold one of the keys are
    searched, also those that no side changed. The keys are called ``k0``, ``k1`` … in the table
    ``keys`` and in the SQL.
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


def _adopted_files(sides: TableSides, adopted: frozenset[Partition]) -> FileEdit:
    theirs = chosen(sides.theirs, lambda file: file.partition in adopted)
    return FileEdit(theirs.removed, theirs.added)


@dataclass(frozen=True, slots=True)
class _Application:
    """Decisions about the rows of a table, on their way into its files.

    Attributes:
        adopted: The partitions that start from theirs' files, since ours did not change them.
    """

    space: MergeSpace
    sides: TableSides
    adopted: frozenset[Partition]

    def run(self) -> FileEdit:
        """Puts what was decided into ours' files, and into theirs' where those are adopted.

        A rewritten file is named by its content. Where ours has another file of just that
        content already, all is written again under other names.
        """
        self._list_adopted()
        ours, theirs = self.sides.ours, self.sides.theirs
        names = paths_of((*ours.removed, *ours.added, *theirs.removed, *theirs.added))
        while True:
            change, clashing = self._attempt(names)
            if not clashing:
                return change
            names |= clashing

    def _list_adopted(self) -> None:
        """Makes a table of the adopted partitions: one row for each, columns ``p<field id>``."""
        shape, table = self.space.shape, self.space.named("adopted")
        if not shape.partition_by:
            return
        fields = shape.fields(shape.partition_by)
        columns = ", ".join(f"p{f.id} {type_sql(f.type)}" for f in fields)
        self.space.con.execute(f"CREATE TABLE {table} ({columns})")
        kinds = [kind for _, kind in shape.partition_fields]
        for partition in self.adopted:
            values = ", ".join(map(constant, partition, kinds))
            self.space.con.execute(f"INSERT INTO {table} VALUES ({values})")

    def _is_adopted(self, part: str) -> str:
        """Returns the condition that a row of a decision is in an adopted partition."""
        by = self.space.shape.partition_by
        if not by:
            return "true" if self.adopted else "false"
        same = all_same("p", f"{part}_c", by)
        return f"EXISTS (SELECT 1 FROM {self.space.named('adopted')} WHERE {same})"

    def _attempt(self, names: set[str]) -> tuple[FileEdit, set[str]]:
        """Writes all files, none of which may have some names.

        Returns:
            What changes in ours; the names that ours has already, in which case nothing is
            written.
        """
        space, sides = self.space, self.sides
        whole = _adopted_files(sides, self.adopted)
        with DataWriter(space.write, sides.name, space.shape, taken=names) as writer:
            kept = apply_rows(
                space,
                writer,
                side="ours",
                where=f"NOT ({self._is_adopted('ours')})",
                files=space.write.verified(sides.name, self._files_of_ours()),
            )
            taken = apply_rows(
                space,
                writer,
                side="theirs",
                where=self._is_adopted("theirs"),
                files=space.write.verified(sides.name, whole.added),
            )
            written = (*kept.added, *taken.added)
            clashing = [f for f in written if has_path(space.write.commits, sides.head, f)]
            if clashing:
                for file in written:
                    writer.forget(file)
                return FileEdit(), paths_of(clashing)
            added = writer.sorted(new_rows(space, self._is_adopted("merged")), append=True)
        rewritten = paths_of(taken.removed)
        unchanged = (file for file in whole.added if file.path not in rewritten)
        removed = (*whole.removed, *kept.removed)
        return FileEdit(removed, (*unchanged, *written, *added)), set()

    def _files_of_ours(self) -> list[DataFile]:
        """Returns files of ours in partitions that either side changed and that ours keeps."""
        gone = paths_of(self.sides.ours.removed)
        return [
            file
            for file in (*self.sides.theirs.removed, *self.sides.ours.added)
            if file.path not in gone and file.partition not in self.adopted
        ]
