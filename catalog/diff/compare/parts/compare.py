"""Comparing the tasks of a table: here one after another, or side by side wherever they are run."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from catalog.diff.compare.part_rows import PartRows
from catalog.diff.compare.parts.remainder import SharedRemainder
from catalog.diff.compare.table_reader import TableReader
from catalog.diff.plan import DiffTask
from catalog.diff.route import Route
from catalog.engine.executor import Executor, ThreadExecutor
from catalog.storage.external_files import is_remote
from catalog.storage.reopening import Opening, finish_writes, opening_of

if TYPE_CHECKING:  # imported where parts are compared elsewhere
    from catalog.diff.compare.parts.task import TablePart
    from catalog.diff.compare.parts.work import Unit


def compare_routes(
    remainder: SharedRemainder, routes: Sequence[Route], progress: Callable[[int], None]
) -> None:
    """Compares the files of tasks, by the routes chosen for them.

    Args:
        remainder: Gets the rows that differ.
        routes: How each task of the plan is compared.
        progress: Called with the rows of each task that is done.
    """
    reader = remainder.reader
    executor, opening = reader.executor, None
    if executor is not None and not reader.held:
        opening = opening_of(reader.store)
    if executor is not None and opening is not None:
        from catalog.diff.compare.parts.work import units

        work = units(remainder.plan, routes)
        chosen: Executor | None = executor
        if not executor.takes(sum(one.size_bytes for one in work)):  # threads wait for answers, too
            is_far = is_remote(reader.store.location)
            chosen = ThreadExecutor(executor.workers) if is_far else None
        if chosen is not None and len(work) > 1:
            _compare_apart(remainder, chosen, opening, work=work, progress=progress)
            return
    for task, route in zip(remainder.plan.tasks, routes, strict=True):
        remainder.take(route)
        progress(_rows(task))


def _compare_apart(
    remainder: SharedRemainder,
    executor: Executor,
    opening: Opening,
    *,
    work: "Sequence[Unit]",
    progress: Callable[[int], None],
) -> None:
    """Has an executor compare the units of a table's plan, in parts."""
    from catalog.diff.compare.parts.work import PARTS_PER_WORKER, shared_out

    tasks = remainder.plan.tasks
    left = Counter(unit.task for unit in work)
    for number, task in enumerate(tasks):
        if number not in left:
            progress(_rows(task))
    groups = shared_out(work, executor.workers * PARTS_PER_WORKER)
    parts = [_part(remainder.reader, opening, group, workers=executor.workers) for group in groups]
    finish_writes(remainder.reader.store)  # others read what this process wrote

    def done(number: int, rows: PartRows | None) -> None:
        for unit in groups[number]:
            left[unit.task] -= 1
            if not left[unit.task]:
                progress(_rows(tasks[unit.task]))

    for group, rows in zip(groups, executor.run(parts, done=done), strict=True):
        if rows is not None:
            remainder.arrive(rows)
            continue
        for unit in group:
            remainder.take(unit.route)


def _part(
    reader: TableReader, opening: Opening, group: "Sequence[Unit]", *, workers: int
) -> "TablePart":
    from catalog.diff.compare.parts.task import part_of

    stated = reader.memory_bytes
    return part_of(
        reader,
        opening,
        [unit.route for unit in group],
        size_bytes=sum(unit.size_bytes for unit in group),
        memory_bytes=None if stated is None else max(stated // workers, 1 << 24),
    )


def _rows(task: DiffTask) -> int:
    return sum(file.rows for file in (*task.before, *task.after))
