"""Whether the sum of a column changed alike in each partition: ``+4.7 % in each of 3``.

The fingerprints of files have the sums; where none are trusted, rows are read.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from statistics import median
from typing import TypeAlias

from catalog.diff.counts import ColumnCounts, SideStats
from catalog.diff.findings import PartitionSums
from catalog.diff.forms import NUMBERS
from catalog.diff.kept_statistics import kept_stats
from catalog.diff.plan import SIDES, ColumnPair, SideName, TablePlan
from catalog.diff.route import Prints, Route, route
from catalog.model.datafile import DataFile
from catalog.model.schema import Field
from catalog.model.types import Scalar

MOST_COLUMNS, MOST_PARTITIONS = 24, 4_096
"""Columns, the most changed ones, and partitions that are looked at: no more than people read."""

_NO_CHANGE = (Fraction(0), Fraction(0))

StatsOf: TypeAlias = Callable[[SideName, Sequence[DataFile], Sequence[Field]], dict[int, SideStats]]
"""Describes columns of some files of a side, by field id."""


def _texts(values: Sequence[float]) -> dict[float, str]:
    """Returns texts of bounds that tell infinities from other numbers; no more is asked of them."""
    return {value: repr(value) for value in values}


def partition_sums(
    plan: TablePlan,
    columns: Mapping[str, ColumnCounts],
    prints: Prints,
    *,
    read: StatsOf | None = None,
    everything: Mapping[SideName, Sequence[DataFile]] | None = None,
) -> dict[str, PartitionSums]:
    """Returns how the sums of changed columns changed by partition, by column.

    Columns whose sums are not known in all of these partitions are left out.

    Args:
        plan: How the table was compared.
        columns: What was counted.
        prints: The fingerprints that are trusted.
        read: Reads what they do not say; None if nothing is to be read.
        everything: All files of both sides, if those that are the same count as well.
    """
    tasks = [task for task in plan.tasks if task.partition and task.before and task.after]
    if not 2 <= len(tasks) <= MOST_PARTITIONS or not plan.same_partitioning:
        return {}
    pairs = _most_changed(plan, columns)
    if not pairs:
        return {}
    sums: dict[str, list[tuple[Fraction, Fraction] | None]] = {pair.name: [] for pair in pairs}
    whole = {side: _by_partition(files) for side, files in (everything or {}).items()}
    for task in tasks:
        files = {
            side: whole[side][task.files(side)[0].partition] if whole else task.files(side)
            for side in SIDES
        }
        stats = {
            side: kept_stats(
                plan.side(side),
                files[side],
                [pair.on(side) for pair in pairs],
                prints=prints,
                float_texts=_texts,
            )
            for side in SIDES
        }
        missing = [p for p in pairs if any(p.on(side).id not in stats[side] for side in SIDES)]
        same = _same_columns(route(plan, task, prints), missing) if missing else set()
        missing = [pair for pair in missing if pair.number not in same]
        if missing and read is not None:
            for side in SIDES:
                stats[side] |= read(side, files[side], [pair.on(side) for pair in missing])
        for pair in pairs:
            before, after = (stats[side].get(pair.on(side).id) for side in SIDES)
            sums[pair.name].append(_NO_CHANGE if pair.number in same else _sums(before, after))
    found = {}
    for name, totals in sums.items():
        known = [one for one in totals if one is not None]
        if len(known) == len(totals) and (summed := _summed(known)):
            found[name] = summed
    return found


def _most_changed(plan: TablePlan, columns: Mapping[str, ColumnCounts]) -> list[ColumnPair]:
    """Returns the columns whose sums are looked at."""
    pairs = [
        pair
        for pair in plan.pairs
        if pair.name in columns and columns[pair.name].changed and _has_sum(pair)
    ]
    return sorted(pairs, key=lambda pair: -columns[pair.name].changed)[:MOST_COLUMNS]


def _by_partition(
    files: Sequence[DataFile],
) -> Mapping[tuple[bytes | None, ...], Sequence[DataFile]]:
    found = defaultdict(list)
    for file in files:
        found[file.partition].append(file)
    return found


def _has_sum(pair: ColumnPair) -> bool:
    return not pair.partition and all(
        isinstance(field.type, Scalar) and field.type.type_class in NUMBERS
        for field in (pair.before, pair.after)
    )


def _same_columns(found: Route, pairs: Sequence[ColumnPair]) -> set[int]:
    """Returns the numbers of the columns that are known to hold the same in a partition."""
    if found.rest is not None:
        return set()
    changed = {pair.number for files in found.pairs for pair in files.changed}
    return {pair.number for pair in pairs} - changed


def _sums(before: SideStats | None, after: SideStats | None) -> tuple[Fraction, Fraction] | None:
    """Returns the sums of a column in a partition; None if they are not known, or one not finite.

    What both sides have alike is no change, finite or not.
    """
    if before is None or after is None:
        return None
    if before.total is not None and before.total == after.total:
        return _NO_CHANGE
    old, new = _total(before), _total(after)
    return None if old is None or new is None else (old, new)


def _total(stats: SideStats) -> Fraction | None:
    if stats.total is None:
        return Fraction(0) if stats.low is None else None
    try:
        return Fraction(stats.total)
    except ValueError:  # NaN, or an infinity
        return None


def _summed(sums: Sequence[tuple[Fraction, Fraction]]) -> PartitionSums | None:
    """Returns how sums changed; None if none of them did, or one cannot be compared with 0."""
    changed = [(before, after) for before, after in sums if before != after]
    if not changed or any(not before for before, _ in changed):
        return None
    percents = sorted(float(100 * (after - before) / abs(before)) for before, after in changed)
    return PartitionSums(
        len(changed), len(sums), percents[0], float(median(percents)), percents[-1]
    )
