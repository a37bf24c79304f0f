"""Markdown for pull requests: rows, and never more than a comment takes."""

from dataclasses import replace

import pytest

from catalog.diff.counts import ColumnCounts, Example, PartitionCounts, RowCounts
from catalog.diff.plan import SchemaChange
from catalog.diff.view import ColumnView, DiffView, End, SampleRow, TableView
from catalog.report.markdown.detail import MOST_CHARACTERS
from catalog.report.markdown.page import render_markdown

HOSTILE = "<script>alert(1)</script> | `x` @octocat fixes #12 \x1b[31m \u202e [l](http://e) \n"


def table(name: str, *, columns: int, rows: int, text: str = "x") -> TableView:
    names = [f"{text}_{n}" for n in range(columns)]
    counts = ColumnCounts(rows, 0, 0, rows)
    example = Example("c", text, f"{text}2", rows, {"id": text})
    before = {"id": "1", **dict.fromkeys(names, text)}
    sample = SampleRow("updated", tuple(names), before, {**before, **dict.fromkeys(names, "new")})
    return TableView(
        name,
        "modified",
        RowCounts(rows, rows, 0, 0, rows, 0),
        key=("id",),
        columns=tuple(ColumnView(name, counts, (example,)) for name in names),
        partitions=tuple(
            PartitionCounts({"day": f"{n:04}"}, updated=1, corrected=1) for n in range(rows)
        ),
        schema_changes=tuple(
            SchemaChange("column_added", f"{text}{n}", None, f"STRUCT({text} INTEGER)")
            for n in range(columns)
        ),
        warnings=(text,),
        sample=(sample,) * rows,
    )


def view(*tables: TableView) -> DiffView:
    ends = End("main~1", "a" * 64), End("main", "b" * 64, message="@octocat")
    return DiffView(*ends, tables, unchanged=3, commits=1)


def test_rows_are_folded_below_their_table() -> None:
    rows = (
        SampleRow("updated", ("b",), {"id": "1", "b": None}, {"id": "1", "b": "x|y"}),
        SampleRow("inserted", (), None, {"id": "2", "b": " "}),
        SampleRow("deleted", (), {"id": "3", "b": ""}, None),
    )
    own = replace(table("t", columns=0, rows=3), sample=rows, partitions=(), schema_changes=())
    lines = render_markdown(view(own))
    start = lines.index("<details><summary>3 changed rows</summary>")
    assert lines[start + 1 :] == [
        "",
        "| change | id | b |",
        "| --- | --- | --- |",
        r"| updated | 1 | NULL → x\|y |",
        "| inserted | 2 | ' ' |",
        "| deleted | 3 | '' |",
        "",
        "</details>",
    ]


def test_more_rows_and_columns_are_counted() -> None:
    lines = "\n".join(render_markdown(view(table("t", columns=20, rows=900))))
    assert "<details><summary>" in lines and " of 900 changed rows</summary>" in lines
    assert "Columns that are not shown: x\\_11" in lines


@pytest.mark.parametrize(
    "tables",
    [
        [table("t", columns=301, rows=2000)],
        [table(f"t{n}", columns=20, rows=30) for n in range(400)],
        [table("n" * 9000, columns=40, rows=40, text="long" * 25_000)],
        [table(HOSTILE * 20, columns=40, rows=100, text=HOSTILE * 5)] * 60,
        [table("\N{GRINNING FACE}" * 99, columns=30, rows=100, text="&<|" * 40)] * 60,
    ],
)
def test_it_is_never_longer_than_a_comment(tables: list[TableView]) -> None:
    lines = render_markdown(view(*tables))
    text = "\n".join(lines)
    assert len(text) < MOST_CHARACTERS
    assert "| table | status |" in text
    assert len(lines) > 5


def test_nothing_in_it_acts() -> None:
    text = "\n".join(render_markdown(view(table(HOSTILE, columns=2, rows=2, text=HOSTILE))))
    assert "<script>" not in text and "\x1b" not in text and "\u202e" not in text
    assert "@octocat" not in text and "#12" not in text and "`x`" not in text.replace("\\`", "")
    body = [line for line in text.splitlines() if line.startswith("| updated")]
    assert len(body) == 2
