"""A table taken whole, as one commit of a merge has it."""

from catalog.dataclasses import dataclass, replace
from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.tables import data_files, file_changes
from catalog.write.files.writer import paths_of
from catalog.write.merge.merged_schema import MergedShape, renumber, without_unchanged


@dataclass(frozen=True, slots=True)
class TableAt:
    """A table as a commit has it; None if that has none."""

    table: StoredTable | None
    commit_id: str


def whole_table(
    commits: Commits, name: str, *, ours: TableAt, taken: TableAt, shape: MergedShape | None = None
) -> TableUpdate:
    """Returns the update by which ours becomes what another commit has.

    Field ids that ours has given since are not given again: they are part of its history. Where
    both sides gave one id to unlike columns, those that come get the ids of the merged shape;
    that is None if ours is older than what is taken.
    """
    old, new = ours.table, taken.table
    if new is None:
        return TableUpdate(name, old, None)
    changes = file_changes(commits, old, new, old_commit=ours.commit_id, new_commit=taken.commit_id)
    same = old is not None and old.snapshot.table_id == new.snapshot.table_id
    last = old.snapshot.last_field_id if same and old is not None else 0
    if not same or shape is None or not (shape.renumbered or shape.file_schemas):
        if last > new.snapshot.last_field_id:
            snapshot = replace(new.snapshot, last_field_id=last)
            return TableUpdate(name, old, snapshot, changes.removed, changes.added)
        stored = commits.entries(taken.commit_id)[name]
        return TableUpdate(name, old, new.snapshot, changes.removed, changes.added, stored=stored)
    fresh = paths_of(changes.added)
    files = (file for file in data_files(commits, new) if file.path not in fresh)
    stayed = [file for file in files if renumber(file, shape) != file]
    renumbered = [renumber(file, shape) for file in (*changes.added, *stayed)]
    gone, come = without_unchanged((*changes.removed, *stayed), renumbered)
    return TableUpdate(name, old, _renumbered(new.snapshot, shape), gone, come)


def _renumbered(table: TableSnapshot, shape: MergedShape) -> TableSnapshot:
    """Returns a snapshot of theirs with the field ids of the merged shape."""
    ids = shape.renumbered
    fields = tuple(replace(f, id=ids.get(f.id, f.id)) for f in table.schema.fields)
    known = shape.snapshot.file_schemas
    schemas = [known[shape.file_schemas.get(one, one)] for one in table.file_schemas]
    return replace(
        table,
        schema=replace(table.schema, fields=fields),
        last_field_id=shape.snapshot.last_field_id,
        key=tuple(ids.get(i, i) for i in table.key),
        partition_by=tuple(ids.get(i, i) for i in table.partition_by),
        file_schemas={one.id: one for one in schemas},
        source=None if table.source is None else table.source.renumbered(ids),
    )
