"""What a table of another format has otherwise than the version that was taken last.

Files that stay are then looked at no more: neither the table's entries of them nor the files.
"""

from collections.abc import Iterator, Mapping, Sequence

from catalog.dataclasses import dataclass
from catalog.formats.table_state import LiveFile, SourceTable, TableState, TableVersion
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition
from catalog.model.values import sort_key
from catalog.repository.manifest import DataFileRows
from catalog.repository.stat_records import StatRecord
from catalog.repository.tables import files_in_partition, root_of
from catalog.repository.tree import TreeReader
from catalog.write.files.writer import folder_of
from catalog.write.snapshot.file_plan import KnownFiles
from catalog.write.snapshot.ingest import Mode
from catalog.write.snapshot.other_columns import is_same_table, partitioning, shape_digest
from catalog.write.snapshot.other_files import relative_path
from catalog.write.snapshot.table_plan import SnapshotTask


@dataclass(frozen=True, slots=True)
class Steps:
    """What leads from the table to a version.

    Attributes:
        files: The live files that come.
        known: The table's files that go, unless one that comes has the same rows.
        gone: How the records call what goes.
    """

    files: Sequence[LiveFile]
    known: KnownFiles
    gone: Sequence[str]


def steps_since(
    task: SnapshotTask, table: SourceTable, state: TableState, records: Mapping[str, StatRecord]
) -> Steps | None:
    """Finds what leads from the table to a version; None if all of both must be looked at.

    That is so unless the table has exactly the rows of another version of the same shape, and each
    of its files that go is found.
    """
    base = task.base
    record = None if base is None else base.snapshot.source
    if (
        base is None
        or record is None
        or record.version is None
        or not is_same_table(record, state)
        or (record.root, record.mode) != (state.root, task.request.mode)
        or (record.shape, record.reading) != (shape_digest(state), state.reading)
        or base.snapshot.partition_by != _partition_ids(task, state)
        or not _is_same_history(table, record.version, record.mark)
    ):
        return None
    found = table.steps(TableVersion(record.version, state.version.time), state)
    if found is None:
        return None
    values = partitioning(state, found.removed).values
    entries = _Entries(task, state, records)
    going, gone = [], []
    for file in found.removed:
        entry, known_as = entries.of(file, values[file.path])
        if entry is None:
            return None
        going.append(entry)
        gone.append(known_as)
    return Steps(found.added, KnownFiles(base, going, rest=entries.holds), gone)


def _partition_ids(task: SnapshotTask, state: TableState) -> tuple[int, ...]:
    assert task.base is not None, "the table is there"
    schema = task.base.snapshot.source
    ids = {} if schema is None else schema.columns
    identities = {column.name: column.identity for column in state.columns}
    return tuple(ids.get(identities[name], 0) for name in state.partition_by)


def _is_same_history(table: SourceTable, version: int, mark: str) -> bool:
    """Returns whether the log still has the version that was taken, not another of its number."""
    return bool(mark) and table.mark(version) == mark


class _Entries:
    """Finds the table's files by the live files that they were, each once.

    Live files of the same content are files of the table each.
    """

    def __init__(
        self, task: SnapshotTask, state: TableState, records: Mapping[str, StatRecord]
    ) -> None:
        assert task.base is not None, "the table is there"
        self._task = task
        self._base = task.base
        self._state = state
        self._records = records
        rows = DataFileRows(len(task.base.snapshot.partition_by), fields=())
        self._tree = TreeReader(rows, task.repository.commits.nodes)
        self._root = root_of(task.base)
        self._partitions: dict[Partition, list[DataFile]] = {}
        self._found: set[str] = set()

    def holds(self, partition: Partition, path: str) -> bool:
        """Returns whether the table has a file at a path."""
        return self._tree.holds(self._root, sort_key(partition, path))

    def of(self, file: LiveFile, partition: Partition) -> tuple[DataFile | None, str]:
        """Returns the table's file that a live one was, and how the records call it."""
        found, name = self._of(file, partition)
        if found is not None:
            self._found.add(found.path)
        return found, name

    def _of(self, file: LiveFile, partition: Partition) -> tuple[DataFile | None, str]:
        if self._task.mode is Mode.REFERENCE and not file.rewritten:
            found = self._at(partition, file.path)
            if found is not None and found.guard is not None:
                return found, ""
        for name in self._names(file):
            entry = self._with_content(partition, self._records[name])
            if entry is not None:
                return entry, name
        return None, ""

    def _names(self, file: LiveFile) -> Iterator[str]:
        """Yields how the records may call what a live file became."""
        relative = relative_path(self._state, file.path)
        if file.rewritten:
            names = [f"{relative}\n{file.revision}"]
        else:
            begin = f"{relative}\n"  # it may have been rewritten for what its footer says
            names = [relative, *(name for name in self._records if name.startswith(begin))]
        yield from (name for name in names if name in self._records)

    def _with_content(self, partition: Partition, record: StatRecord) -> DataFile | None:
        stem = record.token.removeprefix("sha256:")
        fields = self._base.snapshot.partition_fields
        folder = folder_of(self._task.name, fields, partition)
        for name in (stem, f"{stem}-{record.inode:x}"):
            found = self._at(partition, f"{folder}/{name}.parquet")
            if found is not None and found.token == record.token:
                return found
        if partition not in self._partitions:
            listed = files_in_partition(self._task.repository.commits, self._base, partition)
            self._partitions[partition] = list(listed)
        alike = (one for one in self._partitions[partition] if one.token == record.token)
        return next((one for one in alike if one.path not in self._found), None)

    def _at(self, partition: Partition, path: str) -> DataFile | None:
        if path in self._found:
            return None
        return self._tree.find(self._root, sort_key(partition, path))
