"""Statements of SQL that write a table: each goes to what can do it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import duckdb

from catalog.errors import AlreadyExists, ErrorKind, Unsupported
from catalog.model.names import check_not_reserved
from catalog.query.failures import unknown_table
from catalog.query.parse.definitions import Alteration, has_rest, read_altering
from catalog.query.parse.statements import StatementKind
from catalog.query.pending_write import PendingWrite, WriteResult
from catalog.repository.commits import StoredTable
from catalog.write.context import WriteContext
from catalog.write.files.rewrite import FileChange
from catalog.write.scope import Scope
from catalog.write.sql.alter_table import alter_table
from catalog.write.sql.create_table import create_table
from catalog.write.sql.insert import insert_rows
from catalog.write.sql.update import change_rows
from catalog.write.working_table import WorkingTable


class Staging(Protocol):
    """Is what statements need of a transaction."""

    @property
    def context(self) -> WriteContext:
        """Returns what operations write with."""

    def table_name(self, table: str) -> str:
        """Returns a table's name as it is spelled already, if it is there."""

    def names(self) -> Sequence[str]:
        """Returns the names of the tables that exist now."""

    def working(self, name: str) -> WorkingTable:
        """Returns a table as it is now."""

    def stage(self, table: WorkingTable) -> None:
        """Takes over the state of a table."""

    def note_read(self, table: str) -> None:
        """Notes that a table was read."""

    def drop(self, table: str, lineage: Mapping[str, object] | None = None) -> None:
        """Stages that a table goes."""


def run_statement(staging: Staging, pending: PendingWrite) -> WriteResult:
    """Runs a statement on a table and stages what the table is afterwards.

    Args:
        staging: The transaction.
        pending: The statement.

    Raises:
        CatalogError: It cannot be done; nothing is staged then.
    """
    name = staging.table_name(pending.name)
    table = staging.working(name)
    lineage: Mapping[str, object] = {
        "operation": "sql",
        "statement": pending.text,
        "inputs": list(pending.inputs),
        "engine": f"duckdb {duckdb.__version__}",
    }
    kind = pending.statement.kind
    context = staging.context
    if kind is StatementKind.CREATE:
        if table.snapshot is None:
            check_not_reserved(name)
        after, result = create_table(context, table, pending, lineage)
    elif kind is StatementKind.DROP:
        return _drop(staging, table, pending, lineage)
    elif kind is StatementKind.ALTER:
        return _alter(staging, table, pending, lineage)
    elif table.snapshot is None:
        raise unknown_table(name, "to write to", staging.names())
    elif kind is StatementKind.TRUNCATE:
        after, result = _truncate(staging, table, lineage)
    elif kind in (StatementKind.INSERT, StatementKind.COPY):
        after, result = insert_rows(context, table, pending, lineage)
    else:
        staging.note_read(name)
        after, result = change_rows(context, table, pending, lineage)
    if after is not table:
        staging.stage(after)
    return result


def _drop(
    staging: Staging, table: WorkingTable, pending: PendingWrite, lineage: Mapping[str, object]
) -> WriteResult:
    if has_rest(pending.statement, ("cascade", "restrict")):
        raise Unsupported("DROP TABLE takes one table", kind=ErrorKind.UNSUPPORTED_STATEMENT)
    if table.snapshot is not None:
        result = WriteResult(table.name, "drop", deleted=table.rows)
        staging.drop(table.name, lineage)
        return result
    if not _if_exists(pending):
        raise unknown_table(pending.name, "to drop", staging.names())
    return WriteResult(table.name, "drop")


def _alter(
    staging: Staging, table: WorkingTable, pending: PendingWrite, lineage: Mapping[str, object]
) -> WriteResult:
    altering = read_altering(pending.statement)
    if table.snapshot is None:
        if not altering.if_exists:
            raise unknown_table(pending.name, "to alter", staging.names())
        return WriteResult(table.name, "alter")
    if altering.kind is Alteration.RENAME_TABLE:
        return _rename(staging, table, altering.new_name, lineage)
    after, result = alter_table(staging.context, table, pending, altering, lineage)
    if after is not table:
        staging.stage(after)
    return result


def _rename(
    staging: Staging, table: WorkingTable, wanted: str, lineage: Mapping[str, object]
) -> WriteResult:
    """Stages that a table has another name: its files stay where they are.

    A name of one part stays in the namespace of the old one.

    Raises:
        AlreadyExists: A table has it already.
        InvalidInput: It is reserved.
    """
    assert table.snapshot is not None, "a table that is there is renamed"
    namespace, dot, _ = table.name.rpartition(".")
    if "." not in wanted:
        wanted = f"{namespace}{dot}{wanted}"
    there = staging.working(staging.table_name(wanted))
    if there.snapshot is not None:
        raise AlreadyExists(f"table {there.name!r} exists", kind=ErrorKind.TABLE_EXISTS)
    check_not_reserved(there.name)
    origin = table.origin if table.keeps_files else None
    staging.drop(table.name, lineage)
    staging.stage(
        replace(
            there,
            snapshot=table.snapshot,
            removed=table.removed if origin is not None else {},
            added=table.added,
            moved=None if origin is None or origin.id == _id(there.base) else origin,
            scope=there.scope | Scope(whole=True),
            lineage=(*table.lineage, lineage),
        )
    )
    return WriteResult(there.name, "alter")


def _id(table: StoredTable | None) -> str | None:
    return None if table is None else table.id


def _truncate(
    staging: Staging, table: WorkingTable, lineage: Mapping[str, object]
) -> tuple[WorkingTable, WriteResult]:
    files = tuple(table.files(staging.context.commits))
    result = WriteResult(table.name, "truncate", deleted=sum(file.rows for file in files))
    if not files:
        return table, result
    change = FileChange(removed=files)
    return table.then(table.snapshot, change, Scope(whole=True), lineage), result


def _if_exists(pending: PendingWrite) -> bool:
    words = pending.text[: pending.target.span[0] - pending.statement.span[0]].lower().split()
    return words[-2:] == ["if", "exists"]
