"""What of a table's plan can be compared independently, as routes, and how it is shared out."""

from collections.abc import Iterable, Sequence

from catalog.dataclasses import dataclass
from catalog.diff.plan import SIDES, DiffTask, TablePlan
from catalog.diff.route import Route

PARTS_PER_WORKER = 3
"""Parts for each worker: with more, all end at about the same time; each costs 20 ms or so."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Files that are compared with each other, and with no others before keys are settled.

    Attributes:
        task: The number of the task among the plan's.
        route: How they are compared; its own task has just these files.
        size_bytes: How much is read of them, about.
    """

    task: int
    route: Route
    size_bytes: int


def units(plan: TablePlan, routes: Sequence[Route]) -> list[Unit]:
    """Returns what there is to do: pairs of files with equal keys, and what is left of tasks."""
    return [
        Unit(number, one, _size(plan, one))
        for number, route in enumerate(routes)
        for one in _apart(plan, route)
    ]


def _apart(plan: TablePlan, route: Route) -> Iterable[Route]:
    """Yields a route in pieces; pairs in which nothing can differ are left out."""
    if not plan.key:
        if route.rest is not None or any(pair.changed for pair in route.pairs):
            yield route
        return
    for pair in route.pairs:
        if pair.changed or plan.added:
            task = DiffTask(route.task.partition, (pair.before,), (pair.after,))
            yield Route(task, (pair,), None)
    if route.rest is not None:
        yield Route(route.rest, (), route.rest)


def _size(plan: TablePlan, route: Route) -> int:
    """Returns about how many bytes are read: all of joined files, of pairs some columns."""
    columns = max(1, len(plan.pairs))
    size = 0.0
    for pair in route.pairs:
        share = min(1.0, (len(pair.changed) + len(plan.key)) / columns)
        size += share * (pair.before.size_bytes + pair.after.size_bytes)
    if route.rest is not None:
        size += sum(file.size_bytes for side in SIDES for file in route.rest.files(side))
    return int(size)


def shared_out(found: Sequence[Unit], parts: int) -> list[list[Unit]]:
    """Returns units in groups of about the same size, each in the order of the plan."""
    groups: list[list[int]] = [[] for _ in range(min(parts, len(found)))]
    sizes = [0] * len(groups)
    for number in sorted(range(len(found)), key=lambda n: -found[n].size_bytes):
        least = min(range(len(groups)), key=lambda n: (sizes[n], n))
        groups[least].append(number)
        sizes[least] += found[number].size_bytes + 1
    return [[found[number] for number in sorted(group)] for group in groups]
