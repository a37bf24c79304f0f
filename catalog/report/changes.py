"""What a commit changed, in brief: a few lines for each table, or one where there are many."""

from collections.abc import Sequence

from catalog.diff.counts import RowCounts
from catalog.diff.view import DiffView, TableView
from catalog.report.drift import KINDS, rows_text, schema_drift
from catalog.report.figures import counted, files_changed, listed, plain
from catalog.report.paint import PLAIN, Paint
from catalog.report.text import render_brief

TABLES_IN_BRIEF = 12
"""Tables of which each gets several lines; where there are more, each gets one."""

COLUMNS_NAMED = 4
"""Changed columns that the line of a table names."""


def changes_in_brief(view: DiffView, *, paint: Paint = PLAIN) -> list[str]:
    """Returns the lines that follow what a commit says of itself, indented below it."""
    compared = all(table.compared for table in view.tables)
    if not compared or len(view.tables) > TABLES_IN_BRIEF:
        lines = [_in_line(table) for table in view.tables]
        return [*lines, *([_total(view.tables)] if len(view.tables) > 1 else [])]
    return [f"    {line}" for table in view.tables for line in render_brief(table, paint=paint)]


def _in_line(table: TableView) -> str:
    is_both = table.status not in ("added", "removed")
    match table.status:
        case "added":
            what = f"new, {counted(table.rows.after, 'row')}"
        case "removed":
            what = f"gone, it had {counted(table.rows.before, 'row')}"
        case _:
            what = rows_text(table.rows)
    parts = [what]
    if columns := [plain(one.name) for one in table.touched_columns]:
        parts.append(f"columns {listed(columns, COLUMNS_NAMED)}")
    if table.schema_changes and is_both:
        parts.append(f"schema: {schema_drift(table.schema_changes)}")
    if files := files_changed(table.coverage.files_added, table.coverage.files_removed):
        parts.append(files)
    return f"    {plain(table.name)}: {'; '.join(parts)}"


def _total(tables: Sequence[TableView]) -> str:
    """Returns what happened in all tables together."""
    compared = all(table.compared for table in tables)

    def added_up(name: str) -> int:
        return sum(getattr(table.rows, name) or 0 for table in tables)

    changed = (added_up(kind) if compared else None for kind in KINDS)
    rows = RowCounts(added_up("before"), added_up("after"), *changed)
    files = files_changed(
        sum(t.coverage.files_added for t in tables), sum(t.coverage.files_removed for t in tables)
    )
    parts = [f"{counted(len(tables), 'table')}, {rows_text(rows)}", files]
    return f"    {'; '.join(filter(None, parts))}"
