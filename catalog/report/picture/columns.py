"""The columns of a table in its picture: how many cells changed, and what explains it."""

from collections.abc import Sequence

from catalog.diff.view import ColumnView, TableView
from catalog.report.figures import clipped, fitted
from catalog.report.layout import GAP, aligned, flowed, widths_of
from catalog.report.picture.deltas import delta_parts, statistic_parts
from catalog.report.picture.examples import coverage_text, example_text
from catalog.report.picture.folds import fold_text, folded
from catalog.report.picture.overview import most_changed
from catalog.report.picture.segments import segment_text
from catalog.report.picture.sheet import INDENT, Sheet, first
from catalog.report.words import column_rows, covered_line, statistics_of

NAME_WIDTH = 24
"""Columns a name has before a statistic: longer names are cut to make room for numbers."""

NAME_MINIMUM = 8
"""Columns a name always has, even where nothing fits."""

EXPLAINED = 8
"""Changed columns of which each is explained in lines of its own; of more, in a line each."""

EXPLANATION_MINIMUM = 12
"""Columns that the explanation of a column takes at least where it stands in its line."""


def column_lines(table: TableView, sheet: Sheet) -> list[str]:
    """Returns the changed columns of a table, the most changed first."""
    columns = most_changed(table.touched_columns)
    if not columns:
        return []
    shown, more = first(columns, sheet.limits.columns)
    lines = [""]
    if more:
        for fold in folded(columns):
            lines += flowed([fold_text(fold, table, sheet.limits.name)], width=sheet.flow, indent=2)
    if sheet.limits.columns is not None and len(columns) > EXPLAINED:
        lines += _in_a_line(shown, sheet)
    else:
        lines += _explained(table, shown, sheet)
    return [*lines, f"{INDENT}{sheet.rest(more, 'column')}"] if more else lines


def _in_a_line(columns: Sequence[ColumnView], sheet: Sheet) -> list[str]:
    """Returns columns with their counts, and what there is room for of how they changed."""
    head, rows = column_rows(columns, ())
    rows = [[clipped(row[0], sheet.limits.name or NAME_WIDTH), *row[1:]] for row in rows]
    used = sum(widths_of([head, *rows], columns=len(head), width=None)) + len(GAP) * len(head)
    room = max(sheet.width - used - len(INDENT), EXPLANATION_MINIMUM)
    for row, column in zip(rows, columns, strict=True):
        parts = delta_parts(column, sheet.limits.value)
        parts = parts or [example_text(one, sheet.limits.value) for one in column.examples[:1]]
        row.append(fitted(parts, room, more=False) if parts else "")
    right = [i > 0 for i in range(len(head))]
    return aligned([[*head, ""], *rows], right=[*right, False], indent=len(INDENT))


def _explained(table: TableView, columns: Sequence[ColumnView], sheet: Sheet) -> list[str]:
    """Returns columns with counts and statistics, each above the lines that explain it."""
    every = statistics_of(columns)
    shown, cells = _fitting(columns, every, sheet)
    right = [i > 0 for i in range(len(cells[0]))]
    head_line, *body = aligned(cells, right=right, indent=len(INDENT), width=sheet.width)
    lines = [head_line]
    for column, line in zip(columns, body, strict=True):
        lines += [line, *_explanation(column, shown, sheet)]
    note = covered_line(table, every)
    return [*lines, *flowed([f"({note})"], width=sheet.flow, indent=len(INDENT))] if note else lines


def _fitting(
    columns: Sequence[ColumnView], every: tuple[str, ...], sheet: Sheet
) -> tuple[tuple[str, ...], list[list[str]]]:
    """Returns as many statistics as fit, and the table with them: numbers are never cut."""
    for shown in (every[:n] for n in range(len(every), -1, -1)):
        head, rows = column_rows(columns, shown)
        names, *others = widths_of([head, *rows], columns=len(head), width=None)
        room = sheet.width - len(INDENT) - sum(others) - len(GAP) * len(others)
        if room >= min(names, NAME_WIDTH):
            break
    room = max(room, NAME_MINIMUM)
    return shown, [head, *([clipped(row[0], room), *row[1:]] for row in rows)]


def _explanation(column: ColumnView, shown: Sequence[str], sheet: Sheet) -> list[str]:
    """Returns by how much a column changed, where, and examples; ``shown`` are statistics."""
    most = sheet.limits.value
    examples = [example_text(one, most) for one in column.examples[:2]]
    rest = coverage_text(column)
    sentences = (
        [*statistic_parts(column, shown), *delta_parts(column, most)],
        *([segment_text(one, most)] for one in column.segments),
        *([text] for text in (*examples, rest) if text),
    )
    lines: list[str] = []
    for parts in sentences:
        lines += flowed(parts, width=sheet.flow, indent=3 * len(INDENT))
    return lines
