"""The picture of a diff as text: what an analyst sees first."""

from catalog.dataclasses import dataclass
from catalog.diff.counts import Example
from catalog.diff.file_changes import FileChanges
from catalog.diff.view import ColumnView, DiffView, End, TableView
from catalog.report.figures import clipped, count, counted, listed, named_values, plain, short
from catalog.report.file_words import file_lists, file_text
from catalog.report.layout import GAP, aligned, widths_of
from catalog.report.words import (
    brief_cells,
    column_rows,
    covered_line,
    facts,
    partition_rows,
    partitions_line,
    problems,
    statistics_of,
    statistics_words,
    top_partitions,
)

INDENT = "  "
TIMES = "\N{MULTIPLICATION SIGN}"
EXAMPLE_WIDTH = 28
"""Columns a value of an example takes at most: two of them and a key fit one line."""

NAME_WIDTH = 24
"""Columns a name has before a statistic: longer names are cut to make room for numbers."""

NAME_MINIMUM = 8
"""Columns a name always has, even where nothing fits."""

BRIEF_COLUMNS = 4
"""Columns of a table that is shown in brief."""

BRIEF_PARTITIONS = 6
"""Partitions that are named of a table that is shown in brief."""

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_COLOURS = {"added": "green", "removed": "red", "modified": "yellow", "unchanged": "dim"}


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours text for terminals, or leaves it as it is."""

    on: bool = False

    def __call__(self, text: str, colour: str) -> str:
        """Returns the text in a colour."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.on else text


PLAIN = Paint()


def render_diff(diff: DiffView, *, width: int, paint: Paint = PLAIN) -> list[str]:
    """Returns the lines of the picture of a diff, within a width in columns of text."""
    lines = [header(diff)]
    if not diff.tables:
        return [*lines, "", "no table differs"]
    changed = [table for table in diff.tables if not _is_quiet(table)]
    quiet = [table for table in diff.tables if _is_quiet(table)]
    for table in changed:
        lines += ["", *_table(table, width, paint)]
    if quiet:
        wide = max(len(plain(table.name)) for table in quiet)
        lines += ["", *(_quiet(table, wide, paint) for table in quiet)]
    return lines


def header(diff: DiffView) -> str:
    """Returns which refs are compared: ``main~1 (a1b2c3d4) → main (e5f6a7b8)``."""
    return f"{_end(diff.before)} → {_end(diff.after)}"


def title(table: TableView, paint: Paint = PLAIN) -> str:
    """Returns the line that begins the picture of a table."""
    key = f"  key {', '.join(plain(k) for k in table.key)}" if table.key else "  no key"
    status = paint(table.status, _COLOURS.get(table.status, "bold"))
    return f"{paint(plain(table.name), 'bold')}  {status}{key}"


def render_table(table: TableView, *, width: int, paint: Paint = PLAIN) -> list[str]:
    """Returns the lines of the picture of one table, within a width in columns of text."""
    return _table(table, width, paint)


def render_brief(table: TableView, *, paint: Paint = PLAIN) -> list[str]:
    """Returns what happened to a table in a few lines: rows, partitions, and each column."""
    wanted = ("rows", "schema") if table.files is None else ("rows", "files", "schema")
    named = [fact for fact in facts(table) if fact[0] in wanted]
    names = [named_values(one.values) for one in table.partitions if one.rows_changed]
    if any(names):
        named.append(("partitions", listed(names, BRIEF_PARTITIONS)))
    columns = table.touched_columns if table.files is None else []
    named += [(plain(one.name), brief_cells(one)) for one in columns[:BRIEF_COLUMNS]]
    if (more := len(columns) - BRIEF_COLUMNS) > 0:
        named.append(("", f"and {counted(more, 'more column')}"))
    wide = min(max(len(name) for name, _ in named), NAME_WIDTH)
    lines = [f"{INDENT}{clipped(name, wide):<{wide}}  {text}" for name, text in named]
    lines += [f"{INDENT}{paint('warning', 'yellow')}: {text}" for text in problems(table)]
    return [title(table, paint), *lines]


def _end(end: End) -> str:
    if not end.commit_id:
        return plain(end.ref)
    commit_id = short(end.commit_id)
    return commit_id if end.commit_id.startswith(end.ref) else f"{plain(end.ref)} ({commit_id})"


def _is_quiet(table: TableView) -> bool:
    touched = table.coverage.files_added or table.coverage.files_removed
    return not (table.differs or touched or table.warnings or table.touched_columns)


def _quiet(table: TableView, wide: int, paint: Paint) -> str:
    rows = counted(table.rows.after, "row")
    return f"{plain(table.name):<{wide}}  {paint('unchanged', 'dim')}  {rows}"


def _table(table: TableView, width: int, paint: Paint) -> list[str]:
    named = facts(table)
    if table.compared and table.status == "modified" and table.partitions and table.files is None:
        named.append(("partitions", partitions_line(table)))
    wide = max(len(name) for name, _ in named)
    seen = ""
    lines = [title(table, paint)]
    for name, text in named:
        lines.append(f"{INDENT}{'' if name == seen else name:<{wide}}  {text}")
        seen = name
    if table.files is None:
        lines += _columns(table, width) + _partitions(table, width)
    elif table.status == "modified":
        lines += _files(table.files, width)
    for text in problems(table):
        lines.append(f"{INDENT}{paint('warning', 'yellow')}: {text}")
    return lines


def _files(files: FileChanges, width: int) -> list[str]:
    lists = file_lists(files)
    lines = [""] if lists else []
    for one in lists:
        lines += file_text(one.rows, width, len(INDENT))
        lines += [f"{INDENT}{one.more}"] if one.more else []
    return lines


def _columns(table: TableView, width: int) -> list[str]:
    columns = table.touched_columns
    if not columns:
        return []
    every = statistics_of(columns)
    shown, cells = _fitting(columns, every, width)
    right = [i > 0 for i in range(len(cells[0]))]
    head_line, *body = aligned(cells, right=right, indent=len(INDENT), width=width)
    lines = ["", head_line]
    for column, line in zip(columns, body, strict=True):
        lines += [line, *_examples(column, width)]
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


def _partitions(table: TableView, width: int) -> list[str]:
    shown, more = top_partitions(table)
    if not shown or (table.status != "modified"):
        return []
    head, rows = partition_rows(shown)
    right = [i > 0 for i in range(len(head))]
    lines = ["", *aligned([head, *rows], right=right, indent=len(INDENT), width=width)]
    if more:
        lines.append(f"{INDENT}… and {counted(more, 'more partition')}")
    return lines
