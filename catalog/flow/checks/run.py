"""Running checks that are bound: which are counted together, and what becomes of those that fail.

Checks are counted together so that a table is read as seldom as possible. If that fails, each is
counted alone, so that one whose SQL fails breaks no other.
"""

import datetime
import time
from collections.abc import Callable, Sequence

from catalog.dataclasses import dataclass, field
from catalog.engine.executor import Executor
from catalog.errors import CatalogError, ErrorKind, InvalidInput, StorageFailure, Unsupported
from catalog.flow.checks.binding import BoundCheck
from catalog.flow.checks.examples import examples
from catalog.flow.checks.files import FileChoice
from catalog.flow.checks.measure import MATCHING, Measured, Pass, counted_by_metadata, measure
from catalog.flow.checks.outcome import broken_result, result_of
from catalog.flow.checks.reading import CheckEngine, Scan, check_engine
from catalog.model.checks import CheckKind
from catalog.model.datafile import DataFile
from catalog.model.judgement import CheckResult, Example
from catalog.repository.commits import StoredTable
from catalog.repository.repository import Repository
from catalog.storage.reopening import finish_writes

_OF_CHECK = (ErrorKind.TIME_LIMIT, ErrorKind.OUT_OF_MEMORY)
"""Failures of the machine that are the fault of what is run."""


@dataclass(frozen=True, slots=True)
class Job:
    """A check to be run.

    Attributes:
        check: The check.
        before: Its table as it was when it found no failure; see ``FileChoice.files``.
    """

    check: BoundCheck
    before: StoredTable | None = None


@dataclass(slots=True)
class CheckRun:
    """Runs checks on tables of a commit.

    Attributes:
        engine: What runs SELECTs.
        choice: What chooses the files to read.
        now: The moment that ``freshness`` is relative to.
        most_examples: How many rows to show of a check that fails.
        progress: Called after each check with how many are done, and its name.
        executor: What runs checks that are not counted together, elsewhere; None runs all here.
    """

    engine: CheckEngine
    choice: FileChoice
    now: datetime.datetime
    most_examples: int
    progress: Callable[[int, str], None] = lambda done, name: None
    executor: Executor | None = None
    _done: int = field(default=0)

    def results(self, jobs: Sequence[Job]) -> list[CheckResult]:
        """Runs checks, and returns their results in order.

        Raises:
            CorruptData: A data file is damaged or missing.
            StorageFailure: The storage failed.
        """
        found: dict[int, CheckResult] = {}
        waiting: list[tuple[int, Job]] = []
        for at, job in enumerate(jobs):
            known = counted_by_metadata(job.check)
            if known is None:
                waiting.append((at, job))
            else:
                found[at] = self._result(job.check, known, (), elapsed_ms=0)
        passes = self._passes(waiting)
        apart = self._apart([one for _, one in passes])
        for at, (numbers, one) in enumerate(passes):
            results = self.of_pass(one) if apart is None else apart[at].results
            found |= zip(numbers, results, strict=True)
        self.engine.context.check_read()
        return [found[at] for at in range(len(jobs))]

    def _apart(self, passes: Sequence[Pass]) -> "list[PassResults] | None":
        """Has an executor run passes; None if they are to be run here."""
        repository, executor = self.engine.repository, self.executor
        if executor is None or len(passes) < 2 or not repository.can_be_reopened:
            return None
        tasks = [PassTask(repository, one, self.now, self.most_examples) for one in passes]
        if not executor.takes(sum(task.size_bytes for task in tasks)):
            return None
        finish_writes(repository.store)  # others read what this process wrote

        def done(number: int, results: PassResults) -> None:
            for check in passes[number].checks:
                self._told(check)

        found = executor.run(tasks, done=done)
        for one in found:
            self.engine.scans += one.scans
        return found

    def _passes(self, waiting: Sequence[tuple[int, Job]]) -> list[tuple[list[int], Pass]]:
        """Returns which checks are counted together.

        Those that are about the same files are: all of a table, or those that are new in it.
        """
        groups: dict[tuple[object, ...], list[tuple[int, BoundCheck, Sequence[DataFile]]]] = {}
        for number, job in waiting:
            check = job.check
            files = [] if check.kind is CheckKind.SQL else self.choice.files(check, job.before)
            alone = check.kind is CheckKind.SQL or not check.is_bounded
            key = (
                check.table.id,
                ("alone", number) if alone else check.kind in MATCHING,  # True is 1 as well
                job.before is None or len(files) == check.snapshot.files,
            )
            groups.setdefault(key, []).append((number, check, files))
        passes = []
        for members in groups.values():
            union = {file.path: file for _, _, files in members for file in files}
            one = Pass(tuple(check for _, check, _ in members), tuple(union.values()))
            passes.append(([number for number, _, _ in members], one))
        return passes

    def of_pass(self, one: Pass) -> list[CheckResult]:
        """Returns the results of checks that are counted together, or else one by one.

        Raises:
            CorruptData: A data file is damaged or missing.
            StorageFailure: The storage failed.
        """
        started = time.monotonic()
        try:
            measured = measure(self.engine, one, choice=self.choice, now=self.now)
        except (InvalidInput, Unsupported, StorageFailure) as error:
            _check_is_to_blame(error)
            if len(one.checks) == 1:
                return [self._broken(one.checks[0], error)]
            alone = [Pass((check,), one.files) for check in one.checks]
            return [result for single in alone for result in self.of_pass(single)]
        elapsed_ms = round(1000 * (time.monotonic() - started))
        pairs = zip(one.checks, measured, strict=True)
        return [self._result(check, m, one.files, elapsed_ms=elapsed_ms) for check, m in pairs]

    def _result(
        self, check: BoundCheck, measured: Measured, files: Sequence[DataFile], *, elapsed_ms: int
    ) -> CheckResult:
        rows: tuple[Example, ...] = ()
        if measured.failures and check.kind not in (CheckKind.ROW_COUNT, CheckKind.FRESHNESS):
            try:
                most = self.most_examples
                rows = examples(self.engine, check, files, choice=self.choice, most=most)
            except (InvalidInput, Unsupported, StorageFailure) as error:
                _check_is_to_blame(error)
                return self._broken(check, error)
        self._told(check)
        return result_of(check, measured, now=self.now, examples=rows, elapsed_ms=elapsed_ms)

    def _broken(self, check: BoundCheck, error: CatalogError) -> CheckResult:
        self._told(check)
        return broken_result(check.one, error.message, reads=check.reads)

    def _told(self, check: BoundCheck) -> None:
        self._done += 1
        self.progress(self._done, check.one.full_name)


