"""A backfill, step by step: its fix, the rebase, derived tables, the gate, and the merge.

Each step asks the branch whether it is done, and ends with one move of a branch. So the same call
goes on wherever an earlier one stopped, on this machine or on another.
"""

from collections.abc import Mapping
from contextlib import nullcontext

from catalog.dataclasses import dataclass, field, replace
from catalog.errors import (
    CatalogError,
    Conflict,
    ErrorKind,
    GateRefused,
    InvalidInput,
    MergeConflict,
)
from catalog.flow.candidate import Candidate
from catalog.flow.derivation.graph import Graph
from catalog.flow.derivation.staleness import staleness
from catalog.flow.refresh.external import NO_COMMANDS, CommandRuns
from catalog.flow.refresh.run import StepProgress, Watch
from catalog.hints import Call, Option, hint
from catalog.model.backfill import Backfill
from catalog.model.derived import Definition
from catalog.model.judgement import refusals
from catalog.model.listings import CommitInfo
from catalog.operations.backfill.effect import effect_of, effect_of_merge, merge_of
from catalog.operations.backfill.merges import changed_tables, open_merge
from catalog.operations.backfill.notes import note
from catalog.operations.backfill.report import BackfillReport, State
from catalog.operations.backfill.standing import standing
from catalog.operations.backfill.start import BackfillRequest, start
from catalog.operations.context import OperationContext
from catalog.operations.fixes.commands import CommandPlace
from catalog.operations.fixes.run import FixRun, run_fix
from catalog.operations.fixes.stored import stored_fix
from catalog.operations.flow.refresh import refresh
from catalog.operations.merge.settling import with_way_out
from catalog.operations.merge.start import merge_into
from catalog.operations.rebase import RebaseReport, rebase
from catalog.operations.refs import live_branch
from catalog.repository.backfills import FoundBackfill, find_backfill
from catalog.repository.history import count_missing, parting
from catalog.repository.repository import DEFAULT_BRANCH
from catalog.write.merge.ends import MergeProgress

GO_ON = hint(
    "what is done stays done: run it again once the reason is gone; with another fix: {}",
    Option("restart"),
)
"""The way on after a step that failed."""

REBASES = 5
"""Rebases that are begun at most: each that fails has lost against another process."""

REFUSALS_SHOWN = 10
"""Reasons of a gate that an error lists; the report has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Who watches a backfill, and what it may run.

    Attributes:
        steps: Receives each step of the fix, and each derived table, that is done.
        merges: Receives the progress of the rebase and of the merge; see ``Catalog.merge``.
        watch: Is entered while something runs, with a function that stops it.
        runs: Which commands of derived tables may run.
        code: What is recorded as the code that wrote; None finds it.
        place: Where the command of a fix runs.
    """

    steps: StepProgress = lambda step, done, total: None
    merges: MergeProgress | None = None
    watch: Watch = nullcontext
    runs: CommandRuns = NO_COMMANDS
    code: Mapping[str, str] | None = None
    place: CommandPlace = field(default_factory=CommandPlace)


def run_backfill(
    context: OperationContext, request: BackfillRequest, around: Surroundings
) -> BackfillReport:
    """Runs a backfill, or goes on with it; see ``CatalogBackfiller.backfill``.

    A refusal by the gate is reported, not raised.
    """
    found = start(context, request, into=DEFAULT_BRANCH)
    finished = _finished(context, found)
    if finished is not None:
        return finished
    found.check_whole()
    _check_none_open(context, found.backfill)
    run = _Run(context, request, around, found)
    run.run_steps()
    run.rebase()
    run.refresh()
    run.check_changed()
    return run.conclude()


def refusal(report: BackfillReport) -> GateRefused:
    """Returns the error for a backfill that was to be merged, and that the gate refuses."""
    judgement = None if report.effect is None else report.effect.judgement
    lines = [] if judgement is None else refusals(judgement)
    name, into = report.backfill.name, report.backfill.into
    return GateRefused(
        f"backfill {name!r} does not pass the gate of {into}; nothing was merged"
        + "".join(f"\n  {line}" for line in lines[:REFUSALS_SHOWN]),
        judgement=judgement,
        hint=hint(
            "look at it: {}; with a corrected fix: {}",
            Call("show_backfill", (name,)),
            Option("restart"),
        ),
    )


