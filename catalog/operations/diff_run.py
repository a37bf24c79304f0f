"""Running planned diffs: files verified, fingerprints loaded, rows compared on an engine."""

from collections.abc import Callable, Sequence

from catalog.diff.compare.table_reader import TableReader
from catalog.diff.execute import compare_table, stat_table, unchanged_table
from catalog.diff.fingerprints.loading import Loaded, load_prints
from catalog.diff.plan import SIDES, SideName
from catalog.diff.result import Diff, TableDiff
from catalog.engine.checked_reads import checked
from catalog.engine.failures import engine_errors
from catalog.engine.workspace import Workspace, default_memory_limit
from catalog.model.datafile import DataFile
from catalog.operations.diff_planning import DiffPlanner, PlannedTable
from catalog.operations.diff_request import DiffRequest, Progress
from catalog.repository.tables import data_files


def stat_diff(planner: DiffPlanner, planned: Sequence[PlannedTable]) -> Diff:
    """Returns a diff from metadata alone."""
    return _diff(planner, [stat_table(one.plan, planner.repository.store) for one in planned])


def run_diff(planner: DiffPlanner, planned: Sequence[PlannedTable], request: DiffRequest) -> Diff:
    """Compares the rows of planned tables.

    Returns:
        The diff; it owns the engine if the changed rows are kept.
    """
    work: Workspace | None = None
    results: list[TableDiff] = []
    counter = _TaskCounter(planned, request.progress)
    try:
        for number, one in enumerate(planned):
            if not _needs_reading(planner, one):
                results.append(unchanged_table(one.plan, planner.repository.store))
                counter.skip()
                continue
            work = work or Workspace(
                store=planner.repository.store,
                threads=request.threads,
                memory_limit_bytes=_memory_bytes(request),
            )
            with engine_errors():
                reader = table_reader(planner, one, request=request, work=work)
                with checked(reader.checks):
                    compared = compare_table(
                        reader,
                        planner.options,
                        name=f"remainder_{number}",
                        keep_rows=request.level == "rows",
                        progress=counter.count,
                    )
            results.append(compared)
    except BaseException:
        if work is not None:
            work.close()
        raise
    if work is not None and request.level != "rows":
        work.close()
        work = None
    return _diff(planner, results, work)


class _TaskCounter:
    """Reports how many tasks are done, and how many rows were compared."""

    def __init__(self, planned: Sequence[PlannedTable], progress: Progress | None) -> None:
        self._total = sum(max(len(one.plan.tasks), 1) for one in planned)
        self._done = self._rows = 0
        self._progress = progress

    def skip(self) -> None:
        """Counts a table that needed no task."""
        self._done += 1

    def count(self, rows: int) -> None:
        """Counts a task and its rows."""
        self._done, self._rows = self._done + 1, self._rows + rows
        if self._progress is not None:
            self._progress(self._done, self._total, self._rows)


def _memory_bytes(request: DiffRequest) -> int:
    stated = request.memory_limit_bytes
    return default_memory_limit() if stated is None else stated


def _needs_reading(planner: DiffPlanner, planned: PlannedTable) -> bool:
    plan, options = planned.plan, planner.options
    on_both_sides = plan.before is not None and plan.after is not None
    return bool(plan.tasks) or (on_both_sides and (options.check_keys or options.full_stats))


def _diff(planner: DiffPlanner, tables: Sequence[TableDiff], work: Workspace | None = None) -> Diff:
    close: Callable[[], None] = work.close if work is not None else lambda: None
    return Diff(
        planner.before,
        planner.after,
        tables,
        lookup=lambda name: unchanged_table(planner.table(name).plan, planner.repository.store),
        close=close,
    )


def table_reader(
    planner: DiffPlanner, planned: PlannedTable, *, request: DiffRequest, work: Workspace
) -> TableReader:
    """Returns what reads the files of a table; without fingerprints all files are joined."""
    plan, commits, options = planned.plan, planner.repository.commits, planner.options
    all_files: dict[SideName, Sequence[DataFile]] = {}
    if options.check_keys or options.full_stats:
        for side in SIDES:
            stored = planned.stored(side)
            all_files[side] = () if stored is None else tuple(data_files(commits, stored))
    watches = [
        planner.verify(planned, side, all_files.get(side, plan.files(side))) for side in SIDES
    ]
    by_fingerprints = request.method == "auto"
    loaded = Loaded({}, {})
    if by_fingerprints:
        loaded = load_prints(planner.repository, plan, request.threads)
    return TableReader(
        work.con,
        plan,
        planner.repository.store,
        loaded.prints,
        align_bytes=_memory_bytes(request) // 2 if by_fingerprints else 0,
        all_files=all_files,
        opened=dict(loaded.read),
        checks=[watch.check for watch in watches if watch.found],
    )
