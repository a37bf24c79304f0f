"""Query sessions of an open catalog, and the relations that its SQL functions yield."""

import unicodedata
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.engine.connection import connect
from catalog.errors import NotFound
from catalog.model.datafile import DataFile
from catalog.model.ref_expressions import split_range
from catalog.model.types import is_float
from catalog.operations.tables import find_table
from catalog.query.backend import Functions, Resolve, VersionedTable
from catalog.query.scan import Pruner
from catalog.query.session import Session
from catalog.repository import datafiles
from catalog.repository.repository import Repository
from catalog.repository.resolve import ResolvedRef
from catalog.repository.tables import data_files

if TYPE_CHECKING:
    from catalog.reader import CatalogReader


class CatalogBackend:
    """Answers a session's questions from a repository; see ``query.backend.Backend``."""

    def __init__(self, repository: Repository, ref: str) -> None:
        self._repository = repository
        self._ref = ref

    def commit_id(self, ref: str | None) -> str:
        """Returns the commit a ref expression stands for; ``@{…}`` belongs to the session's."""
        if ref is None or ref.startswith("@{"):
            ref = self._ref + (ref or "")
        return self._repository.refs.resolve(unicodedata.normalize("NFC", ref)).commit_id

    def table(self, commit_id: str, name: str) -> VersionedTable | None:
        """Returns a table by name."""
        ref = ResolvedRef(commit_id, commit_id)
        found = find_table(self._repository, unicodedata.normalize("NFC", name), ref)
        return None if found is None else VersionedTable(found.name, commit_id, found.snapshot)

    def table_names(self, commit_id: str) -> Sequence[str]:
        """Returns the names of the tables of a commit."""
        return sorted(self._repository.commits.entries(commit_id))

    def bare_table(self, commit_id: str, name: str) -> VersionedTable | None:
        """Returns the table that a name without ref means: that of the session's commit."""
        return self.table(commit_id, name)

    def bare_names(self, commit_id: str) -> Sequence[str]:
        """Returns the names of the tables of the session's commit."""
        return self.table_names(commit_id)

    def files(self, table: VersionedTable, pruner: Pruner) -> Sequence[DataFile]:
        """Returns the files that may hold wanted rows."""
        ref = ResolvedRef(table.commit_id, table.commit_id)
        stored = find_table(self._repository, table.name, ref)
        assert stored is not None, "a table vanished from an immutable commit"
        floats = {f.id for f in table.snapshot.schema.fields if is_float(f.type)}
        found = data_files(
            self._repository.commits,
            stored,
            wanted=lambda summary: pruner.wants_ranges(summary.ranges),
            fields=pruner.fields | floats,
        )
        wanted = [file for file in found if pruner.wants_file(file)]
        what = f"table {table.name} in commit {table.commit_id[:8]}"
        datafiles.verify(self._repository.store, wanted, what=what)
        return wanted

    def locate(self, file: DataFile) -> str:
        """Returns where the engine reads a file."""
        return datafiles.place(self._repository.store, file)


def open_session(owner: "CatalogReader", ref: str) -> Session:
    """Opens a session whose bare table names mean a ref.

    Raises:
        NotFound: The ref stands for nothing.
    """
    owner.resolve(ref)
    con = connect(store=owner.repository.store)
    return Session(con, CatalogBackend(owner.repository, ref), functions_of(owner))


def functions_of(owner: "CatalogReader") -> Functions:
    """Returns the table functions that sessions of a catalog know."""
    return {
        "diff": partial(_diff, owner),
        "log": partial(_log, owner),
        "tables": partial(_tables, owner),
        "conflicts": partial(_conflicts, owner),
    }


def _diff(
    owner: "CatalogReader", resolve: Resolve, table: str, from_ref: str, to_ref: str | None = None
) -> object:
    """Returns the changed rows of a table between two refs, or of a range ``A..B``."""
    ends = split_range(from_ref) if to_ref is None else None
    first, last = (ends[0] or None, ends[1] or None) if ends else (from_ref, to_ref)
    start, end = resolve(first), resolve(last)
    if ends is not None and ends[2]:
        start = owner.merge_base(start, end)
    try:
        found = owner.diff(start, end, tables=[table], level="rows")[table]
    except NotFound as error:
        message = error.message.replace(start, from_ref).replace(end, last or "the session's ref")
        raise NotFound(message, kind=error.kind, hint=error.advice) from error
    return found.changes().read_all()


def _log(owner: "CatalogReader", resolve: Resolve, ref: str | None = None) -> pa.Table:
    """Returns a commit and its ancestors, newest first."""
    commits = owner.log(resolve(ref))
    text = pa.string()
    return pa.table(
        {
            "commit_id": pa.array([c.id for c in commits], text),
            "parents": pa.array([list(c.parents) for c in commits], pa.list_(text)),
            "time": pa.array([c.time for c in commits], pa.timestamp("us", "UTC")),
            "author": pa.array([c.author for c in commits], text),
            "message": pa.array([c.message for c in commits], text),
            "tables": pa.array([list(c.tables) for c in commits], pa.list_(text)),
        }
    )


def _tables(owner: "CatalogReader", resolve: Resolve, ref: str | None = None) -> pa.Table:
    """Returns the tables at a ref with their totals."""
    tables = owner.tables(resolve(ref))
    return pa.table(
        {
            "table": pa.array([t.name for t in tables], pa.string()),
            "rows": pa.array([t.rows for t in tables], pa.int64()),
            "size_bytes": pa.array([t.size_bytes for t in tables], pa.int64()),
            "files": pa.array([t.files for t in tables], pa.int64()),
        }
    )


def _conflicts(
    owner: "CatalogReader", resolve: Resolve, source: str | None = None, into: str | None = None
) -> pa.Table:
    """Returns what is not settled of one merge, or of all that are under way, by branch."""
    from catalog.operations.merge.open_merges import open_merges, the_merge
    from catalog.operations.merge.settlement import unsettled
    from catalog.write.merge.conflicts import CONFLICTS

    wanted = open_merges(owner) if source is None else [the_merge(owner, source, into)]
    branch = pa.field("branch", pa.string())
    shape = pa.schema([branch, *CONFLICTS])
    parts = [
        found.add_column(0, branch, pa.array([one.branch] * found.num_rows, branch.type))
        for one in wanted
        for found in [unsettled(owner, one)]
    ]
    return pa.concat_tables([shape.empty_table(), *parts])