def _finished(context: OperationContext, found: FoundBackfill) -> BackfillReport | None:
    """Returns the report of a backfill that was merged before; None if it is still to be."""
    report = standing(context, found)
    if report.state != "merged" or report.commit is None:
        return None
    effect = effect_of_merge(context, found.backfill, report.commit)
    return replace(report, effect=effect, reason="it was merged before")


def _check_none_open(context: OperationContext, backfill: Backfill) -> None:
    """Checks that no merge of a backfill waits for its conflicts to be settled.

    Raises:
        Conflict: One does; nothing is done before it ends.
    """
    merge = open_merge(context, backfill)
    if merge is not None:
        raise Conflict(
            f"the merge of backfill {backfill.name!r} into {backfill.into} has conflicts, which "
            f"wait on branch {merge.branch!r}",
            kind=ErrorKind.MERGE_UNDER_WAY,
            hint=hint(
                "look at them: {}; once they are settled, complete it: {}; or drop it: {}",
                Call("conflicts", (merge.branch,)),
                Call("continue_merge", (backfill.branch,), into=backfill.into),
                Call("abort_merge", (backfill.branch,), into=backfill.into),
            ),
        )


@dataclass(slots=True)
class _Run:
    """What remains to be done of a backfill, in order.

    Attributes:
        found: The backfill, and its branch as it was last read.
        rebased: How the branch was rebased; None if it was not.
    """

    context: OperationContext
    request: BackfillRequest
    around: Surroundings
    found: FoundBackfill
    rebased: RebaseReport | None = None

    @property
    def backfill(self) -> Backfill:
        """Returns what is to be done: without refresh if this call asks for none."""
        stored = self.found.backfill
        return replace(stored, refresh=stored.refresh and self.request.refresh)

    def _look_again(self) -> None:
        """Reads the backfill again, since its branch has moved."""
        now = find_backfill(self.context.repository, self.backfill.name)
        if now is None or now.is_deleted or now.backfill.id != self.backfill.id:
            raise Conflict(
                f"backfill {self.backfill.name!r} was abandoned or begun again meanwhile",
                kind=ErrorKind.BACKFILL_BROKEN,
                hint="look at it, and run it again",
            )
        now.check_whole()
        self.found = now

    def run_steps(self) -> None:
        """Runs the steps of the fix that are not done."""
        backfill, fix = self.backfill, self.request.fix
        todo = [step for step in backfill.steps if backfill.key(step) not in self.found.done]
        if not todo:
            return
        if fix is None:
            fix = stored_fix(
                backfill,
                allow_statements=self.request.allow_statements,
                allow_commands=self.around.runs.everything,
            )
        run = FixRun(
            self.context,
            backfill,
            todo,
            jobs=self.request.jobs,
            progress=self.around.steps,
            watch=self.around.watch,
            code=self.around.code,
            place=self.around.place,
        )
        try:
            run_fix(fix, run)
        except CatalogError as error:
            if error.kind == ErrorKind.BACKFILL_FAILED:
                note(self.context, backfill, "failed", reason=error.message)
                error.advice = error.advice if error.advice.text else GO_ON
            raise
        self._look_again()

    def rebase(self) -> None:
        """Moves the branch onto its target, if it began before that and was not moved yet.

        A branch that began at its target's head stays there: the merge includes what came since.
        """
        for attempt in range(1, REBASES + 1):
            if not self._must_be_rebased():
                return
            try:
                self.rebased = rebase(
                    self.context,
                    self.backfill.branch,
                    onto=self.backfill.into,
                    resolve=self.request.resolve,
                    refresh=self.backfill.refresh,
                    dry_run=False,
                    progress=self.around.merges,
                )
            except MergeConflict as error:
                note(self.context, self.backfill, "conflict", reason=error.message)
                raise
            except Conflict:  # another process may just have done it
                if attempt == REBASES:
                    raise
            self._look_again()

    def _must_be_rebased(self) -> bool:
        backfill = self.backfill
        target = live_branch(self.context.repository, backfill.into).head
        parted = parting(self.context.repository.commits.read, self.found.head, target)
        return bool(backfill.from_ref) and parted == backfill.base and parted != target

    def refresh(self) -> None:
        """Computes the derived tables on the branch that its changes have made stale.

        Tables that a command computes are left stale unless the command may run.
        """
        wanted = self._stale_tables() if self.backfill.refresh else []
        if not wanted:
            return
        try:
            refresh(
                self.context,
                self.backfill.branch,
                tables=wanted,
                downstream_of=(),
                full=False,
                dry_run=False,
                message=f"backfill {self.backfill.name}: refresh",
                progress=self.around.steps,
                runs=self.around.runs,
                watch=self.around.watch,
                code=self.around.code,
            )
        except InvalidInput as error:
            note(self.context, self.backfill, "failed", reason=error.message)
            raise with_way_out(error) from error
        self._look_again()

    def _stale_tables(self) -> list[str]:
        """Returns the derived tables to compute; none if all are as they should be."""
        candidate = Candidate(self.context.repository, self.found.head)
        graph = Graph(candidate)
        changed = changed_tables(self.found)
        concerned = (graph.downstream(changed) | changed) & graph.definitions.keys()
        stale = staleness(candidate, graph)
        refused = {
            name
            for name, definition in graph.definitions.items()
            if definition.command and stale[name].is_stale and not self._may_run(name, definition)
        }
        wanted = concerned - refused - graph.downstream(refused)
        return sorted(wanted) if any(stale[name].is_stale for name in wanted) else []

    def _may_run(self, table: str, definition: Definition) -> bool:
        try:
            self.around.runs.check(table, definition)
        except InvalidInput:
            return False
        return True

    def check_changed(self) -> None:
        """Checks that there is something to merge.

        Raises:
            InvalidInput: The fix changed nothing.
        """
        if self.request.allow_empty or changed_tables(self.found):
            return
        note(self.context, self.backfill, "failed", reason="its fix changed nothing")
        raise InvalidInput(
            f"the fix of backfill {self.backfill.name!r} changed nothing: there is nothing to "
            f"merge into {self.backfill.into}",
            kind=ErrorKind.BACKFILL_EMPTY,
            hint=hint(
                "look at its conditions; with another fix: {}; if it may change nothing: {}",
                Option("restart"),
                Option("allow_empty"),
            ),
        )

    def conclude(self) -> BackfillReport:
        """Has the branch judged, and merges it if that is wanted and it passes."""
        context, backfill, found = self.context, self.backfill, self.found
        target = live_branch(context.repository, backfill.into).head
        behind = count_missing(context.repository.commits.read, target, found.head)
        report = replace(standing(context, found), rebase=self.rebased, behind=behind, reason="")
        asked = merge_of(
            backfill,
            resolve=self.request.resolve,
            message=self.request.message,
            gate=self.request.gate,
        )
        if self.request.merge:
            try:
                merge = merge_into(context, asked, dry_run=False, progress=self.around.merges)
            except MergeConflict as error:
                note(context, backfill, "conflict", reason=error.message)
                raise
            except GateRefused:
                pass  # what it found is found again below, with all that the change would do
            else:
                return replace(self._merged(merge.commit), rebase=self.rebased)
        try:
            effect = effect_of(context, backfill, asked, progress=self.around.merges)
        except MergeConflict as error:
            note(context, backfill, "conflict", reason=error.message)
            raise
        refused = effect.judgement is not None and not effect.judgement.passed
        state: State = "refused" if refused else "ready"
        note(context, backfill, state)
        return replace(report, state=state, effect=effect)

    def _merged(self, commit: CommitInfo | None) -> BackfillReport:
        """Returns the report of a backfill that was merged just now, maybe by another process."""
        self._look_again()
        report = standing(self.context, self.found)
        commit = commit or report.commit
        effect = None if commit is None else effect_of_merge(self.context, self.backfill, commit)
        return replace(report, state="merged", effect=effect, commit=commit, reason="")
