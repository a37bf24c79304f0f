"""Requirements: whether a transaction's changes still hold on a branch that has moved."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass, replace
from catalog.engine.connection import single_row
from catalog.engine.failures import engine_errors
from catalog.errors import Conflict, ErrorKind
from catalog.model.datafile import DataFile
from catalog.model.partition import partition_text, partition_values
from catalog.model.table import TableSnapshot
from catalog.query.pruning import Pruner
from catalog.repository.commits import Commits
from catalog.repository.tables import file_changes, has_path
from catalog.write.conditions import all_same
from catalog.write.context import WriteContext
from catalog.write.merge.ends import MergeContext
from catalog.write.merge.reconcile import reconcile
from catalog.write.working_table import WorkingTable, same_shape


@dataclass(frozen=True, slots=True)
class MovedBranch:
    """A branch that moved while a transaction was under way.

    Attributes:
        base: The commit the transaction started from.
        head: The commit it is at now.
    """

    context: WriteContext
    branch: str
    base: str
    head: str

    @property
    def commits(self) -> Commits:
        """What reads both commits."""
        return self.context.commits

    def rebased(self, table: WorkingTable) -> WorkingTable:
        """Returns a table with the same changes made to what the branch has now.

        Raises:
            Conflict: Another writer changed what the changes depend on.
        """
        now = self.commits.entry(self.head, table.name)
        before = None if table.base is None else table.base.id
        if (None if now is None else now.entry.snapshot) == before:
            return table
        base, shape = table.base, table.snapshot
        if now is None or base is None or shape is None or table.scope.whole:
            raise self.conflict(table.name)
        head = self.commits.table(now)
        if not same_shape(base.snapshot, head.snapshot):
            raise self.conflict(table.name)
        schemas = {**head.snapshot.file_schemas, **shape.file_schemas}
        shape = replace(shape, file_schemas=schemas)
        if table.is_append_only and not any(
            has_path(self.commits, head, file) for file in table.added.values()
        ):
            return replace(table, base=head, snapshot=shape)
        changes = file_changes(self.commits, base, head, old_commit=self.base, new_commit=self.head)
        conflicting = table.scope.conflicting(changes)
        if conflicting:
            if all(file.partition not in table.scope.partitions for file in conflicting):
                with engine_errors():
                    work = MergeContext(self.context)
                    merged = reconcile(work, table, head=head, changes=changes)
                if merged is not None:
                    return merged
            raise self.conflict(table.name, shape=base.snapshot, files=conflicting)
        bringing = table.scope.keys and shape.key and changes.added
        if bringing and self._share_keys(shape, tuple(table.added.values()), changes.added):
            raise self.conflict(table.name, shape=base.snapshot, files=changes.added)
        twice = [file for file in changes.added if file.path in table.added]
        if any(
            table.added[file.path].identity != file.identity or file.path not in table.scope.shared
            for file in twice
        ):
            raise self.conflict(table.name, shape=base.snapshot, files=twice)
        known = {file.path for file in twice}
        added = {path: file for path, file in table.added.items() if path not in known}
        return replace(table, base=head, snapshot=shape, added=added)

    def _share_keys(
        self, shape: TableSnapshot, ours: Sequence[DataFile], theirs: Sequence[DataFile]
    ) -> bool:
        """Returns whether a key is both in some files and in some others."""
        context = self.context
        sides = [context.relation(shape, files, columns=shape.key) for files in (ours, theirs)]
        on_key = all_same("a.c", "b.c", shape.key)
        query = f"SELECT count(*) FROM {sides[0]} a JOIN {sides[1]} b ON {on_key}"
        return bool(single_row(context.con, query)[0])

    def keeps(self, name: str, wanted: Sequence[Pruner]) -> bool:
        """Returns whether a table still has the rows that pruners want, and no others of them."""
        before, now = (self.commits.entry(commit, name) for commit in (self.base, self.head))
        if (now and now.entry.snapshot) == (before and before.entry.snapshot):
            return True
        if before is None or now is None:
            return False
        base, head = self.commits.table(before), self.commits.table(now)
        if not same_shape(base.snapshot, head.snapshot):
            return False
        changes = file_changes(self.commits, base, head, old_commit=self.base, new_commit=self.head)
        schemas = {**base.snapshot.file_schemas, **head.snapshot.file_schemas}
        shape = replace(head.snapshot, file_schemas=schemas)
        pruners = [replace(one, table=shape) for one in wanted]
        changed = (*changes.removed, *changes.added)
        return not any(one.wants_file(file) for one in pruners for file in changed)

    def check_unchanged(self, name: str) -> None:
        """Checks that nobody changed a table that was read.

        Raises:
            Conflict: Another writer changed it.
        """
        before, now = (self.commits.entry(commit, name) for commit in (self.base, self.head))
        old = None if before is None else before.entry.snapshot
        if old != (None if now is None else now.entry.snapshot):
            raise self.conflict(name, did="read")

    def conflict(
        self,
        name: str,
        *,
        shape: TableSnapshot | None = None,
        files: Sequence[DataFile] = (),
        did: str = "changed",
    ) -> Conflict:
        """Returns the error that names table, partitions and the conflicting commit."""
        where = ""
        if shape is not None and shape.partition_by and files:
            shown = dict.fromkeys(partition_text(partition_values(shape, file)) for file in files)
            listed = ", ".join(list(shown)[:3])
            more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
            where = f" in partition{'s' if len(shown) > 1 else ''} {listed}{more}"
        culprit = self._culprit(name)[:8]
        read = ", which this transaction read," if did == "read" else ""
        return Conflict(
            f"table {name!r}{read} was changed{where} on branch {self.branch!r} by commit "
            f"{culprit} while this transaction was under way",
            kind=ErrorKind.WRITE_CONFLICT,
            hint="try again: the transaction then starts from the new state",
        )

    def _culprit(self, name: str) -> str:
        current, folded = self.head, name.casefold()
        while current != self.base:
            commit = self.commits.read(current)
            if folded in map(str.casefold, commit.changes) or not commit.parents:
                break
            current = commit.parents[0]
        return current
