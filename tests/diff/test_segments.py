"""What changed rows have in common, against plain Python over all rows of both states."""

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff.findings import Segment
from catalog.diff.result import TableDiff

Row: TypeAlias = dict[str, Any]

Edit: TypeAlias = Callable[[Row], Row | None]

CHANNELS = ("web", "shop", "app", "phone")

TYPES = {
    "id": pa.int64(),
    "channel": pa.string(),
    "items": pa.int16(),
    "vip": pa.bool_(),
    "day": pa.date32(),
    "note": pa.string(),
    "amount": pa.float64(),
    "score": pa.float64(),
    "discount": pa.float64(),
    "token": pa.string(),
}

MORE_ROWS = 3_000
"""Rows of a table that is compared by the engine, or by digests of its rows."""


def table(count: int, seed: int = 0) -> list[Row]:
    """Returns rows with columns of few values and of many."""
    rnd = random.Random(seed)
    return [
        {
            "id": n,
            "channel": rnd.choice(CHANNELS),
            "items": rnd.randint(1, 5),
            "vip": rnd.random() < 0.5,
            "day": dt.date(2024, 1, 1) + dt.timedelta(rnd.randrange(8)),
            "note": rnd.choice([None, "gift", "fragile"]),
            "amount": float(rnd.randrange(10_000)),
            "score": rnd.random(),
            "discount": rnd.choice([None, 0.1, 0.2]),
            "token": f"{rnd.random()} and further text, as rows in digests have it",
        }
        for n in range(count)
    ]


def edited(rows: Sequence[Row], edit: Edit) -> list[Row]:
    """Returns the rows as an edit leaves them; it returns None for a row that goes."""
    return [new for row in rows if (new := edit(dict(row))) is not None]


def compared(
    folder: Path,
    before: Sequence[Row],
    after: Sequence[Row],
    *,
    key: Sequence[str] = ("id",),
    group: int = 1_000,
    shuffled: bool = False,
    **options: Any,
) -> TableDiff:
    """Returns the diff of two states, the newer of them perhaps in another order."""
    newer = list(after)
    if shuffled:
        random.Random(1).shuffle(newer)
    lake = catalog.create(folder / "lake")
    for name, rows in (("older", before), ("newer", newer)):
        path = folder / name / "part.parquet"
        path.parent.mkdir()
        columns = {c: pa.array([row[c] for row in rows], kind) for c, kind in TYPES.items()}
        pq.write_table(pa.table(columns), path, row_group_size=group)
        with lake.transaction() as tx:
            tx.snapshot("t", str(path.parent), key=list(key))
    with lake.diff("main~1", "main", **options) as found:
        return found["t"]


def text(value: object) -> str | None:
    """Returns the text form of a value."""
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def check(segment: Segment, before: Sequence[Row], after: Sequence[Row]) -> None:
    """Checks the counts of a segment against both states."""
    older, newer = ({row["id"]: row for row in rows} for rows in (before, after))
    both = older.keys() & newer.keys()
    column = segment.cells_of
    changed = {
        "inserted": newer.keys() - older.keys(),
        "deleted": older.keys() - newer.keys(),
        "updated": {
            n
            for n in both
            if (older[n] != newer[n] if column is None else older[n][column] != newer[n][column])
        },
    }[segment.change]
    rows = older if segment.change == "deleted" else newer
    values = Counter(text(rows[n][segment.column]) for n in changed)
    others = Counter(text(newer[n][segment.column]) for n in both if older[n] == newer[n])
    assert segment.out_of == len(changed)
    assert segment.rows == sum(values[value] for value in segment.values)
    assert segment.others_out_of == sum(others.values())
    assert segment.others == sum(others[value] for value in segment.values)


def said(found: TableDiff) -> set[tuple[str, str | None, str, tuple[str | None, ...]]]:
    """Returns what segments say, without counts."""
    view = found.view
    segments = [*view.segments, *(one for column in view.columns for one in column.segments)]
    return {
        (one.change, one.cells_of, one.column, tuple(sorted(one.values, key=str)))
        for one in segments
    }


def corrected(row: Row) -> Row | None:
    """Corrects amounts of phone orders, and discounts of app orders; some gifts are deleted."""
    if row["channel"] == "phone":
        row["amount"] += 1
    if row["channel"] == "app" and row["discount"] is None:
        row["discount"] = 0.0
    return None if row["note"] == "gift" and row["id"] % 3 == 0 else row


def late(count: int) -> Iterator[Row]:
    """Yields rows that come late, all of one day."""
    for row in table(count, seed=5):
        yield row | {"id": row["id"] + 100_000, "day": dt.date(2024, 2, 1)}


EXPECTED = {
    ("updated", None, "channel", ("app", "phone")),
    ("updated", "amount", "channel", ("phone",)),
    ("updated", "discount", "channel", ("app",)),
    ("deleted", None, "note", ("gift",)),
    ("inserted", None, "day", ("2024-02-01",)),
}


