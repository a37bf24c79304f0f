"""Changed rows of a table in Markdown: what was and what is, in each cell."""

from collections.abc import Sequence

from catalog.diff.view import SampleRow, TableView
from catalog.report.figures import around, clipped, count, counted, line_of, listed, plain
from catalog.report.layout import markdown_table, markdown_text
from catalog.report.markdown.detail import NAME, Detail
from catalog.report.picture.examples import cut_pair, distinct_text

COLUMNS = 12
"""Columns of rows that are shown: those with changed cells first."""


def row_lines(table: TableView, detail: Detail) -> list[str]:
    """Returns a folded table of changed rows; nothing if there are none to show."""
    rows = (table.sample or ())[: detail.rows]
    if not rows:
        return []
    names, others = _names(table, rows)
    shown, more = names[:COLUMNS], [*names[COLUMNS:], *others]
    head = ["change", *(clipped(plain(name), NAME) for name in shown)]
    cells = [[row.change, *(_cell(row, name, detail.value) for name in shown)] for row in rows]
    total = counted(table.rows_changed, "changed row")
    summary = total if len(rows) == table.rows_changed else f"{count(len(rows))} of {total}"
    lines = ["", f"<details><summary>{summary}</summary>", ""]
    lines += markdown_table(head, cells, right=[False] * len(head))
    if more:
        left_out = listed([clipped(plain(name), NAME) for name in more], COLUMNS)
        lines += ["", f"Columns that are not shown: {markdown_text(left_out)}."]
    return [*lines, "", "</details>"]


def _names(table: TableView, rows: Sequence[SampleRow]) -> tuple[list[str], list[str]]:
    """Returns the columns to show, and the others, which updated rows do not have."""
    sides = [side for row in rows for side in (row.before, row.after) if side is not None]
    present = dict.fromkeys(name for side in sides for name in side)
    changed = dict.fromkeys(name for row in rows for name in row.columns)
    wanted = [*table.key, *(one.name for one in table.columns if one.name in changed)]
    first = [name for name in dict.fromkeys([*wanted, *changed]) if name in present]
    others = [name for name in present if name not in first]
    return (first, others) if changed else ([*first, *others], [])


def _cell(row: SampleRow, name: str, width: int) -> str:
    found = [
        "" if side is None or name not in side else _value(side[name])
        for side in (row.before, row.after)
    ]
    if name not in row.columns:
        return line_of(found[1] or found[0], width)
    before, after = map(plain, around(found[0], found[1], width))
    return " → ".join(cut_pair(before, after, width))


def _value(value: str | None) -> str:
    return "NULL" if value is None else distinct_text(value)
