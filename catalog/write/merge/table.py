"""The merge of one table that both sides changed: partitions first, then rows and cells."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import pyarrow as pa

from catalog.diff.compare.sql_columns import SqlColumns
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.execute import changed_rows
from catalog.diff.fingerprints.loading import load_prints
from catalog.diff.options import DiffOptions
from catalog.diff.plan import SIDES, TablePlan, plan_table
from catalog.engine.quoting import identifier, literal, type_sql
from catalog.model.change import FileChanges
from catalog.model.partition import Partition
from catalog.model.types import TypeClass
from catalog.model.values import decode, text
from catalog.repository.tables import has_path
from catalog.write.context import WriteContext
from catalog.write.files.key_pruning import key_pruner
from catalog.write.files.rewrite import FileChange
from catalog.write.files.writer import paths_of
from catalog.write.merge.apply import Target, apply_rows, new_rows
from catalog.write.merge.rows import RowDecisions, RowMerger, Taking
from catalog.write.merge.sides import (
    TableSides,
    base_in,
    is_apart,
    states_holding,
    touched,
    without_common,
)

_NUMBERS = count(1)


MergeProgress = Callable[[str, int, int], None]
"""Receives a table, the rows of differing files compared so far, and how many there are."""


@dataclass(frozen=True, slots=True)
class MergeContext:
    """What merging needs besides the tables.

    Attributes:
        write: Reads and writes data files.
        progress: Called for each table that both sides changed; it may stop the merge by an
            exception.
    """

    write: WriteContext
    progress: MergeProgress = lambda table, done, total: None


@dataclass(frozen=True, slots=True)
class MergedRows:
    """Holds what a merge makes of a table.

    Attributes:
        change: Files of ours that go, and those that come.
        conflicts: Rows and cells that both sides changed in unlike ways: ``kind``, ``key``,
            ``column_name``, ``base``, ``ours``, ``theirs``. There ours stays.
    """

    change: FileChange
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
        resolve: What is done where both sides clash; None leaves ours, and conflicts.
        by_cell: Whether different cells of one row merge, and what both did alike is done
            once; else a row that both sides changed clashes in any case.
    """
    if by_cell:
        sides = without_common(sides)
    shape = sides.shape
    ours, theirs = touched(sides.ours), touched(sides.theirs)
    alone = is_apart(shape) or not ours or not theirs
    scope = ours & theirs if alone else ours | theirs
    adopted = theirs - ours
    if not scope:
        return MergedRows(_adopt(sides, adopted))
    name = f"merge_{next(_NUMBERS)}"
    plans = {
        side: _plan(context, sides, changes, scope)
        for side, changes in (("ours", sides.ours), ("theirs", sides.theirs))
    }
    total = sum(f.rows for plan in plans.values() for side in SIDES for f in plan.files(side))
    done = 0

    def told(rows: int) -> None:
        nonlocal done
        done += rows
        context.progress(sides.name, done, total)

    context.progress(sides.name, done, total)
    rows = {side: _changed(context, plan, f"{name}_{side}", told) for side, plan in plans.items()}
    merger = RowMerger(
        context.write.con, shape, plans["theirs"], name, resolve=resolve, by_cell=by_cell
    )
    if shape.key:
        decided = merger.keyed(
            rows["ours"],
            rows["theirs"],
            lambda keys: _repeated(context, sides, plans["theirs"], keys),
        )
    else:
        base = base_in(context.write.commits, sides, scope)
        counted = context.write.relation(shape, context.write.verified(sides.name, base))
        decided = merger.keyless(rows["ours"], rows["theirs"], counted)
    target = Target(context.write.con, shape, plans["theirs"], context.write.locate, name)
    change = _apply(context, sides, target, decided, adopted)
    conflicts = context.write.con.sql(f"FROM {decided.conflicts}").to_arrow_table()
    _drop(context, name)
    return MergedRows(change, conflicts if conflicts.num_rows else None)


def _adopt(sides: TableSides, adopted: frozenset[Partition]) -> FileChange:
    return FileChange(
        tuple(f for f in sides.theirs.removed if f.partition in adopted),
        tuple(f for f in sides.theirs.added if f.partition in adopted),
    )


def _plan(
    context: MergeContext,
    sides: TableSides,
    changes: FileChanges,
    scope: frozenset[Partition],
) -> TablePlan:
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
    context: MergeContext, plan: TablePlan, name: str, progress: Callable[[int], None]
) -> str:
    for side in SIDES:
        context.write.verified(plan.table, plan.files(side))
    prints = load_prints(context.write.repository, plan, None).prints
    reader = TableReader(context.write.con, plan, context.write.store, prints)
    return changed_rows(reader, name=name, progress=progress)


