"""Partitions that changed rows lie in: from counts and lists of files alone, hence exact."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from catalog.dataclasses import dataclass
from catalog.diff.cell_counts import Tally
from catalog.diff.plan import ColumnPair, SideName, TablePlan
from catalog.diff.segments.changed_rows import Change, Group
from catalog.diff.segments.rule import Separation, separation
from catalog.model.datafile import DataFile
from catalog.model.values import encoded_text


@dataclass(frozen=True, slots=True)
class PartitionValues:
    """Values of a partition column that tell a group of rows from others."""

    group: Group
    pair: ColumnPair
    found: Separation
    texts: tuple[str | None, ...]


def partition_values(
    plan: TablePlan,
    side: SideName,
    groups: Sequence[Group],
    *,
    counts: Tally,
    elsewhere: Sequence[DataFile],
) -> Iterator[PartitionValues]:
    """Yields values of partition columns that tell changed rows of a side from all others.

    Args:
        plan: How the table is compared.
        side: The side.
        groups: The groups of rows; those of one column are passed over.
        counts: What was counted, by partition too.
        elsewhere: The files that both sides have.
    """
    shape = plan.side(side)
    files = [*plan.files(side), *elsewhere]
    if not plan.same_partitioning or counts.moved:
        return
    if sum(file.rows for file in files) != shape.rows:
        return  # there are too many files to list them
    for place, (name, kind) in enumerate(shape.partition_fields):
        pair = next((p for p in plan.pairs if p.on(side).id == shape.partition_by[place]), None)
        if pair is None or not pair.compared or (pair.key and len(plan.key) == 1):
            continue
        rows: Counter[str | None] = Counter()
        for file in files:
            rows[encoded_text(file.partition[place], kind)] += file.rows
        gone: tuple[Change, Change] = ("updated", "deleted" if side == "f" else "inserted")
        changed = {change: _changed(counts, name, change) for change in gone}
        texts = sorted(rows, key=lambda text: (text is None, text or ""))
        left = [max(rows[t] - sum(own[t] for own in changed.values()), 0) for t in texts]
        for group in groups:
            if group.pair is None:
                own = np.array([changed[group.change][text] for text in texts], np.int64)
                found = separation(own, np.array(left, np.int64), columns=len(plan.pairs))
                if found is not None:
                    yield PartitionValues(group, pair, found, tuple(texts[n] for n in found.values))


def _changed(counts: Tally, name: str, change: Change) -> "Counter[str | None]":
    """Returns how many rows changed in some way, by the value of a partition column."""
    found: Counter[str | None] = Counter()
    for one in counts.partitions:
        numbers = {"updated": one.updated, "inserted": one.inserted, "deleted": one.deleted}
        if numbers[change] and name in one.values:
            found[one.values[name]] += numbers[change]
    return found
