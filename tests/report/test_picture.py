"""The picture of a diff, as text and as Markdown, on a hand-made pair of states."""

from dataclasses import replace

import pytest

from catalog.diff.counts import (
    ColumnCounts,
    Coverage,
    Example,
    KeyProblems,
    PartitionCounts,
    RowCounts,
    SideStats,
)
from catalog.diff.plan import SchemaChange, Status
from catalog.diff.view import ColumnView, DiffView, End, TableView
from catalog.report.figures import share
from catalog.report.markdown.page import render_markdown
from catalog.report.paint import Paint
from catalog.report.text import render_brief, render_diff


def side(nulls: int, mean: float | None = None, total: str | None = None) -> SideStats:
    return SideStats(nulls, "1", "2", mean, total)


def column(
    name: str, kinds: tuple[int, int, int], sides: tuple[SideStats, SideStats], *shown: Example
) -> ColumnView:
    counts = ColumnCounts(sum(kinds), *kinds, 0, *sides, covered=(62, 72))
    return ColumnView(name, counts, shown)


def partition(day: str | None, *counts: int) -> PartitionCounts:
    return PartitionCounts({"day": day}, *counts)


def table(
    name: str, status: Status, rows: RowCounts, files: tuple[int, int, int] = (0, 0, 1)
) -> TableView:
    added, removed, kept = files
    coverage = Coverage(0, 1, added, removed, kept)
    return TableView(name, status, rows, key=("id",), coverage=coverage)


ORDERS = TableView(
    "orders",
    "modified",
    RowCounts(1000, 1010, 12, 2, 40, 1),
    key=("order_id",),
    key_problems=KeyProblems(duplicate=(2, 0)),
    schema_changes=(
        SchemaChange("column_added", "channel", None, "VARCHAR"),
        SchemaChange("type_changed", "amount", "INTEGER", "DOUBLE"),
    ),
    columns=(
        column(
            "amount",
            (30, 0, 10),
            (side(30, 12.1, "1210.5"), side(0, 12.100001, "1300.0")),
            Example("amount", None, "12.50", 30, {"order_id": "1017"}),
            Example("amount", "3.10", "31.00", 1, {"order_id": "1003"}),
        ),
        column("status", (0, 1, 2), (side(0), side(1)), Example("status", "open", None, None, {})),
        column("same", (0, 0, 0), (side(0), side(0))),
    ),
    partitions=(
        partition("2024-01-01", 0, 0, 39, 29, 1, 12),
        partition(None, 12, 2, 1, 1, 0, 0),
    ),
    coverage=Coverage(2, 15, 2, 2, 15, 123),
)

CUSTOMERS = table("customers", "unchanged", RowCounts(500, 500, 0, 0, 0, 0))


def view(*tables: TableView) -> DiffView:
    before, after = End("main~1", "a1b2c3d4" * 8), End("main", "e5f6a7b8" * 8)
    return DiffView(before, after, tables)


PICTURE = """\
main~1 (a1b2c3d4) → main (e5f6a7b8)

1 table changed, 1 added, 1 table unchanged: 40 rows updated, 19 inserted, 2 deleted;
2 schema changes

table             rows  changed            inserted  deleted  updated  columns
orders   1,000 → 1,010    5.3 %  ▍               12        2       40  +channel and 3 more
refunds          0 → 7    100 %  ████████         7        0        0  added

orders  modified  key order_id
  rows        1,000 → 1,010: 12 inserted, 2 deleted (0.2 %), 40 updated (4.0 %, 1 moved)
  columns     2 of 3 changed
  schema      column channel added (VARCHAR)
              type of amount: INTEGER → DOUBLE
  files       2 added, 2 removed, 15 kept
  partitions  2 compared, 15 skipped (same files)

  column  filled  cleared  corrected   NULLs              mean                sum
  amount      30        0         10  30 → 0  12.1 → 12.100001  1,210.5 → 1,300.0
      sum +89.5 (+7.4 %)
      NULL → 12.50 (\N{MULTIPLICATION SIGN}30, e.g. order_id 1017)
      3.10 → 31.00 (\N{MULTIPLICATION SIGN}1, e.g. order_id 1003)
      … other changes in 9 of 40 cells
  status       0        1          2   0 → 1
      open → NULL
  (NULLs, means and sums of the 62 → 72 rows in files that differ)

  partition       inserted  deleted  updated  filled  cleared  corrected
  day=2024-01-01         0        0       39      29        1         12
  day=NULL              12        2        1       1        0          0
  warning: duplicate key (order_id): 2 rows before, 0 after

refunds  added  key id
  rows   0 → 7: 7 inserted
  files  1 added, 0 removed

customers  unchanged  500 rows"""


