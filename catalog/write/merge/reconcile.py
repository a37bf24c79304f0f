"""Rows that a transaction changed, merged with rows that others changed in the meantime."""

from dataclasses import replace

from catalog.model.datafile import FileChanges
from catalog.repository.commits import StoredTable
from catalog.write.files.writer import with_own_schema
from catalog.write.merge.ends import MergeContext
from catalog.write.merge.sides import TableSides
from catalog.write.merge.table import merge_rows
from catalog.write.working_table import WorkingTable


def reconcile(
    context: MergeContext, table: WorkingTable, *, head: StoredTable, changes: FileChanges
) -> WorkingTable | None:
    """Returns a table with a transaction's changes on top of what a branch has now.

    Rows of different keys go together, also in one file; a row that both changed does not, even
    if it is the same afterwards: each may have meant its change to come on top of the other's.
    The table must have the shape of its base, from which the changes led to the branch's head.
    """
    base, shape = table.base, table.snapshot
    assert base is not None and shape is not None, "only rows of a table that stays are merged"
    schemas = {**base.snapshot.file_schemas, **head.snapshot.file_schemas, **shape.file_schemas}
    merged = with_own_schema(replace(head.snapshot, file_schemas=schemas))
    own = FileChanges(tuple(table.removed.values()), tuple(table.added.values()), 0, 0)
    sides = TableSides(table.name, merged, base, head, changes, own)
    found = merge_rows(context, sides, by_cell=False)
    if found.conflicts is not None:
        return None
    removed = {file.path: file for file in found.change.removed}
    return replace(
        table,
        base=head,
        snapshot=merged,
        removed=removed,
        added={file.path: file for file in found.change.added},
        scope=replace(table.scope, files=frozenset(removed)),
    )
