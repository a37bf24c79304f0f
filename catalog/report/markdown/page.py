"""A diff as one page of Markdown, as long as a comment may be."""

from catalog.diff.file_changes import FileChanges
from catalog.diff.view import DiffView, TableView
from catalog.report.figures import arrow_counts, clipped, count, counted
from catalog.report.file_words import HEADER, file_lists
from catalog.report.layout import markdown_table, markdown_text
from catalog.report.markdown.detail import DETAILS, MOST_CHARACTERS, NAME, SENTENCE, Detail
from catalog.report.markdown.rows import row_lines
from catalog.report.metrics import figure_table
from catalog.report.picture.examples import example_text
from catalog.report.picture.headline import commit_lines, header, summary_lines
from catalog.report.picture.overview import by_change, most_changed
from catalog.report.picture.sheet import Sheet, first
from catalog.report.words import (
    column_rows,
    covered_line,
    facts,
    left_out_lines,
    partition_rows,
    partitions_line,
    problems,
    statistics_of,
)

SUMMARY = ("table", "status", "rows", "inserted", "deleted", "updated", "moved")

WIDE = Sheet(width=SENTENCE)
"""What sentences that text shares are drawn on."""


def render_markdown(diff: DiffView, *, most: int = MOST_CHARACTERS) -> list[str]:
    """Returns a diff as lines of Markdown, in as much detail as fits.

    Args:
        diff: What is drawn.
        most: Characters that the lines may have, ends of lines among them.
    """
    for detail in DETAILS:
        lines = _page(diff, detail, most=most)
        if _size(lines) <= most:
            break
    return lines


def _size(lines: list[str]) -> int:
    return sum(map(len, lines)) + len(lines)


def _page(diff: DiffView, detail: Detail, *, most: int) -> list[str]:
    """Returns a page, or the beginning of one that is too long."""
    lines = [f"### Changes {markdown_text(clipped(header(diff), SENTENCE))}", ""]
    if commits := commit_lines(diff, WIDE):
        lines += [*(f"- {markdown_text(' '.join(line.split()))}" for line in commits), ""]
    left_out = [f"- {markdown_text(clipped(line, SENTENCE))}" for line in left_out_lines(diff)]
    if not diff.tables:
        unchanged = f", {counted(diff.unchanged, 'table')} unchanged" if diff.unchanged else ""
        lines += [f"No table differs{unchanged}.", *left_out]
        return lines + _metrics(diff, detail)
    tables = by_change(diff.tables)
    if len(tables) > 1 or diff.unchanged:
        lines += [markdown_text(" ".join(summary_lines(diff, WIDE))), ""]
    shown, more = first(tables, detail.overview)
    rows = [_summary(table) for table in shown]
    lines += markdown_table(SUMMARY, rows, right=[False, False, True, True, True, True, True])
    if more:
        lines += ["", f"… and {counted(more, 'more table')}."]
    lines += _metrics(diff, detail)
    own, more = first([table for table in tables if table.differs], detail.tables)
    size = _size(lines)
    for table in own:
        section = ["", *_table(table, detail)]
        lines += section
        size += _size(section)
        if size > most:
            return lines
    if more and detail.tables:
        lines += ["", f"… and {counted(more, 'more table')} that changed."]
    for table in shown:
        if table.ignored and not table.differs:
            ignored = f"ignored in {table.name}: {', '.join(table.ignored)}"
            left_out.append(f"- {markdown_text(clipped(ignored, SENTENCE))}")
    return [*lines, "", *left_out] if left_out else lines


def _summary(table: TableView) -> list[str]:
    rows = table.rows
    counts = (rows.inserted, rows.deleted, rows.updated, rows.moved)
    ends = arrow_counts(rows.before, rows.after)
    name = clipped(table.name, NAME)
    return [name, table.outcome, ends, *(count(number) for number in counts)]


