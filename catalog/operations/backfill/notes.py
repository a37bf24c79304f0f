"""How far a backfill came when it last stopped, noted in the reflog of its branch.

The branch stays where it is. A note counts only as long as nothing was committed on top.
"""

from contextlib import suppress

from catalog.errors import CatalogError
from catalog.messages import shortened
from catalog.model.backfill import Backfill
from catalog.operations.backfill.report import State
from catalog.operations.context import OperationContext
from catalog.repository.backfills import FoundBackfill
from catalog.storage.store import SwapLost

PREFIX = "backfill: "

NOTED: tuple[State, ...] = ("ready", "refused", "failed", "conflict")
"""What is noted: how it stopped."""

LONGEST = 300
"""Characters of a reason in the reflog."""


def note(context: OperationContext, backfill: Backfill, state: State, *, reason: str = "") -> None:
    """Notes how a backfill stopped, unless that was the last thing noted.

    It is for people: where the branch cannot be written, or moves meanwhile, nothing is noted.
    """
    first_line = shortened(reason.partition("\n")[0], LONGEST)
    why = f"{PREFIX}{state}" + (f": {first_line}" if reason else "")
    with suppress(CatalogError, SwapLost):
        held = context.repository.branches.held(backfill.branch)
        if held is None or held.branch.commit_id is None or held.branch.reflog[0].why == why:
            return
        context.repository.branches.move(held, held.branch.commit_id, context.stamp(why))


def last_note(found: FoundBackfill) -> tuple[State, str] | None:
    """Returns how a backfill stopped, and the reason; None if something was done since."""
    for move in found.moves:
        state, _, reason = move.why.removeprefix(PREFIX).partition(": ")
        if move.why.startswith(PREFIX) and state in NOTED:
            return next((known, reason) for known in NOTED if known == state)
        if move.before != move.after:
            return None
    return None
