"""INSERT and COPY … FROM: run on an empty table, whose rows then come into the table."""

from collections.abc import Mapping

from catalog.engine.failures import engine_errors
from catalog.engine.quoting import identifier
from catalog.errors import ErrorKind, Unsupported
from catalog.query.parse.definitions import has_clause, is_insert_or
from catalog.query.pending_write import PendingWrite, WriteResult
from catalog.write.context import WriteContext
from catalog.write.files.writer import with_own_schema
from catalog.write.rows.write import add_sorted
from catalog.write.scope import Scope
from catalog.write.sql.new_keys import told_duplicates
from catalog.write.sql.scratch import load, one_statement, perform, returned
from catalog.write.working_table import WorkingTable


def insert_rows(
    context: WriteContext,
    table: WorkingTable,
    pending: PendingWrite,
    lineage: Mapping[str, object],
) -> tuple[WorkingTable, WriteResult]:
    """Runs an INSERT or COPY … FROM and returns the table after it, and what it did.

    Args:
        context: What writing needs.
        table: The table as it is.
        pending: The statement.
        lineage: What is kept of it.

    Raises:
        Unsupported: It says what to do about conflicts.
    """
    assert table.snapshot is not None, "rows are inserted into a table that is there"
    if has_clause(pending.statement, "conflict") or is_insert_or(pending.statement):
        raise Unsupported(
            "INSERT only adds rows: a key is no constraint",
            kind=ErrorKind.UNSUPPORTED_STATEMENT,
            hint="MERGE INTO … USING … ON … WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT",
        )
    shape = with_own_schema(table.snapshot)
    with one_statement(context, table.name) as settings:
        scratch = load(context, table.name, shape)
        answer = perform(context, settings, pending, pending.spliced(scratch.table))
        named = ", ".join(f"{identifier(f.name)} AS c{f.id}" for f in shape.schema.fields)
        rows = f"(SELECT {named}, rowid FROM {scratch.table})"
        warnings: tuple[str, ...] = ()
        with engine_errors():
            if shape.key:
                warnings = told_duplicates(context, table, shape, rows, rows, None)
            change = add_sorted(context, table, shape, rows, (), append=True)
    inserted = sum(file.rows for file in change.added)
    result = WriteResult(
        table.name,
        str(pending.statement.kind),
        inserted,
        returned=returned(pending, answer),
        warnings=warnings,
    )
    if not change.added:
        return table, result
    return table.then(shape, change, Scope(), lineage), result
