"""Snapshots: a table's state as a source has it, taken into the catalog."""

from catalog.formats.open_table import open_table
from catalog.write.snapshot.other_table import take_table
from catalog.write.snapshot.outcome import TakenSnapshot
from catalog.write.snapshot.parquet_files import take_files
from catalog.write.snapshot.table_plan import SnapshotTask, check_without_versions


def take_snapshot(task: SnapshotTask) -> TakenSnapshot:
    """Takes a table's state from a source, whatever that is; the catalog's refs do not move.

    Raises:
        InvalidInput: The source, its schema or the request is not valid.
        CorruptData: A file is damaged, or changed while it was read.
        NotFound: The source is missing.
        Unsupported: The source has a feature that is not known; the message names it.
    """
    other = open_table(task.source, task.request.format, task.store)
    if other is not None:
        return take_table(task, other)
    check_without_versions(task.source, task.request)
    return take_files(task)
