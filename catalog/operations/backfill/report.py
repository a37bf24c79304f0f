"""What a backfill has done, and what it would do to its target; values."""

import datetime
from typing import Literal

from catalog.dataclasses import dataclass
from catalog.diff.view import DiffView
from catalog.model.backfill import Backfill, BackfillStep
from catalog.model.judgement import Judgement
from catalog.model.listings import CommitInfo
from catalog.operations.rebase import RebaseReport

State = Literal[
    "unfinished",
    "failed",
    "ready",
    "refused",
    "conflict",
    "merged",
    "undone",
    "abandoned",
    "broken",
]
"""How far a backfill is.

``unfinished``: something is still to be done, or was when it last stopped; ``failed``: its last
step failed; ``ready``: it passed the gate, and can be merged; ``refused``: the gate said no;
``conflict``: it and its target changed the same differently; ``merged``; ``undone``: it was merged,
and taken back since; ``abandoned``: its branch was deleted before it was merged; ``broken``: its
branch was moved, so that what was done is no longer on it.
"""


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step of a backfill.

    Attributes:
        step: The step.
        commit: The commit that it made; None if it is still to be done.
        changed: The tables that this commit changed.
    """

    step: BackfillStep
    commit: str | None = None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Downstream:
    """What a backfill means for a derived table.

    Attributes:
        table: The table.
        what: ``changed``: its rows differ; ``stale``: it is not what its inputs now make of it.
        reason: Why it is stale.
    """

    table: str
    what: Literal["changed", "stale"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a backfill does, or would do, to its target.

    Attributes:
        delta: What readers of the target see change, table by table.
        downstream: Derived tables that change, or are stale then, each after its inputs.
        judgement: What the gate found; None if nothing was judged.
    """

    delta: DiffView
    downstream: tuple[Downstream, ...] = ()
    judgement: Judgement | None = None


@dataclass(frozen=True, slots=True)
class BackfillReport:
    """What a backfill has done so far, and what it would do.

    Attributes:
        backfill: What it is to do.
        state: How far it is.
        head: Where its branch points, or pointed.
        begun: When it began, aware UTC.
        steps: Its steps.
        effect: What it does to its target; None if that was not looked at.
        rebase: How it was rebased just now; None if it was not.
        behind: Commits of the target that its branch does not have: the merge includes them.
        commit: The merge; None if it was not merged.
        undo: The commit that took the merge back; None if none did.
        reason: Why it is in this state, in a sentence; may be empty.
        conflicts: The branch on which conflicts of its merge wait to be settled; empty if none do.
    """

    backfill: Backfill
    state: State
    head: str
    begun: datetime.datetime
    steps: tuple[StepDone, ...] = ()
    effect: Effect | None = None
    rebase: RebaseReport | None = None
    behind: int = 0
    commit: CommitInfo | None = None
    undo: CommitInfo | None = None
    reason: str = ""
    conflicts: str = ""

    @property
    def branch(self) -> str:
        """Returns its branch."""
        return self.backfill.branch

    @property
    def steps_done(self) -> int:
        """Returns how many of its steps are done."""
        return sum(one.commit is not None for one in self.steps)
