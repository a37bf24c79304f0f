"""Partitions without a key to which a side has only added files: its files are taken as they are.

Rows are counted there, so that nothing is decided row by row: what the one side did is done beside
what the other did. A file that is taken as it is keeps its name, by which a later merge knows
that both sides have it; rows that are written into another file would be there twice.
"""

from collections.abc import Collection

from catalog.diff.execute import changed_rows
from catalog.diff.options import DiffOptions
from catalog.diff.plan import plan_table
from catalog.engine.quoting import type_sql
from catalog.model.datafile import FileChanges
from catalog.model.partition import Partition
from catalog.repository.tables import has_path
from catalog.write.conditions import all_same, constant
from catalog.write.merge.ends import MergeContext
from catalog.write.merge.sides import TableSides, files_by_partition
from catalog.write.merge.space import merge_schema, table_reader


def beside_one_another(context: MergeContext, sides: TableSides) -> frozenset[Partition]:
    """Returns the partitions that both changed in which theirs' files go and come as they are.

    Those are left out whose rows both sides made the same: these are taken once.
    """
    ours, theirs = files_by_partition(sides.ours), files_by_partition(sides.theirs)
    found: set[Partition] = set()
    unsure: set[Partition] = set()
    for partition in ours.keys() & theirs.keys():
        (our_removed, our_added), (removed, added) = ours[partition], theirs[partition]
        if our_removed and removed:
            continue
        if any(has_path(context.commits, sides.head, file) for file in added):
            continue
        counts = [sum(file.rows for file in files) for files in (our_added, removed)]
        others = [sum(file.rows for file in files) for files in (added, our_removed)]
        (unsure if sum(counts) == sum(others) else found).add(partition)
    return frozenset(found | _differing(context, sides, unsure))


def _differing(
    context: MergeContext, sides: TableSides, partitions: Collection[Partition]
) -> set[Partition]:
    """Returns those of some partitions that do not have the same rows on both sides."""
    if not partitions:
        return set()
    shape, ours, theirs = sides.shape, sides.ours, sides.theirs
    only_ours = [f for f in (*ours.added, *theirs.removed) if f.partition in partitions]
    only_theirs = [f for f in (*theirs.added, *ours.removed) if f.partition in partitions]
    changes = FileChanges(tuple(only_ours), tuple(only_theirs), files_kept=0, partitions_kept=0)
    plan = plan_table(sides.name, shape, shape, changes=changes, options=DiffOptions())
    listed = sorted(partitions, key=str)
    fields, con = shape.fields(shape.partition_by), context.write.con
    kinds = [kind for _, kind in shape.partition_fields]
    with merge_schema(context.write.work) as schema:
        rows = changed_rows(table_reader(context.write, plan), name=f"{schema}.sides")
        columns = "".join(f", p{f.id} {type_sql(f.type)}" for f in fields)
        con.execute(f"CREATE TABLE {schema}.listed (n BIGINT{columns})")
        for number, partition in enumerate(listed):
            values = ", ".join([str(number), *map(constant, partition, kinds)])
            con.execute(f"INSERT INTO {schema}.listed VALUES ({values})")
        own = [
            f"(r.kind = '{kind}' AND {all_same('l.p', f'r.{part}_c', shape.partition_by)})"
            for kind, part in (("d", "f"), ("i", "t"))
        ]
        found = con.sql(f"SELECT n FROM {schema}.listed l SEMI JOIN {rows} r ON {' OR '.join(own)}")
        return {listed[number] for (number,) in found.fetchall()}
