"""Running a fix: its steps side by side, each of which makes one commit, in their order.

What comes out does not depend on how many run at a time. A step of SQL runs on the branch as it is
when it starts; before it commits, it waits for all steps before it, and looks whether rows that it
read have changed since. If so, it is run again, when no other step can commit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import duckdb

from catalog.dataclasses import dataclass, field
from catalog.engine.executor import ThreadExecutor
from catalog.engine.readable import readable
from catalog.errors import CatalogError, Conflict, CorruptData, ErrorKind, InvalidInput
from catalog.flow.refresh.run import StepProgress, Watch
from catalog.hints import Hint
from catalog.model.backfill import Backfill, BackfillStep
from catalog.model.fix import Fix
from catalog.model.ids import excerpt
from catalog.model.types import Scalar
from catalog.operations.context import OperationContext
from catalog.operations.fixes.commands import (
    CommandPlace,
    check_apart,
    run_step_command,
    take_outputs,
)
from catalog.operations.fixes.statements import FixStatement, fix_statements, typed_literal
from catalog.operations.fixes.turns import StoppedError, Turns
from catalog.operations.transaction import CatalogTransaction
from catalog.query.failures import translated
from catalog.query.parse.keywords import fold
from catalog.write.transaction import Authorship

ATTEMPTS = 10
"""How often a step is begun that loses against other writers: each time one of them has won."""

MOST_FAILURES = 10
"""Steps that fail before no more are begun: what is wrong with all need not be tried with each."""


@dataclass(frozen=True, slots=True)
class FixRun:
    """What a fix is run for.

    Attributes:
        context: The catalog.
        backfill: The backfill whose fix it is.
        steps: The steps that are not done yet.
        jobs: How many of them run side by side.
        progress: Receives each step that is done.
        watch: Lends out what interrupts the steps that run, while they do.
        code: What is recorded as the code that wrote; None finds it.
        place: Where commands run.
    """

    context: OperationContext
    backfill: Backfill
    steps: Sequence[BackfillStep]
    jobs: int = 1
    progress: StepProgress = lambda step, done, total: None
    watch: Watch = nullcontext
    code: Mapping[str, str] | None = None
    place: CommandPlace = field(default_factory=CommandPlace)


def run_fix(fix: Fix, run: FixRun) -> None:
    """Runs a fix for the steps that are not done: each makes one commit on the branch.

    A step commits also if it changed nothing, so that it is known as done. One that fails does not
    keep others from being run, unless many fail.

    Raises:
        InvalidInput: A step failed; of kind ``backfill-failed``, and it names the step. Nothing of
            it is committed; what other steps committed stays.
    """
    statements = fix_statements(fix.sql, [one.name for one in fix.variables]) if fix.sql else ()
    _check_steps(fix, run)
    jobs = min(run.jobs, len(run.steps))
    if jobs > 1:
        check_apart(fix, run.steps)
    shared = _Shared(fix, run, statements, jobs)
    tasks = [_StepTask(shared, number, step) for number, step in enumerate(run.steps)]
    try:
        with run.watch(shared.stop):
            errors = ThreadExecutor(jobs).run(tasks)
    except StoppedError:
        raise KeyboardInterrupt from None
    failed = [(s, e) for s, e in zip(run.steps, errors, strict=True) if e is not None]
    if failed:
        raise _failure(run, failed, left=shared.left, by_command=bool(fix.command))


def _check_steps(fix: Fix, run: FixRun) -> None:
    """Checks that steps, which the catalog stores, are steps of a fix.

    What a query found is known only from there.

    Raises:
        CorruptData: They have other variables or values.
    """
    listed = {one.name: frozenset(one.values) for one in fix.variables}
    typed = {one.name for one in fix.variables if fix.sql}
    for step in run.steps:
        if step.values.keys() != listed.keys() or typed - run.backfill.kinds.keys():
            raise CorruptData(f"step {excerpt(step.name)} has other variables than its fix")
        for name, value in step.values.items():
            if "\0" in value or (listed[name] and value not in listed[name]):
                raise CorruptData(f"step {excerpt(step.name)} is for values that its fix has not")


@dataclass(slots=True)
class _Shared:
    """What the steps of a run have in common."""

    fix: Fix
    run: FixRun
    statements: Sequence[FixStatement]
    jobs: int
    turns: Turns = field(default_factory=Turns)
    running: dict[int, CatalogTransaction] = field(default_factory=dict)
    done: int = 0
    failed: int = 0
    left: int = 0

    def stop(self) -> None:
        """Stops the steps that run; others are not begun."""
        self.turns.stop()
        for transaction in list(self.running.values()):
            transaction.interrupt()

    @contextmanager
    def interruptible(self, number: int, transaction: CatalogTransaction) -> Iterator[None]:
        """Has ``stop`` interrupt a transaction."""
        self.running[number] = transaction
        try:
            if self.turns.is_stopped:
                raise StoppedError
            yield
        finally:
            del self.running[number]


class _ChangedMeanwhileError(Exception):
    """Another step has changed rows that this one has read."""


@dataclass(frozen=True, slots=True)
class _StepTask:
    """A step that is to be done; as a task, its result is why it failed, None if it did not."""

    shared: _Shared
    number: int
    step: BackfillStep

    def cancel(self) -> None:
        """Stops it, and all others."""
        self.shared.stop()

    def run(self) -> CatalogError | None:
        """Does the step."""
        shared, run = self.shared, self.shared.run
        try:
            if shared.turns.is_stopped:
                raise StoppedError
            if shared.failed >= MOST_FAILURES:
                shared.left += 1
                return None
            self._do()
        except CatalogError as error:
            if shared.turns.is_stopped:
                raise
            shared.failed += 1
            return error
        finally:
            shared.turns.end(self.number)
        shared.done += 1
        run.progress(self.step.name, shared.done, len(run.steps))
        return None

    def _do(self) -> None:
        shared, run = self.shared, self.shared.run
        if shared.fix.command:
            run_step_command(
                run.context,
                shared.fix,
                run.backfill,
                self.step,
                place=run.place,
                is_cancelled=lambda: shared.turns.is_stopped,
            )
            self._commit(self._take_outputs)
        else:
            kinds = {name: Scalar(kind) for name, kind in run.backfill.kinds.items()}
            literals = {
                fold(name): typed_literal(value, kinds[name])
                for name, value in self.step.values.items()
            }
            bound = [one.with_values(literals) for one in shared.statements]
            self._commit(lambda tx: _run_statements(tx, bound))

    def _take_outputs(self, tx: CatalogTransaction) -> None:
        shared, run = self.shared, self.shared.run
        take_outputs(tx, run.context, shared.fix, self.step, place=run.place)

    def _commit(self, stage: Callable[[CatalogTransaction], None]) -> None:
        """Commits what is staged, when all steps before have ended.

        Raises:
            CatalogError: It cannot be staged, or others keep changing the same.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._attempt(stage)
            except _ChangedMeanwhileError:
                continue
            except Conflict:
                if attempt == ATTEMPTS:
                    raise
                self.shared.turns.wait(self.number)
            else:
                return
        raise Conflict(
            f"others kept changing what step {self.step.name!r} reads",
            kind=ErrorKind.WRITE_CONFLICT,
            hint="let nobody else write to the branch, and run it again",
        )

    def _attempt(self, stage: Callable[[CatalogTransaction], None]) -> None:
        shared, run, step = self.shared, self.shared.run, self.step
        about = Authorship(
            branch=run.backfill.branch,
            author=run.context.author,
            message=f"backfill {run.backfill.name}: {step.name}",
            metadata=run.backfill.step_metadata(step),
            allow_empty=True,
            key=run.backfill.key(step),
        )
        with CatalogTransaction(run.context, about, code=run.code, share=shared.jobs) as tx:
            if not tx.is_repeated:
                with shared.interruptible(self.number, tx):
                    stage(tx)
            shared.turns.wait(self.number)
            if not tx.has_current_reads():
                raise _ChangedMeanwhileError


