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
