"""Tables of which no row need be read to say what changed in them.

Nothing here imports the engine, unless rows are asked for.
"""

from collections.abc import Callable

import pyarrow as pa

from catalog.diff.counts import ColumnCounts, RowCounts, TableCounts
from catalog.diff.file_changes import FileChanges, compares_files
from catalog.diff.options import DiffOptions
from catalog.diff.plan import SIDES, TablePlan
from catalog.diff.result import TableDiff
from catalog.diff.route import Prints, known_keys, routes
from catalog.diff.selection import Selection
from catalog.storage.store import ObjectStore


def stat_table(plan: TablePlan, store: ObjectStore) -> TableDiff:
    """Answers from metadata alone: counts of rows and cells are unknown.

    Of a table whose files were only put together, it is known that no row differs.
    """
    if plan.regrouped[0] and not (plan.tasks or plan.schema_changes):
        return unchanged_table(plan, store)
    return TableDiff(plan, TableCounts(RowCounts(*plan.rows), {}), store)


def unchanged_table(plan: TablePlan, store: ObjectStore) -> TableDiff:
    """Answers zeros for a table in which no row differs."""
    columns = {pair.name: ColumnCounts() for pair in plan.pairs if pair.compared}
    columns |= {added.name: ColumnCounts() for added in plan.added}
    files = FileChanges() if compares_files(plan) else None
    counts = TableCounts(RowCounts(*plan.rows, 0, 0, 0, 0), columns, files=files)
    return TableDiff(plan, counts, store, rows=_no_rows(plan, store))


def _no_rows(plan: TablePlan, store: ObjectStore) -> Callable[[Selection], pa.RecordBatchReader]:
    def rows(selection: Selection) -> pa.RecordBatchReader:
        from catalog.diff.compare.key_problems import KeyChecks
        from catalog.diff.compare.remainder import Remainder
        from catalog.diff.compare.table_reader import TableReader
        from catalog.diff.row_form import row_reader
        from catalog.engine.connection import borrowed

        with borrowed() as con:
            reader = TableReader(con, plan, store)
            remainder = Remainder(reader, "remainder", checks=KeyChecks(reader))
            remainder.settle()
            read = row_reader(con, remainder.columns, remainder.row_parts, count=0)
            found = read(selection)
            batches = [*found]  # an empty one, too: tables without any cannot be put together
        return pa.RecordBatchReader.from_batches(found.schema, batches)

    return rows


def is_unchanged(plan: TablePlan, options: DiffOptions, prints: Prints) -> bool:
    """Returns whether fingerprints show that all rows are the same, and no more is asked.

    That is: each file holds what another of its partition does on the other side, every key
    identifies its row, and no column is there that was not before, whose values would be counted.
    """
    if plan.before is None or plan.after is None or plan.added or (plan.tasks and not prints):
        return False
    if options.check_keys or options.full_stats:
        return False
    if plan.key:
        known = all(
            not (files := plan.files(side)) or known_keys(files, prints) == (0, 0) for side in SIDES
        )
    else:
        known = all(pair.compared for pair in plan.pairs if pair.partition)
    return known and all(
        chosen.rest is None and not any(pair.changed for pair in chosen.pairs)
        for chosen in routes(plan, prints)
    )
