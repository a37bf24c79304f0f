"""What snapshots of sources would change, as a table with remarks, as JSON, and flat."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.report.drift import rows_drift, schema_drift
from catalog.report.figures import clipped, count, exact_moment, moment, plain, short
from catalog.report.layout import aligned
from cli.output import stdout
from cli.output.listing import Cell, picked
from cli.output.snapshots import MOVES, files_line, keys_line, report_json

if TYPE_CHECKING:
    from catalog.model.listings import CommitInfo
    from catalog.operations.status import TableStatus
    from catalog.write.snapshot.drift import PartitionChange

COLUMNS = (
    *("table", "state", "rows_before", "rows", "files_added", "files_removed", "files_kept"),
    *("schema", "source", "last_snapshot", "last_snapshot_time", "last_snapshot_message"),
)
"""What is listed of a source where a line holds all."""

TEXT_COLUMNS = ("table", "state", "rows", "files", "source", "last snapshot")

NOTHING_TAKEN = {
    **dict.fromkeys(("rows_before", "rows", "size_bytes")),
    **dict.fromkeys(("files_added", "files_removed", "files_kept", "bytes_copied"), 0),
    **{"schema_changes": (), "key": None, "null_keys": None, "repeated_keys": None},
    **{"partitions": (), "violations": (), "warnings": ()},
}
"""What JSON says of a table whose source is missing, in the order of ``report_json``."""

PARTITIONS_NAMED = 3
"""Partitions that are named of each kind; of more, the first and the last."""

MESSAGE_WIDTH = 40
"""Columns that the message of a commit takes at most."""


def flat_row(one: "TableStatus") -> tuple[Cell, ...]:
    """Returns the cells of a source, in the order of ``COLUMNS``."""
    report, last = one.report, one.last_snapshot
    return (
        *(one.table, one.state, one.rows_before),
        None if report is None else report.rows,
        *(one.files_added, one.files_removed, one.files_kept),
        None if report is None else schema_drift(report.schema_changes),
        one.source,
        *((None, None, None) if last is None else (last.id, last.time, last.message)),
    )


def status_json(one: "TableStatus") -> dict[str, object]:
    """Returns the JSON form of a source."""
    last = one.last_snapshot
    report = NOTHING_TAKEN if one.report is None else report_json(one.report)
    return {
        **picked(one, "table", "state", "source"),
        **{name: cell for name, cell in report.items() if name not in ("table", "changed")},
        **picked(one, "rows_before", "files_added", "files_removed", "files_kept"),
        "last_snapshot": None
        if last is None
        else {
            "commit": last.id,
            "time": exact_moment(last.time),
            "author": last.author,
            "message": last.message,
        },
    }


def show_text(found: "Sequence[TableStatus]") -> None:
    """Prints sources, a line each, and below what there is to say of those that changed."""
    cells = [_cells(one) for one in found]
    room = stdout.width() if stdout.is_terminal() else None
    stdout.lines(aligned([TEXT_COLUMNS, *cells], right=[False] * len(TEXT_COLUMNS), width=room))
    for one in found:
        remarks = list(_remarks(one))
        if remarks:
            stdout.line()
            stdout.line(plain(one.table))
            stdout.lines(aligned(remarks, right=[False, False], indent=2))


def _cells(one: "TableStatus") -> tuple[str, ...]:
    report = one.report
    if report is None:
        rows, files = "" if one.rows_before is None else count(one.rows_before), ""
    else:
        rows = rows_drift(report.rows_before, report.rows)
        files = files_line(report) if report.changed else ""
    last = "" if one.last_snapshot is None else _commit(one.last_snapshot)
    return (plain(one.table), one.state, rows, files, plain(one.source), last)


def _commit(commit: "CommitInfo") -> str:
    message = clipped(plain(commit.message.partition("\n")[0]), MESSAGE_WIDTH)
    return f"{short(commit.id)} {moment(commit.time)} {message}"


def _remarks(one: "TableStatus") -> list[tuple[str, str]]:
    """Returns what there is to say of a source, each with its name."""
    report = one.report
    if report is None or not report.changed:
        return []
    found = [("guard", f"refuses: {plain(each.message)}") for each in report.violations]
    if report.schema_changes:
        found.append(("schema", schema_drift(report.schema_changes)))
    if report.partitions:
        found.append(("partitions", _partitions(report.partitions)))
    if keys := keys_line(report).removeprefix("keys").lstrip(": "):
        found.append(("keys", keys))
    return found


def _partitions(partitions: "Sequence[PartitionChange]") -> str:
    """Returns the partitions that come, change and go: ``1 new (day=4), 2 gone (…)``."""
    from catalog.model.partition import partition_text

    parts = []
    for move, word in MOVES.items():
        named = [plain(partition_text(one.values)) for one in partitions if one.change == move]
        if len(named) > PARTITIONS_NAMED:
            parts.append(f"{count(len(named))} {word} ({named[0]} … {named[-1]})")
        elif named:
            parts.append(f"{count(len(named))} {word} ({', '.join(named)})")
    return ", ".join(parts)
