"""A statement that writes a table, with what all kinds of them need."""

from collections.abc import Sequence

import duckdb

from catalog.dataclasses import dataclass
from catalog.messages import masked
from catalog.model.lineage import (
    ColumnInput,
    ColumnLineage,
    Influence,
    Input,
    LineageEntry,
    OutputColumn,
)
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

_WITHOUT_VALUES = frozenset({StatementKind.DROP, StatementKind.TRUNCATE, StatementKind.COPY})
"""The statements that make no value of what they read."""


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

    def lineage(self, shape: TableSnapshot | None = None) -> LineageEntry:
        """Returns what a commit records about the statement, after which the table has a shape."""
        reads = [table.input for _, table in self.pending.reads]
        behind = [table.input for table in self.pending.behind]
        own = [self._own] if self.kind in _READS_TARGET and self.table.snapshot else []
        inputs = tuple(dict.fromkeys([*own, *reads, *behind]))
        return LineageEntry(
            "sql",
            inputs,
            facts={"kind": str(self.kind)},
            engine=f"duckdb {duckdb.__version__}",
            statement=masked(self.pending.text),
            columns=None if shape is None else self._columns(inputs, shape),
        )

    def _columns(self, inputs: Sequence[Input], shape: TableSnapshot) -> ColumnLineage | None:
        """Returns which columns of the inputs go into those of the table as it has become."""
        pending, old = self.pending, self.table.snapshot
        if not inputs or self.kind in _WITHOUT_VALUES:
            return None
        if self.kind is StatementKind.ALTER and old is not None:
            return _altered(old, shape)
        from catalog.query.lineage.columns import Sources, statement_lineage
        from catalog.query.lineage.statements import Target

        names = [self.pending.target.alias or pending.target.name[-1]]
        at = inputs.index(self._own) if self.kind in _READS_TARGET else None
        known = {table.input: table for table in (*(t for _, t in pending.reads), *pending.behind)}
        columns = [_names(known[one].snapshot if one in known else shape) for one in inputs]
        sql, tables = pending.with_names()
        return statement_lineage(
            sql,
            Sources(
                columns,
                {name: inputs.index(table.input) for name, table in tables.items()},
                complete=not pending.behind,
            ),
            Target(names, _names(shape), at),
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
        return self.table.then(shape, change, scope, lineage=self.lineage(shape))


def _names(shape: TableSnapshot) -> list[str]:
    return [field.name for field in shape.schema.fields]


def _altered(old: TableSnapshot, shape: TableSnapshot) -> ColumnLineage:
    """Returns what columns with another name or type were before."""
    before = {field.id: field for field in old.schema.fields}
    changed = [f for f in shape.schema.fields if f.id in before and before[f.id] != f]
    return ColumnLineage(
        tuple(
            OutputColumn(
                field.name, (ColumnInput(0, before[field.id].name, (Influence.IDENTITY,)),)
            )
            for field in changed
        )
    )
