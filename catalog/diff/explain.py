"""What a diff would do, told before it is done: by which path, reading how much."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from catalog.diff.plan import SIDES, ColumnPair, DiffTask, SideName, TablePlan
from catalog.diff.route import FilePair, Prints, route
from catalog.model.datafile import DataFile
from catalog.model.partition import partition_values

Path = Literal["identical", "positional", "by-key", "join", "multiset", "one-sided"]
Sizes = Callable[[SideName, DataFile], Mapping[int, int]]
"""Returns the bytes that the columns of a file take, by field id."""


@dataclass(frozen=True, slots=True)
class Step:
    """Describes how files of one partition are compared.

    Attributes:
        partition: The partition's values in text form; None where whole tables are compared.
        path: ``identical`` opens nothing, ``positional`` compares rows of equal keys in order,
            ``by-key`` rows of the same keys in another order, both in ``columns`` alone;
            ``join`` matches rows by key, ``multiset`` whole rows; ``one-sided`` files have
            none to be compared with.
        columns: The columns read.
        files: Files of both sides.
        fingerprints_missing: Files that must be read whole first, to be fingerprinted.
        bytes_to_read: What is read of them, fingerprinting apart.
        bytes_total: What they take.
    """

    partition: Mapping[str, str | None] | None
    path: Path
    columns: tuple[str, ...]
    files: int
    fingerprints_missing: int
    bytes_to_read: int
    bytes_total: int


def explain(plan: TablePlan, prints: Prints, sizes: Sizes) -> list[Step]:
    """Returns the steps of a table's diff in order.

    Args:
        plan: The table's plan.
        prints: Fingerprints that are kept.
        sizes: Asked for the sizes of columns.
    """
    if plan.before is None or plan.after is None:
        return [_one_sided(plan, task) for task in plan.tasks]
    return [step for task in plan.tasks for step in _task(plan, task, prints, sizes)]


def _task(plan: TablePlan, task: DiffTask, prints: Prints, sizes: Sizes) -> Iterator[Step]:
    chosen = route(plan, task, prints)
    groups: dict[tuple[tuple[ColumnPair, ...], bool], list[FilePair]] = {}
    for pair in chosen.pairs:
        groups.setdefault((pair.changed, pair.permuted and bool(pair.changed)), []).append(pair)
    for (changed, _), pairs in sorted(groups.items(), key=lambda one: len(one[0][0])):
        yield _pairs(plan, task, changed, pairs, sizes)
    if chosen.same is not None:
        files = [*chosen.same.before, *chosen.same.after]
        yield Step(_label(plan, task), "identical", (), len(files), 0, 0, _total(files))
    rest = chosen.rest
    if rest is None:
        return
    if not (rest.before and rest.after):
        yield _one_sided(plan, rest)
        return
    files = [*rest.before, *rest.after]
    missing = 0
    if task.partition is not None:
        missing = sum(file.identity not in prints for file in files)
    total = _total(files)
    names = tuple(pair.name for pair in plan.pairs if pair.compared)
    path: Path = "join" if plan.key else "multiset"
    label = _label(plan, task)
    yield Step(label, path, names, len(files), missing, total, total)


def _pairs(
    plan: TablePlan,
    task: DiffTask,
    changed: Sequence[ColumnPair],
    pairs: Sequence[FilePair],
    sizes: Sizes,
) -> Step:
    files = [file for pair in pairs for file in (pair.before, pair.after)]
    if not changed:
        return Step(_label(plan, task), "identical", (), len(files), 0, 0, _total(files))
    wanted = [*plan.key_pairs, *changed]
    read = 0
    for pair in pairs:
        for side in SIDES:
            known = sizes(side, pair.before if side == "f" else pair.after)
            needed = wanted if side == "t" or pair.permuted else changed
            read += sum(known.get((p.before if side == "f" else p.after).id, 0) for p in needed)
    names = tuple(pair.name for pair in wanted)
    path: Path = "by-key" if pairs[0].permuted else "positional"
    return Step(_label(plan, task), path, names, len(files), 0, read, _total(files))


def _one_sided(plan: TablePlan, task: DiffTask) -> Step:
    files = [*task.before, *task.after]
    whole = plan.before is None or plan.after is None
    names = () if whole else tuple(pair.name for pair in plan.pairs)
    read = 0 if whole else _total(files)
    return Step(_label(plan, task), "one-sided", names, len(files), 0, read, _total(files))


def _label(plan: TablePlan, task: DiffTask) -> dict[str, str | None] | None:
    if task.partition is None:
        return None
    side: SideName = "t" if task.after else "f"
    return partition_values(plan.side(side), (task.after or task.before)[0])


def _total(files: Sequence[DataFile]) -> int:
    return sum(file.size_bytes for file in files)
