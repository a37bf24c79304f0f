"""What partitions a compared table has, and how many rows each: from its list of files alone."""

from collections import Counter
from collections.abc import Iterable, Mapping

from catalog.dataclasses import dataclass, field, replace
from catalog.diff.counts import PartitionCounts
from catalog.diff.plan import TablePlan
from catalog.diff.view import Partitioning
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition
from catalog.model.values import encoded_text

LISTED = 10_000
"""Partitions that are listed at most: more are no picture, and make a large JSON form."""

Label = tuple[tuple[str, str | None], ...]
"""The values of a partition by column in text form."""


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """The partitions of a compared table.

    Attributes:
        rows: Rows before and after of all partitions that are known.
        listed: Whether all of them are known.
    """

    partitioning: Partitioning
    rows: Mapping[Label, tuple[int, int]] = field(default_factory=dict)
    listed: bool = False

    def sized(self, counts: PartitionCounts) -> PartitionCounts:
        """Returns the counts of a partition with the rows that it has."""
        return replace(counts, rows=self.rows.get(tuple(counts.values.items())))

    def around(self, changed: Iterable[PartitionCounts]) -> Partitioning:
        """Returns how the table is partitioned, with the partitions in which nothing changed."""
        if not self.listed:
            return self.partitioning
        known = {tuple(one.values.items()) for one in changed}
        others = tuple(
            (tuple(value for _, value in label), after)
            for label, (before, after) in self.rows.items()
            if label not in known and after
        )
        return replace(self.partitioning, unchanged=others if len(others) <= LISTED else None)


def partition_facts(plan: TablePlan, files: Iterable[DataFile] | None) -> PartitionFacts | None:
    """Returns what partitions a compared table has; None if it is not partitioned.

    Args:
        plan: How it is compared, with the files that differ.
        files: All files of the newer side, those both sides have among them; None if they are too
            many to look at.
    """
    shape = plan.shape
    if not shape.partition_by:
        return None
    columns, kinds = zip(*shape.partition_fields, strict=True)
    before, after = plan.before, plan.after
    counts = (0 if before is None else before.partitions, 0 if after is None else after.partitions)
    partitioning = Partitioning(columns, tuple(str(kind) for kind in kinds), counts)
    if files is None or not plan.same_partitioning:
        return PartitionFacts(partitioning)
    # Byte order of encoded values is their order; the rows before are those after, less what came
    # and with what went.
    new: Counter[Partition] = Counter()
    for file in files:
        new[file.partition] += file.rows
    old = Counter(new)
    for file in plan.files("t"):
        old[file.partition] -= file.rows
    for file in plan.files("f"):
        old[file.partition] += file.rows
    every = new.keys() | old.keys()
    in_order = sorted(every, key=lambda one: [(value is None, value or b"") for value in one])
    rows = {
        tuple(
            (name, encoded_text(value, kind))
            for name, kind, value in zip(columns, kinds, one, strict=True)
        ): (old[one], new[one])
        for one in in_order
    }
    return PartitionFacts(partitioning, rows, listed=True)
