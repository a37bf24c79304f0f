"""Fixes: what a backfill runs on its branch, and its runs, each of which makes one commit."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from catalog.errors import CatalogError, ErrorKind, InvalidInput
from catalog.flow.refresh.run import StepProgress, Watch
from catalog.model.backfill import WHOLE, Backfill, BackfillStep
from catalog.model.fix import Fix
from catalog.operations.context import OperationContext
from catalog.operations.transaction import CatalogTransaction
from catalog.write.transaction import Authorship


@dataclass(frozen=True, slots=True)
class FixRun:
    """What a fix is run for.

    Attributes:
        context: The catalog.
        backfill: The backfill whose fix it is.
        steps: The steps that are not done yet.
        jobs: How many of them run side by side.
        progress: Receives each step that is done.
        watch: Lends out what interrupts the step that runs, while it does.
        code: What is recorded as the code that wrote; None finds it.
    """

    context: OperationContext
    backfill: Backfill
    steps: Sequence[BackfillStep]
    jobs: int = 1
    progress: StepProgress = lambda step, done, total: None
    watch: Watch = nullcontext
    code: Mapping[str, str] | None = field(default=None)


def planned_steps(context: OperationContext, fix: Fix, commit_id: str) -> tuple[BackfillStep, ...]:
    """Returns the runs of a fix, for the values that it finds at a commit.

    Raises:
        InvalidInput: There are none, or what it is to be run for is not valid.
    """
    return (WHOLE,)


def run_fix(fix: Fix, run: FixRun) -> None:
    """Runs a fix for the steps that are not done: each makes one commit on the branch.

    A step commits also if it changed nothing, with ``allow_empty``, so that it is known as done:
    with ``Backfill.step_metadata`` as metadata and ``Backfill.key`` as idempotency key.

    Raises:
        InvalidInput: A step failed; of kind ``backfill-failed``, and it names the step. Nothing of
            it is committed; what other steps committed stays.
    """
    for number, step in enumerate(run.steps, start=1):
        about = Authorship(
            branch=run.backfill.branch,
            author=run.context.author,
            message=f"backfill {run.backfill.name}: {step.name}",
            metadata=run.backfill.step_metadata(step),
            allow_empty=True,
            key=run.backfill.key(step),
        )
        try:
            with CatalogTransaction(run.context, about, code=run.code) as tx:
                if not tx.is_repeated:
                    for one in fix.sql:
                        tx.run(one.text)
        except CatalogError as error:
            raise InvalidInput(
                f"step {step.name!r} of backfill {run.backfill.name!r} failed, and nothing of it "
                f"was committed: {error.message}",
                kind=ErrorKind.BACKFILL_FAILED,
                hint=error.advice,
            ) from error
        run.progress(step.name, number, len(run.steps))