def test_the_picture_tells_what_changed() -> None:
    refunds = table("refunds", "added", RowCounts(0, 7, 7, 0, 0, 0), files=(1, 0, 0))
    lines = render_diff(view(ORDERS, CUSTOMERS, refunds), width=100)
    assert "\n".join(lines) == PICTURE
    assert max(len(line) for line in lines) <= 100


def test_colour_changes_no_text() -> None:
    import re

    refunds = table("inserted", "added", RowCounts(0, 7, 7, 0, 0, 0), files=(1, 0, 0))
    for tables in ([ORDERS], [ORDERS, refunds]):
        for width in (40, 100):
            coloured = render_diff(view(*tables), width=width, paint=Paint(True))
            plain = render_diff(view(*tables), width=width)
            assert coloured != plain
            assert [re.sub(r"\x1b\[\d+m", "", line) for line in coloured] == plain


def test_counts_of_rows_have_the_colour_of_what_happened_to_them() -> None:
    refunds = table("refunds", "added", RowCounts(0, 7, 7, 0, 0, 0), files=(1, 0, 0))
    paint = Paint(True)
    coloured = "\n".join(render_diff(view(ORDERS, refunds), width=100, paint=paint))
    rows = ORDERS.rows
    assert rows.inserted and rows.updated
    for number, kind, colour in (
        (rows.inserted, "inserted", "green"),
        (rows.deleted, "deleted", "red"),
        (rows.updated, "updated", "yellow"),
    ):
        assert not number or paint(f"{number:,} {kind}", colour) in coloured
    overview = next(line for line in coloured.splitlines() if line.startswith("\x1b[1mrefunds"))
    assert paint("7", "green") in overview and paint("added", "green") in overview
    assert paint("0", "red") not in overview


def test_metadata_alone_claims_nothing_about_rows() -> None:
    stat = table("orders", "modified", RowCounts(1000, 1010), files=(1, 1, 15))
    lines = render_diff(view(stat), width=100)
    assert "  rows   1,000 → 1,010 (rows not compared)" in lines
    assert view(stat).differs


def test_rewritten_files_without_a_changed_row_are_no_difference() -> None:
    rewritten = table("orders", "modified", RowCounts(5, 5, 0, 0, 0, 0), files=(1, 1, 0))
    found = view(rewritten)
    assert not found.differs
    assert "  rows        5: no row changed" in render_diff(found, width=100) or (
        "  rows   5: no row changed" in render_diff(found, width=100)
    )


def test_many_partitions_are_cut_to_the_most_changed() -> None:
    many = tuple(partition(f"d{n:02}", n, 0, 0, 0, 0, 0) for n in range(1, 31))
    lines = render_diff(view(replace(ORDERS, partitions=many)), width=100)
    assert any(line.split()[:2] == ["day=d30", "30"] for line in lines)
    assert not any("day=d05" in line for line in lines)
    assert "  … and 20 more partitions" in lines


def test_no_table_says_so() -> None:
    assert render_diff(view(), width=100)[-1] == "no table differs"


