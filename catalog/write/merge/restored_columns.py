"""Columns that the base of a merge had dropped, and that came back to a side, as by a revert.

Data files that the base has may hold them still. To the base their cells are not there, to that
side they are, though it changed no file: so such files count as changed by it.
"""

from collections.abc import Set
from dataclasses import replace

from catalog.model.change import FileChanges
from catalog.model.table import TableSnapshot
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import data_files
from catalog.write.files.rewrite import FileChange
from catalog.write.files.writer import paths_of
from catalog.write.merge.columns import SharedIds
from catalog.write.merge.merged_schema import MergedShape, Renumbering, Side, renumber, renumbering


def returned_columns(
    base: TableSnapshot, shape: MergedShape, side: Side, shared: SharedIds
) -> frozenset[int]:
    """Returns the field ids of columns that a side has, and only dead in the base's files."""
    held = {c.field_id for schema in base.file_schemas.values() for c in schema.columns}
    fields = (c.ours if side == "ours" else c.theirs for c in shape.columns if c.base is None)
    return frozenset(f.id for f in fields if f and f.id <= shared.all and f.id in held)


def hidden(base: TableSnapshot, shape: MergedShape, ids: Set[int]) -> Renumbering:
    """Returns how files of the base are read without some columns: under ids that nothing has."""
    if not ids:
        return Renumbering()
    last = shape.snapshot.last_field_id
    unused = {field_id: last + n for n, field_id in enumerate(sorted(ids), 1)}
    return renumbering(unused, base.file_schemas)


def with_returned(
    commits: Commits, base: StoredTable, changes: FileChanges, ids: Set[int]
) -> FileChanges:
    """Adds the files that a side has as they were, but in which it has columns again."""
    if not ids:
        return changes
    gone = paths_of(changes.removed)
    holding = {
        one
        for one, schema in base.snapshot.file_schemas.items()
        if not ids.isdisjoint(column.field_id for column in schema.columns)
    }
    files = tuple(
        file
        for file in data_files(commits, base)
        if file.path not in gone and file.file_schema in holding
    )
    removed, added = (*changes.removed, *files), (*changes.added, *files)
    return replace(changes, removed=removed, added=added)


def shown(change: FileChange, how: Renumbering) -> FileChange:
    """Returns a change of files as the branch has them, with columns that were hidden.

    Files that came back as they are there already are left out.
    """
    back = Renumbering(
        {new: old for old, new in how.renumbered.items()},
        {new: old for old, new in how.file_schemas.items()},
    )
    removed = tuple(renumber(file, back) for file in change.removed)
    there = {file.path: file for file in removed}
    same = {f.path for f in change.added if f.path in there and there[f.path] == f}
    return FileChange(
        tuple(f for f in removed if f.path not in same),
        tuple(f for f in change.added if f.path not in same),
    )
