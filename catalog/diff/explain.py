"""What a diff would do: by which path, reading how much."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from catalog.dataclasses import dataclass
from catalog.diff.compare.by_digest.obstacles import (
    Obstacle,
    inner_keys,
    of_key,
    of_task,
    salted,
)
from catalog.diff.fingerprints.kept import kept_prints
from catalog.diff.plan import SIDES, ColumnPair, DiffTask, SideName, TablePlan
from catalog.diff.route import FilePair, Prints, route
from catalog.formats.parquet import column_sizes
from catalog.model.datafile import DataFile
from catalog.model.partition import partition_values
from catalog.repository.datafiles import readable
from catalog.repository.repository import Repository
from catalog.repository.row_digests import RowDigests

Path = Literal["identical", "positional", "by-digest", "join", "multiset", "one-sided"]


@dataclass(frozen=True, slots=True)
class Step:
    """How files of one partition are compared.

    Attributes:
        partition: The partition's values in text form; None where whole tables are compared.
        path: ``identical`` opens nothing, ``positional`` compares rows of equal keys in order, in
            ``columns`` alone; ``by-digest`` matches rows by key and digest, and reads the rows that
            differ in the columns that changed, which are not known beforehand: ``columns`` are
            those of the key. ``join`` matches rows by key, ``multiset`` whole rows; ``one-sided``
            files have no others to be compared with.
        why: What keeps rows from being matched by digest; empty if nothing does, or another path
            is taken.
        fingerprints_missing: Files that must first be read whole, for their fingerprints.
        bytes_to_read: Bytes of them that are read, not counting those for fingerprints.
    """

    partition: Mapping[str, str | None] | None
    path: Path
    columns: tuple[str, ...]
    files: int
    fingerprints_missing: int
    bytes_to_read: int
    bytes_total: int
    why: str = ""


def explain(repository: Repository, plan: TablePlan) -> list[Step]:
    """Returns the steps of a table's diff, from metadata, footers and kept fingerprints."""
    if plan.before is None or plan.after is None:
        return [_one_sided(repository, plan, task) for task in plan.tasks]
    prints = kept_prints(repository.store, plan)
    return [step for task in plan.tasks for step in _task(repository, plan, task, prints=prints)]


def _task(
    repository: Repository, plan: TablePlan, task: DiffTask, *, prints: Prints
) -> Iterator[Step]:
    chosen = route(plan, task, prints)
    groups: dict[tuple[ColumnPair, ...], list[FilePair]] = {}
    for pair in chosen.pairs:
        groups.setdefault(pair.changed, []).append(pair)
    label = _label(plan, task)
    for changed, pairs in sorted(groups.items(), key=lambda one: len(one[0])):
        files = [file for pair in pairs for file in (pair.before, pair.after)]
        total = _total(files)
        if not changed:
            yield Step(label, "identical", (), len(files), 0, 0, total)
            continue
        names = tuple(column.name for column in (*plan.key_pairs, *changed))
        read = sum(_bytes_to_read(repository, plan, pair) for pair in pairs)
        yield Step(label, "positional", names, len(files), 0, read, total)
    if chosen.same is not None:
        files = [*chosen.same.before, *chosen.same.after]
        yield Step(label, "identical", (), len(files), 0, 0, _total(files))
    rest = chosen.rest
    if rest is None:
        return
    if not (rest.before and rest.after):
        yield _one_sided(repository, plan, rest)
        return
    files = [*rest.before, *rest.after]
    missing = 0
    if task.partition is not None:
        missing = sum(file.identity not in prints for file in files)
    total = _total(files)
    obstacle = _obstacle(repository, plan, rest)
    if obstacle is None or obstacle.few:
        if obstacle is not None:
            missing = max(missing, obstacle.missing)
        keys, read = _of_keys(repository, plan, rest)
        yield Step(label, "by-digest", keys, len(files), missing, read, total)
        return
    names = tuple(pair.name for pair in plan.pairs if pair.compared)
    yield Step(
        label,
        "join" if plan.key else "multiset",
        names,
        len(files),
        missing,
        total,
        total,
        obstacle.reason if plan.key else "",
    )


def _obstacle(repository: Repository, plan: TablePlan, task: DiffTask) -> Obstacle | None:
    """Returns what keeps the rows of a task from being matched by digest; None if nothing does."""
    kept = RowDigests(repository.store)
    found = of_key(plan) or of_task(plan, task)
    if found is not None:
        return found
    files = {side: task.files(side) for side in SIDES}
    how = salted(plan, files, lambda side, file: kept.read(plan.side(side), file))
    return how if isinstance(how, Obstacle) else None


def _of_keys(
    repository: Repository, plan: TablePlan, task: DiffTask
) -> tuple[tuple[str, ...], int]:
    """Returns the names of the key columns, and how many bytes they are in a task's files."""
    sizes = (
        _column_bytes(repository, plan, side, file, inner_keys(plan))
        for side in SIDES
        for file in task.files(side)
    )
    return tuple(pair.name for pair in plan.key_pairs), sum(sizes)


def _column_bytes(
    repository: Repository,
    plan: TablePlan,
    side: SideName,
    file: DataFile,
    pairs: Sequence[ColumnPair],
) -> int:
    """Returns the size of some columns of a file."""
    schema = plan.side(side).file_schemas[file.file_schema]
    sizes = column_sizes(readable(repository.store, file), schema)
    return sum(sizes.get(pair.on(side).id, 0) for pair in pairs)


def _bytes_to_read(repository: Repository, plan: TablePlan, pair: FilePair) -> int:
    """Returns the size of the columns that are read of two files."""
    wanted = [*plan.key_pairs, *pair.changed]
    size_bytes = 0
    for side in SIDES:
        needed = wanted if side == "t" else pair.changed
        size_bytes += _column_bytes(repository, plan, side, pair.on(side), needed)
    return size_bytes


def _one_sided(repository: Repository, plan: TablePlan, task: DiffTask) -> Step:
    """Returns the step of files without others to be compared with: their rows came, or went."""
    files = [*task.before, *task.after]
    names, read = tuple(pair.name for pair in plan.pairs), _total(files)
    if plan.before is None or plan.after is None:
        names, read = (), 0
    elif of_key(plan) is None:
        names, read = _of_keys(repository, plan, task)
    return Step(_label(plan, task), "one-sided", names, len(files), 0, read, _total(files))


def _label(plan: TablePlan, task: DiffTask) -> dict[str, str | None] | None:
    if task.partition is None:
        return None
    side: SideName = "t" if task.after else "f"
    return partition_values(plan.side(side), (task.after or task.before)[0])


def _total(files: Sequence[DataFile]) -> int:
    return sum(file.size_bytes for file in files)
