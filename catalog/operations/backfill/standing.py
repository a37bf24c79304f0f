"""How far backfills are: by refs and commits alone, or with what they do to their targets."""

import logging
from dataclasses import replace

from catalog.errors import Conflict, CorruptData, ErrorKind, InvalidInput, MergeConflict, NotFound
from catalog.hints import Call, hint
from catalog.messages import printable
from catalog.model.backfill import branch_of, checked_name
from catalog.operations.backfill.effect import effect_of, effect_of_merge, merge_of
from catalog.operations.backfill.merges import (
    Merged,
    MergesInto,
    backfill_names,
    changed_tables,
    find_merge,
    has_all_of,
    open_merge,
)
from catalog.operations.backfill.notes import last_note
from catalog.operations.backfill.report import BackfillReport, State, StepDone
from catalog.operations.context import OperationContext
from catalog.repository.backfills import FoundBackfill, find_backfill
from catalog.repository.history import count_missing

_log = logging.getLogger(__name__)


def backfills(context: OperationContext) -> list[BackfillReport]:
    """Returns all backfills, the one that began last first; no data file is opened.

    One whose description is damaged is passed over with a warning.
    """
    reports, merges = [], MergesInto(context)
    for name in backfill_names(context):
        try:
            found = find_backfill(context.repository, name)
        except CorruptData as error:
            _log.warning("%s is passed over: %s", printable(branch_of(name)), error.message)
            continue
        if found is not None:
            reports.append(standing(context, found, merges))
    return sorted(reports, key=lambda one: (one.begun, one.backfill.name), reverse=True)


def show_backfill(context: OperationContext, name: str) -> BackfillReport:
    """Returns how far a backfill is, and what it does to its target; see ``show_backfill``."""
    found = named_backfill(context, name)
    report = standing(context, found)
    backfill = found.backfill
    if report.commit is not None:
        return replace(report, effect=effect_of_merge(context, backfill, report.commit))
    left = report.steps_done < len(report.steps) or not changed_tables(found)
    if left or report.conflicts or report.state in ("abandoned", "broken"):
        return report
    try:
        effect = effect_of(context, backfill, merge_of(backfill))
    except MergeConflict as error:
        return replace(report, state="conflict", reason=error.message)
    except InvalidInput as error:  # a derived table cannot be computed
        return replace(report, state="failed", reason=error.message)
    judged: State = "ready" if effect.judgement is None or effect.judgement.passed else "refused"
    return replace(report, state=judged, effect=effect, reason="")


def named_backfill(context: OperationContext, name: str) -> FoundBackfill:
    """Returns a backfill that there is, or was.

    Raises:
        NotFound: There never was one of that name.
    """
    name = checked_name(name)
    found = find_backfill(context.repository, name)
    if found is None:
        raise NotFound(
            f"no backfill {name!r}",
            kind=ErrorKind.BACKFILL_NOT_FOUND,
            hint=hint("list them: {}", Call("backfills")),
        )
    return found


def standing(
    context: OperationContext, found: FoundBackfill, merges: MergesInto | None = None
) -> BackfillReport:
    """Returns how far a backfill is, without what it does to its target."""
    merged = find_merge(context, found.backfill, merges)
    state, reason = _state(context, found, merged)
    waiting = None
    if state in ("ready", "refused", "conflict", "unfinished", "failed"):
        waiting = open_merge(context, found.backfill)
    if waiting is not None:
        state, reason = "conflict", f"its merge has conflicts, on branch {waiting.branch!r}"
    target = context.repository.branches.find(found.backfill.into)
    behind = 0
    if target is not None and target.commit_id is not None:
        behind = count_missing(context.repository.commits.read, target.commit_id, found.head)
    is_merged = merged is not None and state in ("merged", "undone")
    return BackfillReport(
        found.backfill,
        state,
        found.head,
        found.moves[-1].time,
        steps_of(found),
        behind=0 if is_merged else behind,
        commit=merged.commit if merged is not None and is_merged else None,
        undo=merged.undo if merged is not None and is_merged else None,
        reason=reason,
        conflicts="" if waiting is None else waiting.branch,
    )


def _state(
    context: OperationContext, found: FoundBackfill, merged: Merged | None
) -> tuple[State, str]:
    """Returns the state of a backfill, and why it is in it."""
    left = found.described is not None and any(one.commit is None for one in steps_of(found))
    if merged is not None and (
        found.is_deleted or found.is_replaced or has_all_of(context, found, merged)
    ):
        if merged.undo is not None:
            return "undone", ""
        if not left:
            return "merged", ""
    if found.is_deleted or found.is_replaced:
        return "abandoned", ""
    try:
        found.check_whole()
    except Conflict as error:
        return "broken", error.message
    noted = last_note(found)
    if left:
        return ("failed", noted[1]) if noted and noted[0] == "failed" else ("unfinished", "")
    return noted or ("unfinished", "")


def steps_of(found: FoundBackfill) -> tuple[StepDone, ...]:
    """Returns the steps of a backfill, each with its commit if it is done."""
    own = {} if found.described is None else {one.id: one.commit for one in found.described.own}
    done = {} if found.described is None else found.described.done

    def step_done(commit_id: str | None) -> tuple[str | None, tuple[str, ...]]:
        return commit_id, () if commit_id is None else tuple(sorted(own[commit_id].changes))

    steps = found.backfill.steps
    return tuple(StepDone(one, *step_done(done.get(found.backfill.key(one)))) for one in steps)
