"""The words and numbers of a diff that text and Markdown share."""

import math
from collections.abc import Sequence

from catalog.diff.counts import PartitionCounts, SideStats
from catalog.diff.plan import SchemaChange
from catalog.diff.view import ColumnView, DiffView, TableView
from catalog.report.figures import (
    arrow,
    arrow_counts,
    clipped,
    count,
    counted,
    grouped,
    listed,
    named_values,
    plain,
    share,
)
from catalog.report.file_words import files_line

PARTITIONS_SHOWN = 10
"""Partitions that are listed: the most changed ones tell the story, the JSON form has all."""

LEFT_OUT_SHOWN = 12
"""Tables that were not compared, of which the names are listed."""

DEFINITION_WIDTH = 100
"""Columns that a definition takes at most: the JSON form has all of it."""

MEAN_DIGITS = 6
"""Significant digits of a mean; more where two means would else look the same."""


def facts(table: TableView) -> list[tuple[str, str]]:
    """Returns what happened to rows, columns, schema and files, each line with its name.

    Of the compared columns, those that did not change are proven the same.
    """
    found = [("rows", _rows_line(table))]
    if table.files is not None:
        if table.status == "modified":
            found.append(("files", files_line(table.files)))
    elif table.compared and table.status == "modified" and table.columns:
        touched = count(len(table.touched_columns))
        found.append(("columns", f"{touched} of {count(len(table.columns))} changed"))
    found += [("schema", schema_line(change)) for change in table.schema_changes]
    found += comparison_facts(table)
    if table.is_query:
        return found
    files = table.coverage
    moved = f"{count(files.files_added)} added, {count(files.files_removed)} removed"
    what = "data files" if table.is_file_set else "files"
    kept = f", {count(files.files_kept)} kept" if files.files_kept else ""
    return [*found, (what, f"{moved}{kept}")]


def comparison_facts(table: TableView) -> list[tuple[str, str]]:
    """Returns what does not count in the comparison of a table, each line with its name."""
    found = []
    if table.groups_by_key:
        key = ", ".join(map(plain, table.key))
        found.append(("key", f"{key}: what the query groups by"))
    if table.ignored:
        found.append(("ignored", ", ".join(map(plain, table.ignored))))
    if table.tolerances:
        limits = (f"{plain(name)} ±{plain(text)}" for name, text in table.tolerances.items())
        found.append(("tolerance", ", ".join(limits)))
    return found


def left_out_lines(view: DiffView) -> list[str]:
    """Returns which tables were not compared, and why, those of one reason on one line."""
    by_reason: dict[str, list[str]] = {}
    for one in view.left_out:
        by_reason.setdefault(one.reason, []).append(plain(one.table))
    return [
        f"not compared: {listed(names, LEFT_OUT_SHOWN)} ({_of(plain(reason), len(names))})"
        for reason, names in by_reason.items()
    ]


def _of(reason: str, tables: int) -> str:
    """Returns why tables were not compared, said of one or of several."""
    return reason.replace("it has ", "they have ", 1) if tables > 1 else reason


def _rows_line(table: TableView) -> str:
    """Returns the rows before and after, and what happened to them."""
    rows = table.rows
    ends = arrow_counts(rows.before, rows.after)
    if not table.compared:
        return f"{ends} (rows not compared)"
    moved = f", {count(rows.moved)} moved" if rows.moved else ""
    parts = [f"{count(rows.inserted)} inserted"] if rows.inserted else []
    if rows.deleted:
        parts.append(f"{count(rows.deleted)} deleted ({share(rows.deleted, rows.before)})")
    if rows.updated:
        parts.append(f"{count(rows.updated)} updated ({share(rows.updated, rows.before)}{moved})")
    return f"{ends}: {', '.join(parts) or 'no row changed'}"


def schema_line(change: SchemaChange) -> str:
    """Returns one schema change in words."""
    name, before, after = plain(change.column or ""), _side(change.before), _side(change.after)
    match change.change:
        case "column_added":
            text = f"column {name} added ({after})"
        case "column_removed":
            text = f"column {name} removed ({before})"
        case "column_renamed":
            text = f"column {before} renamed to {after}"
        case "type_changed":
            text = f"type of {name}: {before} → {after}"
        case "key_changed":
            text = f"key: {before} → {after}"
        case "partitioning_changed":
            text = f"partitioned by: {before} → {after}"
        case "definition_changed":
            text = f"derived by: {_shortened(change.before)} → {_shortened(change.after)}"
    return text if change.compared else f"{text}, values not compared"


def _shortened(text: str | None) -> str:
    """Returns the definition of a derived table on one line, cut if it is long."""
    return clipped(_side(text and " ".join(text.split())), DEFINITION_WIDTH)


def _side(text: str | None) -> str:
    return plain(text) if text else "none"


def partitions_line(table: TableView) -> str:
    """Returns how many partitions were compared, and how many needed no look."""
    compared = f"{count(table.coverage.partitions_compared)} compared"
    skipped = table.coverage.partitions_skipped
    return f"{compared}, {count(skipped)} skipped (same files)" if skipped else compared


def statistics_of(columns: Sequence[ColumnView]) -> tuple[str, ...]:
    """Returns the statistics that any of the columns has, the first to know first."""
    sides = [side for c in columns for side in (c.counts.before, c.counts.after) if side]
    nulls = any(side.nulls for side in sides)
    means = any(side.mean is not None for side in sides)
    sums = any(side.total is not None for side in sides)
    return (*(["NULLs"] if nulls else []), *(["mean"] if means else []), *(["sum"] if sums else []))


