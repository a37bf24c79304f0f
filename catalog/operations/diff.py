"""Diffs of two refs."""

from typing import TYPE_CHECKING

from catalog.dataclasses import replace
from catalog.diff.result import Diff
from catalog.diff.view import End, Metric
from catalog.model.commit import EMPTY_ID
from catalog.model.ref_expressions import own_change, split_range
from catalog.operations.context import OperationContext
from catalog.operations.diff_planning import DiffPlanner
from catalog.operations.diff_provenance import provenance
from catalog.operations.diff_request import DiffRequest
from catalog.operations.diff_run import DiffFacts, run_diff, stat_diff
from catalog.operations.diff_scope import diff_scope
from catalog.repository.history import commits_between
from catalog.repository.repository import DEFAULT_BRANCH

if TYPE_CHECKING:
    from catalog.diff.explain import Step
    from catalog.query.session import Session


def compare_refs(
    context: OperationContext, request: DiffRequest, ends: tuple[End, End] | None = None
) -> Diff:
    """Compares two refs; ``ends`` if they are resolved already. See ``Catalog.diff``."""
    request = replace(request, executor=context.executor)
    planner = _planner(context, request, ends)
    commits = _commits(context, planner) if ends is None else None
    scope = diff_scope(planner, request.names)
    if request.where is not None:
        from catalog.operations.row_scope import with_rows_asked_for

        scope = with_rows_asked_for(scope, request.where)
    metrics = _metrics(context, planner, request) if request.metrics else ()
    tables = [one.plan.table for one in scope.planned]
    gate, origins = provenance(context, planner.after.commit_id, tables)
    facts = DiffFacts(
        scope.unchanged,
        commits,
        scope.left_out,
        scope.lookup,
        metrics,
        gate=gate,
        origins=origins,
    )
    if request.level == "stat":
        return stat_diff(scope.planner, scope.planned, facts)
    return run_diff(scope.planner, scope.planned, request, facts)


def _metrics(
    context: OperationContext, planner: DiffPlanner, request: DiffRequest
) -> tuple[Metric, ...]:
    from catalog.operations.metrics import run_metrics
    from catalog.operations.sessions import open_session

    def open_end(end: End) -> "Session":
        return open_session(
            context,
            end.commit_id,
            threads=request.threads,
            memory_limit_bytes=request.memory_limit_bytes,
        )

    return run_metrics(request.metrics or {}, (planner.before, planner.after), open_end)


def explain_refs(context: OperationContext, request: DiffRequest) -> "dict[str, list[Step]]":
    """Returns how a diff would be made; see ``Catalog.explain_diff``."""
    from catalog.diff.explain import explain

    scope = diff_scope(_planner(context, request, None), request.names)
    return {one.plan.table: explain(context.repository, one.plan) for one in scope.planned}


def resolve_ends(context: OperationContext, from_ref: str, to_ref: str) -> tuple[End, End]:
    """Returns both ends of a diff; a range in ``from_ref`` names both."""
    from_ref, to_ref = range_ends(context, from_ref) or (from_ref, to_ref)
    return described_end(context, from_ref), described_end(context, to_ref)


def range_ends(context: OperationContext, text: str) -> tuple[str, str] | None:
    """Returns the refs that a range names: ``A..B``, ``A...B``, ``REF^!``; None for another text.

    ``REF^!`` is what the commit itself changed: it begins at the first parent, or at the empty
    state where there is none.
    """
    ref = own_change(text)
    if ref is not None:
        parents = context.repository.commits.read(context.resolve(ref).commit_id).parents
        return (f"{ref}^" if parents else EMPTY_ID), ref
    ends = split_range(text)
    if ends is None:
        return None
    left, right, from_base = ends
    before, after = left or DEFAULT_BRANCH, right or DEFAULT_BRANCH
    return (context.parting(before, after) if from_base else before), after


def described_end(context: OperationContext, ref: str) -> End:
    """Returns the end that a ref stands for, with what its commit says of itself."""
    return end_at(context, ref, context.resolve(ref).commit_id)


def end_at(context: OperationContext, ref: str, commit_id: str) -> End:
    """Returns the end that a commit is, named by a ref, with what it says of itself."""
    if commit_id == EMPTY_ID:
        return End(ref, commit_id)
    commit = context.repository.commits.read(commit_id)
    return End(ref, commit_id, commit.time, commit.author, commit.message)


MOST_COMMITS = 1000
"""Commits between the ends of a diff from which on they are not counted: each is read for it."""


def _commits(context: OperationContext, planner: DiffPlanner) -> int | None:
    ends = planner.before.commit_id, planner.after.commit_id
    return commits_between(context.repository.commits.read, *ends, most=MOST_COMMITS)


def _planner(
    context: OperationContext, request: DiffRequest, ends: tuple[End, End] | None
) -> DiffPlanner:
    before, after = ends or resolve_ends(context, request.from_ref, request.to_ref)
    return DiffPlanner(context.repository, before, after, request.options)
