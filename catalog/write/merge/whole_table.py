"""A table taken whole, as one commit of a merge has it."""

from dataclasses import replace

from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.table_entries import PlacedEntry
from catalog.repository.tables import data_files, file_changes
from catalog.write.merge.merged_schema import MergedShape, renumber


def whole_table(
    commits: Commits,
    name: str,
    ours: StoredTable | None,
    taken: StoredTable | None,
    at: tuple[str, str],
    *,
    shape: MergedShape | None = None,
) -> TableUpdate:
    """Returns the update by which ours becomes what another commit has.

    Field ids that ours has given since are not given again: they stand in its history. Where
    both sides gave one id to unlike columns, those that come get the ids of the merged shape.

    Args:
        commits: Reads the tables.
        name: The table.
        ours: The table as ours has it; None if it has none.
        taken: The table as it is to be; None if it is to go.
        at: The commits that have them.
        shape: What the shapes of both merge to; None if ours is older than what is taken.
    """
    if taken is None:
        return TableUpdate(name, ours, None)
    changes = file_changes(commits, ours, taken, old_commit=at[0], new_commit=at[1])
    mine, snapshot = None if ours is None else ours.snapshot, taken.snapshot
    same = mine is not None and mine.table_id == snapshot.table_id
    if not same or shape is None or not (shape.renumbered or shape.file_schemas):
        stored: PlacedEntry | None = commits.entries(at[1])[name]
        if same and mine is not None and mine.last_field_id > snapshot.last_field_id:
            snapshot, stored = replace(snapshot, last_field_id=mine.last_field_id), None
        return TableUpdate(name, ours, snapshot, changes.removed, changes.added, stored=stored)
    gone, come = list(changes.removed), [renumber(file, shape) for file in changes.added]
    fresh = {file.path for file in changes.added}
    for file in data_files(commits, taken):
        other = renumber(file, shape)
        if file.path not in fresh and other != file:
            gone.append(file)
            come.append(other)
    before = {file.path: file for file in gone}
    kept = {file.path for file in come if before.get(file.path) == file}
    gone, come = ([f for f in files if f.path not in kept] for files in (gone, come))
    return TableUpdate(name, ours, _renumbered(snapshot, shape), gone, come)


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
    )
