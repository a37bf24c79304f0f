"""What a backfill does to its target: the delta that readers see, and what the gate says of it.

What is looked at is the merge itself, derived tables included, made on a store laid over the
catalog's where nobody else reads it.
"""

from catalog.diff.view import DiffView, End
from catalog.errors import GateRefused, MergeConflict
from catalog.hints import Call, Option, hint
from catalog.model.backfill import Backfill
from catalog.model.judgement import Judgement, judgement_from_json
from catalog.model.listings import CommitInfo
from catalog.operations.backfill.report import Downstream, Effect
from catalog.operations.context import OperationContext
from catalog.operations.diff import compare_refs, end_at
from catalog.operations.diff_request import DiffRequest
from catalog.operations.dry_run import on_trial
from catalog.operations.flow.stale import stale_tables
from catalog.operations.gate.options import NO_OPTIONS, GateOptions
from catalog.operations.merge.start import MergeRequest, merge_into, merge_request
from catalog.operations.merge.steps import Resolutions
from catalog.write.merge.ends import MergeProgress


def merge_of(
    backfill: Backfill,
    *,
    resolve: Resolutions = None,
    message: str | None = None,
    gate: GateOptions = NO_OPTIONS,
) -> MergeRequest:
    """Returns the request to merge the branch of a backfill into its target."""
    return merge_request(
        backfill.branch,
        backfill.into,
        message or backfill.message or None,
        squash=False,
        resolve=resolve,
        refresh=backfill.refresh,
        gate=gate,
    )


def effect_of(
    context: OperationContext,
    backfill: Backfill,
    request: MergeRequest,
    *,
    progress: MergeProgress | None = None,
) -> Effect:
    """Returns what the merge of a backfill would do, and what the gate says of it.

    Raises:
        MergeConflict: The backfill and its target changed the same differently.
        GateRefused: A check is to be allowed to fail, and the rules of the target do not let it.
    """

    def named(before: str, candidate: str) -> tuple[End, End]:
        into = backfill.into
        both = f"{into} with {backfill.branch}"
        return end_at(trial, into, before), end_at(trial, both, candidate)

    with on_trial(context, dry_run=True) as trial:
        try:
            merge = merge_into(trial, request, dry_run=False, progress=progress)
        except MergeConflict as error:
            raise _conflict(backfill, error) from error
        except GateRefused as refused:
            judgement = refused.judgement
            if not isinstance(judgement, Judgement):  # what was asked for is not allowed at all
                raise
            ends = judgement.before, judgement.candidate
            return _effect(trial, named(*ends), judgement=judgement)
        head = merge.ends.ours
        candidate = head if merge.commit is None else merge.commit.id
        return _effect(trial, named(head, candidate), judgement=merge.gate)


def effect_of_merge(context: OperationContext, backfill: Backfill, merge: CommitInfo) -> Effect:
    """Returns what the merge of a backfill did, and what the gate said of it."""
    ends = (
        end_at(context, backfill.into, merge.parents[0]),
        end_at(context, backfill.into, merge.id),
    )
    return _effect(context, ends, judgement=_recorded(context, merge.id))


def _effect(
    context: OperationContext, ends: tuple[End, End], *, judgement: Judgement | None
) -> Effect:
    before, after = ends
    request = DiffRequest(from_ref=before.ref, to_ref=after.ref)
    with compare_refs(context, request, ends) as diff:
        view = diff.view
    return Effect(view, _downstream(context, after.commit_id, view), judgement)


def _downstream(
    context: OperationContext, commit_id: str, delta: DiffView
) -> tuple[Downstream, ...]:
    """Returns the derived tables that change, and those that are stale, each after its inputs."""
    changed = {table.name for table in delta.tables if table.differs}
    found = []
    for one in stale_tables(context, commit_id):
        if one.is_stale:
            found.append(Downstream(one.table, "stale", one.reason))
        elif one.table in changed:
            found.append(Downstream(one.table, "changed"))
    return tuple(found)


def _recorded(context: OperationContext, commit_id: str) -> Judgement | None:
    """Returns what a gate recorded with a commit that it let through."""
    stored = context.repository.commits.read(commit_id).gate
    return None if stored is None else judgement_from_json(stored)


def _conflict(backfill: Backfill, error: MergeConflict) -> MergeConflict:
    """Returns the error for a backfill in conflict, whose merge has left no branch behind."""
    message = error.message.partition("; ")[0]
    return MergeConflict(
        f"{message}; nothing was moved",
        conflicts=error.conflicts,
        hint=hint(
            f"choose a side: {{}} (what {backfill.into} has) or {{}} (the backfill's); or settle "
            "them one by one: {}",
            Option("resolve", "ours"),
            Option("resolve", "theirs"),
            Call("merge", (backfill.branch,), into=backfill.into),
        ),
    )
