"""What a commit changed, in brief: a few lines for each table, or one where there are many."""

from collections.abc import Mapping

from catalog.diff.view import DiffView, TableView
from catalog.report.drift import rows_drift, schema_drift
from catalog.report.figures import count, counted, files_changed, listed, plain
from catalog.report.paint import PLAIN, Paint
from catalog.report.text import render_brief

TABLES_IN_BRIEF = 12
"""Tables of which each gets several lines; where there are more, each gets one."""

COLUMNS_NAMED = 4
"""Changed columns that the line of a table names."""

KINDS = ("inserted", "deleted", "updated")
"""What can happen to rows, in the order in which it is said."""


def changes_in_brief(view: DiffView, *, paint: Paint = PLAIN) -> list[str]:
    """Returns the lines that follow what a commit says of itself, indented below it."""
    compared = all(table.compared for table in view.tables)
    if not compared or len(view.tables) > TABLES_IN_BRIEF:
        lines = [_in_line(table) for table in view.tables]
        return [*lines, *([_total(view)] if len(view.tables) > 1 else [])]
    return [f"    {line}" for table in view.tables for line in render_brief(table, paint=paint)]


def row_counts(counts: Mapping[str, int | None]) -> str:
    """Returns how many rows changed in which way: ``10 inserted, 2 updated``; empty if none."""
    return ", ".join(f"{count(counts[kind])} {kind}" for kind in KINDS if counts.get(kind))


def _in_line(table: TableView) -> str:
    rows = table.rows
    is_both = table.status not in ("added", "removed")
    match table.status:
        case "added":
            what = f"new, {counted(rows.after, 'row')}"
        case "removed":
            what = f"gone, it had {counted(rows.before, 'row')}"
        case _:
            what = rows_drift(rows.before, rows.after)
    if table.compared and is_both:
        what += f": {row_counts(_counts(table)) or 'no row changed'}"
    parts = [what]
    if columns := [plain(one.name) for one in table.touched_columns]:
        parts.append(f"columns {listed(columns, COLUMNS_NAMED)}")
    if table.schema_changes and is_both:
        parts.append(f"schema: {schema_drift(table.schema_changes)}")
    if files := files_changed(table.coverage.files_added, table.coverage.files_removed):
        parts.append(files)
    return f"    {plain(table.name)}: {'; '.join(parts)}"


def _total(view: DiffView) -> str:
    """Returns what happened in all tables together."""
    tables = view.tables
    ends = (sum(getattr(t.rows, end) for t in tables) for end in ("before", "after"))
    rows = row_counts({kind: sum(_counts(t)[kind] or 0 for t in tables) for kind in KINDS})
    files = files_changed(
        sum(t.coverage.files_added for t in tables), sum(t.coverage.files_removed for t in tables)
    )
    parts = [
        f"{counted(len(tables), 'table')}, {rows_drift(*ends)}{f': {rows}' if rows else ''}",
        files,
    ]
    return f"    {'; '.join(filter(None, parts))}"


def _counts(table: TableView) -> dict[str, int | None]:
    return {kind: getattr(table.rows, kind) for kind in KINDS}