def _repeated(
    context: MergeContext, sides: TableSides, plan: TablePlan, keys: str
) -> Iterator[str]:
    """Yields SQL of those of some keys that stand several times in a state of the table.

    Looked at are all files that may hold one of the keys, also those that no side changed: of
    the base, of ours, of theirs.
    """
    shape, con = sides.shape, context.write.con
    named = ", ".join(f"k{n} AS c{i}" for n, i in enumerate(shape.key))
    pruner = key_pruner(con, shape, f"(SELECT {named} FROM {keys})", shape.key)
    columns = SqlColumns(plan)
    pairs = {pair.after.id: pair for pair in plan.pairs}
    values = ", ".join(
        f"{columns.expression('t', pairs[i])} AS k{n}" for n, i in enumerate(shape.key)
    )
    wanted = " AND ".join(f"f.k{n} IS NOT DISTINCT FROM w.k{n}" for n, _ in enumerate(shape.key))
    for files in states_holding(context.write.commits, sides, pruner):
        held = context.write.verified(sides.name, files)
        relation = context.write.relation(shape, held, columns=shape.key)
        yield (
            f"(SELECT * FROM (SELECT {values} FROM {relation}) f SEMI JOIN {keys} w ON {wanted} "
            "GROUP BY ALL HAVING count(*) > 1)"
        )


def _apply(
    context: MergeContext,
    sides: TableSides,
    target: Target,
    decided: RowDecisions,
    adopted: frozenset[Partition],
) -> FileChange:
    """Puts what was decided into ours' files, and into theirs' where those are adopted.

    A rewritten file is called by its content. Where ours has another file of just that content
    already, all is written again, and that one called otherwise.
    """
    condition = _membership(target, adopted)
    whole = _adopt(sides, adopted)
    gone = paths_of(sides.ours.removed)
    mine = [
        file
        for file in (*sides.theirs.removed, *sides.ours.added)
        if file.path not in gone and file.partition not in adopted
    ]
    known = {
        file.path
        for changes in (sides.ours, sides.theirs)
        for file in (*changes.removed, *changes.added)
    }
    while True:
        with context.write.writer(sides.name, target.shape, taken=known) as writer:
            kept = apply_rows(
                target,
                writer,
                decided.decisions,
                side="o",
                where=f"NOT ({condition('o')})",
                files=context.write.verified(sides.name, mine),
                what=sides.name,
            )
            taken = apply_rows(
                target,
                writer,
                decided.decisions,
                side="t",
                where=condition("t"),
                files=context.write.verified(sides.name, whole.added),
                what=sides.name,
            )
            written = (*kept.added, *taken.added)
            clashing = [f for f in written if has_path(context.write.commits, sides.head, f)]
            for file in written if clashing else ():
                writer.forget(file)
            if not clashing:
                fresh = new_rows(target, decided.decisions, condition("m"))
                added = writer.sorted(fresh, append=True)
                break
        known |= paths_of(clashing)
    rewritten = paths_of(taken.removed)
    return FileChange(
        (*whole.removed, *kept.removed),
        (
            *(file for file in whole.added if file.path not in rewritten),
            *kept.added,
            *taken.added,
            *added,
        ),
    )


def _membership(target: Target, adopted: frozenset[Partition]) -> Callable[[str], str]:
    """Returns what writes the condition that a row's partition is among those adopted."""
    fields = target.shape.fields(target.shape.partition_by)
    if not fields:
        return lambda side: "true" if adopted else "false"
    table = f"{target.name}_adopted"
    columns = ", ".join(f"p{f.id} {type_sql(f.type)}" for f in fields)
    target.con.execute(f"CREATE TABLE {table} ({columns})")
    kinds = [kind for _, kind in target.shape.partition_fields]
    for partition in adopted:
        values = []
        for value, kind in zip(partition, kinds, strict=True):
            if value is None:
                values.append("NULL")
            elif kind.type_class is TypeClass.BINARY:
                values.append(f"unhex('{value.hex()}')")
            else:
                shown = text(decode(value, kind), kind) or ""
                values.append(f"CAST({literal(shown)} AS {type_sql(kind)})")
        target.con.execute(f"INSERT INTO {table} VALUES ({', '.join(values)})")

    def condition(side: str) -> str:
        same = " AND ".join(f"p{f.id} IS NOT DISTINCT FROM {side}_c{f.id}" for f in fields)
        return f"EXISTS (SELECT 1 FROM {table} WHERE {same})"

    return condition


def _drop(context: MergeContext, name: str) -> None:
    """Drops what a merge left in the engine."""
    con = context.write.con
    for kind, listed in (
        ("VIEW", "SELECT view_name FROM duckdb_views() WHERE NOT internal"),
        ("TABLE", "SELECT table_name FROM duckdb_tables()"),
    ):
        for (found,) in con.sql(listed).fetchall():
            if found.startswith(f"{name}_"):
                con.execute(f"DROP {kind} IF EXISTS {identifier(found)}")
