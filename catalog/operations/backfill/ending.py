"""The ends of backfills beside the merge: abandoned before it, or undone after it."""

from dataclasses import replace

from catalog.errors import ErrorKind, InvalidInput
from catalog.hints import Call, hint
from catalog.operations.backfill.effect import effect_of_merge
from catalog.operations.backfill.merges import MergesInto, drop_open_merge
from catalog.operations.backfill.report import BackfillReport
from catalog.operations.backfill.standing import named_backfill, standing
from catalog.operations.branch_rules import check_movable
from catalog.operations.context import OperationContext
from catalog.operations.history import describe_commit
from catalog.operations.merge.steps import Resolutions
from catalog.operations.refs import unprotected_branch
from catalog.operations.replay import ReplayOptions, revert
from catalog.repository.branch_errors import moved_error
from catalog.storage.store import SwapLost
from catalog.write.merge.ends import MergeProgress


def abandon(context: OperationContext, name: str) -> BackfillReport:
    """Deletes the branch of a backfill that was not merged; see ``abandon_backfill``."""
    found = named_backfill(context, name)
    report = standing(context, found)
    backfill = found.backfill
    if report.commit is not None and report.state == "merged":
        raise InvalidInput(
            f"backfill {backfill.name!r} was merged into {backfill.into} as "
            f"{report.commit.id[:8]}: it cannot be abandoned",
            kind=ErrorKind.BACKFILL_EXISTS,
            hint=hint(
                "take back what it did: {}; or delete its branch: {}",
                Call("undo_backfill", (backfill.name,)),
                Call("branches.delete", (backfill.branch,)),
            ),
        )
    if found.is_deleted or found.is_replaced:
        return report
    drop_open_merge(context, backfill)
    held = unprotected_branch(context.repository, backfill.branch).held
    check_movable(held.branch, doing="abandoning the backfill, which deletes it,")
    try:
        context.repository.branches.move(held, None, context.stamp("backfill: abandoned"))
    except SwapLost as error:
        raise moved_error(backfill.branch, during="its deletion") from error
    return standing(context, named_backfill(context, name))


def undo(
    context: OperationContext,
    name: str,
    *,
    resolve: Resolutions = None,
    refresh: bool = True,
    message: str | None = None,
    progress: MergeProgress | None = None,
) -> BackfillReport:
    """Takes back what a backfill that was merged did; see ``undo_backfill``."""
    found = named_backfill(context, name)
    backfill = found.backfill
    merges = MergesInto(context).of(backfill)
    if not merges:
        raise InvalidInput(
            f"backfill {backfill.name!r} was not merged into {backfill.into}: there is nothing to "
            "undo",
            kind=ErrorKind.BACKFILL_NOT_FOUND,
            hint=hint("drop it: {}", Call("abandon_backfill", (backfill.name,))),
        )
    left = [one.commit.id for one in merges if one.undo is None]
    if not left:
        report = standing(context, found)
        return replace(report, state="undone", undo=merges[0].undo, reason="it was undone before")
    options = ReplayOptions(
        branch=backfill.into, resolve=resolve, refresh=refresh, progress=progress, of_merge=True
    )
    done = revert(
        context,
        left,
        options,
        tables=None,
        allow_partial=False,
        message=message or f"undo of backfill {backfill.name}",
    )
    report = standing(context, named_backfill(context, name))
    if done.commit is None:
        return replace(report, reason="all that it changed has been changed back since")
    return replace(
        report,
        state="undone",
        commit=merges[0].commit,
        undo=describe_commit(context, done.commit.id),
        effect=effect_of_merge(context, backfill, done.commit),
    )
