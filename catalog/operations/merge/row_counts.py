"""How many rows a merge changed in each table, where that is quickly told."""

from collections.abc import Mapping

from catalog.dataclasses import replace
from catalog.diff.counts import RowCounts
from catalog.diff.options import DiffOptions
from catalog.diff.plan import SIDES
from catalog.diff.view import End
from catalog.errors import CatalogError
from catalog.operations.context import OperationContext
from catalog.operations.diff_planning import DiffPlanner, PlannedTable
from catalog.operations.diff_request import DiffRequest
from catalog.operations.diff_run import run_diff, stat_diff
from catalog.operations.merge.steps import MergeReport

MOST_COUNTED_ROWS = 1 << 21
"""Rows in files that differ, on both sides and in all tables together, up to which changed rows are
counted: about a second. Of further tables only the rows before and after are told."""


def with_rows(context: OperationContext, report: MergeReport, after: str | None) -> MergeReport:
    """Returns a report that tells of each table how many rows changed.

    Args:
        context: The catalog, or the trial copy of it in which the commit is.
        report: What was merged.
        after: The commit that came of it; None if there is none, and nothing to tell.
    """
    if after is None or report.conflicts.num_rows:
        return report
    counts = rows_changed(context, report.ends.ours, after)
    tables = (replace(table, rows=counts.get(table.table)) for table in report.tables)
    return replace(report, tables=tuple(tables))


def rows_changed(context: OperationContext, before: str, after: str) -> Mapping[str, RowCounts]:
    """Returns the rows of all tables that differ between two commits, by table.

    Rows are counted in the tables in which the fewest have to be looked at. What cannot be read
    is left out: the commit is made, whatever can be told of it.
    """
    repository = context.repository
    planner = DiffPlanner(repository, End(before, before), End(after, after), DiffOptions())
    found: dict[str, RowCounts] = {}
    try:
        planned = sorted(map(planner.table, planner.changed()[0]), key=_rows_to_read)
        with stat_diff(planner, planned) as diff:
            found = {table.table: table.rows for table in diff}
        request = DiffRequest(from_ref=before, to_ref=after)
        with run_diff(planner, _counted(planned), request) as diff:
            found |= {table.table: table.rows for table in diff}
    except CatalogError:
        return found
    return found


def _counted(planned: list[PlannedTable]) -> list[PlannedTable]:
    """Returns the first tables, as many as may be counted."""
    chosen, rows = [], 0
    for one in planned:
        rows += _rows_to_read(one)
        if rows > MOST_COUNTED_ROWS:
            break
        chosen.append(one)
    return chosen


def _rows_to_read(planned: PlannedTable) -> int:
    return sum(file.rows for side in SIDES for file in planned.plan.files(side))