def test_in_brief_a_table_has_its_rows_partitions_and_columns() -> None:
    assert render_brief(ORDERS) == [
        "orders  modified  key order_id",
        "  rows        1,000 → 1,010: 12 inserted, 2 deleted (0.2 %), 40 updated (4.0 %, 1 moved)",
        "  schema      column channel added (VARCHAR)",
        "  schema      type of amount: INTEGER → DOUBLE",
        "  partitions  day=2024-01-01, day=NULL",
        "  amount      30 filled, 10 corrected; NULLs 30 → 0, sum 1,210.5 → 1,300.0",
        "  status      1 cleared, 2 corrected; NULLs 0 → 1",
        "  warning: duplicate key (order_id): 2 rows before, 0 after",
    ]
    many = replace(
        ORDERS, columns=ORDERS.columns[:1] * 6, partitions=(), key_problems=KeyProblems()
    )
    assert render_brief(many)[-1].split() == ["and", "2", "more", "columns"]


def test_a_warning_hides_no_problem_of_the_key() -> None:
    warning = "column 'duplicate' is not compared"
    known = view(replace(ORDERS, warnings=(warning,)))
    text = "\n".join(render_diff(known, width=80))
    assert "duplicate key (order_id): 2 rows before, 0 after" in text
    assert warning in text


def test_long_and_hostile_text_fits_and_stays_on_its_line() -> None:
    name = "a very long column name " * 5 + "\x1b[31m\n"
    sides = side(1, 1.0, "1"), side(0, 2.0, "2")
    hostile = replace(ORDERS, columns=(column(name, (1, 0, 0), sides),))
    lines = render_diff(view(hostile), width=80)
    assert not any("\x1b" in line or "\n" in line for line in lines)
    table_lines = [line for line in lines if line.startswith("  a very")]
    assert table_lines
    assert all(len(line) <= 80 for line in table_lines)


@pytest.mark.parametrize(
    ("width", "numbers", "below"),
    [
        (100, "2,513 → 1,673  1,488.54 → 1,485.66  81,009,137 → 82,255,050", ["sum +1,245,913"]),
        (80, "2,513 → 1,673  1,488.54 → 1,485.66", ["sum 81,009,137 → 82,255,050"]),
        (60, "2,513 → 1,673", ["sum 81,009,137 → 82,255,050", "mean 1,488.54 → 1,485.66"]),
        (40, "", ["sum 81,009,137", "mean 1,488.54", "NULLs 2,513 → 1,673"]),
    ],
)
def test_numbers_without_room_in_the_line_stand_below_it(
    width: int, numbers: str, below: list[str]
) -> None:
    sides = side(2513, 1488.54, "81009137"), side(1673, 1485.66, "82255050")
    wide = replace(ORDERS, columns=(column("arr_time", (856, 0, 0), sides),))
    lines = render_diff(view(wide), width=width)
    (row,) = (n for n, line in enumerate(lines) if line.startswith("  arr_time"))
    assert lines[row] == f"  arr_time     856        0          0  {numbers}".rstrip()
    explained = " ".join(line.strip() for line in lines[row + 1 :] if line.startswith(" " * 6))
    assert all(text in explained for text in below)
    assert "+1.5 %" in explained
    assert max(map(len, lines)) <= max(width, 44)  # numbers are never cut


def test_markdown_has_a_summary_and_a_section_per_changed_table() -> None:
    text = "\n".join(render_markdown(view(ORDERS, CUSTOMERS)))
    assert "| orders | modified | 1,000 → 1,010 | 12 | 2 | 40 | 1 |" in text
    assert "#### orders" in text
    assert "#### customers" not in text
    assert "NULL → 12.50" in text
    assert "order\\_id 1017" in text


def test_markdown_cells_cannot_break_out() -> None:
    evil = table("a|b<script>`x`", "modified", RowCounts(1, 1, 0, 0, 1, 0))
    text = "\n".join(render_markdown(view(evil)))
    assert "<script>" not in text
    assert "a\\|b&lt;script&gt;\\`x\\`" in text


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (1, 1_000_000, "<0.1 %"),
        (999_999, 1_000_000, ">99.9 %"),
        (1, 3, "33.3 %"),
        (9994, 10_000, "99.9 %"),
    ],
)
def test_shares_are_rounded_to_neither_end(part: int, whole: int, expected: str) -> None:
    assert share(part, whole) == expected
