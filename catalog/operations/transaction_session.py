"""Sessions in which tables of the catalog are written: those of a transaction."""

import unicodedata
from collections.abc import Sequence

from catalog.model.datafile import DataFile
from catalog.operations.context import OperationContext
from catalog.operations.sessions import CatalogBackend
from catalog.operations.table_functions import function_reads, table_functions
from catalog.query.backend import VersionedTable
from catalog.query.pending_write import PendingWrite, WriteResult
from catalog.query.pruning import Pruner
from catalog.query.session import Session
from catalog.write.transaction import Transaction


class TransactionBackend(CatalogBackend):
    """Answers a session's questions in a transaction: bare names mean what it has staged."""

    def __init__(self, context: OperationContext, transaction: Transaction) -> None:
        super().__init__(context, transaction.branch)
        self._transaction = transaction

    def commit_id(self, ref: str | None) -> str:
        """Returns the commit a ref stands for; the session's own is where it started from."""
        if ref is None:
            return self._transaction.base_id
        folded = unicodedata.normalize("NFC", ref)
        if ref.startswith("@{") or folded.startswith(self._transaction.branch):
            self._transaction.tables.reads_branch = True
        return super().commit_id(ref)

    def bare_table(self, commit_id: str, name: str) -> VersionedTable | None:
        """Returns a table as the transaction has it now."""
        folded = unicodedata.normalize("NFC", name).casefold()
        known = {one.casefold(): one for one in self._transaction.tables.names()}
        if folded not in known:
            return None
        table = self._transaction.tables.working(known[folded])
        if table.snapshot is None:
            return None
        stored_id = None if table.base is None or table.is_changed else table.base.id
        return VersionedTable(table.name, commit_id, table.snapshot, stored_id, staged=True)

    def bare_names(self, commit_id: str) -> Sequence[str]:
        """Returns the names of the tables that exist now."""
        return self._transaction.tables.names()

    def files(self, table: VersionedTable, pruner: Pruner) -> Sequence[DataFile]:
        """Returns the files that may hold wanted rows."""
        if not table.staged:
            return super().files(table, pruner)
        self._transaction.tables.note_read(table.name, pruner)
        self._transaction.place_files()
        write = self._transaction.context
        found = self._transaction.tables.working(table.name).files(
            write.commits, wanted=lambda summary: pruner.wants_ranges(summary.ranges)
        )
        wanted = [file for file in found if pruner.wants_file(file)]
        self._watch(write.watched(table.name, wanted))
        return wanted


class _Writer:
    """Has the statements of a session staged in a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def write(self, pending: PendingWrite) -> WriteResult:
        """Runs a statement on a table."""
        return self._transaction.run(pending)


def open_writing_session(context: OperationContext, transaction: Transaction) -> Session:
    """Opens a session on the engine of a transaction; it ends with it."""
    return Session(
        transaction.context.work.open_to_users(),
        TransactionBackend(context, transaction),
        functions=table_functions(context),
        function_reads=function_reads(context),
        writer=_Writer(transaction),
    )
