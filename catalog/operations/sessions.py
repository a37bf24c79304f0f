"""Query sessions of an open catalog."""

import unicodedata
from collections.abc import Sequence

from catalog.engine.checks import Check
from catalog.engine.connection import borrow_for_users
from catalog.engine.verification import verified
from catalog.errors import CatalogError, CorruptData
from catalog.model.datafile import DataFile
from catalog.model.types import is_float
from catalog.operations.context import OperationContext
from catalog.operations.tables import find_table
from catalog.query.backend import Functions, VersionedTable
from catalog.query.pruning import Pruner
from catalog.query.session import Session
from catalog.repository import datafiles
from catalog.repository.resolve import ResolvedRef
from catalog.repository.tables import data_files


class CatalogBackend:
    """Answers a session's questions from a catalog; see ``query.backend.Backend``."""

    def __init__(self, context: OperationContext, ref: str) -> None:
        self._context = context
        self._repository = context.repository
        self._ref = ref
        self._checks: list[Check] = []

    def commit_id(self, ref: str | None) -> str:
        """Returns the commit a ref expression stands for; ``@{…}`` belongs to the session's."""
        if ref is None or ref.startswith("@{"):
            ref = self._ref + (ref or "")
        return self._context.resolve(unicodedata.normalize("NFC", ref)).commit_id

    def table(self, commit_id: str, name: str) -> VersionedTable | None:
        """Returns a table by name."""
        ref = ResolvedRef(commit_id, commit_id)
        found = find_table(self._repository, unicodedata.normalize("NFC", name), ref)
        if found is None:
            return None
        return VersionedTable(found.name, commit_id, found.snapshot, found.id)

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
        self._repository.expiry.check_there(table.commit_id, wanted)
        self._watch(verified(self._repository, wanted, what=what))
        return wanted

    def _watch(self, watch: datafiles.Watch) -> None:
        """Notes what checks files once they were read, if others can change any of them."""
        if watch.found:
            self._checks.append(watch.check)

    def checks(self) -> tuple[Check, ...]:
        """Returns what checks the files given out since the last call."""
        found, self._checks = tuple(self._checks), []
        return found

    def explained(self, error: CorruptData) -> CatalogError:
        """Returns what an error about a file means: its data may have expired."""
        return self._repository.expiry.explained(error)

    def locate(self, file: DataFile) -> str:
        """Returns where the engine reads a file."""
        return datafiles.place(self._repository.store, file)


def open_session(
    context: OperationContext,
    ref: str,
    functions: Functions | None = None,
    *,
    threads: int | None = None,
    memory_limit_bytes: int | None = None,
) -> Session:
    """Opens a session in which a table without ``@ref`` means a ref's; branches are followed.

    Raises:
        NotFound: There is no such ref.
        InvalidInput: A limit is too small.
    """
    context.resolve(ref)
    con = borrow_for_users(
        context.repository.store, threads=threads, memory_limit_bytes=memory_limit_bytes
    )
    return Session(con, CatalogBackend(context, ref), functions=functions or {})
