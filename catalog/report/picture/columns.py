"""The columns of a table in its picture: how many cells changed, and what explains it."""

from catalog.diff.counts import Example
from catalog.diff.view import ColumnView, TableView
from catalog.report.figures import clipped, count, plain
from catalog.report.layout import GAP, aligned, widths_of
from catalog.report.picture.sheet import INDENT, Sheet
from catalog.report.words import column_rows, covered_line, statistics_of, statistics_words

TIMES = "\N{MULTIPLICATION SIGN}"
EXAMPLE_WIDTH = 28
"""Columns a value of an example takes at most: two of them and a key fit one line."""

NAME_WIDTH = 24
"""Columns a name has before a statistic: longer names are cut to make room for numbers."""

NAME_MINIMUM = 8
"""Columns a name always has, even where nothing fits."""


def column_lines(table: TableView, sheet: Sheet) -> list[str]:
    """Returns the changed columns of a table."""
    columns = table.touched_columns
    if not columns:
        return []
    every = statistics_of(columns)
    shown, cells = _fitting(columns, every, sheet.width)
    right = [i > 0 for i in range(len(cells[0]))]
    head_line, *body = aligned(cells, right=right, indent=len(INDENT), width=sheet.width)
    lines = ["", head_line]
    for column, line in zip(columns, body, strict=True):
        lines += [line, *_examples(column, sheet.width)]
    notes = [covered_line(table, shown)]
    if hidden := every[len(shown) :]:
        notes.append(f"{statistics_words(hidden)} need a wider terminal")
    return lines + [f"{INDENT}({note})" for note in notes if note]


def _fitting(
    columns: list[ColumnView], every: tuple[str, ...], width: int
) -> tuple[tuple[str, ...], list[list[str]]]:
    """Returns as many statistics as fit, and the table with them: numbers are never cut."""
    for shown in (every[:n] for n in range(len(every), -1, -1)):
        head, rows = column_rows(columns, shown)
        names, *others = widths_of([head, *rows], columns=len(head), width=None)
        room = width - len(INDENT) - sum(others) - len(GAP) * len(others)
        if room >= min(names, NAME_WIDTH):
            break
    room = max(room, NAME_MINIMUM)
    return shown, [head, *([clipped(row[0], room), *row[1:]] for row in rows)]


def _examples(column: ColumnView, width: int) -> list[str]:
    return [clipped(f"{INDENT * 3}{example_text(one)}", width) for one in column.examples[:2]]


def example_text(example: Example) -> str:
    """Returns an example: a change of value, how often, and the key of one such row."""
    change = " → ".join(_value(value) for value in (example.before, example.after))
    notes = [] if example.count is None else [f"{TIMES}{count(example.count)}"]
    if example.key:
        key = ", ".join(f"{plain(name)} {_value(value)}" for name, value in example.key.items())
        notes.append(f"e.g. {key}")
    return f"{change} ({', '.join(notes)})" if notes else change


def _value(value: str | None) -> str:
    if value is None:
        return "NULL"
    return clipped(plain(value) if value.strip() == value and value else repr(value), EXAMPLE_WIDTH)
