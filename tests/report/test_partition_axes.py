"""Where changed partitions lie among all: spans, gaps, strips, and what they are added up by."""

import datetime

import pytest

from catalog.dataclasses import replace
from catalog.diff.counts import PartitionCounts, RowCounts
from catalog.diff.view import Partitioning, TableView
from catalog.report.figures import columns_of
from catalog.report.partition_axes import by_period, partition_axes
from catalog.report.picture.partitions import partition_table, span_words, strip
from catalog.report.picture.sheet import UNLIMITED, Sheet
from catalog.report.text import render_table


def table(
    columns: str, kinds: str, changed: dict[str, int], unchanged: list[str] | None
) -> TableView:
    """Makes a table of partitions of 100 rows each, of which some are updated."""
    names = tuple(columns.split("/"))

    def values(text: str) -> tuple[str | None, ...]:
        return tuple(None if part == "NULL" else part for part in text.split("/"))

    partitions = tuple(
        PartitionCounts(
            dict(zip(names, values(one), strict=True)), updated=n, corrected=n, rows=(100, 100)
        )
        for one, n in changed.items()
    )
    others = None if unchanged is None else tuple((values(one), 100) for one in unchanged)
    total = len(changed) + len(unchanged or ())
    rows = RowCounts(100 * total, 100 * total, 0, 0, sum(changed.values()), 0)
    return TableView(
        "t",
        "modified",
        rows,
        partitions=partitions,
        partitioning=Partitioning(names, tuple(kinds.split("/")), (total, total), others),
    )


def days(first: str, number: int) -> list[str]:
    start = datetime.date.fromisoformat(first)
    return [str(start + datetime.timedelta(n)) for n in range(number)]


def drawn(shown: TableView) -> tuple[list[str], str]:
    (axis,) = partition_axes(shown)
    return strip(axis), "; ".join(span_words(axis))


def test_months_stand_in_their_years() -> None:
    months = [f"{year}-{month:02}" for year in (2022, 2023) for month in range(1, 13)]
    changed = dict.fromkeys(months[14:17], 26)
    found = table("month", "VARCHAR", changed, [m for m in months if m not in changed])
    marks, words = drawn(found)
    assert marks == ["2022 ············", "2023 ··███·······"]
    assert words == "3 of 24: 2023-03 … 2023-05, no gap; 26.0 % of their rows"


def test_many_days_are_added_up_by_month_and_listed_by_month() -> None:
    every = days("2022-01-01", 1000)
    changed = dict.fromkeys([day for day in every if "2022-03" <= day < "2024"], 10)
    found = table("day", "DATE", changed, [day for day in every if day not in changed])
    marks, words = drawn(found)
    assert marks == ["2022 ··██████████", "2023 ████████████", "2024 ·········"]
    assert words.startswith("671 of 1,000: 2022-03-01 … 2023-12-31, no gap; 10.0 %")
    lines = partition_table(found, Sheet(60, partitions="--partitions"))
    assert lines[1].split() == ["month", "days", "updated", "corrected", "of", "rows"]
    assert lines[2].split()[:4] == ["2022-03", "31", "of", "31"]
    assert len(lines) == 2 + 22 + 1
    assert lines[-1] == "  671 partitions changed (--partitions lists all)"
    assert len(partition_table(found, Sheet(200, limits=UNLIMITED))) == 2 + 671


def test_gaps_are_runs_of_partitions_without_a_change() -> None:
    every = days("2024-02-27", 9)
    few = table("day", "DATE", dict.fromkeys([*every[:3], every[5]], 1), [*every[3:5], *every[6:]])
    assert drawn(few) == (
        ["2024-02 ███", "2024-03 ··█···"],
        "4 of 9: 2024-02-27 … 2024-02-29, 2024-03-03; 1.0 % of their rows",
    )
    spread = table("day", "DATE", dict.fromkeys(every[::2], 1), every[1::2])
    assert drawn(spread)[1].startswith(
        "5 of 9: 2024-02-27 … 2024-03-06 with 4 gaps (4 between unchanged)"
    )


def test_without_the_other_partitions_days_follow_each_other_by_the_calendar() -> None:
    found = table("day", "DATE", dict.fromkeys(["2024-02-28", "2024-02-29", "2024-03-01"], 1), None)
    assert drawn(found) == ([], "3 days: 2024-02-28 … 2024-03-01, no gap; 1.0 % of their rows")
    gap = table("day", "DATE", dict.fromkeys(["2023-02-28", "2023-03-02"], 1), None)
    assert drawn(gap)[1].startswith("2 days: 2023-02-28, 2023-03-02;")


def test_numbers_are_in_their_order_and_null_is_last() -> None:
    found = table("bucket", "INTEGER", dict.fromkeys(["10", "2", "NULL"], 1), ["1", "3", "20"])
    (axis,) = partition_axes(found)
    assert [place.label for place in axis.places] == ["1", "2", "3", "10", "20", None]
    assert drawn(found)[0] == ["·█·█·", "NULL █"]
    assert drawn(found)[1].startswith("3 of 6: 2, 10, and NULL;")


def test_rows_that_moved_in_are_among_those_of_their_partition() -> None:
    moved = PartitionCounts({"p": "new"}, updated=3, corrected=3, rows=(0, 3))
    more = PartitionCounts({"p": "old"}, inserted=1, deleted=5, updated=2, rows=(10, 3))
    shown = replace(table("p", "VARCHAR", {}, []), partitions=(moved, more))
    assert drawn(shown)[1] == "2 of 2: new, old; 100 % of their rows"
    shown = replace(shown, partitions=(moved,))
    assert drawn(shown)[1] == "1 of 1: new; 100 % of their rows"


def test_names_are_listed() -> None:
    found = table("region", "VARCHAR", dict.fromkeys(["eu", "us"], 1), ["ap", "zz"])
    assert drawn(found)[1].startswith("2 of 4: eu, us;")


def test_each_column_is_an_axis_and_year_month_and_day_are_one() -> None:
    changed, others = {"eu/2024/1/9": 5, "us/2024/1/10": 5}, ["eu/2024/1/10", "us/2024/1/9"]
    kinds = "VARCHAR/INTEGER/INTEGER/INTEGER"
    found = table("region/year/month/day", kinds, changed, others)
    region, time = partition_axes(found)
    assert (region.name, time.name, time.unit) == ("region", "year/month/day", "day")
    assert [place.label for place in time.places] == ["2024-01-09", "2024-01-10"]
    assert strip(time) == ["2024-01 ▄▄"]
    (by_year,) = by_period(time, "year").places
    assert (by_year.changed, by_year.partitions, by_year.rows_changed) == (2, 4, 10)


@pytest.mark.parametrize("text", ["2024-02-30", "2024-13", "0001-01-01", "12345", "x", ""])
def test_what_is_no_date_is_none(text: str) -> None:
    found = table("day", "VARCHAR", {text: 1}, ["2024-01-01"])
    assert partition_axes(found)[0].unit == "value"


@pytest.mark.parametrize("width", [20, 60, 100, 200])
def test_hostile_values_stay_on_their_line(width: int) -> None:
    names = {f"{n}\x1b[2J\n\u202e{'x' * 300}": 1 for n in range(30)}
    lines = render_table(table("a\nb", "VARCHAR", names, []), width=width)
    assert not any(c in line for line in lines for c in "\x1b\n\u202e")
    assert width < 60 or max(map(columns_of, lines)) <= width
