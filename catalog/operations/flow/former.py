"""Where tables come from that may be gone: the commit that wrote one, and inputs as they were."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from catalog.errors import CorruptData, ErrorKind, NotFound
from catalog.model.datafile import DataFile
from catalog.model.lineage import is_about_checks
from catalog.repository.commits import Commits, StoredTable
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore


def last_writer(commits: Commits, table: StoredTable, commit_id: str) -> tuple[str, StoredTable]:
    """Returns the commit that first had a table as it is at a commit, and the table as it had it.

    At a merge that took it from a side, the search goes on in that side; if the table was
    renamed, under the name that it had. It ends at commits that are gone. Checks are left out of
    account: who adds one writes no rows.
    """
    while True:
        commit = commits.read(commit_id)
        for parent in commit.parents:
            found = _same_snapshot(commits, parent, table) if commits.exists(parent) else None
            if found is None and is_about_checks(commit.lineage.get(table.name)):
                entry = commits.entry(parent, table.name)
                found = None if entry is None else commits.table(entry)
            if found is not None:
                commit_id, table = parent, found
                break
        else:
            return commit_id, table


def _same_snapshot(commits: Commits, commit_id: str, table: StoredTable) -> StoredTable | None:
    entry = commits.entry(commit_id, table.name)
    if entry is None or entry.entry.snapshot != table.id:
        entries = commits.entries(commit_id).values()
        entry = next((one for one in entries if one.entry.snapshot == table.id), None)
    return None if entry is None else commits.table(entry)


def gone_input(table: str, name: str, commit_id: str | None) -> NotFound:
    """Returns the error for an input that is no longer in the catalog as it was."""
    where = "" if commit_id is None else f" at commit {commit_id[:8]}"
    return NotFound(
        f"table {table!r} was computed from {name!r}{where}, which the catalog no longer has",
        kind=ErrorKind.INPUTS_GONE,
        hint="recorded inputs do not keep a commit alive: a tag does",
    )


@contextmanager
def gone_inputs(table: str, name: str, commit_id: str | None) -> Iterator[None]:
    """Says of packs that are missing that an input is gone.

    Raises:
        NotFound: It is.
    """
    try:
        yield
    except CorruptData as error:
        if isinstance(error.__cause__, NotFound):
            raise gone_input(table, name, commit_id) from error
        raise


def are_there(store: ObjectStore, files: Iterable[DataFile]) -> bool:
    """Returns whether those of some data files are there that lie in the catalog itself."""
    own = (f.path for f in files if not os.path.isabs(f.path) and not is_remote(f.path))
    return all(store.info(path) is not None for path in own)
