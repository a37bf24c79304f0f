"""The words and numbers of a diff that text and Markdown share."""

import math

from cli.diff.view import ColumnSide, ColumnView, PartitionView, SchemaChangeView, Sides, TableView
from cli.output.figures import count, counted, grouped, plain, share

PARTITIONS_SHOWN = 10
"""Partitions that are listed: the most changed ones tell the story, the JSON form has all."""

MEAN_DIGITS = 6
"""Significant digits of a mean; more where two means would else look the same."""


def row_parts(table: TableView) -> list[str]:
    """Returns what happened to the rows: ``12 inserted``, ``40 updated (4.0 %)``."""
    before = table.rows.before or 0
    parts = []
    if table.inserted:
        parts.append(f"{count(table.inserted)} inserted")
    for number, word in ((table.deleted, "deleted"), (table.updated, "updated")):
        if number:
            moved = f", {count(table.moved)} moved" if word == "updated" and table.moved else ""
            parts.append(f"{count(number)} {word} ({share(number, before)}{moved})")
    return parts


def rows_line(table: TableView) -> str:
    """Returns the rows before and after, and what happened to them."""
    ends = arrow(count(table.rows.before), count(table.rows.after))
    if not table.compared:
        return f"{ends} (rows not compared)"
    return f"{ends}: {', '.join(row_parts(table)) or 'no row changed'}"


def arrow(before: str, after: str) -> str:
    """Returns ``before → after``, or the one where both are the same."""
    return before if before == after else f"{before} → {after}"


def schema_line(change: SchemaChangeView) -> str:
    """Returns one schema change in words."""
    name = plain(change.column or "")
    before = "none" if change.before in (None, "") else plain(str(change.before))
    after = "none" if change.after in (None, "") else plain(str(change.after))
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
        case other:
            text = f"{other.replace('_', ' ')} {name}: {before} → {after}"
    return text if change.compared else f"{text}, values not compared"


def files_line(table: TableView) -> str:
    """Returns what happened to the data files."""
    return (
        f"{count(table.files_added)} added, {count(table.files_removed)} removed, "
        f"{count(table.files_kept)} kept"
    )


def partitions_line(table: TableView) -> str:
    """Returns how many partitions were compared, and how many needed no look."""
    compared = f"{count(table.partitions_compared)} compared"
    if not table.partitions_skipped:
        return compared
    return f"{compared}, {count(table.partitions_skipped)} skipped (same files)"


def columns_line(table: TableView) -> str:
    """Returns how many of the compared columns changed: the rest is proven the same."""
    changed = sum(column.touched for column in table.columns)
    return f"{count(changed)} of {count(len(table.columns))} changed"


def touched_columns(table: TableView) -> list[ColumnView]:
    """Returns the columns there is something to say about."""
    return [column for column in table.columns if column.touched]


def statistics_of(columns: list[ColumnView]) -> tuple[str, ...]:
    """Returns the statistics that any of the columns has, the first to know first."""
    means = any(c.before.mean is not None or c.after.mean is not None for c in columns)
    sums = any(c.before.total is not None or c.after.total is not None for c in columns)
    return ("NULLs", *(["mean"] if means else []), *(["sum"] if sums else []))


def column_rows(
    columns: list[ColumnView], statistics: tuple[str, ...]
) -> tuple[list[str], list[list[str]]]:
    """Returns header and cells of the table of changed columns.

    Args:
        columns: The columns.
        statistics: Those to show, of ``statistics_of``.
    """
    tolerant = any(column.within_tolerance for column in columns)
    header = ["column", "filled", "cleared", "corrected"]
    header += ["within tolerance"] if tolerant else []
    header += statistics
    rows = []
    for column in columns:
        counts = [count(column.filled), count(column.cleared), count(column.corrected)]
        cells = [plain(column.name), *counts]
        cells += [count(column.within_tolerance)] if tolerant else []
        cells += [_STATISTICS[one](column.before, column.after) for one in statistics]
        rows.append(cells)
    return header, rows


def covered_line(table: TableView, statistics: tuple[str, ...]) -> str:
    """Returns which rows statistics of the columns cover; empty if there are none."""
    covered = {c.covered for c in touched_columns(table) if c.covered.before is not None}
    if len(covered) != 1 or not statistics:
        return ""
    found = covered.pop()
    if found == table.rows:
        return f"{statistics_words(statistics)} of all rows"
    ends = arrow(count(found.before), count(found.after))
    return f"{statistics_words(statistics)} of the {ends} rows in files that differ"


def statistics_words(statistics: tuple[str, ...]) -> str:
    """Returns statistics in words: ``NULLs, means and sums``."""
    *first, last = (one if one == "NULLs" else f"{one}s" for one in statistics)
    return f"{', '.join(first)} and {last}" if first else last


def top_partitions(table: TableView) -> tuple[list[PartitionView], int]:
    """Returns the partitions to list, and how many more changed."""
    changed = [p for p in table.partitions if p.rows_changed and p.values]
    if len(changed) <= PARTITIONS_SHOWN:
        return changed, 0
    ranked = sorted(changed, key=lambda p: -p.rows_changed)
    return ranked[:PARTITIONS_SHOWN], len(changed) - PARTITIONS_SHOWN


def partition_rows(partitions: list[PartitionView]) -> tuple[list[str], list[list[str]]]:
    """Returns header and cells of the table of changed partitions."""
    kinds = ("inserted", "deleted", "updated", "filled", "cleared", "corrected")
    rows = [[plain(p.name), *(count(getattr(p, kind)) for kind in kinds)] for p in partitions]
    return ["partition", *kinds], rows


def problems(table: TableView) -> list[str]:
    """Returns what the user should know before trusting the counts."""
    found = []
    key = ", ".join(plain(one) for one in table.key)
    for sides, what in (
        (table.null_keys, "NULL in the key"),
        (table.duplicate_keys, "a key twice"),
    ):
        if sides.before or sides.after:
            found.append(f"{what} ({key}): {_ends(sides)}")
    return [*found, *(plain(text) for text in table.warnings)]


def _ends(sides: Sides) -> str:
    if sides.before == sides.after:
        return f"{counted(sides.after or 0, 'row')} on each side"
    return f"{counted(sides.before or 0, 'row')} before, {count(sides.after)} after"


def _nulls(before: ColumnSide, after: ColumnSide) -> str:
    return arrow(count(before.nulls), count(after.nulls))


def _means(before: ColumnSide, after: ColumnSide) -> str:
    if before.mean is None or after.mean is None:
        return _pair(_mean(before.mean, MEAN_DIGITS), _mean(after.mean, MEAN_DIGITS))
    for digits in (MEAN_DIGITS, 9, 12, 15):
        left, right = _mean(before.mean, digits), _mean(after.mean, digits)
        if left != right or before.mean == after.mean:
            break
    return _pair(left, right)


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


def _sums(before: ColumnSide, after: ColumnSide) -> str:
    left, right = (_total(side.total) for side in (before, after))
    return _pair(left, right)


def _total(text: str | None) -> str:
    return "NULL" if text is None else grouped(text)


def _pair(before: str, after: str) -> str:
    return "" if before == after == "NULL" else arrow(before, after)


_STATISTICS = {"NULLs": _nulls, "mean": _means, "sum": _sums}