WAYS: dict[str, dict[str, Any]] = {
    "small": {"level": "cells"},
    "engine": {"level": "rows"},
    "join": {"method": "join"},
}


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_segments_are_those_of_the_rows(tmp_path: Path, shuffled: bool, way: str) -> None:
    before = table(MORE_ROWS)
    after = [*edited(before, corrected), *late(200)]
    found = compared(tmp_path, before, after, shuffled=shuffled, **WAYS[way])
    assert said(found) == EXPECTED
    for segment in found._counts.findings.segments:
        check(segment, before, after)


@pytest.mark.parametrize("way", WAYS)
def test_rows_by_position_have_segments(tmp_path: Path, way: str) -> None:
    before = table(MORE_ROWS)
    after = edited(before, lambda row: corrected(row) or row)
    found = compared(tmp_path, before, after, **WAYS[way])
    assert said(found) == {one for one in EXPECTED if one[0] == "updated"}
    for segment in found._counts.findings.segments:
        check(segment, before, after)


def write(folder: Path, rows: Sequence[Row], *, months: int = 1) -> None:
    """Writes rows in partitions, those whose id is of one remainder in each."""
    for month in range(1, months + 1):
        own = [row for row in rows if row["id"] % months == month - 1]
        path = folder / f"month={month}" / "part.parquet"
        path.parent.mkdir(parents=True)
        columns = {c: pa.array([row[c] for row in own], kind) for c, kind in TYPES.items()}
        pq.write_table(pa.table(columns), path, row_group_size=500)


@pytest.mark.parametrize("way", WAYS)
def test_partitions_are_segments_of_all_rows_of_the_table(tmp_path: Path, way: str) -> None:
    before = table(1_200)
    phones = {r["id"] for r in before if r["channel"] == "phone" and r["id"] % 12 in (3, 4)}
    after = edited(before, lambda r: r | {"amount": -1.0} if r["id"] in phones else r)
    lake = catalog.create(tmp_path / "lake")
    for name, rows in (("older", before), ("newer", after)):
        write(tmp_path / name, rows, months=12)
        with lake.transaction() as tx:
            tx.snapshot("t", str(tmp_path / name), key=["id"])
    with lake.diff("main~1", "main", **WAYS[way]) as found:
        segments = found["t"].view.segments
    assert [(one.column, one.values) for one in segments] == [
        ("channel", ("phone",)),
        ("month", ("4", "5")),
    ]
    month = segments[1]
    assert (month.rows, month.out_of) == (len(phones), len(phones))
    assert (month.others, month.others_out_of) == (200 - len(phones), 1_200 - len(phones))


@pytest.mark.parametrize("way", WAYS)
def test_rows_that_are_only_added_are_held_against_the_rest_of_the_table(
    tmp_path: Path, way: str
) -> None:
    before = table(600)
    lake = catalog.create(tmp_path / "lake")
    write(tmp_path / "older", before)
    with lake.transaction() as tx:
        tx.snapshot("t", str(tmp_path / "older"), key=["id"])
    path = tmp_path / "older" / "month=1" / "late.parquet"
    columns = {c: pa.array([row[c] for row in late(80)], kind) for c, kind in TYPES.items()}
    pq.write_table(pa.table(columns), path)
    with lake.transaction() as tx:
        tx.snapshot("t", str(tmp_path / "older"), key=["id"])
    with lake.diff("main~1", "main", **WAYS[way]) as found:
        (segment,) = found["t"].view.segments
    assert (segment.change, segment.column, segment.values) == ("inserted", "day", ("2024-02-01",))
    assert (segment.rows, segment.out_of, segment.others) == (80, 80, 0)
    assert segment.others_out_of == 600


def nothing(row: Row) -> Row:
    """Changes a row that has nothing in common with others."""
    return row | {"amount": row["amount"] + 1} if row["id"] % 7 == 0 else row


def all_rows(row: Row) -> Row:
    """Changes every row."""
    return row | {"amount": row["amount"] + 1}


def few(row: Row) -> Row:
    """Changes four rows of one channel."""
    return row | {"amount": -1.0} if row["channel"] == "phone" and row["id"] < 16 else row


@pytest.mark.parametrize("edit", [nothing, all_rows, few])
@pytest.mark.parametrize("way", WAYS)
def test_without_a_separation_no_segment_is_reported(tmp_path: Path, way: str, edit: Edit) -> None:
    before = table(2_000)
    found = compared(tmp_path, before, edited(before, edit), **WAYS[way])
    assert said(found) == set()


@pytest.mark.parametrize("way", WAYS)
def test_null_is_a_value_and_a_changed_column_is_none_of_its_own(tmp_path: Path, way: str) -> None:
    before = table(2_000)
    after = edited(before, lambda r: r | {"discount": 0.5, "note": "x"} if r["note"] is None else r)
    after = edited(after, lambda r: r | {"score": -1.0} if r["vip"] and r["note"] == "x" else r)
    found = compared(tmp_path, before, after, **WAYS[way])
    assert said(found) == {("updated", "score", "vip", ("true",))}
    before = [r | {"id": r["id"] + 5_000} for r in before]
    again = tmp_path / "again"
    again.mkdir()
    after = edited(before, lambda r: r | {"discount": 0.5} if r["note"] is None else r)
    found = compared(again, before, after, **WAYS[way])
    assert ("updated", None, "note", (None,)) in said(found)
