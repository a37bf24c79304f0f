"""Tables of which few rows differ: counted without the engine, and counted as it counts them."""

import datetime as dt
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff.result import TableDiff
from tests.effort import effort

LONG = "x" * 199

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "double": (pa.float64(), [None, 0.0, -0.0, 1.5, 1e16, 1e-5, 0.1 + 0.2, 5e-324, float("inf")]),
    "small": (pa.int8(), [None, -128, 0, 9, 10]),
    "large": (pa.uint64(), [None, 0, 9, 10, 2**64 - 1]),
    "text": (pa.string(), [None, "", "NULL", "é", "e\u0301" * 150, LONG + "ab", LONG + "ac"]),
    "truth": (pa.bool_(), [None, True, False]),
    "exact": (pa.decimal128(20, 2), [None, Decimal("-0.01"), Decimal("9.00"), Decimal("10.50")]),
    "day": (pa.date32(), [None, dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1969, 12, 31)]),
    "moment": (pa.timestamp("us"), [None, dt.datetime(1, 1, 1), dt.datetime(2024, 1, 1, 0, 0, 1)]),
    "there": (pa.timestamp("us", "UTC"), [None, 0, -1, 1_700_000_000_100_000]),
    "fine": (pa.timestamp("ns"), [None, 0, -1, 1_700_000_000_000_000_010]),
    "clock": (pa.time64("us"), [None, dt.time(0), dt.time(1, 2, 3, 400)]),
}

KEYS: dict[str, tuple[pa.DataType, Any]] = {
    "number": (pa.int64(), lambda n: n - 20),
    "word": (pa.string(), lambda n: f"{n:05d}é"),
    "date": (pa.date32(), lambda n: dt.date(2024, 1, 1) + dt.timedelta(n)),
}

PARTITIONS = ["9", "10", "é"]


def write(folder: Path, rows: list[dict[str, Any]], types: dict[str, pa.DataType]) -> None:
    for place in PARTITIONS:
        own = [row for row in rows if row["p"] == place]
        columns = {name: pa.array([row[name] for row in own], kind) for name, kind in types.items()}
        path = folder / f"p={place}" / "part.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table(columns), path)


def two_states(folder: Path, seed: int) -> catalog.Catalog:
    """Commits two states of a table, in which some cells of some columns differ."""
    rnd = random.Random(seed)
    key, (key_type, make) = rnd.choice([*KEYS.items()])
    names = rnd.sample([*VALUES], 4)
    types = {key: key_type, **{name: VALUES[name][0] for name in names}}
    rows = [
        {key: make(n), "p": PARTITIONS[n // 20], **{v: rnd.choice(VALUES[v][1]) for v in names}}
        for n in range(20 * len(PARTITIONS))
    ]
    newer = [
        {**row, **{name: rnd.choice(VALUES[name][1]) for name in names[:3] if rnd.random() < 0.4}}
        for row in rows
    ]
    chosen = rnd.choice([[key], ["p", key]])
    cat = catalog.create(str(folder / "lake"))
    for state, values in (("older", rows), ("newer", newer)):
        write(folder / state, values, types)
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(folder / state), key=chosen)
    return cat


def answer(table: TableDiff) -> tuple[Any, ...]:
    """Returns all that a diff counts, but for the bytes that it read."""
    counted = table.to_dict()
    files = counted["files"]
    assert isinstance(files, dict)
    del files["bytes_read"]
    return counted, table.examples


def without_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object, **options: object) -> None:
        raise AssertionError("the engine is opened")

    monkeypatch.setattr("catalog.operations.diff_tables.workspace", refused)


@pytest.mark.parametrize("seed", range(effort(6, 200)))
def test_what_is_counted_without_the_engine_is_what_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    cat = two_states(tmp_path, seed)
    with cat.diff("main~1", "main", level="rows") as by_engine:
        expected = answer(by_engine["t"])
    joined = answer(cat.diff("main~1", "main", method="join")["t"])
    assert joined[1:] == expected[1:]
    assert joined[0]["columns"] == expected[0]["columns"]
    without_engine(monkeypatch)
    assert answer(cat.diff("main~1", "main")["t"]) == expected


def test_examples_without_the_engine_are_those_of_a_count_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The most frequent changes come first, NULL before text, each with its least key."""
    texts = ["a", "a", None, None, "b", "z", "z", "z"]
    others = ["b", "b", "x", "x", "c", "z", None, "é"]
    for state, values in (("older", texts), ("newer", others)):
        folder = tmp_path / state
        folder.mkdir()
        rows = {"id": [10, 9, 100, 11, 1, 2, 3, 4], "v": values}
        pq.write_table(pa.table(rows).sort_by("id"), folder / "part.parquet")
    cat = catalog.create(str(tmp_path / "lake"))
    for state in ("older", "newer"):
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(tmp_path / state), key=["id"])
    by_hand = Counter((a, b) for a, b in zip(texts, others, strict=True) if a != b)
    assert by_hand.most_common(2) == [(("a", "b"), 2), ((None, "x"), 2)]
    without_engine(monkeypatch)
    found = cat.diff("main~1", "main")["t"]
    assert [(e.before, e.after, e.count, e.key) for e in found.examples] == [
        (None, "x", 2, {"id": "11"}),
        ("a", "b", 2, {"id": "9"}),
    ]
    cells = found.columns["v"]
    assert (cells.filled, cells.cleared, cells.corrected) == (2, 1, 4)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1::FLOAT", "2::FLOAT"),
        ("'NaN'::DOUBLE", "1::DOUBLE"),
        ("'infinity'::TIMESTAMP", "TIMESTAMP '2024-01-01'"),
        ("'infinity'::DATE", "DATE '2024-01-01'"),
        ("'44-03-15 (BC)'::DATE", "DATE '2024-01-01'"),
        ("'a'::BLOB", "'\\xFF'::BLOB"),
        ("INTERVAL 1 DAY", "INTERVAL 2 DAY"),
        ("[1]", "[2]"),
    ],
)
def test_values_of_which_only_the_engine_knows_the_text_are_left_to_it(
    tmp_path: Path, before: str, after: str
) -> None:
    cat = catalog.create(str(tmp_path / "lake"))
    for state, value in (("older", before), ("newer", after)):
        folder = tmp_path / state
        folder.mkdir()
        duckdb.sql(f"COPY (SELECT 1 AS id, {value} AS v) TO '{folder / 'a.parquet'}'")
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(folder), key=["id"])
    with cat.diff("main~1", "main", level="rows") as by_engine:
        expected = answer(by_engine["t"])
    found = cat.diff("main~1", "main")["t"]
    assert answer(found) == expected
    texts = f"SELECT CAST({before} AS VARCHAR), CAST({after} AS VARCHAR)"
    shown = duckdb.execute(texts).fetchall()
    assert [(e.before, e.after) for e in found.examples] == shown
