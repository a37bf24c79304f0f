"""INSERT and COPY … FROM: run on an empty table, whose rows then come into the table."""

from catalog.engine.failures import engine_errors
from catalog.engine.quoting import identifier
from catalog.errors import ErrorKind, Unsupported
from catalog.query.parse.definitions import has_clause, is_insert_or
from catalog.query.pending_write import WriteResult
from catalog.write.files.writer import with_own_schema
from catalog.write.rows.write import add_sorted
from catalog.write.scope import Scope
from catalog.write.sql.new_keys import NewKeys
from catalog.write.sql.scratch import load, one_statement, perform
from catalog.write.sql.statement import TableStatement
from catalog.write.table_write import TableWrite
from catalog.write.working_table import WorkingTable


def insert_rows(statement: TableStatement) -> tuple[WorkingTable, WriteResult]:
    """Runs an INSERT or COPY … FROM and returns the table after it, and what it did.

    Raises:
        Unsupported: It says what to do about conflicts.
    """
    table, pending = statement.table, statement.pending
    assert table.snapshot is not None, "rows are inserted into a table that is there"
    if has_clause(pending.statement, "conflict") or is_insert_or(pending.statement):
        raise Unsupported(
            "INSERT only adds rows: a key is not a constraint",
            kind=ErrorKind.UNSUPPORTED_STATEMENT,
            hint="MERGE INTO … USING … ON … WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT",
        )
    shape = with_own_schema(table.snapshot)
    write = TableWrite(statement.context, table, shape)
    with one_statement(statement.context, table.name) as settings:
        scratch = load(write)
        answer = perform(statement, settings, pending.spliced(scratch.table))
        named = ", ".join(f"{identifier(f.name)} AS c{f.id}" for f in shape.schema.fields)
        rows = f"(SELECT {named}, rowid FROM {scratch.table})"
        with engine_errors():
            warnings = NewKeys(write, rows, rows).warnings() if shape.key else ()
            change = add_sorted(write, rows, (), append=True)
    result = WriteResult(
        table.name,
        str(statement.kind),
        sum(file.rows for file in change.added),
        returned=answer,
        warnings=warnings,
    )
    if not change.added:
        return table, result
    return statement.then(shape, change, Scope()), result
