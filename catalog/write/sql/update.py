"""UPDATE, DELETE and MERGE: run on the rows of the files that they may concern."""

from catalog.engine.failures import engine_errors
from catalog.model.types import Scalar
from catalog.query.parse.predicates import Op
from catalog.query.parse.statements import StatementKind
from catalog.query.pending_write import WriteResult
from catalog.query.pruning import Condition, Pruner, pruner
from catalog.write.conditions import constant
from catalog.write.files.writer import paths_of, with_own_schema
from catalog.write.scope import Scope
from catalog.write.sql.merge_source import SourceRead, with_source_read
from catalog.write.sql.new_keys import NewKeys
from catalog.write.sql.row_changes import RowChanges, find_changes
from catalog.write.sql.scratch import (
    Scratch,
    check_row_ids,
    is_listlike,
    lasting_row_ids,
    load,
    one_statement,
    perform,
)
from catalog.write.sql.statement import TableStatement
from catalog.write.table_write import TableWrite
from catalog.write.working_table import WorkingTable


def change_rows(statement: TableStatement) -> tuple[WorkingTable, WriteResult]:
    """Runs an UPDATE, DELETE or MERGE and returns the table after it, and what it did.

    Files without a row that really changed stay as they are.

    Raises:
        InvalidInput: A MERGE would give several rows the same key.
        Unsupported: The table has columns that no such statement can tell apart.
    """
    table, pending, kind = statement.table, statement.pending, statement.kind
    assert table.snapshot is not None, "a statement changes rows of a table that is there"
    shape = with_own_schema(table.snapshot)
    check_row_ids(table.name, shape)
    write = TableWrite(statement.context, table, shape)
    with one_statement(statement.context, table.name) as settings:
        source = SourceRead(pending)
        if kind is StatementKind.MERGE:
            source = with_source_read(statement, settings, shape)
        own = pruner(shape, pending.predicates)
        conditions = [_row_filter(own)] if own.conditions else []
        conditions += [source.condition] if source.condition else []
        files = write.files(own, *([] if source.pruner is None else [source.pruner]))
        scratch = load(write, files, conditions=conditions)
        with lasting_row_ids(statement.con):
            answer = perform(
                statement,
                settings,
                source.pending.spliced(scratch.table, *source.source),
                single_thread=kind is not StatementKind.DELETE
                and any(is_listlike(field.type) for field in shape.schema.fields),
            )
            with engine_errors():
                changes = find_changes(scratch)
                warnings = _key_warnings(scratch, changes, kind)
                change = write.rewrite(files, changes.hits, changes.fresh, kept=changes.kept)
    result = WriteResult(
        table.name,
        str(kind),
        changes.inserted,
        changes.updated,
        changes.deleted,
        answer,
        warnings,
    )
    if not (change.removed or change.added):
        return table, result
    scope = Scope(files=frozenset(paths_of(change.removed)), keys=kind is StatementKind.MERGE)
    return statement.then(shape, change, scope), result


def _row_filter(pruner: Pruner) -> str:
    """Returns the condition for the rows that a pruner wants, over columns ``c<field id>``.

    Like a file, a row that does not meet it cannot be affected.
    """
    return " AND ".join(map(_condition, pruner.conditions)) or "true"


def _condition(condition: Condition) -> str:
    kind = condition.field.type
    assert isinstance(kind, Scalar), "only scalars have an order"
    column = f"c{condition.field.id}"
    values = [constant(value, kind) for value in condition.values]
    match condition.op:
        case Op.IS_NULL | Op.IS_NOT_NULL:
            return f"{column} {condition.op.value.upper()}"
        case Op.IN:
            return f"{column} IN ({', '.join(values)})"
        case Op.BETWEEN:
            return f"{column} BETWEEN {values[0]} AND {values[1]}"
    return f"{column} {condition.op.value} {values[0]}"


def _key_warnings(scratch: Scratch, changes: RowChanges, kind: StatementKind) -> tuple[str, ...]:
    """Checks the keys that come: a MERGE must not bring one that is there already."""
    shape = scratch.write.shape
    if not shape.key or kind is StatementKind.DELETE:
        return ()
    keys = ", ".join(f"c{i}" for i in shape.key)
    brought = (
        f"(SELECT {keys} FROM {changes.now} WHERE r >= {scratch.rows} "
        f"UNION ALL SELECT {keys} FROM {changes.hits} WHERE rekeyed)"
    )
    rows = f"(SELECT {keys} FROM {changes.now})"
    new = NewKeys(scratch.write, brought, rows, scratch)
    if kind is StatementKind.MERGE:
        new.refuse_duplicates()
        return ()
    return new.warnings()