def _run_statements(tx: CatalogTransaction, statements: Sequence[FixStatement]) -> None:
    """Runs statements; also the rows of queries are computed, which may raise an error."""
    for statement in statements:
        with statement.named_in_errors(), translated(statement.sql):
            for result in tx.run(statement.sql):
                if isinstance(result, duckdb.DuckDBPyRelation):
                    for _ in readable(result).to_arrow_reader():
                        pass


def _failure(
    run: FixRun,
    failed: Sequence[tuple[BackfillStep, CatalogError]],
    *,
    left: int,
    by_command: bool,
) -> InvalidInput:
    """Returns the error for steps that failed; a command may have committed by itself."""
    name, count = run.backfill.name, len(failed)
    nothing = "none of its output was taken in" if by_command else "nothing of it was committed"
    step, error = failed[0]
    if count == 1 and not left:
        what = f"step {step.name!r} of backfill {name!r} failed, and {nothing}"
        return InvalidInput(
            f"{what}: {error.message}", kind=ErrorKind.BACKFILL_FAILED, hint=error.advice
        )
    rest = f", and {left} were not begun" if left else ""
    lines = [
        f"{count} of {len(run.steps)} steps of backfill {name!r} failed{rest}; of each, {nothing}; "
        f"{step.name}: {error.message}",
        *(f"{one.name}: {why.message.partition(chr(10))[0]}" for one, why in failed[1:]),
    ]
    advice = {why.advice for _, why in failed}
    return InvalidInput(
        "\n  ".join(lines),
        kind=ErrorKind.BACKFILL_FAILED,
        hint=advice.pop() if len(advice) == 1 else Hint(""),
    )
