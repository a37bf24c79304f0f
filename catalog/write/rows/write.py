"""Rows written to a table: appended, in place of others, or by key."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.engine.connection import single_row
from catalog.model.datafile import DataFile
from catalog.model.partition import Partition
from catalog.model.table import TableSnapshot
from catalog.write.context import WriteContext
from catalog.write.files.key_pruning import check_unique, key_pruner
from catalog.write.files.rewrite import FileChange
from catalog.write.files.writer import paths_of
from catalog.write.rows.landing import Landed, data_errors
from catalog.write.rows.target_schema import WriteRequest, shape_with, stage
from catalog.write.rows.upsert import upsert
from catalog.write.scope import Scope
from catalog.write.working_table import WorkingTable, same_shape


@dataclass(frozen=True, slots=True)
class WriteReport:
    """Tells what a transaction has done to a table so far.

    Attributes:
        table: The table.
        changed: Whether anything differs from the branch.
        files_added: Files that come.
        files_removed: Files that go.
        rows: Rows of the table afterwards.
        warnings: What the user should know.
    """

    table: str
    changed: bool
    files_added: int
    files_removed: int
    rows: int
    warnings: tuple[str, ...] = ()


def write_rows(
    context: WriteContext, table: WorkingTable, landed: Landed, request: WriteRequest
) -> WorkingTable:
    """Writes rows to a table and returns the table after it.

    Args:
        context: What writing needs.
        table: The table as it is; without a snapshot, it is made.
        landed: The rows.
        request: How.

    Raises:
        InvalidInput: The rows do not fit the table, or the request makes no sense.
        Unsupported: A column has a type that Parquet has not.
    """
    try:
        shape = shape_with(table, landed, request)
        with data_errors():
            stage(context, landed, shape)
        return _write(context, table, shape, landed, request)
    finally:
        context.con.execute(f"DROP TABLE {landed.table}")


def _write(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    landed: Landed,
    request: WriteRequest,
) -> WorkingTable:
    old, staged = table.snapshot, landed.table
    reshaped = old is None or not same_shape(old, shape)
    if request.mode == "upsert" and old is not None:
        names = {name for name, _ in landed.columns}
        given = {field.id for field in shape.schema.fields if field.name in names}
        change = upsert(context, table, shape, staged, given)
        scope = Scope(whole=reshaped, files=frozenset(paths_of(change.removed)), keys=True)
    else:
        if request.mode == "upsert":
            check_unique(context.con, shape, staged, table.name)
        present: frozenset[Partition] = frozenset()
        if request.mode == "overwrite_partitions":
            present = _present(context, shape, table.name, staged)
        gone = _replaced(context, table, shape, staged, request, present)
        append = request.mode == "append" and old is not None
        change = add_sorted(context, table, shape, staged, gone, append=append)
        whole = reshaped or request.mode == "overwrite"
        scope = Scope(whole=whole, partitions=present)
    if not (reshaped or change.removed or change.added):
        return table
    (rows,) = single_row(context.con, f"SELECT count(*) FROM {staged}")
    lineage = {"operation": "write", "mode": request.mode, "rows": rows}
    return table.then(shape, change, scope, lineage)


def _present(
    context: WriteContext, shape: TableSnapshot, name: str, staged: str
) -> frozenset[Partition]:
    """Returns the partitions among rows; the only one of a table that is not partitioned."""
    if not shape.partition_by:
        return frozenset({()})
    writer = context.writer(name, shape)
    return frozenset(partition for partition, _, _ in writer.partitions(staged))


def add_sorted(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    staged: str,
    gone: Sequence[DataFile],
    *,
    append: bool,
) -> FileChange:
    """Writes all rows of a table of the engine as new files, in place of others.

    Files whose rows are those of a file that goes are not written: that one stays.
    """
    going = list(gone)
    taken = paths_of(going) | set(table.added)
    with context.writer(table.name, shape, taken=taken) as writer:
        added = writer.sorted(staged, append=append)
        alike = {file.identity: file for file in going}
        fresh = []
        for file in added:
            same = alike.pop(file.identity, None)
            if same is None:
                fresh.append(file)
            else:
                writer.forget(file)
                going.remove(same)
    return FileChange(tuple(going), tuple(fresh))


def _replaced(
    context: WriteContext,
    table: WorkingTable,
    shape: TableSnapshot,
    staged: str,
    request: WriteRequest,
    present: frozenset[Partition],
) -> Sequence[DataFile]:
    """Returns the files that are replaced: all of them, or those of some partitions."""
    if request.mode in ("append", "upsert") or table.snapshot is None:
        return ()
    if request.mode == "overwrite":
        return list(table.files(context.commits))
    pruner = key_pruner(context.con, shape, staged, shape.partition_by)
    listed = table.files(context.commits, wanted=lambda s: pruner.wants_ranges(s.ranges))
    return [file for file in listed if file.partition in present]
