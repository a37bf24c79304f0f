"""What explains changes, in words: deltas, segments, renamings, folded columns."""

from dataclasses import replace

import pytest

from catalog.diff.counts import ColumnCounts, Example, RowCounts, SideStats
from catalog.diff.findings import Common, NumberDelta, Renaming, Segment, TextDelta
from catalog.diff.plan import SchemaChange
from catalog.diff.view import ColumnView, DiffView, End, TableView
from catalog.report.figures import columns_of
from catalog.report.picture.deltas import delta_parts, percent, signed, statistic_parts
from catalog.report.picture.examples import cut_pair, example_text
from catalog.report.picture.sheet import UNLIMITED
from catalog.report.text import render_diff

PHONE = Segment("channel", ("phone",), "updated", 89, 89, 16, 1000)


def amount(name: str = "amount", cells: int = 89, **facts: object) -> ColumnView:
    counts = ColumnCounts(
        cells, 0, 0, cells, 0, SideStats(0, "1", "9", 5.0, "200.00"),
        SideStats(0, "1", "9", 5.25, "210.00"), (400, 400),
    )  # fmt: skip
    return ColumnView(name, counts, (Example(name, "1", "1.19", 3, {"id": "7"}),), **facts)  # type: ignore[arg-type]


def of(*tables: TableView, unchanged: int = 0) -> DiffView:
    ends = End("main~1", "a" * 64), End("main", "b" * 64)
    return DiffView(*ends, tables, unchanged=unchanged, commits=1)


def table(name: str = "orders", updated: int = 89, **facts: object) -> TableView:
    return TableView(name, "modified", RowCounts(400, 400, 0, 0, updated, 0), ("id",), **facts)  # type: ignore[arg-type]


def drawn(view: DiffView, width: int = 100) -> str:
    return "\n".join(render_diff(view, width=width, more="--all"))


def test_numbers_say_their_rule_and_their_sum() -> None:
    delta = NumberDelta(
        89, 89, 0, "0.19", "2.5", "8", "10", (1.18, 1.19, 1.2), Common("1.19", 89)
    )  # fmt: skip
    text = drawn(of(table(columns=(amount(delta=delta, distinct=60, segments=(PHONE,)),))))
    assert "sum +10 (+5.0 %); all up; ×1.19 for 100 %; by +0.19 … +8, median +2.5" in text  # noqa: RUF001
    assert "only channel = phone (89 of 89; 1.6 % of 1,000 unchanged rows)" in text
    assert "… and 59 more changes, in 86 of 89 cells" in text


def test_numbers_without_a_rule_say_their_range() -> None:
    delta = NumberDelta(80, 60, 20, "-3", "1", "4", "50", (0.5, 1.234567, 20000.0))
    assert delta_parts(amount(delta=delta), None) == [
        "60 up, 20 down of 80 finite numbers",
        "×0.5 … ×20,000, median ×1.235",  # noqa: RUF001
        "by -3 … +4, median +1",
    ]
    times = NumberDelta(89, 0, 89, "-1 day", "-01:00:00", "-00:10:00")
    assert delta_parts(amount(delta=times), None)[0] == "all earlier"


def test_deltas_of_the_first_cells_say_so() -> None:
    some = {"looked_at": 50, "total": None}
    delta = NumberDelta(48, 48, 0, "1", "1", "1", common_difference=Common("1", 48), **some)  # type: ignore[arg-type]
    assert delta_parts(amount(delta=delta), None) == [
        "of the first 50 of 89 cells: all up of 48 finite numbers",
        "+1 for 100 %",
    ]
    texts = TextDelta(50, {"case": 50}, looked_at=50)
    assert delta_parts(amount(delta=texts), None) == [
        "of the first 50 of 89 cells: only upper and lower case: all"
    ]


def test_texts_say_in_which_way_they_changed() -> None:
    delta = TextDelta(89, {"prefix_added": 80, "other": 5, "case": 4}, "\x1b[0mx-")
    assert delta_parts(amount(delta=delta), 28) == [
        "'\\x1b[0mx-' put before it: 80",
        "only upper and lower case: 4",
        "otherwise: 5",
    ]
    assert delta_parts(amount(delta=TextDelta(89, {"other": 89})), 28) == []


