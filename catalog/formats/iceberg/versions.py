"""Snapshots of an Iceberg table as versions, and which of them a user means."""

import datetime

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from catalog.errors import CorruptData, ErrorKind, NotFound
from catalog.formats.table_state import TableVersion
from catalog.formats.version_times import moment, time_of

NO_SNAPSHOT = 0
"""The number of the version of a table that nothing was written to."""

SHOWN = 10
"""How many snapshots or refs a message lists."""


def _moment(milliseconds: int) -> datetime.datetime:
    """Returns a time of Iceberg.

    Raises:
        CorruptData: No year has it.
    """
    try:
        return moment(milliseconds)
    except OverflowError as error:
        raise CorruptData(
            f"a snapshot of the table is of the time {milliseconds} ms, which no year has",
            kind=ErrorKind.LOG_DAMAGED,
        ) from error


def table_version(metadata: TableMetadata, snapshot: Snapshot | None) -> TableVersion:
    """Returns a snapshot as a version; None is the table before its first one."""
    if snapshot is None:
        return TableVersion(NO_SNAPSHOT, _moment(metadata.last_updated_ms))
    summary = snapshot.summary
    parent = snapshot.parent_snapshot_id
    known = parent is not None and metadata.snapshot_by_id(parent) is not None
    return TableVersion(
        number=snapshot.snapshot_id,
        time=_moment(snapshot.timestamp_ms),
        operation="" if summary is None else summary.operation.value,
        details={} if summary is None else dict(summary.additional_properties),
        parent=parent if known else None,
    )


def versions_of(metadata: TableMetadata) -> tuple[TableVersion, ...]:
    """Returns the snapshots that led to the current one and are still there, oldest first."""
    by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    line: dict[int, Snapshot] = {}
    at = metadata.current_snapshot_id
    while at is not None and at in by_id and at not in line:
        line[at] = by_id[at]
        at = by_id[at].parent_snapshot_id
    return tuple(table_version(metadata, snapshot) for snapshot in reversed(line.values()))


def named_snapshot(metadata: TableMetadata, at: str, root: str) -> Snapshot:
    """Returns the snapshot of an id, a tag, a branch or a time.

    Raises:
        NotFound: There is none, or it was expired.
    """
    if at.isascii() and at.isdigit():
        snapshot = metadata.snapshot_by_id(int(at))
        if snapshot is not None:
            return snapshot
    ref = metadata.refs.get(at)
    if ref is not None:
        return _listed(metadata, ref.snapshot_id, f"{at!r} of {root}")
    if at.isascii() and at.isdigit():
        raise _not_found(metadata, f"{root} has no snapshot {at}")
    try:
        time = time_of(at)
    except ValueError as error:
        raise _not_found(metadata, f"{root} has no tag, branch or snapshot {at!r}") from error
    for entry in reversed(metadata.snapshot_log):
        if _moment(entry.timestamp_ms) <= time:
            return _listed(metadata, entry.snapshot_id, f"{root} at {at}")
    raise _not_found(metadata, f"{root} had no snapshot at {at}, or it was expired")


def _listed(metadata: TableMetadata, number: int, shown: str) -> Snapshot:
    snapshot = metadata.snapshot_by_id(number)
    if snapshot is None:
        raise _not_found(metadata, f"{shown} is snapshot {number}, which was expired")
    return snapshot


def _not_found(metadata: TableMetadata, problem: str) -> NotFound:
    snapshots = [snapshot.snapshot_id for snapshot in metadata.snapshots]
    refs = list(metadata.refs)
    return NotFound(
        problem,
        kind=ErrorKind.VERSION_NOT_FOUND,
        hint=f"snapshots: {_some(list(map(str, reversed(snapshots))))}; "
        f"branches and tags: {_some(refs)}",
    )


def _some(names: list[str]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
