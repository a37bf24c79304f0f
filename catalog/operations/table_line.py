"""One table along a line of first parents: the commits that changed it."""

from collections.abc import Collection, Iterable, Sequence

from catalog.formats.iceberg.metadata import TableCommit
from catalog.model.datafile import DataFile
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.history import LoggedCommit, first_parents
from catalog.repository.tables import changed_files, data_files


def table_line(
    commits: Commits, name: str, head: str, *, known: Collection[str] = ()
) -> list[TableCommit]:
    """Returns the commits that changed a table, oldest first, as far back as it is the same table.

    A table that was dropped, or made anew in the place of another, begins where it was made.

    Args:
        commits: Reads commits.
        name: The table.
        head: The commit from which on one looks back.
        known: Commits that changed the table and are not needed; looking back ends at the first
            of them.
    """
    line: list[tuple[LoggedCommit, StoredTable]] = []
    for logged in first_parents(commits.read, head):
        if logged.commit.parents and name not in logged.commit.changes:
            continue
        entry = commits.entry(logged.id, name)
        stored = None if entry is None else commits.table(entry)
        if stored is None or logged.id in known:
            break
        if line and stored.snapshot.table_id != line[-1][1].snapshot.table_id:
            break
        line.append((logged, stored))
    return [_table_commit(commits, logged, stored) for logged, stored in reversed(line)]


def state_commit(commits: Commits, name: str, head: str) -> str | None:
    """Returns the commit that left a table as it is at a commit; None if there is no such table."""
    if commits.entry(head, name) is None:
        return None
    for logged in first_parents(commits.read, head):
        if not logged.commit.parents or name in logged.commit.changes:
            return logged.id
    return None


def _table_commit(commits: Commits, logged: LoggedCommit, stored: StoredTable) -> TableCommit:
    parent = logged.commit.parents[0] if logged.commit.parents else None
    entry = None if parent is None else commits.entry(parent, stored.name)
    before = None if entry is None else commits.table(entry)
    if before is not None and before.snapshot.table_id != stored.snapshot.table_id:
        before = None

    def files() -> Iterable[DataFile]:
        return data_files(commits, stored)

    def changes() -> tuple[Sequence[DataFile], Sequence[DataFile]]:
        return changed_files(commits, before, stored, old_commit=parent, new_commit=logged.id)

    return TableCommit(
        id=logged.id,
        time=logged.commit.time,
        table=stored.snapshot,
        files=files,
        changes=None if before is None else changes,
        message=logged.commit.message,
    )
