"""Up to which field ids the ends of a merge mean the same columns, and files told by that."""

from collections.abc import Mapping, Set
from dataclasses import replace

from catalog.model.change import FileChanges
from catalog.model.datafile import DataFile
from catalog.model.schema import FileSchema
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.history import fork
from catalog.write.merge.columns import SharedIds, shared_from_base


def shared_ids(
    commits: Commits,
    name: str,
    tables: tuple[StoredTable | None, StoredTable, StoredTable],
    ends: tuple[str, str, str],
) -> SharedIds:
    """Returns up to which id the sides of a merge mean the columns of the base.

    Args:
        commits: Reads the history.
        name: The table.
        tables: The table in the base, ours and theirs.
        ends: Their commits.
    """
    base, ours, theirs = tables
    if base is None:
        return SharedIds(0, 0)
    simple = shared_from_base(base.snapshot, ours.snapshot, theirs.snapshot)
    if not simple.all or base.snapshot.schema == ours.snapshot.schema == theirs.snapshot.schema:
        return simple
    return SharedIds(*(_shared(commits, name, base, ends[0], end) for end in ends[1:]))


def _shared(commits: Commits, name: str, base: StoredTable, at: str, end: str) -> int:
    parted = fork(commits.read, at, end)
    if parted in (at, end):
        return base.snapshot.last_field_id
    entry = None if parted is None else commits.entries(parted).get(name)
    if entry is None:
        return 0
    there = commits.table(entry).snapshot
    same = there.table_id == base.snapshot.table_id
    return min(there.last_field_id, base.snapshot.last_field_id) if same else 0


def without_renumbered(
    changes: FileChanges, schemas: Mapping[str, FileSchema], living: Set[int]
) -> FileChanges:
    """Leaves out files that only have other field ids than in the base, or other dead ones.

    Args:
        changes: What a side did since the base, in the merged table's field ids.
        schemas: The file schemas, in the same ids.
        living: The field ids of the merged table's columns.
    """

    def reading(file: DataFile) -> object:
        columns = schemas[file.file_schema].columns
        return file.partition, file.token, tuple(c for c in columns if c.field_id in living)

    removed = {file.path: file for file in changes.removed}
    same = {
        file.path
        for file in changes.added
        if file.path in removed and reading(file) == reading(removed[file.path])
    }
    left = (
        tuple(f for f in files if f.path not in same) for files in (changes.removed, changes.added)
    )
    gone, come = left
    return replace(changes, removed=gone, added=come)
