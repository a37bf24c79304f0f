"""The picture of one table: what happened to its rows, schema and files, and then its columns."""

from collections.abc import Sequence

from catalog.diff.file_changes import FileChanges
from catalog.diff.view import TableView
from catalog.report.figures import clipped, count, counted, listed, named_values, padded, plain
from catalog.report.file_words import file_lists, file_text
from catalog.report.layout import GAP, flowed
from catalog.report.paint import PLAIN, Paint
from catalog.report.picture.columns import column_lines
from catalog.report.picture.partitions import axis_facts, partition_table
from catalog.report.picture.segments import renaming_text, segment_text
from catalog.report.picture.sheet import INDENT, Sheet, first
from catalog.report.words import (
    brief_cells,
    facts,
    partitions_line,
    problems,
)

NAME_WIDTH = 24
"""Columns that the name of a fact takes at most."""

FACT_MINIMUM = 20
"""Columns that a fact has at least, however narrow the sheet is."""

BRIEF_COLUMNS = 4
"""Columns of a table that is shown in brief."""

BRIEF_PARTITIONS = 6
"""Partitions that are named of a table that is shown in brief."""

_COLOURS = {"added": "green", "removed": "red", "modified": "yellow"}


def title(table: TableView, paint: Paint = PLAIN) -> str:
    """Returns the line that begins the picture of a table."""
    key = f"key {', '.join(plain(k) for k in table.key)}" if table.key else "no key"
    status = paint(table.outcome, _COLOURS.get(table.outcome, "dim"))
    return f"{paint(plain(table.name), 'bold')}  {status}  {key}"


def table_lines(table: TableView, sheet: Sheet, *, columns: bool = True) -> list[str]:
    """Returns the picture of a table; without ``columns`` if something else tells of them."""
    named = list(facts(table))
    if table.compared and table.status == "modified" and table.partitions and table.files is None:
        named.append(("partitions", partitions_line(table)))
    elif not table.compared and table.coverage.partitions_compared:
        differ = f"{count(table.coverage.partitions_compared)} with files that differ"
        named.append(
            ("partitions", f"{differ}, {count(table.coverage.partitions_skipped)} without")
        )
    lines = [title(table, sheet.paint), *_fact_lines(_capped(named, sheet), sheet)]
    if table.compared and table.files is None:
        lines += _axes(table, sheet, _width_of(named))
        lines += _fact_lines(_findings(table, sheet), sheet, wide=_width_of(named))
    if table.files is None:
        lines += (column_lines(table, sheet) if columns else []) + partition_table(table, sheet)
    elif table.status == "modified":
        lines += _files(table.files, sheet)
    return lines + _broken_problem_lines(table, sheet)


def _axes(table: TableView, sheet: Sheet, wide: int) -> list[str]:
    """Returns where changed partitions lie among all, below the other facts."""
    lines = []
    indent = len(INDENT) + wide + len(GAP)
    for name, found in axis_facts(table, sheet, indent):
        head = f"{INDENT}{padded(clipped(plain(name), wide), wide)}{GAP}"
        lines += [head + found[0], *(" " * indent + line for line in found[1:])]
    return lines


def brief_lines(table: TableView, paint: Paint = PLAIN) -> list[str]:
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
    wide = _width_of(named)
    named = [(name, paint.counts(text) if name == "rows" else text) for name, text in named]
    lines = [f"{INDENT}{clipped(name, wide):<{wide}}  {text}" for name, text in named]
    return [title(table, paint), *lines, *_problem_lines(table, paint)]


def _capped(named: Sequence[tuple[str, str]], sheet: Sheet) -> list[tuple[str, str]]:
    """Returns facts with no more schema changes than the sheet takes."""
    schema = [fact for fact in named if fact[0] == "schema"]
    shown, more = first(schema, sheet.limits.schema)
    if not more:
        return list(named)
    at = named.index(schema[0])
    after = [fact for fact in named[at:] if fact[0] != "schema"]
    return [*named[:at], *shown, ("schema", sheet.rest(more, "schema change")), *after]


def _findings(table: TableView, sheet: Sheet) -> list[tuple[str, str]]:
    """Returns what the changed rows of a table have in common, and what looks renamed."""
    most = sheet.limits.value
    found = [(one.change, segment_text(one, most)) for one in table.segments]
    return [*found, *(("renamed", renaming_text(one)) for one in table.renamings)]


def _fact_lines(
    named: Sequence[tuple[str, str]], sheet: Sheet, *, wide: int | None = None
) -> list[str]:
    """Returns named facts as lines, broken where they must be; a name is not said again."""
    wide = _width_of(named) if wide is None else wide
    indent = len(INDENT) + wide + len(GAP)
    seen, lines = "", []
    for name, text in named:
        broken = flowed([text], width=max(sheet.flow - indent, FACT_MINIMUM))
        first_line, *others = map(sheet.paint.counts, broken) if name == "rows" else broken
        lines.append(
            f"{INDENT}{'' if name == seen else clipped(name, wide):<{wide}}{GAP}{first_line}"
        )
        lines += [" " * indent + line for line in others]
        seen = name
    return lines


def _width_of(named: Sequence[tuple[str, str]]) -> int:
    return min(max(len(name) for name, _ in named), NAME_WIDTH)


def _problem_lines(table: TableView, paint: Paint) -> list[str]:
    return [f"{INDENT}{paint('warning', 'yellow')}: {text}" for text in problems(table)]


def _broken_problem_lines(table: TableView, sheet: Sheet) -> list[str]:
    """Returns what to know before trusting the counts, broken where it must be."""
    lines = []
    for text in problems(table):
        head, *rest = flowed([f"warning: {text}"], width=sheet.flow, indent=len(INDENT))
        lines += [head.replace("warning", sheet.paint("warning", "yellow"), 1)]
        lines += [f"{INDENT}{line}" for line in rest]
    return lines


def _files(files: FileChanges, sheet: Sheet) -> list[str]:
    lists = file_lists(files)
    lines = [""] if lists else []
    for one in lists:
        lines += file_text(one.rows, sheet.width, len(INDENT))
        lines += [f"{INDENT}{one.more}"] if one.more else []
    return lines