def _table(table: TableView, detail: Detail) -> list[str]:
    key = clipped(", ".join(table.key), SENTENCE)
    lines = [f"#### {markdown_text(clipped(table.name, NAME))}", ""]
    schema, more = first([text for name, text in facts(table) if name == "schema"], detail.columns)
    said = False
    for name, text in facts(table):
        if name != "schema":
            lines.append(f"- {name}: {markdown_text(clipped(text, SENTENCE))}")
        elif not said:
            said = True
            lines += [f"- schema: {markdown_text(clipped(one, SENTENCE))}" for one in schema]
            lines += [f"- schema: … and {counted(more, 'more change')}"] if more else []
    if table.compared and table.files is None:
        lines.append(f"- partitions: {partitions_line(table)}")
    if table.compared:
        lines.append(f"- key: {markdown_text(key) or 'none'}")
    told = (markdown_text(clipped(text, SENTENCE)) for text in problems(table))
    lines += [f"- **warning**: {text}" for text in told]
    if table.files is not None:
        return lines + _files(table.files) if table.status == "modified" else lines
    return lines + _columns(table, detail) + _partitions(table, detail) + row_lines(table, detail)


def _metrics(diff: DiffView, detail: Detail) -> list[str]:
    shown, more = first(diff.metrics, detail.tables)
    lines = []
    for metric in shown if detail.tables else ():
        lines += ["", f"#### {markdown_text(clipped(metric.name, NAME))}", ""]
        if metric.error:
            fault = f"it could not be computed: {metric.error}"
            lines.append(f"- **warning**: {markdown_text(clipped(fault, SENTENCE))}")
            continue
        table = figure_table(metric, detail.partitions)
        cells = [[clipped(cell, NAME) for cell in row] for row in table.rows]
        if cells:
            lines += [*markdown_table(table.header, cells, right=table.right), ""]
        lines += [f"{markdown_text(note)}." for note in table.notes]
    more = more if detail.tables else len(diff.metrics)
    return [*lines, "", f"… and {counted(more, 'more metric')}."] if more else lines


def _files(files: FileChanges) -> list[str]:
    lists = file_lists(files)
    if not lists:
        return []
    rows = [[clipped(cell, NAME) for cell in row] for one in lists for row in one.rows]
    lines = ["", *markdown_table(HEADER, rows, right=[False, False, True, True, True])]
    more = "; ".join(one.more for one in lists if one.more)
    return [*lines, "", f"{more}."] if more else lines


def _columns(table: TableView, detail: Detail) -> list[str]:
    touched = table.touched_columns
    columns, more = first(touched, detail.columns)
    if more:
        columns = most_changed(touched)[: len(columns)]
    if not columns:
        return []
    statistics = statistics_of(list(columns))
    head, rows = column_rows(list(columns), statistics)
    head.append("for example")
    for row, column in zip(rows, columns, strict=True):
        row[0] = clipped(row[0], NAME)
        row.append(example_text(column.examples[0]) if column.examples else "")
    right = [0 < i < len(head) - 1 for i in range(len(head))]
    lines = ["", *markdown_table(head, rows, right=right)]
    if more:
        lines += ["", f"… and {counted(more, 'more column')}."]
    if covered := covered_line(table, statistics):
        lines += ["", f"{covered[:1].upper()}{covered[1:]}."]
    return lines


def _partitions(table: TableView, detail: Detail) -> list[str]:
    changed = [one for one in table.partitions if one.rows_changed and one.values]
    shown, more = first(changed, detail.partitions) if detail.partitions else ([], 0)
    if not shown:
        return []
    head, rows = partition_rows(list(shown))
    rows = [[clipped(cell, NAME) for cell in row] for row in rows]
    right = [i > 0 for i in range(len(head))]
    lines = ["", "<details><summary>Partitions</summary>", ""]
    lines += markdown_table(head, rows, right=right)
    if more:
        lines += ["", f"… and {count(more)} more."]
    return [*lines, "", "</details>"]
