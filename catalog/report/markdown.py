"""A diff as Markdown, for the description of a pull request."""

from catalog.diff.file_changes import FileChanges
from catalog.diff.view import DiffView, TableView
from catalog.report.figures import arrow_counts, count
from catalog.report.file_words import HEADER, file_lists
from catalog.report.layout import markdown_table, markdown_text
from catalog.report.picture.columns import example_text
from catalog.report.picture.headline import header
from catalog.report.words import (
    column_rows,
    covered_line,
    facts,
    left_out_lines,
    partition_rows,
    partitions_line,
    problems,
    statistics_of,
    top_partitions,
)

SUMMARY = ("table", "status", "rows", "inserted", "deleted", "updated", "moved")


def render_markdown(diff: DiffView) -> list[str]:
    """Returns a diff as lines of Markdown."""
    lines = [f"### Changes {markdown_text(header(diff))}", ""]
    left_out = [f"- {markdown_text(line)}" for line in left_out_lines(diff)]
    if not diff.tables:
        return [*lines, "No table differs.", *left_out]
    rows = [_summary(table) for table in diff.tables]
    lines += markdown_table(SUMMARY, rows, right=[False, False, True, True, True, True, True])
    for table in diff.tables:
        if table.differs:
            lines += ["", *_table(table)]
        elif table.ignored:
            ignored = ", ".join(table.ignored)
            left_out.append(f"- {markdown_text(f'ignored in {table.name}: {ignored}')}")
    return [*lines, "", *left_out] if left_out else lines


def _summary(table: TableView) -> list[str]:
    rows = table.rows
    counts = (rows.inserted, rows.deleted, rows.updated, rows.moved)
    ends = arrow_counts(rows.before, rows.after)
    return [table.name, table.status, ends, *(count(number) for number in counts)]


def _table(table: TableView) -> list[str]:
    key = ", ".join(table.key)
    lines = [f"#### {markdown_text(table.name)}", ""]
    named = ("schema", "ignored", "tolerance")  # of all facts, these have names that need escapes
    for name, text in facts(table):
        lines.append(f"- {name}: {markdown_text(text) if name in named else text}")
    if table.compared and table.files is None:
        lines.append(f"- partitions: {partitions_line(table)}")
    if table.compared:
        lines.append(f"- key: {markdown_text(key) or 'none'}")
    lines += [f"- **warning**: {markdown_text(text)}" for text in problems(table)]
    if table.files is None:
        return lines + _columns(table) + _partitions(table)
    return lines + _files(table.files) if table.status == "modified" else lines


def _files(files: FileChanges) -> list[str]:
    lists = file_lists(files)
    if not lists:
        return []
    rows = [row for one in lists for row in one.rows]
    lines = ["", *markdown_table(HEADER, rows, right=[False, False, True, True, True])]
    more = "; ".join(one.more for one in lists if one.more)
    return [*lines, "", f"{more}."] if more else lines


def _columns(table: TableView) -> list[str]:
    columns = table.touched_columns
    if not columns:
        return []
    statistics = statistics_of(columns)
    head, rows = column_rows(columns, statistics)
    head.append("for example")
    for row, column in zip(rows, columns, strict=True):
        row.append(example_text(column.examples[0]) if column.examples else "")
    right = [0 < i < len(head) - 1 for i in range(len(head))]
    lines = ["", *markdown_table(head, rows, right=right)]
    if covered := covered_line(table, statistics):
        lines += ["", f"{covered[:1].upper()}{covered[1:]}."]
    return lines


def _partitions(table: TableView) -> list[str]:
    shown, more = top_partitions(table)
    if not shown:
        return []
    head, rows = partition_rows(shown)
    right = [i > 0 for i in range(len(head))]
    lines = ["", "<details><summary>Partitions</summary>", ""]
    lines += markdown_table(head, rows, right=right)
    if more:
        lines += ["", f"… and {count(more)} more."]
    return [*lines, "", "</details>"]
