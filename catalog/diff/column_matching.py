"""Which columns of two snapshots of a table are the same, and what follows for their files.

By id, since renames keep ids; by name where ids mean nothing, as in tables made apart.
"""

from collections.abc import Sequence
from dataclasses import replace

from catalog.model.schema import Field
from catalog.model.table import TableSnapshot
from catalog.model.types import is_integer


def ids_contradict(old: TableSnapshot, new: TableSnapshot) -> bool:
    """Tells whether a field id has two names: a column was renamed, or there are two of that id."""
    names = {f.id: f.name for f in old.schema.fields}
    return old.table_id == new.table_id and any(
        names.get(f.id, f.name) != f.name for f in new.schema.fields
    )


def shared_files_say_the_same(
    old: TableSnapshot, new: TableSnapshot, matched: Sequence[tuple[Field, Field]]
) -> bool:
    """Tells whether a data file that both snapshots have brings the same cells to both.

    It does not where ids mean other columns: in tables made apart of the same files, or on
    branches that each renamed what they had added; nor where it holds a column that was
    dropped and came back. All files must be compared then.

    Args:
        old: The one snapshot.
        new: The other.
        matched: Their columns, as ``match_columns`` pairs them.
    """
    crossed = {i for a, b in matched if a.id != b.id for i in (a.id, b.id)}
    crossed |= {f.id for f in new.schema.fields} - {b.id for _, b in matched}
    if old.partition_by and new.partition_by and not partitioned_alike(old, new, matched):
        return False
    return not any(
        column.field_id in crossed
        for schema, held in old.file_schemas.items()
        if crossed and schema in new.file_schemas
        for column in held.columns
    )


def partitioned_alike(
    old: TableSnapshot, new: TableSnapshot, matched: Sequence[tuple[Field, Field]]
) -> bool:
    """Tells whether the same encoded partition values are the same values of the same columns."""
    if old.partition_by != new.partition_by:
        return False
    partners = {before.id: after for before, after in matched}
    return all(
        i in partners and partners[i].id == i and _encoded_alike(field, partners[i])
        for i, field in zip(old.partition_by, old.fields(old.partition_by), strict=True)
    )


def _encoded_alike(before: Field, after: Field) -> bool:
    return before.type == after.type or (is_integer(before.type) and is_integer(after.type))


def match_columns(
    old: TableSnapshot, new: TableSnapshot, shared_ids: int | None
) -> list[tuple[Field, Field]]:
    """Pairs columns by id, else by exact name, in the newer side's order.

    Ids mean nothing across tables made apart, such as one dropped and made again.
    """
    rest = {f.id: f for f in old.schema.fields}
    partners: dict[int, Field] = {}
    if old.table_id == new.table_id:
        partners = {
            f.id: rest.pop(f.id)
            for f in new.schema.fields
            if f.id in rest and (shared_ids is None or f.id <= shared_ids)
        }
    by_name = {f.name: f for f in rest.values()}
    for f in new.schema.fields:
        if f.id not in partners and f.name in by_name:
            partners[f.id] = by_name.pop(f.name)
    return [
        (
            replace(partners[f.id], type=old.held_type(partners[f.id])),
            replace(f, type=new.held_type(f)),
        )
        for f in new.schema.fields
        if f.id in partners
    ]
