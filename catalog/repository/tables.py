"""The data files of stored tables: listing them, and how two snapshots differ."""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from catalog.dataclasses import dataclass
from catalog.model.datafile import DataFile, FileChanges
from catalog.model.partition import Partition
from catalog.model.values import sort_key
from catalog.repository import tree_diff
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.index import Summary
from catalog.repository.manifest import DataFileRows
from catalog.repository.tree import Root, TreeReader


def root_of(table: StoredTable | None) -> Root | None:
    """Returns the root of a table's manifest tree, None if it has no files."""
    if table is None or table.snapshot.manifest is None:
        return None
    return Root(table.snapshot.manifest, table.snapshot.levels, table.manifest_place)


def rows_of(table: StoredTable) -> DataFileRows:
    """Returns how the table's entries are stored."""
    return DataFileRows(len(table.snapshot.partition_by))


def data_files(
    commits: Commits,
    table: StoredTable,
    *,
    wanted: Callable[[Summary], bool] | None = None,
    fields: Iterable[int] | None = None,
) -> Iterator[DataFile]:
    """Yields the data files of a table in tree order, with the statistics of some fields.

    It looks only below nodes whose summary is wanted; ``fields`` None means all.
    """
    rows = rows_of(table)
    reader = TreeReader(rows, commits.nodes)
    for leaf in reader.leaves(root_of(table), wanted):
        yield from rows.read(reader.columns(leaf), fields)


@dataclass(frozen=True, slots=True)
class PartitionTotals:
    """Sums up the data files of a partition."""

    partition: Partition
    rows: int
    files: int
    size_bytes: int


def partition_totals(commits: Commits, table: StoredTable) -> Iterator[PartitionTotals]:
    """Yields the partitions of a table in tree order, with their totals.

    Where all files below a node are of one partition, the node's own totals are taken, and nothing
    below it is read.
    """
    for partition, parts in groupby(_totals(commits, table), key=itemgetter(0)):
        _, rows, files, sizes = zip(*parts, strict=True)
        yield PartitionTotals(partition, sum(rows), sum(files), sum(sizes))


def _totals(commits: Commits, table: StoredTable) -> Iterator[tuple[Partition, int, int, int]]:
    """Yields partitions with rows, files and bytes of adjacent files of theirs, by and by."""
    width = len(table.snapshot.partition_by)
    kind = DataFileRows(width, fields=())
    reader = TreeReader(kind, commits.nodes)
    root = root_of(table)
    level = [] if root is None else [(root.top, root.levels)]
    while level:
        node, levels = level.pop()
        summary, partition = node.summary, _only_partition(node.summary, width)
        if partition is not None:
            yield partition, summary.rows, summary.files, summary.size_bytes
        elif levels == 1:
            yield from kind.totals(reader.columns(node))
        else:
            level.extend((child, levels - 1) for child in reversed(reader.children(node)))


def _only_partition(summary: Summary, width: int) -> Partition | None:
    """Returns the partition that all files of a node are of; None if there may be several."""
    if not summary.files or len(summary.ranges) != width:
        return None
    if any(one.low != one.high or (one.nulls and one.low is not None) for one in summary.ranges):
        return None
    return tuple(one.low for one in summary.ranges)


def files_in_partition(
    commits: Commits, table: StoredTable, partition: tuple[bytes | None, ...]
) -> Iterator[DataFile]:
    """Yields the data files of one partition, without statistics."""
    rows = DataFileRows(len(table.snapshot.partition_by), fields=())
    reader = TreeReader(rows, commits.nodes)
    for file in reader.scan(root_of(table), sort_key(partition, "")):
        if file.partition != partition:
            return
        yield file


def has_path(commits: Commits, table: StoredTable, file: DataFile) -> bool:
    """Returns whether a table has a data file of the path of another, in the same partition."""
    rows = DataFileRows(len(table.snapshot.partition_by), fields=())
    return TreeReader(rows, commits.nodes).holds(root_of(table), rows.key(file))


def file_changes(
    commits: Commits,
    old: StoredTable | None,
    new: StoredTable | None,
    *,
    old_commit: str | None = None,
    new_commit: str | None = None,
) -> FileChanges:
    """Returns the data files in which two snapshots of a table differ.

    A snapshot is None where the table does not exist. If one commit is the first parent of the
    other, the change list answers and no tree is read. A table made in the place of another is
    compared by the trees.
    """
    removed, added = changed_files(commits, old, new, old_commit=old_commit, new_commit=new_commit)
    gone, come = {f.partition for f in removed}, {f.partition for f in added}
    if old is None or new is None or old.snapshot.partition_by != new.snapshot.partition_by:
        kept = 0
    elif not come - gone:
        kept = old.snapshot.partitions - len(gone)
    elif not gone - come:
        kept = new.snapshot.partitions - len(come)
    else:
        before = (next(files_in_partition(commits, old, p), None) for p in come - gone)
        kept = old.snapshot.partitions - len(gone) - sum(f is not None for f in before)
    total = 0 if old is None else old.snapshot.files
    return FileChanges(tuple(removed), tuple(added), total - len(removed), kept)


def changed_files(
    commits: Commits,
    old: StoredTable | None,
    new: StoredTable | None,
    *,
    old_commit: str | None = None,
    new_commit: str | None = None,
    fields: Collection[int] | None = None,
) -> tuple[list[DataFile], list[DataFile]]:
    """Returns the files that only the older of two snapshots has, and those of the newer alone.

    They come with the statistics of some fields; None means all. See ``file_changes``.
    """
    if old is not None and new is not None:
        if old.snapshot.manifest == new.snapshot.manifest:
            return [], []
        if old.snapshot.partition_by == new.snapshot.partition_by:
            if old.snapshot.table_id == new.snapshot.table_id:
                listed = _listed(commits, new, (old_commit, new_commit), fields)
                if listed is not None:
                    return listed
                backwards = _listed(commits, old, (new_commit, old_commit), fields)
                if backwards is not None:
                    return backwards[1], backwards[0]
            rows = DataFileRows(len(new.snapshot.partition_by), fields)
            reader = TreeReader(rows, commits.nodes)
            found = tree_diff.differences(reader, root_of(old), root_of(new))
            return found.removed, found.added
    return (
        [] if old is None else list(data_files(commits, old, fields=fields)),
        [] if new is None else list(data_files(commits, new, fields=fields)),
    )


def _listed(
    commits: Commits,
    table: StoredTable,
    ends: tuple[str | None, str | None],
    fields: Collection[int] | None,
) -> tuple[list[DataFile], list[DataFile]] | None:
    """Returns what a change list says, if the ends are a first parent and its child."""
    parent, commit_id = ends
    if parent is None or commit_id is None:
        return None
    if commits.read(commit_id).parents[:1] != (parent,):
        return None
    width = len(table.snapshot.partition_by)
    return commits.change_list(commit_id, table.name, width, fields=fields)
