"""How a snapshot of a source differs from the table as the branch has it, beside its values."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.diff.options import DiffOptions
from catalog.diff.plan import SchemaChange, plan_table
from catalog.model.datafile import FileChanges
from catalog.model.partition import Partition
from catalog.model.table import TableSnapshot
from catalog.model.values import encoded_text, sort_key
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import files_in_partition
from catalog.write.snapshot.file_plan import FilePlan, KnownFiles

PartitionMove: TypeAlias = Literal["added", "removed", "changed"]

INDEX_COLUMN = "__index_level_"
"""Begins the column that pandas makes of an index nobody named."""


@dataclass(frozen=True, slots=True)
class PartitionChange:
    """A partition whose files a snapshot changes.

    Attributes:
        values: The partition values as texts by column; None for NULL.
        change: Whether it comes, goes, or has other files than before.
    """

    values: Mapping[str, str | None]
    change: PartitionMove


def schema_changes(
    name: str, before: TableSnapshot | None, after: TableSnapshot
) -> tuple[SchemaChange, ...]:
    """Returns how the columns, key and partitioning of a table change; nothing if it is new."""
    if before is None:
        return ()
    nothing = FileChanges((), (), files_kept=0, partitions_kept=0)
    return plan_table(name, before, after, changes=nothing, options=DiffOptions()).schema_changes


def partition_changes(
    commits: Commits,
    base: StoredTable | None,
    after: TableSnapshot,
    *,
    plan: FilePlan,
    known: KnownFiles,
) -> tuple[PartitionChange, ...]:
    """Returns the partitions that come, go or change, in the order of their values.

    There are none to name where the table is not partitioned, or was in another way.
    """
    fields = after.partition_fields
    if not fields or (base is not None and base.snapshot.partition_fields != fields):
        return ()
    came = Counter(file.partition for file in (*plan.added, *plan.written))
    gone = Counter(file.partition for file in plan.removed)
    listed = Counter(file.partition for file in known.files) if known.is_whole else None
    found = []
    for partition in sorted(came | gone, key=lambda one: sort_key(one, "")):
        there = _files(commits, base, partition, listed=listed)
        stays = partition in came or there > gone[partition]
        change: PartitionMove = "changed" if stays else "removed"
        values = {
            name: encoded_text(value, kind)
            for (name, kind), value in zip(fields, partition, strict=True)
        }
        found.append(PartitionChange(values, change if there else "added"))
    return tuple(found)


def _files(
    commits: Commits,
    base: StoredTable | None,
    partition: Partition,
    *,
    listed: Mapping[Partition, int] | None,
) -> int:
    """Returns how many files a partition has on the branch."""
    if listed is not None or base is None:
        return 0 if listed is None else listed.get(partition, 0)
    return sum(1 for _ in files_in_partition(commits, base, partition))


def stray_indexes(table: str, before: TableSnapshot | None, after: TableSnapshot) -> Sequence[str]:
    """Returns warnings about columns that pandas made of an index, and that come with it."""
    known = () if before is None else before.schema.names
    return [
        f"column {name} of {table} is the index of a pandas frame: write such frames with "
        "to_parquet(…, index=False)"
        for name in after.schema.names
        if name.startswith(INDEX_COLUMN) and name not in known
    ]
