"""UPDATE, DELETE and MERGE: run on the rows of the files that they may concern."""

from collections.abc import Mapping, Sequence

from catalog.engine.failures import engine_errors
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.query.parse.statements import StatementKind
from catalog.query.pending_write import PendingWrite, WriteResult
from catalog.query.scan import Pruner, pruner
from catalog.write.context import WriteContext
from catalog.write.files.writer import paths_of, with_own_schema
from catalog.write.scope import Scope
from catalog.write.sql.merge_source import SourceRead, with_source_read
from catalog.write.sql.new_keys import refuse_duplicates, told_duplicates
from catalog.write.sql.row_changes import Changes, find_changes, write_changes
from catalog.write.sql.row_filter import row_filter
from catalog.write.sql.scratch import (
    Scratch,
    check_row_ids,
    is_listlike,
    lasting_row_ids,
    load,
    one_statement,
    perform,
    returned,
)
from catalog.write.working_table import WorkingTable


def change_rows(
    context: WriteContext,
    table: WorkingTable,
    pending: PendingWrite,
    lineage: Mapping[str, object],
) -> tuple[WorkingTable, WriteResult]:
    """Runs an UPDATE, DELETE or MERGE and returns the table after it, and what it did.

    Files without a row that really changed stay as they are.

    Args:
        context: What writing needs.
        table: The table as it is.
        pending: The statement.
        lineage: What is kept of it.

    Raises:
        InvalidInput: A MERGE would give several rows the same key.
        Unsupported: The table has columns that no such statement can tell apart.
    """
    assert table.snapshot is not None, "a statement changes rows of a table that is there"
    shape = with_own_schema(table.snapshot)
    kind = pending.statement.kind
    check_row_ids(table.name, shape)
    with one_statement(context, table.name) as settings:
        read = SourceRead(pending)
        if kind is StatementKind.MERGE:
            read = with_source_read(context, settings, shape, pending)
        told = pruner(shape, pending.predicates)
        pruners = [told] if read.pruner is None else [told, read.pruner]
        conditions = [row_filter(told)] if told.conditions else []
        conditions += [read.condition] if read.condition else []
        files = _concerned(context, table, pruners)
        scratch = load(context, table.name, shape, files, conditions=conditions)
        anew = kind is not StatementKind.DELETE and _has_lists(shape)
        with lasting_row_ids(context.con):
            answer = perform(
                context,
                settings,
                pending,
                read.pending.spliced(scratch.table, *read.source),
                single_thread=anew,
            )
            with engine_errors():
                changes = find_changes(context, shape, scratch)
                warnings = _key_warnings(context, table, shape, scratch, changes, kind)
                change = write_changes(context, table, shape, scratch, changes)
    result = WriteResult(
        table.name,
        str(kind),
        changes.inserted,
        changes.updated,
        changes.deleted,
        returned(pending, answer),
        warnings,
    )
    if not (change.removed or change.added):
        return table, result
    scope = Scope(files=frozenset(paths_of(change.removed)), keys=kind is StatementKind.MERGE)
    return table.then(shape, change, scope, lineage), result


def _concerned(
    context: WriteContext, table: WorkingTable, pruners: Sequence[Pruner]
) -> Sequence[DataFile]:
    """Returns the files that may hold rows which the statement changes."""
    listed = table.files(
        context.commits,
        wanted=lambda node: all(one.wants_ranges(node.ranges) for one in pruners),
    )
    found = [file for file in listed if all(one.wants_file(file) for one in pruners)]
    return context.verified(table.name, found)


def _key_warnings(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    scratch: Scratch,
    changes: Changes,
    kind: StatementKind,
) -> tuple[str, ...]:
    """Looks at the keys that come: a MERGE must not bring one that is there already.

    Raises:
        InvalidInput: It does.
    """
    if not shape.key or kind is StatementKind.DELETE:
        return ()
    keys = ", ".join(f"c{i}" for i in shape.key)
    brought = (
        f"(SELECT {keys} FROM {changes.now} WHERE r >= {scratch.rows} "
        f"UNION ALL SELECT {keys} FROM {changes.hits} WHERE rekeyed)"
    )
    rows = f"(SELECT {keys} FROM {changes.now})"
    if kind is StatementKind.MERGE:
        refuse_duplicates(context, table, shape, brought, rows, scratch)
        return ()
    return told_duplicates(context, table, shape, brought, rows, scratch)


def _has_lists(shape: TableSnapshot) -> bool:
    return any(is_listlike(field.type) for field in shape.schema.fields)
