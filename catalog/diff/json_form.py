"""The JSON form of a diff, drawn from its view."""

from typing import Any

from catalog.diff.counts import ColumnCounts, PartitionCounts, SideStats
from catalog.diff.file_json import files_json
from catalog.diff.view import DiffView, End, TableView

Json = dict[str, Any]

FORMAT_VERSION = 1
"""Version of the JSON form; it grows only with an incompatible change."""


def diff_json(view: DiffView) -> Json:
    """Returns the JSON form of a diff."""
    return {
        "format_version": FORMAT_VERSION,
        "from": end_json(view.before),
        "to": end_json(view.after),
        "tables": [table_json(table) for table in view.tables],
    }


def end_json(end: End) -> Json:
    """Returns the JSON form of an end: what is no commit has none."""
    return {"ref": end.ref, "commit": end.commit_id or None}


def table_json(table: TableView) -> Json:
    """Returns the JSON form of the table."""
    rows, problems, coverage = table.rows, table.key_problems, table.coverage
    counted = rows.inserted is not None
    return {
        "table": table.name,
        "status": table.status,
        "key": list(table.key),
        "key_problems": {
            "scope": "all" if problems.all_rows else "compared",
            "null": _sides(problems.null if counted else None),
            "duplicate": _sides(problems.duplicate if counted else None),
        },
        "schema_changes": [
            {
                "change": one.change,
                "column": one.column,
                "from": one.before,
                "to": one.after,
                "compared": one.compared,
            }
            for one in table.schema_changes
        ],
        "rows": {
            "from": rows.before,
            "to": rows.after,
            "inserted": rows.inserted,
            "deleted": rows.deleted,
            "updated": rows.updated,
            "moved": rows.moved,
        },
        "columns": [_column(one.name, one.counts) for one in table.columns],
        "partitions": [_partition(one) for one in table.partitions],
        "partitions_compared": coverage.partitions_compared,
        "partitions_skipped": coverage.partitions_skipped,
        "files": {
            "added": coverage.files_added,
            "removed": coverage.files_removed,
            "kept": coverage.files_kept,
            "bytes_read": coverage.bytes_read,
        },
        **({} if table.files is None else {"file_set": files_json(table.files)}),
    }


def _sides(counts: tuple[int, int] | None) -> Json:
    before, after = counts if counts is not None else (None, None)
    return {"from": before, "to": after}


def _column(name: str, counts: ColumnCounts) -> Json:
    return {
        "column": name,
        "changed": counts.changed,
        "filled": counts.filled,
        "cleared": counts.cleared,
        "corrected": counts.corrected,
        "within_tolerance": counts.within_tolerance,
        "from": _stats(counts.before),
        "to": _stats(counts.after),
        "rows_covered": _sides(counts.covered),
    }


def _stats(stats: SideStats | None) -> Json:
    return {
        "nulls": None if stats is None else stats.nulls,
        "min": None if stats is None else stats.low,
        "max": None if stats is None else stats.high,
        "mean": None if stats is None else stats.mean,
        "sum": None if stats is None else stats.total,
    }


def _partition(counts: PartitionCounts) -> Json:
    return {
        "partition": dict(counts.values),
        "inserted": counts.inserted,
        "deleted": counts.deleted,
        "updated": counts.updated,
        "filled": counts.filled,
        "cleared": counts.cleared,
        "corrected": counts.corrected,
    }
