"""Running planned diffs: what fingerprints alone answer, and what an engine compares.

The engine is imported once rows must be compared.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass
from catalog.diff.counts import TableCounts
from catalog.diff.fingerprints.kept import kept_prints
from catalog.diff.partition_facts import PartitionFacts, partition_facts
from catalog.diff.plan import SIDES
from catalog.diff.result import Diff, TableDiff
from catalog.diff.route import Prints
from catalog.diff.unread import is_unchanged, stat_table, unchanged_table
from catalog.diff.view import LeftOut, Metric, Origin
from catalog.engine.checks import checked
from catalog.model.fingerprint import BLOCK_ROWS
from catalog.model.judgement import Judgement
from catalog.operations.diff_elsewhere import PLACED_FILES, files_elsewhere
from catalog.operations.diff_late_rows import LateRows
from catalog.operations.diff_picture import DiffPictures
from catalog.operations.diff_planning import PlannedTable, Planner
from catalog.operations.diff_request import DiffRequest, Progress, takes_phase
from catalog.repository.datafiles import readable

if TYPE_CHECKING:
    from catalog.engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class DiffFacts:
    """What is known of a diff besides its tables; see ``DiffView``.

    Attributes:
        lookup: Plans a table that is asked for later; None means as the planner does.
    """

    unchanged: int | None = None
    commits: int | None = None
    left_out: tuple[LeftOut, ...] = ()
    lookup: Callable[[str], PlannedTable] | None = None
    metrics: tuple[Metric, ...] = ()
    gate: Judgement | None = None
    origins: tuple[Origin, ...] = ()


NO_FACTS = DiffFacts()

SMALL_ROWS = BLOCK_ROWS
"""Rows in the files of a side that differ up to which the engine may not be needed."""


def stat_diff(
    planner: Planner, planned: Sequence[PlannedTable], facts: DiffFacts = NO_FACTS
) -> Diff:
    """Returns a diff from metadata alone; ``facts`` is what is known of it besides."""
    store = planner.repository.store
    tables = [stat_table(one.plan, store) for one in planned]
    return _diff(planner, tables, planned=planned, facts=facts)


def run_diff(
    planner: Planner,
    planned: Sequence[PlannedTable],
    request: DiffRequest,
    facts: DiffFacts = NO_FACTS,
) -> Diff:
    """Compares the rows of planned tables.

    ``facts`` is what is known of the diff besides.

    Returns:
        The diff; it owns the engine if the changed rows are kept.
    """
    work: Workspace | None = None
    results: list[TableDiff] = []
    late = LateRows(planner, request)
    counter = _TaskCounter(planned, request.progress)
    try:
        for number, one in enumerate(planned):
            store = planner.repository.store
            if not _needs_reading(planner, one):
                results.append(unchanged_table(one.plan, store))
                counter.skip()
                continue
            kept = kept_prints(store, one.plan) if request.by_fingerprints else {}
            if is_unchanged(one.plan, planner.options, kept):
                _check_files(planner, one)
                results.append(unchanged_table(one.plan, store))
                counter.count_all(one)
                continue
            counts = _counted_here(planner, one, request, kept=kept)
            if counts is not None:
                results.append(TableDiff(one.plan, counts, store, rows=late.reader(one)))
                counter.count_all(one)
                continue
            from catalog.operations.diff_tables import compare_planned, workspace

            work = work or workspace(planner, request)
            found = compare_planned(
                planner,
                one,
                request=request,
                kept=kept,
                work=work,
                name=f"remainder_{number}",
                progress=counter.count,
                phase=counter.begin,
            )
            results.append(found if request.level == "rows" else found.with_rows(late.reader(one)))
    except BaseException:
        if work is not None:
            work.close()
        raise
    if work is not None and request.level != "rows":
        work.close()
        work = None
    holder = late if work is None else work
    return _diff(planner, results, holder, planned=planned, facts=facts)


def _counted_here(
    planner: Planner, planned: PlannedTable, request: DiffRequest, *, kept: Prints
) -> TableCounts | None:
    """Counts what changed in a table without the engine, if few rows differ and none is kept."""
    plan = planned.plan
    rows = (sum(file.rows for file in plan.files(side)) for side in SIDES)
    if request.level == "rows" or request.distributions:
        return None
    if not kept or max(rows) > SMALL_ROWS:
        return None
    from catalog.diff.small_tables import count_small, small_table

    table = small_table(plan, planner.options, kept)
    if table is None:
        return None
    watches = [planner.verify(planned, side, plan.files(side)) for side in SIDES]
    with checked([watch.check for watch in watches]):
        return count_small(
            plan,
            table,
            prints=kept,
            source=partial(readable, planner.repository.store),
            explained=planner.options.explain,
            elsewhere=files_elsewhere(planner, planned),
        )


def _check_files(planner: Planner, planned: PlannedTable) -> None:
    """Checks that the files of a table are still what was committed, though none is read.

    Raises:
        CorruptData: One is not.
    """
    for side in SIDES:
        watch = planner.verify(planned, side, planned.plan.files(side))
        watch.check()


class _TaskCounter:
    """Reports how many tasks are done, how many rows were compared, and what goes on."""

    def __init__(self, planned: Sequence[PlannedTable], progress: Progress | None) -> None:
        self._total = sum(max(len(one.plan.tasks), 1) for one in planned)
        self._done = self._rows = 0
        self._progress = progress
        self._phase = ""
        self._takes_phase = progress is not None and takes_phase(progress)

    def skip(self) -> None:
        """Counts a table that needed no task."""
        self._done += 1

    def count_all(self, planned: PlannedTable) -> None:
        """Counts the tasks of a table of which no row had to be compared."""
        for task in planned.plan.tasks:
            self.count(sum(file.rows for file in (*task.before, *task.after)))

    def count(self, rows: int) -> None:
        """Counts a task and its rows."""
        self._done, self._rows = self._done + 1, self._rows + rows
        self._tell()

    def begin(self, phase: str) -> None:
        """Notes a phase that begins."""
        self._phase = phase
        if self._takes_phase:
            self._tell()

    def _tell(self) -> None:
        if self._progress is None:
            return
        about = {"phase": self._phase} if self._takes_phase else {}
        self._progress(self._done, self._total, self._rows, **about)


def _needs_reading(planner: Planner, planned: PlannedTable) -> bool:
    plan, options = planned.plan, planner.options
    on_both_sides = plan.before is not None and plan.after is not None
    return bool(plan.tasks) or (on_both_sides and (options.check_keys or options.full_stats))


def _diff(
    planner: Planner,
    tables: Sequence[TableDiff],
    holder: "Workspace | LateRows | None" = None,
    *,
    planned: Sequence[PlannedTable],
    facts: DiffFacts,
) -> Diff:
    for table, one in zip(tables, planned, strict=True):
        table._find_partitions = cache(partial(_partition_facts, planner, one))
    close: Callable[[], None] = holder.close if holder is not None else lambda: None
    plan = facts.lookup or planner.table
    return Diff(
        planner.before,
        planner.after,
        tables,
        lookup=lambda name: unchanged_table(plan(name).plan, planner.repository.store),
        close=close,
        pictures=DiffPictures(),
        unchanged=facts.unchanged,
        commits=facts.commits,
        left_out=facts.left_out,
        metrics=facts.metrics,
        gate=facts.gate,
        origins=facts.origins,
    )


def _partition_facts(planner: Planner, planned: PlannedTable) -> PartitionFacts | None:
    """Returns what partitions a table has, and the rows of each; from metadata alone."""
    plan = planned.plan
    if not plan.shape.partition_by:
        return None
    after = plan.after
    if after is None or after.files > PLACED_FILES:
        return partition_facts(plan, () if after is None else None)
    return partition_facts(plan, planner.all_files(planned, "t", statistics=False))
