"""The picture of a diff as text: what an analyst sees first."""

from collections.abc import Sequence

from catalog.dataclasses import replace
from catalog.diff.view import DiffView, TableView
from catalog.report.figures import counted, plain
from catalog.report.metrics import fits, metric_lines
from catalog.report.paint import PLAIN, Paint
from catalog.report.picture.headline import commit_lines, header, summary_lines
from catalog.report.picture.overview import by_change, overview_lines
from catalog.report.picture.sheet import CAPPED, Limits, Sheet, first
from catalog.report.picture.table import brief_lines, table_lines
from catalog.report.words import left_out_lines


def render_diff(
    diff: DiffView,
    *,
    width: int,
    paint: Paint = PLAIN,
    limits: Limits = CAPPED,
    more: str = "",
    partitions: str = "",
) -> list[str]:
    """Returns the lines of the picture of a diff.

    Args:
        diff: What is drawn.
        width: Columns of text that a line takes at most.
        paint: Colours text for a terminal.
        limits: How much is shown.
        more: How the reader would ask for all of it; empty says nothing of it.
        partitions: How the reader would ask for all partitions, likewise.
    """
    sheet = Sheet(width, paint, limits, more, partitions)
    lines = [header(diff), *commit_lines(diff, sheet)]
    if not diff.tables:
        unchanged = f", {counted(diff.unchanged, 'table')} unchanged" if diff.unchanged else ""
        lines += ["", f"no table differs{unchanged}", *left_out_lines(diff)]
        return lines + metric_lines(diff.metrics, sheet)
    changed = by_change([table for table in diff.tables if not _is_quiet(table)])
    quiet = [table for table in diff.tables if _is_quiet(table)]
    summary = ["", *summary_lines(diff, sheet)] if len(changed) > 1 or diff.unchanged else []
    if len(changed) > 1 and not any(table.compared for table in changed):
        every = replace(sheet, limits=replace(limits, overview=None))
        lines += ["", *overview_lines(changed, every), *summary]  # as `git diff --stat` has it
    elif len(changed) > 1:
        lines += [*summary, "", *overview_lines(changed, sheet)]
    else:
        lines += summary
    figures = metric_lines(diff.metrics, sheet)
    if diff.is_query and figures:
        told = all(fits(metric, sheet) for metric in diff.metrics)
        for table in changed:
            lines += ["", *table_lines(table, sheet, columns=not told)]
        lines += figures
    else:
        lines += [*figures, *_tables(changed, sheet)]
    lines += _quiet(quiet, sheet)
    return [*lines, "", *left_out_lines(diff)] if diff.left_out else lines


def render_table(table: TableView, *, width: int, paint: Paint = PLAIN) -> list[str]:
    """Returns the lines of the picture of one table, within a width in columns of text."""
    return table_lines(table, Sheet(width, paint))


def render_brief(table: TableView, *, paint: Paint = PLAIN) -> list[str]:
    """Returns what happened to a table in a few lines: rows, partitions, and each column."""
    return brief_lines(table, paint)


def _tables(changed: Sequence[TableView], sheet: Sheet) -> list[str]:
    """Returns the pictures of tables, as far as there is more to say than the overview does."""
    if len(changed) > 1 and not any(table.compared for table in changed):
        return []
    alone = len(changed) == 1
    own = [one for one in changed if alone or one.outcome != "rewritten" or one.ignored]
    shown, more = first(own, sheet.limits.tables)
    lines = []
    for table in shown:
        lines += ["", *table_lines(table, sheet)]
    return [*lines, "", sheet.rest(more, "table")] if more else lines


def _is_quiet(table: TableView) -> bool:
    touched = table.coverage.files_added or table.coverage.files_removed
    return not (table.differs or touched or table.warnings or table.touched_columns)


def _quiet(quiet: Sequence[TableView], sheet: Sheet) -> list[str]:
    """Returns a line for each table that was asked for and has not changed."""
    shown, more = first(quiet, sheet.limits.overview)
    wide = max((len(plain(table.name)) for table in shown), default=0)
    lines = [""] if shown else []
    for table in shown:
        unchanged = sheet.paint("unchanged", "dim")
        lines.append(
            f"{plain(table.name):<{wide}}  {unchanged}  {counted(table.rows.after, 'row')}"
        )
    return [*lines, sheet.rest(more, "table")] if more else lines
