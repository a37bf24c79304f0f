"""Rows written to a table: appended, in place of others, or by key."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass
from catalog.engine.connection import single_row
from catalog.model.datafile import DataFile
from catalog.model.lineage import LineageEntry
from catalog.model.partition import Partition
from catalog.write.context import WriteContext
from catalog.write.files.key_pruning import check_unique, key_pruner
from catalog.write.files.rewrite import FileEdit
from catalog.write.files.writer import paths_of
from catalog.write.rows.landing import Landed, data_errors
from catalog.write.rows.target_schema import WriteRequest, shape_with, stage
from catalog.write.rows.upsert import upsert
from catalog.write.scope import Scope
from catalog.write.table_write import TableWrite
from catalog.write.working_table import WorkingTable, same_shape


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What a transaction has done to a table so far.

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
    context: WriteContext, table: WorkingTable, landed: Landed, *, request: WriteRequest
) -> WorkingTable:
    """Writes rows to a table and returns the table after it.

    Raises:
        InvalidInput: The rows do not fit the table, or the request is not valid.
        Unsupported: A column has a type that Parquet does not have.
    """
    try:
        shape = shape_with(table, landed, request)
        with data_errors():
            stage(context, landed, shape)
        return _write(TableWrite(context, table, shape), landed, request)
    finally:
        context.con.execute(f"DROP TABLE {landed.table}")


def _write(write: TableWrite, landed: Landed, request: WriteRequest) -> WorkingTable:
    table, shape, staged = write.table, write.shape, landed.table
    old = table.snapshot
    reshaped = old is None or not same_shape(old, shape)
    if request.mode == "upsert" and old is not None:
        names = {name for name, _ in landed.columns}
        given = {field.id for field in shape.schema.fields if field.name in names}
        change = upsert(write, staged, given)
        scope = Scope(whole=reshaped, files=frozenset(paths_of(change.removed)), keys=True)
    else:
        if request.mode == "upsert":
            check_unique(write.con, shape, staged, name=write.name)
        present: frozenset[Partition] = frozenset()
        gone: Sequence[DataFile] = ()
        if request.mode == "overwrite_partitions":
            present = _partitions(write, staged)
            gone = _files_in(write, staged, present)
        elif request.mode == "overwrite" and old is not None:
            gone = list(table.files(write.context.commits))
        append = request.mode == "append" and old is not None
        change = add_sorted(write, staged, gone, append=append)
        scope = Scope(whole=reshaped or request.mode == "overwrite", partitions=present)
    if not (reshaped or change.removed or change.added):
        return table
    (rows,) = single_row(write.con, f"SELECT count(*) FROM {staged}")
    lineage = LineageEntry("write", facts={"mode": request.mode, "rows": rows})
    return table.then(shape, change, scope, lineage=lineage)


def _partitions(write: TableWrite, staged: str) -> frozenset[Partition]:
    """Returns the partitions among rows; the only one of a table that is not partitioned."""
    if not write.shape.partition_by:
        return frozenset({()})
    return frozenset(partition for partition, _, _ in write.adder(()).partitions(staged))


def _files_in(
    write: TableWrite, staged: str, partitions: frozenset[Partition]
) -> Sequence[DataFile]:
    """Returns the files of the partitions of some rows."""
    if write.table.snapshot is None:
        return ()
    pruner = key_pruner(write.con, write.shape, staged, fields=write.shape.partition_by)
    listed = write.table.files(
        write.context.commits, wanted=lambda node: pruner.wants_ranges(node.ranges)
    )
    return [file for file in listed if file.partition in partitions]


def add_sorted(write: TableWrite, rows: str, gone: Sequence[DataFile], *, append: bool) -> FileEdit:
    """Writes all rows of a table of the engine as new files, in place of others.

    Files whose rows are those of a file that goes are not written: that one stays.
    To append, they get names that no other writer can give.
    """
    going = list(gone)
    with write.adder(going) as writer:
        added = writer.sorted(rows, append=append)
        alike = {file.identity: file for file in going}
        fresh = []
        for file in added:
            same = alike.pop(file.identity, None)
            if same is None:
                fresh.append(file)
            else:
                writer.forget(file)
                going.remove(same)
    return FileEdit(tuple(going), tuple(fresh))
