"""Statements of SQL that write a table: each goes to what can do it."""

from dataclasses import replace

from catalog.errors import AlreadyExists, ErrorKind, Unsupported
from catalog.model.names import check_not_reserved
from catalog.query.failures import unknown_table
from catalog.query.parse.definitions import Alteration, has_rest, read_altering, read_creation
from catalog.query.parse.statements import StatementKind
from catalog.query.pending_write import PendingWrite, WriteResult
from catalog.query.pruning import pruner
from catalog.write.files.rewrite import FileEdit
from catalog.write.scope import Scope
from catalog.write.sql.alter_table import alter_table
from catalog.write.sql.create_table import create_table
from catalog.write.sql.insert import insert_rows
from catalog.write.sql.statement import TableStatement
from catalog.write.sql.update import change_rows
from catalog.write.staged_tables import StagedTables
from catalog.write.working_table import WorkingTable


def run_statement(tables: StagedTables, pending: PendingWrite) -> WriteResult:
    """Runs a statement on a table and stages what the table is afterwards.

    Raises:
        CatalogError: It cannot be done; nothing is staged then.
    """
    name = tables.spelled(pending.name)
    statement = TableStatement(tables.context, tables.working(name), pending, tables.base_id)
    kind, snapshot = statement.kind, statement.table.snapshot
    if kind is StatementKind.DROP:
        return _drop(tables, statement)
    tables.check_not_derived(name)
    if kind is StatementKind.ALTER:
        return _alter(tables, statement)
    if kind not in (StatementKind.DELETE, StatementKind.TRUNCATE) and _writes(statement):
        tables.check_not_file_set(name)
    if kind is StatementKind.CREATE:
        if snapshot is None:
            check_not_reserved(name)
        after, result = create_table(statement)
    elif snapshot is None:
        raise unknown_table(name, "to write to", tables.names())
    elif kind is StatementKind.TRUNCATE:
        after, result = _truncate(statement)
    elif kind in (StatementKind.INSERT, StatementKind.COPY):
        after, result = insert_rows(statement)
    else:
        tables.note_read(name, pruner(snapshot, pending.predicates))
        after, result = change_rows(statement)
    if after is not statement.table:
        tables.stage(after)
    return result


def _writes(statement: TableStatement) -> bool:
    """Returns whether a statement would change a table that is there."""
    pending = statement.pending.statement
    return statement.kind is not StatementKind.CREATE or read_creation(pending).replaces


def _drop(tables: StagedTables, statement: TableStatement) -> WriteResult:
    table, pending = statement.table, statement.pending
    if has_rest(pending.statement, ("cascade", "restrict")):
        raise Unsupported("DROP TABLE takes one table", kind=ErrorKind.UNSUPPORTED_STATEMENT)
    if table.snapshot is not None:
        result = WriteResult(table.name, "drop", deleted=table.rows)
        tables.drop(table.name, statement.lineage())
        return result
    words = pending.text[: pending.target.span[0] - pending.statement.span[0]].lower().split()
    if words[-2:] != ["if", "exists"]:
        raise unknown_table(pending.name, "to drop", tables.names())
    return WriteResult(table.name, "drop")


def _alter(tables: StagedTables, statement: TableStatement) -> WriteResult:
    altering = read_altering(statement.pending.statement)
    if statement.table.snapshot is None:
        if not altering.if_exists:
            raise unknown_table(statement.pending.name, "to alter", tables.names())
        return WriteResult(statement.table.name, "alter")
    if altering.kind is Alteration.RENAME_TABLE:
        return _rename(tables, statement, altering.new_name)
    tables.check_not_file_set(statement.table.name)
    after, result = alter_table(statement, altering)
    if after is not statement.table:
        tables.stage(after)
    return result


def _rename(tables: StagedTables, statement: TableStatement, wanted: str) -> WriteResult:
    """Stages that a table has another name: its files stay where they are.

    A name of one part stays in the namespace of the old one.
    """
    table = statement.table
    assert table.snapshot is not None, "a table that is there is renamed"
    namespace, dot, _ = table.name.rpartition(".")
    if "." not in wanted:
        wanted = f"{namespace}{dot}{wanted}"
    there = tables.working(tables.spelled(wanted))
    if there.snapshot is not None:
        raise AlreadyExists(f"table {there.name!r} exists", kind=ErrorKind.TABLE_EXISTS)
    check_not_reserved(there.name)
    origin = table.origin if table.keeps_files else None
    is_back = origin is not None and there.base is not None and origin.id == there.base.id
    tables.drop(table.name, statement.lineage())
    tables.stage(
        replace(
            there,
            snapshot=table.snapshot,
            removed=table.removed if origin is not None else {},
            added=table.added,
            moved=None if is_back else origin,
            scope=there.scope | Scope(whole=True),
            lineage=(*table.lineage, statement.lineage()),
        )
    )
    return WriteResult(there.name, "alter")


def _truncate(statement: TableStatement) -> tuple[WorkingTable, WriteResult]:
    table = statement.table
    files = tuple(table.files(statement.context.commits))
    result = WriteResult(table.name, "truncate", deleted=sum(file.rows for file in files))
    if not files:
        return table, result
    return statement.then(table.snapshot, FileEdit(removed=files), Scope(whole=True)), result
