"""A statement that writes a table, with what all kinds of them need."""

from dataclasses import dataclass

import duckdb

from catalog.messages import masked
from catalog.model.lineage import Input, LineageEntry
from catalog.model.table import TableSnapshot
from catalog.query.parse.statements import StatementKind
from catalog.query.pending_write import PendingWrite
from catalog.write.context import WriteContext
from catalog.write.files.rewrite import FileEdit
from catalog.write.scope import Scope
from catalog.write.working_table import WorkingTable

_READS_TARGET = frozenset(
    {StatementKind.UPDATE, StatementKind.DELETE, StatementKind.MERGE, StatementKind.ALTER}
)
"""The statements that read the rows of the table that they write."""


@dataclass(frozen=True, slots=True)
class TableStatement:
    """A statement that writes a table.

    Attributes:
        table: The table as it is; without a snapshot if it does not exist.
        base_id: The commit that the transaction started from.
    """

    context: WriteContext
    table: WorkingTable
    pending: PendingWrite
    base_id: str

    @property
    def kind(self) -> StatementKind:
        """What the statement does."""
        return self.pending.statement.kind

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The engine's connection."""
        return self.context.con

    @property
    def lineage(self) -> LineageEntry:
        """What a commit records about the statement."""
        own = [self._own] if self.kind in _READS_TARGET and self.table.snapshot else []
        return LineageEntry(
            "sql",
            tuple(dict.fromkeys([*own, *self.pending.inputs])),
            facts={"kind": str(self.kind)},
            engine=f"duckdb {duckdb.__version__}",
            statement=masked(self.pending.text),
        )

    @property
    def _own(self) -> Input:
        """The table that it writes, as what it reads."""
        table = self.table
        if table.base is None or table.is_changed:
            return Input(table.name)
        return Input(table.name, self.base_id, table.base.id)

    def then(self, shape: TableSnapshot | None, change: FileEdit, scope: Scope) -> WorkingTable:
        """Returns the table after the statement; see ``WorkingTable.then``."""
        return self.table.then(shape, change, scope, lineage=self.lineage)
