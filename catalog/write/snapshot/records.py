"""What is kept of the files of a source, so that they need not be read again."""

import os
import time
from collections.abc import Mapping, Sequence

from catalog.formats.source import SourceFile
from catalog.repository.stat_records import StatRecord, write_stat_records
from catalog.write.snapshot.ingest import Mode, TakenFile
from catalog.write.snapshot.table_plan import SnapshotTask


def remember(
    task: SnapshotTask,
    root: str,
    taken: Sequence[TakenFile],
    others: Mapping[str, StatRecord],
) -> None:
    """Keeps the content of the files of a source, for those that are not left in place.

    Args:
        task: The snapshot.
        root: The source.
        taken: The files that were taken.
        others: What else is to be kept, by relative path.
    """
    mode = task.mode
    if mode is Mode.REFERENCE and not others:
        return
    records = dict(others)
    for one in () if mode is Mode.REFERENCE else taken:
        ctime_ns = one.source.ctime_ns
        if mode is Mode.LINK:  # a new link is a change to the file
            try:
                ctime_ns = os.stat(one.source.path).st_ctime_ns
            except FileNotFoundError:
                continue
        records[one.source.relative] = record_of(one.source, one.token, ctime_ns=ctime_ns)
    write_stat_records(task.store, task.name, root, records, now_ns=time.time_ns())


def record_of(source: SourceFile, token: str, *, ctime_ns: int | None = None) -> StatRecord:
    """Returns the record of a file of a source."""
    changed_ns = source.ctime_ns if ctime_ns is None else ctime_ns
    return StatRecord(source.size_bytes, source.mtime_ns, changed_ns, source.inode, token)
