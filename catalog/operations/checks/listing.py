"""The checks that are stored with the tables of a commit."""

from collections.abc import Sequence

from catalog.model.checks import TableCheck, table_checks
from catalog.model.names import canonical_name
from catalog.operations.tables import stored_table
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.repository import Repository
from catalog.repository.resolve import ResolvedRef
from catalog.repository.table_entries import PlacedEntry


def checks_at(
    repository: Repository, at: ResolvedRef, *, tables: Sequence[str] | None = None
) -> list[TableCheck]:
    """Returns the checks of tables of a commit, by table and name, also unreadable ones.

    Only tables with checks are opened.

    Args:
        repository: The stored objects.
        at: The commit, and what it is called in messages.
        tables: The tables; None means all that have checks.

    Raises:
        NotFound: There is no such table.
    """
    commits = repository.commits
    if tables is None:
        entries = commits.entries(at.commit_id)
        stored = [commits.table(entries[name]) for name in commits.checked(at.commit_id)]
    else:
        named = {name.casefold(): name for name in tables}
        stored = [stored_table(repository, name, at) for name in named.values()]
    return [one for table in stored for one in table_checks(table.name, table.snapshot.properties)]


def entry_of(commits: Commits, commit_id: str, name: str) -> PlacedEntry | None:
    """Returns the entry of a table that a check names, None if the commit has none."""
    return commits.entry(commit_id, canonical_name(name)) if name else None


def table_of(commits: Commits, commit_id: str, name: str) -> StoredTable | None:
    """Returns a table that a check names, None if the commit has none."""
    entry = entry_of(commits, commit_id, name)
    return None if entry is None else commits.table(entry)
