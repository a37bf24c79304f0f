"""The JSON form of a diff, drawn from its view.

Version 2 holds all that a view holds. Version 1 is what earlier releases wrote: counts alone.
"""

from typing import Any

from catalog.diff.counts import ColumnCounts, Example, PartitionCounts, SideStats
from catalog.diff.file_json import files_json
from catalog.diff.finding_json import (
    delta_json,
    distribution_json,
    partition_sums_json,
    renaming_json,
    segment_json,
)
from catalog.diff.plan import SchemaChange
from catalog.diff.view import (
    ColumnView,
    DiffView,
    End,
    Metric,
    MetricRow,
    Origin,
    Partitioning,
    SampleRow,
    TableView,
)
from catalog.errors import InvalidInput
from catalog.model.commit import time_text

Json = dict[str, Any]

FORMAT_VERSION = 2
"""Version of the JSON form; it grows only with an incompatible change."""

FORMAT_VERSIONS = (1, 2)
"""The versions that can be written."""


def diff_json(view: DiffView, version: int = FORMAT_VERSION) -> Json:
    """Returns the JSON form of a diff.

    Raises:
        InvalidInput: There is no such version.
    """
    tables = [table_json(table, version) for table in view.tables]
    ends = {"from": end_json(view.before, version), "to": end_json(view.after, version)}
    if version == 1:
        return {"format_version": 1, **ends, "tables": tables}
    totals = view.totals
    return {
        "format_version": version,
        **ends,
        "commits": view.commits,
        "totals": {
            "tables": totals.tables,
            "tables_added": totals.added,
            "tables_removed": totals.removed,
            "tables_unchanged": view.unchanged,
            "inserted": totals.inserted,
            "deleted": totals.deleted,
            "updated": totals.updated,
        },
        "tables": tables,
        "left_out": left_out_json(view),
        "metrics": [_metric(one) for one in view.metrics],
        "gate": None if view.gate is None else view.gate.to_json(),
        "origins": [_origin(one) for one in view.origins],
    }


def _origin(origin: Origin) -> Json:
    return {
        "table": origin.table,
        "operation": origin.operation,
        "inputs": list(origin.inputs),
        "statement": origin.statement,
    }


def left_out_json(view: DiffView) -> list[Json]:
    """Returns the JSON form of the tables that were not compared."""
    return [{"table": one.table, "reason": one.reason} for one in view.left_out]


def end_json(end: End, version: int = FORMAT_VERSION) -> Json:
    """Returns the JSON form of an end: what is no commit has none."""
    named = {"ref": end.ref, "commit": end.commit_id or None}
    if version == 1:
        return named
    time = None if end.time is None else time_text(end.time)
    return {**named, "time": time, "author": end.author or None, "message": end.message or None}


def table_json(table: TableView, version: int = FORMAT_VERSION) -> Json:
    """Returns the JSON form of the table.

    Raises:
        InvalidInput: There is no such version.
    """
    if version not in FORMAT_VERSIONS:
        raise InvalidInput(
            f"there is no version {version!r} of the JSON form of a diff", hint="1 or 2"
        )
    form = _counts(table)
    if version == 1:
        form["columns"] = [_column(one.name, one.counts) for one in table.columns]
        form["partitions"] = [_partition(one) for one in table.partitions]
        return form
    shown = [one for one in table.columns if one.touched or one.counts.before is not None]
    form["columns"] = [_explained(one) for one in shown]
    form["columns_unchanged"] = len(table.columns) - len(shown)
    form["partitioned_by"] = (
        None if table.partitioning is None else _partitioned(table.partitioning)
    )
    form["partitions"] = [{**_partition(one), "rows": _sides(one.rows)} for one in table.partitions]
    form["segments"] = [segment_json(one) for one in table.segments]
    form["unchanged_rows_looked_at"] = table.explained_by
    form["renamings"] = [renaming_json(one) for one in table.renamings]
    form["groups_by_key"] = table.groups_by_key
    form["ignored"] = list(table.ignored)
    form["tolerances"] = dict(table.tolerances)
    form["warnings"] = list(table.warnings)
    if table.sample is not None:
        form["sample"] = [_sample_row(one) for one in table.sample]
    return form


def schema_change_json(change: SchemaChange) -> Json:
    """Returns the JSON form of one change of a schema."""
    return {
        "change": change.change,
        "column": change.column,
        "from": change.before,
        "to": change.after,
        "compared": change.compared,
    }


def _counts(table: TableView) -> Json:
    """Returns what both versions say of a table, in their order; lists are filled in later."""
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
        "schema_changes": [schema_change_json(one) for one in table.schema_changes],
        "rows": {
            "from": rows.before,
            "to": rows.after,
            "inserted": rows.inserted,
            "deleted": rows.deleted,
            "updated": rows.updated,
            "moved": rows.moved,
        },
        "columns": [],
        "partitions": [],
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


def _explained(column: ColumnView) -> Json:
    before, after = column.types or (None, None)
    form = {
        **_column(column.name, column.counts),
        "type": {"from": before, "to": after},
        "distinct_changes": column.distinct,
        "examples": [_example(one) for one in column.examples],
        "delta": None if column.delta is None else delta_json(column.delta),
        "sum_by_partition": None
        if column.partition_sums is None
        else partition_sums_json(column.partition_sums),
        "segments": [segment_json(one) for one in column.segments],
    }
    if column.distribution is not None:
        form["distribution"] = distribution_json(column.distribution)
    return form


def _example(example: Example) -> Json:
    return {
        "from": example.before,
        "to": example.after,
        "count": example.count,
        "key": dict(example.key),
        "skipped": example.skipped,
        "length": None if example.lengths is None else _sides(example.lengths),
    }


def _partitioned(partitioning: Partitioning) -> Json:
    before, after = partitioning.count
    unchanged = partitioning.unchanged
    return {
        "columns": list(partitioning.columns),
        "types": list(partitioning.types),
        "partitions": {"from": before, "to": after},
        "unchanged": None
        if unchanged is None
        else [
            {"partition": dict(zip(partitioning.columns, values, strict=True)), "rows": rows}
            for values, rows in unchanged
        ],
    }


def _sample_row(row: SampleRow) -> Json:
    return {
        "change": row.change,
        "columns": list(row.columns),
        "from": None if row.before is None else dict(row.before),
        "to": None if row.after is None else dict(row.after),
    }


def _metric(metric: Metric) -> Json:
    return {
        "name": metric.name,
        "query": metric.query,
        "rows": [_metric_row(row) for row in metric.rows],
        "more_rows": metric.more,
        "error": metric.error or None,
    }


def _metric_row(row: MetricRow) -> Json:
    return {
        "key": dict(row.key),
        "from": None if row.before is None else dict(row.before),
        "to": None if row.after is None else dict(row.after),
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
