"""What a snapshot does to a table, or would do, as a line and as JSON."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.report.figures import listed, plain, size
from cli.output import stderr
from cli.output.listing import picked

if TYPE_CHECKING:
    from catalog.write.snapshot.drift import PartitionChange, PartitionMove
    from catalog.write.snapshot.outcome import SnapshotReport

TABLES_NAMED = 3
"""Tables that the note about keys names."""

MOVES: "Mapping[PartitionMove, str]" = {"added": "new", "changed": "changed", "removed": "gone"}
"""What partitions do, in words."""


def report_json(report: "SnapshotReport") -> dict[str, object]:
    """Returns the JSON form of what a snapshot does to a table."""
    from catalog.diff.json_form import schema_change_json

    return {
        **picked(report, "table", "changed", "rows_before", "rows", "size_bytes"),
        **picked(report, "files_added", "files_removed", "files_kept", "bytes_copied"),
        "schema_changes": [schema_change_json(one) for one in report.schema_changes],
        "key": list(report.key),
        **picked(report, "null_keys", "repeated_keys"),
        "partitions": [
            {"partition": dict(one.values), "change": one.change} for one in report.partitions
        ],
        "violations": [one.to_json() for one in report.violations],
        "warnings": list(report.warnings),
    }


def report_line(report: "SnapshotReport", *, dry_run: bool) -> str:
    """Returns what a snapshot does to a table, after its name."""
    from catalog.report.drift import rows_drift, schema_drift

    total = f"{rows_drift(report.rows_before, report.rows)} in {size(report.size_bytes)}"
    if not report.changed:
        return f"unchanged: {total}"
    parts = [total]
    if report.schema_changes:
        parts.append(f"schema: {schema_drift(report.schema_changes)}")
    keys = keys_line(report)
    parts += [keys] if keys else []
    if report.partitions and report.rows_before is not None:
        parts.append(f"partitions: {partitions_line(report.partitions)}")
    parts.append(f"files: {files_line(report)}")
    if not dry_run:
        parts.append(f"{size(report.bytes_copied)} copied")
    return "; ".join(parts)


def files_line(report: "SnapshotReport") -> str:
    """Returns how many files come, go and stay: ``1 added, 3 kept``."""
    moves = ((report.files_added, "added"), (report.files_removed, "removed"))
    counts = [f"{number:,} {word}" for number, word in moves if number]
    counts += [f"{report.files_kept:,} kept"] if report.files_kept or not counts else []
    return ", ".join(counts)


def keys_line(report: "SnapshotReport") -> str:
    """Returns what is known of the keys of the rows that come; empty if all is well."""
    if not report.key or not report.files_added:
        return ""
    if report.repeated_keys is None or report.null_keys is None:
        return "keys not checked"
    wrong = ((report.repeated_keys, "repeated"), (report.null_keys, "NULL"))
    found = [f"{number:,} {word}" for number, word in wrong if number]
    return f"keys: {', '.join(found)}" if found else ""


def partitions_line(partitions: "Sequence[PartitionChange]") -> str:
    """Returns how many partitions come, go and change: ``1 new, 2 changed``."""
    counts = Counter(one.change for one in partitions)
    return ", ".join(f"{counts[move]:,} {word}" for move, word in MOVES.items() if counts[move])


def tell_of(reports: "Sequence[SnapshotReport]", keyless: Collection[str]) -> None:
    """Tells on stderr what the user should know, once about all tables without a key.

    Args:
        reports: What snapshots do.
        keyless: Tables of which nothing is said about their key.
    """
    for report in reports:
        for text in report.warnings:
            stderr.warning(text if report.table in text else f"{report.table}: {text}")
    unkeyed = [one.table for one in reports if _is_unkeyed(one) and one.table not in keyless]
    if unkeyed:
        stderr.note(_no_key_note(unkeyed))


def _is_unkeyed(report: "SnapshotReport") -> bool:
    """Returns whether a table has no key, and rows of it may have been updated, or may be later."""
    return (
        report.changed
        and not report.key
        and (report.rows_before is None or report.files_removed > 0)
    )


def _no_key_note(tables: Sequence[str]) -> str:
    """Returns what follows from tables that have no key, and what helps."""
    have = "has" if len(tables) == 1 else "have"
    named = listed([plain(name) for name in tables], TABLES_NAMED)
    return (
        f"{named} {have} no key: updates will show as deleted + inserted; "
        f"--key {plain(tables[0])}=COLUMN says which rows are the same"
    )