def column_rows(
    columns: Sequence[ColumnView], statistics: tuple[str, ...]
) -> tuple[list[str], list[list[str]]]:
    """Returns header and cells of the table of changed columns, with these statistics."""
    tolerant = any(column.counts.within_tolerance for column in columns)
    header = ["column", "filled", "cleared", "corrected"]
    header += ["within tolerance"] if tolerant else []
    header += statistics
    rows = []
    for column in columns:
        counts = column.counts
        numbers = [counts.filled, counts.cleared, counts.corrected]
        numbers += [counts.within_tolerance] if tolerant else []
        shown = [_STATISTICS[one](counts.before, counts.after) for one in statistics]
        rows.append([plain(column.name), *(count(number) for number in numbers), *shown])
    return header, rows


def statistic_pair(name: str, before: SideStats, after: SideStats) -> str:
    """Returns a statistic before and after: ``9,409 → 9,878``; empty if there is none."""
    return _STATISTICS[name](before, after)


def brief_cells(column: ColumnView) -> str:
    """Returns what happened to the cells of a column: ``40 corrected; sum 9,409 → 9,878``."""
    counts = column.counts
    kinds = ("filled", "cleared", "corrected")
    changed = [f"{count(number)} {kind}" for kind in kinds if (number := getattr(counts, kind))]
    shown = [
        f"{one} {pair}"
        for one in ("NULLs", "sum")
        if (pair := _STATISTICS[one](counts.before, counts.after)) and pair != "0"
    ]
    return "; ".join([", ".join(changed) or "no cell changed", ", ".join(shown)]).removesuffix("; ")


def covered_line(table: TableView, statistics: tuple[str, ...]) -> str:
    """Returns which rows statistics of the columns cover; empty if there are none."""
    covered = {c.counts.covered for c in table.touched_columns} - {None}
    if len(covered) != 1 or not statistics:
        return ""
    before, after = ends = covered.pop() or (0, 0)
    if ends == (table.rows.before, table.rows.after):
        return f"{statistics_words(statistics)} of all rows"
    shown, rows = arrow_counts(before, after), "row" if ends == (1, 1) else "rows"
    return f"{statistics_words(statistics)} of the {shown} {rows} in files that differ"


def statistics_words(statistics: tuple[str, ...]) -> str:
    """Returns statistics in words: ``NULLs, means and sums``."""
    *first, last = (one if one == "NULLs" else f"{one}s" for one in statistics)
    return f"{', '.join(first)} and {last}" if first else last


def top_partitions(table: TableView) -> tuple[list[PartitionCounts], int]:
    """Returns the partitions to list, and how many more changed."""
    changed = [p for p in table.partitions if p.rows_changed and p.values]
    if len(changed) <= PARTITIONS_SHOWN:
        return changed, 0
    ranked = sorted(changed, key=lambda p: -p.rows_changed)
    return ranked[:PARTITIONS_SHOWN], len(changed) - PARTITIONS_SHOWN


def partition_rows(partitions: list[PartitionCounts]) -> tuple[list[str], list[list[str]]]:
    """Returns header and cells of the table of changed partitions."""
    kinds = ("inserted", "deleted", "updated", "filled", "cleared", "corrected")
    rows = [
        [named_values(p.values), *(count(getattr(p, kind)) for kind in kinds)] for p in partitions
    ]
    return ["partition", *kinds], rows


def problems(table: TableView) -> list[str]:
    """Returns what the user should know before trusting the counts."""
    found = []
    key = ", ".join(plain(one) for one in table.key)
    for (before, after), what in (
        (table.key_problems.null, "NULL in the key"),
        (table.key_problems.duplicate, "duplicate key"),
    ):
        if before == after != 0:
            found.append(f"{what} ({key}): {counted(after, 'row')} on each side")
        elif before or after:
            found.append(f"{what} ({key}): {counted(before, 'row')} before, {count(after)} after")
    return [*found, *(plain(text) for text in table.warnings)]


def _nulls(before: SideStats | None, after: SideStats | None) -> str:
    left, right = (None if side is None else side.nulls for side in (before, after))
    return arrow_counts(left, right)


def _means(before: SideStats | None, after: SideStats | None) -> str:
    return _pair(*mean_texts(before, after))


def mean_texts(before: SideStats | None, after: SideStats | None) -> tuple[str, str]:
    """Returns both means, with as many digits as tell them apart; ``NULL`` if there is none."""
    left, right = (None if side is None else side.mean for side in (before, after))
    for digits in (MEAN_DIGITS, 9, 12, 15):
        shown = _mean(left, digits), _mean(right, digits)
        if left is None or right is None or left == right or shown[0] != shown[1]:
            break
    return shown


def _mean(value: float | None, digits: int) -> str:
    """Returns a number with so many significant digits, whole digits always kept."""
    if value is None:
        return "NULL"
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude > 15 or magnitude < -5:
        return f"{value:.{digits}g}"
    text = f"{value:,.{max(digits - 1 - magnitude, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _sums(before: SideStats | None, after: SideStats | None) -> str:
    totals = (None if side is None else side.total for side in (before, after))
    return _pair(*("NULL" if total is None else grouped(total) for total in totals))


def _pair(before: str, after: str) -> str:
    return "" if before == after == "NULL" else arrow(before, after)


_STATISTICS = {"NULLs": _nulls, "mean": _means, "sum": _sums}
