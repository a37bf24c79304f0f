"""A change as hooks are told of it: the JSON of its diff, and what else was found."""

from typing import Any

from catalog.model.judgement import Judgement
from catalog.operations.context import OperationContext
from catalog.operations.diff import compare_refs, end_at
from catalog.operations.diff_request import DiffRequest


def delta_json(context: OperationContext, found: Judgement, what: str) -> dict[str, Any]:
    """Returns the diff from the target's head to the candidate, with ``gate`` beside it."""
    request = DiffRequest(from_ref=found.branch, to_ref=found.candidate)
    ends = (
        end_at(context, found.branch, found.before),
        end_at(context, found.candidate, found.candidate),
    )
    with compare_refs(context, request, ends) as diff:
        delta: dict[str, Any] = diff.to_dict()
    return {**delta, "gate": {**found.to_json(), "what": what, "author": context.author}}
