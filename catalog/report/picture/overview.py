"""The overview of a picture: one line a table, the most changed first."""

from collections.abc import Callable, Sequence

from catalog.diff.plan import SchemaChange
from catalog.diff.view import ColumnView, TableView
from catalog.report.figures import (
    arrow,
    arrow_counts,
    bar,
    clipped,
    columns_of,
    count,
    fitted,
    plain,
    share,
)
from catalog.report.file_words import files_line
from catalog.report.layout import GAP, aligned, widths_of
from catalog.report.paint import KIND_COLOURS, Paint
from catalog.report.picture.sheet import Sheet, first

BAR_WIDTH = 8
"""Columns that the bar of a share takes: an eighth of each can be seen."""

NOTES_MINIMUM = 16
"""Columns that are kept for the names of changed columns before rows and bars are shown."""

_COLOURS = {"added": "green", "removed": "red"}


def by_change(tables: Sequence[TableView]) -> list[TableView]:
    """Returns tables in the order in which they are shown.

    Those with most changed rows come first; where rows were not compared, those whose number of
    rows changed most, then those with most files.
    """

    def rank(table: TableView) -> tuple[int, int, int, int]:
        rows, files = table.rows, table.coverage
        changed = table.rows_changed if table.compared else abs(rows.after - rows.before)
        touched = files.files_added + files.files_removed
        return not table.differs, -changed, -len(table.schema_changes), -touched

    return sorted(tables, key=rank)


def overview_lines(tables: Sequence[TableView], sheet: Sheet) -> list[str]:
    """Returns one line for each table, in their order, below a header."""
    shown, more = first(tables, sheet.limits.overview)
    columns = [_NAME, _ROWS, *(_COMPARED if any(t.compared for t in shown) else _STAT)]
    columns = _fitting(columns, shown, sheet)
    head = [name for name, _, _ in columns]
    rows = [[cell(table, sheet) for _, cell, _ in columns] for table in shown]
    before_notes = sum(widths_of([head, *rows], columns=len(head), width=None))
    room = max(sheet.width - before_notes - len(GAP) * len(columns), NOTES_MINIMUM)
    noted = [[*row, fitted(_notes(one), room)] for row, one in zip(rows, shown, strict=True)]
    right = [*(side for _, _, side in columns), False]
    what = "columns" if any(table.compared for table in shown) else "schema"

    def painted(text: str, at: int, place: int) -> str:
        return _painted(text, shown[at - 1], [*head, ""][place], sheet.paint) if at else text

    lines = aligned([[*head, what], *noted], right=right, paint=painted if sheet.paint.on else None)
    return [*lines, sheet.rest(more, "table")] if more else lines


Cell = Callable[[TableView, Sheet], str]

Column = tuple[str, Cell, bool]
"""The header of a column, what makes its cells, and whether they are aligned to the right."""


def _name(table: TableView, sheet: Sheet) -> str:
    most = sheet.limits.name
    name = plain(table.name)
    return name if most is None else clipped(name, most)


def _rows(table: TableView, sheet: Sheet) -> str:
    return arrow_counts(table.rows.before, table.rows.after)


def _share(table: TableView, sheet: Sheet) -> str:
    return share(*changed_share(table)) if table.compared else ""


def _bar(table: TableView, sheet: Sheet) -> str:
    return bar(*changed_share(table), BAR_WIDTH) if table.compared else ""


def changed_share(table: TableView) -> tuple[int, int]:
    """Returns how many rows changed, of all that the table has on either side."""
    return table.rows_changed, table.rows.before + (table.rows.inserted or 0)


def _inserted(table: TableView, sheet: Sheet) -> str:
    return count(table.rows.inserted)


def _deleted(table: TableView, sheet: Sheet) -> str:
    return count(table.rows.deleted)


def _updated(table: TableView, sheet: Sheet) -> str:
    return count(table.rows.updated)


def _files(table: TableView, sheet: Sheet) -> str:
    files = table.coverage
    return f"+{count(files.files_added)} -{count(files.files_removed)}"


def _partitions(table: TableView, sheet: Sheet) -> str:
    files = table.coverage
    every = files.partitions_compared + files.partitions_skipped
    return f"{count(files.partitions_compared)} of {count(every)}" if every > 1 else ""


_NAME: Column = ("table", _name, False)
_ROWS: Column = ("rows", _rows, True)
_BAR: Column = ("", _bar, False)
_COMPARED: tuple[Column, ...] = (
    ("changed", _share, True),
    _BAR,
    ("inserted", _inserted, True),
    ("deleted", _deleted, True),
    ("updated", _updated, True),
)
_STAT: tuple[Column, ...] = (("files", _files, True), ("partitions", _partitions, True))


def _fitting(columns: list[Column], tables: Sequence[TableView], sheet: Sheet) -> list[Column]:
    """Leaves out bars, and then rows, where what changed would have no room."""
    for spared in ((), (_BAR,), (_BAR, _ROWS)):
        kept = [column for column in columns if column not in spared]
        widths = [
            max(map(columns_of, [name, *(cell(table, sheet) for table in tables)]))
            for name, cell, _ in kept
        ]
        if sum(widths) + len(GAP) * len(kept) + NOTES_MINIMUM <= sheet.width:
            break
    return kept


def _notes(table: TableView) -> list[str]:
    """Returns what changed in a table besides numbers of rows: its status, schema and columns."""
    said: list[str] = [table.outcome] if table.outcome != "modified" else []
    if table.files is not None and table.outcome == "modified":
        said.append(files_line(table.files))
    else:
        said += [_schema_note(change) for change in table.schema_changes]
        said += [plain(column.name) for column in most_changed(table.touched_columns)]
    return said


def _schema_note(change: SchemaChange) -> str:
    name = plain(change.column or "")
    before, after = (plain(side or "none") for side in (change.before, change.after))
    match change.change:
        case "column_added":
            return f"+{name}"
        case "column_removed":
            return f"-{name}"
        case "column_renamed":
            return arrow(before, after)
        case "type_changed":
            return f"{name} {arrow(before, after)}"
        case "key_changed":
            return f"key {arrow(before, after)}"
        case "partitioning_changed":
            return f"partitioned by {arrow(before, after)}"
        case "definition_changed":
            return "derived otherwise"


def most_changed(columns: Sequence[ColumnView]) -> list[ColumnView]:
    """Returns columns in the order of their changed cells, most first."""
    return sorted(columns, key=lambda one: -max(one.counts.changed, one.counts.filled))


def _painted(text: str, table: TableView, column: str, paint: Paint) -> str:
    """Returns a cell in its colour: the name, counts of rows, and what happened to the table."""
    if column == "table":
        return paint(text, "bold")
    if column:
        return text if text == "0" else paint(text, KIND_COLOURS.get(column, ""))
    outcome = table.outcome
    if outcome in _COLOURS and text.startswith(outcome):
        return paint(outcome, _COLOURS[outcome]) + text.removeprefix(outcome)
    return text