@dataclass(frozen=True, slots=True)
class PassResults:
    """What checks that are counted together found, and which data files were read for it."""

    results: tuple[CheckResult, ...]
    scans: tuple[Scan, ...]


@dataclass(slots=True)
class PassTask:
    """Runs checks that are counted together; a task of an executor that travels.

    Attributes:
        repository: The catalog.
        one: The checks, and the files that they are about.
        now: The moment that ``freshness`` is relative to.
        most_examples: How many rows to show of a check that fails.
    """

    repository: Repository
    one: Pass
    now: datetime.datetime
    most_examples: int
    _engine: CheckEngine | None = None

    @property
    def size_bytes(self) -> int:
        """Returns the size of the files that are read."""
        inputs = (table for check in self.one.checks for table in check.inputs)
        return sum(file.size_bytes for file in self.one.files) + sum(
            table.snapshot.size_bytes for table in inputs
        )

    def packed(self) -> "PassTask":
        """Returns the task itself: it holds values alone."""
        return self

    def cancel(self) -> None:
        """Stops it soon."""
        if self._engine is not None:
            self._engine.interrupt()

    def run(self) -> PassResults:
        """Runs the checks.

        Raises:
            CorruptData: A data file is damaged or missing.
            StorageFailure: The storage failed.
        """
        with check_engine(self.repository) as engine:
            self._engine = engine
            choice = FileChoice(self.repository.commits)
            run = CheckRun(engine, choice, self.now, self.most_examples)
            results = run.of_pass(self.one)
            engine.context.check_read()
            return PassResults(tuple(results), tuple(engine.scans))


def _check_is_to_blame(error: CatalogError) -> None:
    """Raises failures of the machine on, unless they are of what was run."""
    if isinstance(error, StorageFailure) and error.kind not in _OF_CHECK:
        raise error
