"""Diffs of two refs."""

from typing import TYPE_CHECKING

from catalog.diff.result import Diff
from catalog.diff.view import End
from catalog.model.ref_expressions import split_range
from catalog.operations.context import OperationContext
from catalog.operations.diff_planning import DiffPlanner
from catalog.operations.diff_request import DiffRequest
from catalog.operations.diff_run import DiffFacts, run_diff, stat_diff
from catalog.repository.repository import DEFAULT_BRANCH

if TYPE_CHECKING:
    from catalog.diff.explain import Step


def compare_refs(
    context: OperationContext, request: DiffRequest, ends: tuple[End, End] | None = None
) -> Diff:
    """Compares two refs; ``ends`` if they are resolved already. See ``Catalog.diff``."""
    planner = _planner(context, request, ends)
    names, unchanged = (request.names, None) if request.names is not None else planner.changed()
    planned = planner.tables(names)
    facts = DiffFacts(unchanged)
    if request.level == "stat":
        return stat_diff(planner, planned, facts)
    return run_diff(planner, planned, request, facts)


def explain_refs(context: OperationContext, request: DiffRequest) -> "dict[str, list[Step]]":
    """Returns how a diff would be made; see ``Catalog.explain_diff``."""
    from catalog.diff.explain import explain

    planned = _planner(context, request, None).tables(request.names)
    return {one.plan.table: explain(context.repository, one.plan) for one in planned}


def resolve_ends(context: OperationContext, from_ref: str, to_ref: str) -> tuple[End, End]:
    """Returns both ends of a diff; a range in ``from_ref`` names both."""
    ends = split_range(from_ref)
    if ends is not None:
        left, right, from_base = ends
        from_ref, to_ref = left or DEFAULT_BRANCH, right or DEFAULT_BRANCH
        if from_base:
            from_ref = context.parting(from_ref, to_ref)
    return described_end(context, from_ref), described_end(context, to_ref)


def described_end(context: OperationContext, ref: str) -> End:
    """Returns the end that a ref stands for, with what its commit says of itself."""
    commit_id = context.resolve(ref).commit_id
    commit = context.repository.commits.read(commit_id)
    return End(ref, commit_id, commit.time, commit.author, commit.message)


def _planner(
    context: OperationContext, request: DiffRequest, ends: tuple[End, End] | None
) -> DiffPlanner:
    before, after = ends or resolve_ends(context, request.from_ref, request.to_ref)
    return DiffPlanner(context.repository, before, after, request.options)
