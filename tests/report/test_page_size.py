"""The page of a diff stays below 3 MB, whatever the diff, and counts what it leaves out."""

import pytest

from catalog.diff.counts import ColumnCounts, Example, PartitionCounts, RowCounts
from catalog.diff.findings import Distribution
from catalog.diff.plan import SchemaChange
from catalog.diff.view import ColumnView, DiffView, End, Metric, MetricRow, SampleRow, TableView
from catalog.report.html.page import render_page
from tests.effort import effort
from tests.report.page_reading import Page

LONG = "\N{PILE OF POO}<&\"'>" * 170


def large(name: str, *, columns: int, partitions: int, rows: int) -> TableView:
    """Returns a table in which everything is long."""
    names = [f"{n}{LONG[:60]}" for n in range(columns)]
    counts = ColumnCounts(changed=10**9, corrected=10**9)
    example = Example(names[0], LONG, f"{LONG}!", 10**9, {"id": LONG})
    edges = tuple(str(n) for n in range(36))
    shape = Distribution("ranges", edges, (10**9,) * 35, (10**9,) * 35, (1, 1), (2, 2), (3, 3))
    sample = dict.fromkeys(names[:24], LONG)
    return TableView(
        name,
        "modified",
        RowCounts(10**10, 10**10, 0, 0, 10**9, 0),
        key=("id",),
        schema_changes=tuple(SchemaChange("type_changed", n, LONG, LONG) for n in names),
        columns=tuple(ColumnView(n, counts, (example, example), distribution=shape) for n in names),
        partitions=tuple(
            PartitionCounts({"p": f"{n}{LONG}"}, updated=n + 1) for n in range(partitions)
        ),
        warnings=(LONG,) * 3,
        sample=(SampleRow("updated", tuple(names[:8]), sample, {**sample, names[0]: "x"}),) * rows,
    )


@pytest.mark.parametrize(
    ("tables", "columns", "partitions", "rows"),
    effort([(1, 450, 2100, 60)], [(1, 1000, 5000, 500), (40, 30, 100, 20), (1500, 2, 3, 2)]),
)
@pytest.mark.invariant("The page of a diff has at most 3 MB, and counts what it leaves out")
def test_a_page_has_at_most_3_mb(tables: int, columns: int, partitions: int, rows: int) -> None:
    name = LONG[:100]
    every = tuple(
        large(f"{n}{name}", columns=columns, partitions=partitions, rows=rows)
        for n in range(tables)
    )
    metric = MetricRow({"day": LONG}, {"sum": LONG}, {"sum": f"{LONG}!"})
    metrics = (Metric("m", LONG * 10, (metric,) * 210),) * effort(4, 30)
    text = render_page(DiffView(End("a"), End("b"), every, metrics=metrics))
    assert len(text.encode()) <= 3_000_000
    page = Page(text)
    drawn = sum(tag == "section" and "table" in own.get("class", "") for tag, own in page.tags)
    assert drawn >= 1
    if drawn < tables:
        assert f"{tables - drawn:,} more tables changed" in page.text
    if partitions > 2000:
        assert (
            " more partitions, which the JSON form has" in page.text or "more, which" in page.text
        )
