"""Lists the partitions of a diff in which something changed: ``diff --partitions``."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from catalog.diff.counts import PartitionCounts
from catalog.diff.view import DiffView, TableView
from catalog.report.figures import counted, named_values, plain
from catalog.report.layout import GAP
from catalog.report.partition_axes import in_order
from catalog.report.picture.headline import commit_lines, header
from catalog.report.picture.partitions import KINDS, axis_facts, counts_lines
from catalog.report.picture.sheet import INDENT, UNLIMITED, Sheet
from catalog.report.picture.table import title
from cli.diff.comparison import write_lines
from cli.diff.request import DiffFormat, Request
from cli.output import stdout
from cli.output.results import data_target
from cli.output.values import csv_head, csv_line

if TYPE_CHECKING:
    from catalog.diff.result import Diff

COLUMNS = ("table", "partition", "rows_before", "rows_after", *KINDS)
"""The columns of CSV."""


def write_partitions(result: "Diff", view: DiffView, request: Request) -> None:
    """Writes all changed partitions in order of their values, as text or CSV."""
    if request.how is DiffFormat.CSV:
        with data_target(request.target) as write:
            write(csv_head(COLUMNS, request.style))
            for name, partition, *numbers in _cells(view):
                named = [request.style.safe(one or "") for one in (name, partition)]
                write(csv_line([*named, *numbers], request.style).encode())
        return
    sheet = Sheet(stdout.width(request.target), limits=UNLIMITED)
    lines = [header(view), *commit_lines(view, sheet)]
    for table in view.tables:
        lines += ["", *_lines(table, sheet)] if table.differs else []
    lines = lines if view.differs else [*lines, "", "no table differs"]
    write_lines(lines, request.target, what="the changed partitions")


def _lines(table: TableView, sheet: Sheet) -> list[str]:
    changed = in_order(table)
    if not changed:
        is_whole = table.partitioning is None
        return [title(table), f"{INDENT}{'not partitioned' if is_whole else 'no row changed'}"]
    lines = [title(table)]
    for name, (head, *rest) in axis_facts(table, sheet, 3 * len(INDENT)):
        lines += [f"{INDENT}{plain(name)}{GAP}{head}", *(f"{3 * INDENT}{line}" for line in rest)]
    named = [(named_values(one.values), one) for one in changed]
    lines += ["", *counts_lines(named, "partition", sheet)]
    return [*lines, f"{INDENT}({counted(len(changed), 'partition')})"]


def _cells(view: DiffView) -> Iterator[list[str | None]]:
    for table in view.tables:
        for one in in_order(table):
            before, after = one.rows or (None, None)
            numbers = (before, after, *_numbers(one))
            cells = (None if number is None else str(number) for number in numbers)
            yield [table.name, named_values(one.values), *cells]


def _numbers(one: PartitionCounts) -> tuple[int, ...]:
    return tuple(getattr(one, kind) for kind in KINDS)
