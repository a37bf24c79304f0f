"""The table functions of SQL: ``diff(…)``, ``log(…)``, ``tables(…)`` and ``conflicts(…)``."""

from collections.abc import Sequence
from functools import partial

import pyarrow as pa

from catalog.diff.row_condition import check_condition, empty_rows
from catalog.diff.view import End
from catalog.model.commit import EMPTY_ID
from catalog.model.ref_expressions import own_change, split_range
from catalog.operations import history
from catalog.operations.context import OperationContext
from catalog.operations.diff import compare_refs
from catalog.operations.diff_planning import DiffPlanner
from catalog.operations.diff_request import DiffRequest
from catalog.operations.merge.open_merges import find_one, open_merges
from catalog.operations.merge.settlement import unsettled
from catalog.operations.tables import tables
from catalog.query.backend import FunctionReads, Functions, ResolveRef
from catalog.query.late_tables import LateTable
from catalog.write.merge.conflicts import CONFLICTS


def table_functions(context: OperationContext) -> Functions:
    """Returns the table functions that SQL over a catalog may call, by name."""
    return {
        "diff": partial(_diff, context),
        "log": partial(_log, context),
        "tables": partial(_tables, context),
        "conflicts": partial(_conflicts, context),
    }


def function_reads(context: OperationContext) -> FunctionReads:
    """Returns which tables those of the functions read that read any, by name."""
    return {"diff": partial(_diff_reads, context)}


def _diff_reads(
    context: OperationContext,
    resolve: ResolveRef,
    table: str,
    from_ref: str,
    to_ref: str | None = None,
    where: str | None = None,
) -> Sequence[tuple[str, str]]:
    return [(end.commit_id, table) for end in _diff_ends(context, resolve, from_ref, to_ref)]


def _diff_ends(
    context: OperationContext, resolve: ResolveRef, from_ref: str, to_ref: str | None
) -> tuple[End, End]:
    own = own_change(from_ref) if to_ref is None else None
    if own is not None:
        end = resolve(own)
        parents = context.repository.commits.read(end).parents
        return End(from_ref, parents[0] if parents else EMPTY_ID), End(own, end)
    ends = split_range(from_ref) if to_ref is None else None
    first, last = (ends[0] or None, ends[1] or None) if ends else (from_ref, to_ref)
    start, end = resolve(first), resolve(last)
    if ends is not None and ends[2]:
        start = context.parting(start, end)
    return End(from_ref, start), End(last or "the session's ref", end)


def _diff(
    context: OperationContext,
    resolve: ResolveRef,
    table: str,
    from_ref: str,
    to_ref: str | None = None,
    where: str | None = None,
) -> LateTable:
    """Returns the changed rows of a table between two refs, or of a range ``A..B``.

    They are compared once the statement is known to fit them.
    """
    before, after = _diff_ends(context, resolve, from_ref, to_ref)
    request = DiffRequest(
        from_ref=before.commit_id,
        to_ref=after.commit_id,
        tables=[table],
        level="rows",
        where=where,
    )
    planner = DiffPlanner(context.repository, before, after, request.options)
    plan = planner.table(table).plan
    if where is not None:
        check_condition(where, plan)

    def read() -> object:
        rows = compare_refs(context, request, (before, after))[table].changes(where=where)
        return rows.read_all()

    return LateTable(empty_rows(plan), read)


def _log(context: OperationContext, resolve: ResolveRef, ref: str | None = None) -> pa.Table:
    """Returns a commit and its ancestors, newest first."""
    commits = history.log(context, resolve(ref), None)
    text = pa.string()
    return pa.table(
        {
            "commit_id": pa.array([c.id for c in commits], text),
            "parents": pa.array([list(c.parents) for c in commits], pa.list_(text)),
            "time": pa.array([c.time for c in commits], pa.timestamp("us", "UTC")),
            "author": pa.array([c.author for c in commits], text),
            "message": pa.array([c.message for c in commits], text),
            "tables": pa.array([list(c.tables) for c in commits], pa.list_(text)),
        }
    )


def _tables(context: OperationContext, resolve: ResolveRef, ref: str | None = None) -> pa.Table:
    """Returns the tables at a ref with their totals."""
    infos = tables(context, resolve(ref))
    return pa.table(
        {
            "table": pa.array([t.name for t in infos], pa.string()),
            "rows": pa.array([t.rows for t in infos], pa.int64()),
            "size_bytes": pa.array([t.size_bytes for t in infos], pa.int64()),
            "files": pa.array([t.files for t in infos], pa.int64()),
        }
    )


def _conflicts(
    context: OperationContext,
    resolve: ResolveRef,
    source: str | None = None,
    into: str | None = None,
) -> pa.Table:
    """Returns what is not settled of one merge, or of all that are under way, by branch."""
    wanted = open_merges(context) if source is None else [find_one(context, source, into)]
    branch = pa.field("branch", pa.string())
    shape = pa.schema([branch, *CONFLICTS])
    parts = [
        found.add_column(0, branch, pa.array([one.branch] * found.num_rows, branch.type))
        for one in wanted
        for found in [unsettled(context, one)]
    ]
    return pa.concat_tables([shape.empty_table(), *parts])
