"""Columns that the base of a merge had dropped, and that came back to a side, as by a revert.

Data files that the base has may still hold them. Their cells are not part of the base, but part
of that side, though it changed no file: so such files count as changed by it.
"""

from collections.abc import Iterable, Set
from dataclasses import replace

from catalog.model.datafile import FileChanges
from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.repository.tables import data_files
from catalog.write.files.rewrite import FileEdit
from catalog.write.files.writer import paths_of
from catalog.write.merge.ends import BothSides
from catalog.write.merge.merged_schema import (
    MergedShape,
    Renumbering,
    Side,
    renumber,
    renumbering,
    without_unchanged,
)


def returned_columns(both: BothSides, shape: MergedShape) -> dict[Side, frozenset[int]]:
    """Returns per side the field ids of its columns that only old files of the base still hold."""
    assert both.base is not None, "columns return where there is a base"
    schemas = both.base.snapshot.file_schemas.values()
    held = {c.field_id for schema in schemas for c in schema.columns}
    last = both.shared_ids().all
    new = [column for column in shape.columns if column.base is None]

    def returned(fields: Iterable[Field | None]) -> frozenset[int]:
        return frozenset(f.id for f in fields if f and f.id <= last and f.id in held)

    return {
        "ours": returned(column.ours for column in new),
        "theirs": returned(column.theirs for column in new),
    }


def hidden(base: TableSnapshot, shape: MergedShape, ids: Set[int]) -> Renumbering:
    """Returns how files of the base are read without some columns: under ids that nothing has."""
    if not ids:
        return Renumbering()
    last = shape.snapshot.last_field_id
    unused = {field_id: last + n for n, field_id in enumerate(sorted(ids), 1)}
    return renumbering(unused, base.file_schemas)


def with_returned(both: BothSides, changes: FileChanges, ids: Set[int]) -> FileChanges:
    """Adds the files that a side has as they were, but in which it has columns again."""
    base = both.base
    if not ids or base is None:
        return changes
    gone = paths_of(changes.removed)
    holding = {
        one
        for one, schema in base.snapshot.file_schemas.items()
        if not ids.isdisjoint(column.field_id for column in schema.columns)
    }
    files = tuple(
        file
        for file in data_files(both.context.commits, base)
        if file.path not in gone and file.file_schema in holding
    )
    removed, added = (*changes.removed, *files), (*changes.added, *files)
    return replace(changes, removed=removed, added=added)


def shown(change: FileEdit, how: Renumbering) -> FileEdit:
    """Returns a change of files as the branch has them, with columns that were hidden.

    Files that came back as they are there already are left out.
    """
    back = Renumbering(
        {new: old for old, new in how.renumbered.items()},
        {new: old for old, new in how.file_schemas.items()},
    )
    removed = [renumber(file, back) for file in change.removed]
    return FileEdit(*without_unchanged(removed, change.added))
