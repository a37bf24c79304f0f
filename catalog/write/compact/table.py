"""A table whose small files are put together, on top of wherever its branch is."""

from collections.abc import Callable, Iterable, Iterator

from catalog.dataclasses import dataclass, field
from catalog.engine.failures import engine_errors
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition
from catalog.repository.commit_writer import MAX_CHANGE_LIST, TableUpdate
from catalog.repository.commits import StoredTable
from catalog.repository.tables import data_files, file_changes
from catalog.write.compact.plan import Group, Wanted, groups, without_statistics
from catalog.write.compact.rewrite import put_together
from catalog.write.context import WriteContext
from catalog.write.file_fingerprints import keep_prints
from catalog.write.files.sized_writer import SizedWriter
from catalog.write.files.writer import with_own_schema
from catalog.write.working_table import same_shape

BATCH_BYTES = 1 << 30
"""Bytes of files after which what was written is given its names: so much waits at a time."""

BATCH_PARTITIONS = 256
"""Partitions after which the same is done."""

PATIENCE = 3
"""How often a partition is put together again that others keep changing; then it is left."""

Progress = Callable[[str, int, int], None]
"""Called with a table, the bytes of its files that have been put together, and of all."""


@dataclass(frozen=True, slots=True)
class Together:
    """Files of a partition that were put together.

    Attributes:
        group: The files.
        made: What they became; these files are in the store.
    """

    group: Group
    made: tuple[DataFile, ...]


@dataclass(slots=True)
class TableCompaction:
    """Puts the small files of a table together; what was done is kept when the branch moves.

    Attributes:
        name: The table.
        target_bytes: How large files are to be.
        wanted: Returns which partitions of the table, as it is, are looked at.
        done: What was put together, by partition.
        lost: How often others changed files of a partition meanwhile.
    """

    context: WriteContext
    name: str
    target_bytes: int
    wanted: Callable[[StoredTable], Wanted]
    progress: Progress = lambda table, done, total: None
    done: dict[Partition, Together] = field(default_factory=dict)
    lost: dict[Partition, int] = field(default_factory=dict)
    _base: tuple[str, StoredTable] | None = None
    _update: TableUpdate | None = None

    def on_top_of(self, commit_id: str, table: StoredTable) -> TableUpdate | None:
        """Returns the update of a table as a commit has it; None if there is nothing to be done.

        Only partitions are put together again in which others removed files meanwhile.

        Raises:
            CorruptData: A file is not what was committed.
        """
        if self._base is not None and self._base[1].id == table.id:
            self._base = commit_id, table
            return self._update
        again = self._left(commit_id, table)
        self._base = commit_id, table
        if again is None:
            self.done.clear()
            self._put_together(table, self.wanted(table))
        elif again:
            for partition in again:
                self.lost[partition] = self.lost.get(partition, 0) + 1
            tried = {one for one in again if self.lost[one] < PATIENCE}
            self._put_together(table, tried.__contains__)
        self._update = self._updated(table)
        return self._update

    def _left(self, commit_id: str, table: StoredTable) -> set[Partition] | None:
        """Forgets what others are in the way of, and returns these partitions; None means all."""
        if self._base is None or not same_shape(self._base[1].snapshot, table.snapshot):
            return None
        old_id, old = self._base
        changes = file_changes(
            self.context.commits, old, table, old_commit=old_id, new_commit=commit_id
        )
        gone = {file.path for file in changes.removed}
        hit = {
            partition
            for partition, one in self.done.items()
            if any(file.path in gone for file in one.group.files)
        }
        for partition in hit:
            del self.done[partition]
        return hit

    def _put_together(self, table: StoredTable, wanted: Wanted) -> None:
        commits, size = self.context.commits, self.target_bytes
        listed = groups(data_files(commits, table, fields=()), size, wanted=wanted)
        sizes = [(one.size_bytes, len(one.files)) for one in listed]
        total, done = sum(size_bytes for size_bytes, _ in sizes), 0
        many = sum(count for _, count in sizes) > MAX_CHANGE_LIST
        found = groups(data_files(commits, table), size, wanted=wanted) if sizes else ()
        shape = with_own_schema(table.snapshot)
        for batch in _batches(found):
            made: list[Together] = []
            with SizedWriter(self.context, self.name, shape) as writer, engine_errors():
                for one in batch:
                    self.progress(self.name, done, total)
                    files = put_together(
                        writer, one, name=self.name, target_bytes=self.target_bytes
                    )
                    kept = without_statistics(one) if many else one
                    made.append(Together(kept, tuple(files)))
                    done += one.size_bytes
            self.done.update((one.group.partition, one) for one in made)
        if sizes:
            self.progress(self.name, total, total)

    def _updated(self, table: StoredTable) -> TableUpdate | None:
        if not self.done:
            return None
        removed = [file for one in self.done.values() for file in one.group.files]
        added = [file for one in self.done.values() for file in one.made]
        shape = with_own_schema(table.snapshot)
        update = TableUpdate(self.name, table, shape, removed, added, same_rows=True)
        prints = self.context.prints or {}
        keep_prints(self.context.repository, update, prints, keys=self.context.keys, warn=False)
        self.context.keys.clear()
        return update


def _batches(found: Iterable[Group]) -> Iterator[list[Group]]:
    """Yields groups of which the files of some are given their names at a time."""
    batch: list[Group] = []
    size = 0
    for one in found:
        batch.append(one)
        size += one.size_bytes
        if size >= BATCH_BYTES or len(batch) >= BATCH_PARTITIONS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
