"""Tables as a transaction has changed them so far: what was committed, and what it did since."""

from collections.abc import Callable, Iterator, Mapping

from catalog.dataclasses import dataclass, field, replace
from catalog.model.datafile import DataFile
from catalog.model.derived import Computed
from catalog.model.lineage import LineageEntry
from catalog.model.partition import Partition
from catalog.model.table import TableSnapshot
from catalog.model.values import sort_key
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.index import Summary
from catalog.repository.tables import data_files, root_of, rows_of
from catalog.repository.tree import TreeReader
from catalog.write.files.rewrite import FileEdit
from catalog.write.scope import Scope


@dataclass(frozen=True, slots=True)
class WorkingTable:
    """The state of a table within a transaction.

    Attributes:
        base: The table as committed; None if it is new.
        snapshot: Its shape now; None if it does not exist.
        removed: Files of ``base`` that go, by path.
        added: Files that come, by path.
        scope: What the changes depend on.
        lineage: What was done, in order.
        moved: The table under the name it had, if it was renamed: ``removed`` and ``added`` are
            relative to that, not to ``base``.
    """

    name: str
    base: StoredTable | None
    snapshot: TableSnapshot | None
    removed: Mapping[str, DataFile] = field(default_factory=dict)
    added: Mapping[str, DataFile] = field(default_factory=dict)
    scope: Scope = field(default_factory=Scope)
    lineage: tuple[LineageEntry, ...] = ()
    moved: StoredTable | None = None

    @property
    def origin(self) -> StoredTable | None:
        """The table that the files that go and come are relative to."""
        return self.moved or self.base

    @property
    def is_changed(self) -> bool:
        """Whether the table differs from what was committed."""
        if self.base is None or self.snapshot is None:
            return (self.base is None) is not (self.snapshot is None)
        return bool(self.moved or self.removed or self.added) or not same_shape(
            self.base.snapshot, self.snapshot
        )

    @property
    def rows(self) -> int:
        """How many rows the table has now."""
        added = sum(file.rows for file in self.added.values())
        if not self.keeps_files or self.origin is None:
            return added
        return self.origin.snapshot.rows + added - sum(f.rows for f in self.removed.values())

    @property
    def is_append_only(self) -> bool:
        """Whether files were added and nothing else was done."""
        return not self.removed and replace(self.scope, shared=frozenset()) == Scope()

    @property
    def keeps_files(self) -> bool:
        """Whether files of ``origin`` may still be part of the table."""
        base, now = self.origin, self.snapshot
        return (
            base is not None
            and now is not None
            and base.snapshot.partition_by == now.partition_by
            and base.snapshot.table_id == now.table_id
        )

    def files(
        self,
        commits: Commits,
        *,
        wanted: Callable[[Summary], bool] | None = None,
    ) -> Iterator[DataFile]:
        """Yields the data files of the table as it is now; see ``data_files``."""
        if self.keeps_files and self.origin is not None:
            for file in data_files(commits, self.origin, wanted=wanted):
                if file.path not in self.removed:
                    yield file
        yield from self.added.values()

    def then(
        self,
        snapshot: TableSnapshot | None,
        change: FileEdit,
        scope: Scope,
        *,
        lineage: LineageEntry,
        computed: Computed | None = None,
    ) -> "WorkingTable":
        """Returns the table after a further change to it as it is now.

        In the scope of the change, files of this transaction do not count. What its rows were
        ``computed`` from is forgotten unless it is given: only a refresh knows it.
        """
        if snapshot is not None:
            snapshot = replace(snapshot, computed=computed)
            if change.removed or change.added:
                snapshot = snapshot.no_longer_of(self.snapshot)
        removed, added = dict(self.removed), dict(self.added)
        for file in change.removed:
            if added.pop(file.path, None) is None:
                removed[file.path] = file
        own = frozenset(path for path in scope.files if path not in self.added)
        after = replace(
            self,
            snapshot=snapshot,
            scope=self.scope | replace(scope, files=own),
            lineage=(*self.lineage, lineage),
        )
        for file in change.added:
            back = removed.get(file.path) if after.keeps_files else None
            if back is not None and (back.identity, back.blobs) == (file.identity, file.blobs):
                del removed[file.path]
            else:
                added[file.path] = file
        return replace(after, removed=removed, added=added)

    def holds(self, commits: Commits) -> Callable[[Partition, str], bool]:
        """Returns a test whether a partition has a file of some path that may stay."""
        base = self.origin
        root = root_of(base)
        if base is None or root is None or not self.keeps_files:
            return lambda partition, path: False
        tree = TreeReader(rows_of(base), commits.nodes)
        return lambda partition, path: (
            path not in self.removed and tree.holds(root, sort_key(partition, path))
        )

    def update(self) -> TableUpdate:
        """Returns what a commit does to the table."""
        moved = self.moved if self.keeps_files else None
        removed, added = tuple(self.removed.values()), tuple(self.added.values())
        return TableUpdate(self.name, self.base, self.snapshot, removed, added, moved=moved)


def same_shape(old: TableSnapshot, new: TableSnapshot) -> bool:
    """Returns whether two snapshots agree in all but their files."""
    return _shape(old) == _shape(new)


def _shape(table: TableSnapshot) -> tuple[object, ...]:
    return (
        table.table_id,
        table.schema,
        table.key,
        table.partition_by,
        table.properties,
        table.computed,
    )
