"""A statement that writes a table, with what all kinds of them need."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from catalog.model.table import TableSnapshot
from catalog.query.parse.statements import StatementKind
from catalog.query.pending_write import PendingWrite
from catalog.write.context import WriteContext
from catalog.write.files.rewrite import FileEdit
from catalog.write.scope import Scope
from catalog.write.working_table import WorkingTable


@dataclass(frozen=True, slots=True)
class TableStatement:
    """A statement that writes a table.

    Attributes:
        table: The table as it is; without a snapshot if it does not exist.
    """

    context: WriteContext
    table: WorkingTable
    pending: PendingWrite

    @property
    def kind(self) -> StatementKind:
        """What the statement does."""
        return self.pending.statement.kind

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The engine's connection."""
        return self.context.con

    @property
    def lineage(self) -> Mapping[str, object]:
        """What a commit records about the statement."""
        return {
            "operation": "sql",
            "statement": self.pending.text,
            "inputs": list(self.pending.inputs),
            "engine": f"duckdb {duckdb.__version__}",
        }

    def then(self, shape: TableSnapshot | None, change: FileEdit, scope: Scope) -> WorkingTable:
        """Returns the table after the statement; see ``WorkingTable.then``."""
        return self.table.then(shape, change, scope, lineage=self.lineage)
