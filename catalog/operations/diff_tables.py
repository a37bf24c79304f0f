"""Comparing the rows of planned tables on an engine: files verified, fingerprints loaded."""

from collections.abc import Callable, Sequence

from catalog.dataclasses import replace
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.execute import compare_table
from catalog.diff.fingerprints.loading import Loaded, load_prints
from catalog.diff.phases import READING, Phase, unwatched
from catalog.diff.plan import SIDES, SideName
from catalog.diff.result import TableDiff
from catalog.diff.route import Prints
from catalog.engine.checks import checked
from catalog.engine.failures import engine_errors
from catalog.engine.workspace import Workspace, default_memory_limit
from catalog.model.datafile import DataFile
from catalog.operations.diff_elsewhere import files_elsewhere
from catalog.operations.diff_planning import PlannedTable, Planner
from catalog.operations.diff_request import DiffRequest


def workspace(planner: Planner, request: DiffRequest) -> Workspace:
    """Returns the engine of a diff."""
    return Workspace(
        store=planner.repository.store,
        threads=request.threads,
        memory_limit_bytes=_memory_bytes(request),
    )


def compare_planned(
    planner: Planner,
    planned: PlannedTable,
    *,
    request: DiffRequest,
    kept: Prints,
    work: Workspace,
    name: str,
    progress: Callable[[int], None],
    phase: Phase = unwatched,
) -> TableDiff:
    """Compares the rows of a table.

    Args:
        planner: Has planned it.
        planned: The table.
        request: What is wanted.
        kept: The fingerprints of its files that are stored.
        work: The engine, which keeps changed rows if they are wanted.
        name: Begins the names of its tables in the engine; unique there.
        progress: Is called with the rows of each task that is done.
        phase: Is called with each phase that begins.
    """
    phase(READING)
    with engine_errors():
        reader = table_reader(planner, planned, request=request, work=work, kept=kept)
        with checked(reader.checks):
            return compare_table(
                reader,
                replace(planner.options, explain=request.explain),
                name=name,
                keep_rows=request.level == "rows",
                progress=progress,
                phase=phase,
            )


def _memory_bytes(request: DiffRequest) -> int:
    stated = request.memory_limit_bytes
    return default_memory_limit() if stated is None else stated


def table_reader(
    planner: Planner,
    planned: PlannedTable,
    *,
    request: DiffRequest,
    work: Workspace,
    kept: Prints | None = None,
) -> TableReader:
    """Returns what reads the files of a table; without fingerprints all files are joined.

    ``kept`` are the fingerprints that are stored, if they were read.
    """
    plan, options = planned.plan, planner.options
    all_files: dict[SideName, Sequence[DataFile]] = {}
    if options.check_keys or options.full_stats:
        for side in SIDES:
            all_files[side] = planner.all_files(planned, side)
    watches = [
        planner.verify(planned, side, all_files.get(side, plan.files(side))) for side in SIDES
    ]
    loaded = Loaded({}, {})
    if request.by_fingerprints and not planner.held:
        loaded = load_prints(
            planner.repository, plan, request.threads, kept=kept, executor=request.executor
        )
    return TableReader(
        work.con,
        plan,
        planner.repository.store,
        loaded.prints,
        align_bytes=_memory_bytes(request) // 2 if request.by_fingerprints else 0,
        all_files=all_files,
        opened=dict(loaded.read),
        checks=[watch.check for watch in watches if watch.found],
        held=planner.held,
        elsewhere=files_elsewhere(planner, planned),
        executor=request.executor,
        memory_bytes=request.memory_limit_bytes,
    )