@pytest.mark.parametrize(
    ("change", "before", "text"),
    [("4.7", "100", "+4.7 %"), ("-100", "100", "-100.0 %"), ("-99.99", "100", "->99.9 %"),
     ("0.009", "100", "+0.009 %"), ("5", "0", ""), ("0", "7", "0 %"), ("1", "-4", "+25.0 %")],
)  # fmt: skip
def test_a_change_in_percent(change: str, before: str, text: str) -> None:
    from decimal import Decimal

    assert percent(Decimal(change), Decimal(before)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [("8466417.68", "+8,466,417.68"), ("-0.5", "-0.5"), ("0", "0"), ("0.00", "0"), ("10.00", "+10"),
     ("1e+30", "+1e+30"), ("1 day", "+1 day"), ("-1 day", "-1 day"), ("nan", "nan")],
)  # fmt: skip
def test_a_signed_number(number: str, text: str) -> None:
    assert signed(number) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("2.5e+303", "5e+303", "+2.5e+303 (+100.0 %)"),
        (f"{10**38}.00001", f"{-(10**38)}.00000", f"-{2 * 10**38:,}.00001 (-200.0 %)"),
        ("1e-300", "3e-300", "+2e-300 (+200.0 %)"),
    ],
)
def test_the_change_of_an_extreme_sum(before: str, after: str, text: str) -> None:
    sides = (SideStats(0, "1", "9", None, total) for total in (before, after))
    counts = replace(amount().counts, **dict(zip(("before", "after"), sides, strict=True)))
    assert statistic_parts(replace(amount(), counts=counts), ("sum",)) == [f"sum {text}"]


@pytest.mark.parametrize("total", ["nan", "inf", "-inf", None])
def test_a_sum_that_is_not_finite_has_no_change(total: str | None) -> None:
    counts = replace(amount().counts, after=SideStats(0, "1", "9", None, total))
    parts = statistic_parts(replace(amount(), counts=counts), ())
    assert not any("%" in part for part in parts)


def test_long_values_are_cut_around_their_first_difference() -> None:
    before, after = cut_pair(f"{'x' * 250}?rev=a", f"{'x' * 250}?rev=b", 28)
    assert (before, after) == (f"…{'x' * 5}?rev=a", f"…{'x' * 5}?rev=b")
    early = cut_pair("a" + "x" * 100, "b" + "x" * 100, 20)
    assert early == ("a" + "x" * 18 + "…", "b" + "x" * 18 + "…")
    excerpt = Example("c", "same a", "same b", 1, {}, skipped=1000, lengths=(1006, 5000))
    assert example_text(excerpt) == "…same a → …same b… (×1)"  # noqa: RUF001


def test_the_text_null_is_not_null() -> None:
    assert example_text(Example("c", None, "NULL", None, {})) == "NULL → 'NULL'"


def test_columns_of_one_pattern_are_folded_and_the_others_capped() -> None:
    rule = NumberDelta(5, 5, 0, "1", "1", "1", "5", None, Common("2", 5))
    columns = tuple(amount(f"feature_{n:03}", 5 + n % 9, delta=rule) for n in range(257))
    text = drawn(of(table(columns=columns)), 60)
    assert "feature_000 … feature_256: 257 columns" in text and "corrected each" in text
    assert "… and 245 more columns (--all)" in text
    assert max(map(columns_of, text.splitlines())) <= 60
    whole = render_diff(of(table(columns=columns)), width=100, limits=UNLIMITED)
    assert sum(line.startswith("  feature_") for line in whole) == 257


def test_many_tables_fit_a_screen_and_the_largest_comes_first() -> None:
    tables = [table(f"t{n:03}", 1 + n) for n in range(200)]
    lines = render_diff(of(*tables, unchanged=9), width=100, more="--all")
    assert lines[2].startswith("200 tables changed, 9 tables unchanged: 20,100 rows updated")
    (head,) = (n for n, line in enumerate(lines) if line.startswith("table "))
    assert lines[head + 1].startswith("t199 ") and lines.index("… and 180 more tables (--all)") < 40
    assert len(lines) < 120


def test_what_is_renamed_removed_and_common_to_deleted_rows_is_said() -> None:
    gone = Segment("region", ("eu", None), "deleted", 19, 20, 0, 0)
    text = drawn(
        of(
            table(
                segments=(gone,),
                renamings=(Renaming("name", "name2", 1000, 1000),),
                schema_changes=(SchemaChange("column_removed", "name", "VARCHAR", None),),
            )
        )
    )
    assert "mostly region in eu, NULL (19 of 20, 95.0 %)" in text
    assert "name → name2 looks renamed: 1,000 of 1,000 values are equal" in text


def test_metadata_alone_is_one_line_a_table_and_a_total() -> None:
    tables = [replace(table(f"t{n:03}"), rows=RowCounts(10, 10 + n)) for n in range(200)]
    lines = render_diff(of(*tables, unchanged=1), width=100)
    assert sum(line.startswith("t") for line in lines) == 1 + 200
    total = "200 tables changed, 1 table unchanged: 2,000 → 21,900 rows (not compared)"
    assert lines[-1] == f"{total}; no schema change"
    assert len(lines) == 205
