"""Counts of cells and examples of changes, against SQL by hand, where many columns changed."""

import datetime
import decimal
import math
import random
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.diff import tally
from catalog.diff.compare.sql_columns import Part
from catalog.diff.kept_rows import KeptRows
from catalog.diff.result import TableDiff
from catalog.diff.tally import FEW
from tests.effort import effort

LONG = "long " * 50
"""Text whose copies with other ends begin alike, and are different values."""

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "whole": (pa.int64(), [None, 1, 2, 10, 9, -1, -10, 1 << 53]),
    "small": (pa.uint8(), [None, 0, 1, 2, 10, 255]),
    "double": (pa.float64(), [None, 0.0, -0.0, math.nan, 1.5, 10.25, 9.0, 1e300, -math.inf]),
    "single": (pa.float32(), [None, 0.0, -0.0, math.nan, 0.1, 1.5]),
    "text": (pa.string(), [None, "", "a", "b", "NULL", "é", "😀", LONG + "x", LONG + "y"]),
    "bytes": (pa.binary(), [None, b"", b"a", b"\x00\xff", b"b"]),
    "exact": (pa.decimal128(38, 2), [None, decimal.Decimal("1.00"), decimal.Decimal("10.50")]),
    "truth": (pa.bool_(), [None, True, False]),
    "day": (pa.date32(), [None, datetime.date(2024, 1, 1), datetime.date(1, 1, 1)]),
    "moment": (pa.timestamp("us", "UTC"), [None, 0, 1, -1, 1_700_000_000_000_000]),
    "clock": (pa.time64("us"), [None, datetime.time(1, 2, 3), datetime.time(23, 59)]),
    "numbers": (pa.list_(pa.int64()), [None, [], [1], [1, None], [10]]),
    "pair": (pa.struct([("x", pa.int64())]), [None, {"x": None}, {"x": 1}, {"x": 10}]),
}

KEYS: dict[str, Callable[[int], Any]] = {
    "id": lambda n: n,
    "name": lambda n: f"{n % 7}-{n}" + "é" * 200,
    "token": lambda n: uuid.UUID(int=(n * 7919) << 96).bytes,
}


def sides(
    rnd: random.Random, keys: Sequence[str], names: Sequence[str], rows: int
) -> tuple[pa.Table, pa.Table]:
    """Returns two states of rows, in which cells of many columns differ."""
    kinds = {f"{name}{n}": VALUES[name] for name in names for n in range(FEW)}
    kinds |= {f"{name}_few": VALUES[name] for name in sorted(VALUES.keys() - {*names})[:3]}
    both = []
    for _ in range(2):
        columns = {}
        for key in keys:
            kind = pa.uuid() if key == "token" else None
            columns[key] = pa.array([KEYS[key](n) for n in range(rows)], kind)
        for name, (kind, values) in kinds.items():
            some = rnd.sample(values, rnd.randint(1, len(values)))
            columns[name] = pa.array(rnd.choices(some, k=rows), kind)
        both.append(pa.table(columns))
    before, after = both
    return before.slice(2), after.slice(0, rows - 1)


def diff(tmp_path: Path, both: Sequence[pa.Table], keys: Sequence[str]) -> TableDiff:
    """Returns what our diff counts, of files that are compared apart."""
    lake = catalog.create(tmp_path / "lake")
    for n, state in enumerate(both):
        folder = tmp_path / f"{n}"
        folder.mkdir()
        pq.write_table(state, folder / "a.parquet")
        with lake.transaction() as tx:
            tx.snapshot("t", folder, key=list(keys))
    with lake.diff("main~1", "main") as found:
        return found["t"]


def shown(before: str | None, after: str | None) -> tuple[str | None, str | None]:
    """Returns what an example shows of two values."""
    start = 0
    if before is not None and after is not None and len(before + after) > 200:
        alike = next(n for n in range(len(before) + 1) if before[: n + 1] != after[: n + 1])
        start = alike - 40 if alike >= 160 and max(len(before), len(after)) > 200 else 0
    first, second = (text and text[start : start + 200] for text in (before, after))
    return first, second


def by_hand(
    con: duckdb.DuckDBPyConnection, keys: Sequence[str], column: str
) -> tuple[list[Any], list[Any], int]:
    """Returns counts of a column's changed cells, examples, and how many changes there are.

    They are from SQL by hand.
    """
    joined = (
        f"FROM older f JOIN newer t USING ({', '.join(keys)}) "
        f'WHERE f."{column}" IS DISTINCT FROM t."{column}"'
    )
    before, after = (f'CAST({side}."{column}" AS VARCHAR)' for side in "ft")
    least = ", ".join(f"left(CAST(k[{n + 1}] AS VARCHAR), 200)" for n in range(len(keys)))
    grouped = (
        f"SELECT {before} AS a, {after} AS b, count(*) AS n, min(row({', '.join(keys)})) AS k "
        f"{joined} GROUP BY ALL"
    )
    counted = (
        f"FROM ({grouped}) "
        "ORDER BY n DESC, left(a, 200) NULLS FIRST, left(b, 200) NULLS FIRST, k LIMIT 2"
    )
    examples = con.execute(f"SELECT a, b, n, {least} FROM ({counted})").fetchall()
    examples = [(*shown(before, after), *others) for before, after, *others in examples]
    cells = [f'{side}."{column}" IS NULL' for side in "ft"]
    both = " AND ".join(f"NOT ({cell})" for cell in cells)
    counts = ", ".join(f"coalesce(count_if({one}), 0)" for one in (*cells, both))
    (changes,) = con.execute(
        f"SELECT count(*) FROM (SELECT DISTINCT {before}, {after} {joined})"
    ).fetchall()[0]
    return list(con.execute(f"SELECT {counts} {joined}").fetchall()[0]), examples, changes


@pytest.mark.parametrize("keys", [("id",), ("name",), ("token",), ("name", "id"), ("token", "id")])
@pytest.mark.parametrize("seed", range(effort(1, 12)))
def test_counts_and_examples_are_those_of_sql_by_hand(
    tmp_path: Path, keys: Sequence[str], seed: int
) -> None:
    rnd = random.Random(f"{keys} {seed}")
    both = sides(rnd, keys, rnd.sample(sorted(VALUES), 3), rnd.choice([4, 9, 150]))
    found = diff(tmp_path, both, keys)
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for n, name in enumerate(("older", "newer")):
            con.execute(f"CREATE TABLE {name} AS FROM '{tmp_path}/{n}/a.parquet'")
        for column, counts in found.columns.items():
            cells, examples, changes = by_hand(con, keys, column)
            assert [counts.filled, counts.cleared, counts.corrected] == cells
            explained = found.view.columns
            assert [one.distinct or 0 for one in explained if one.name == column] == [changes]
            assert [
                (one.before, one.after, one.count, *one.key.values())
                for one in found.examples
                if one.column == column
            ] == examples, column


@pytest.mark.parametrize("fitting", ["tolerant", "all", "none"])
@pytest.mark.parametrize("columns", [1, 3, 20])
def test_examples_of_a_tolerance_are_those_of_cells_beyond_it(
    tmp_path: Path, columns: int, fitting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, rnd = 400, random.Random(columns)
    limits = {"tolerant": (10, rows), "all": (1000, 0), "none": (10, 0)}[fitting]
    monkeypatch.setattr(tally, "EXAMPLE_ROWS", limits[0])
    monkeypatch.setattr(tally, "TOLERANT_ROWS", limits[1])
    names = [f"c{n}" for n in range(columns)]
    steps = {name: [rnd.choice([0, 0, 0.5, 0.5, 0.5, 2]) for _ in range(rows)] for name in names}
    if fitting == "tolerant":  # few rows are left of many that differ
        steps = {name: [min(step, 0.5) for step in some] for name, some in steps.items()}
        for name in names[:2]:
            steps[name][7:10] = [2, 2, 4]
    before = pa.table({"id": range(rows), **{name: [1.5] * rows for name in names}})
    after = {name: [1.5 + step for step in some] for name, some in steps.items()}
    lake = catalog.create(tmp_path / "lake")
    for n, state in enumerate((before, pa.table({"id": range(rows), **after}))):
        folder = tmp_path / f"{n}"
        folder.mkdir()
        pq.write_table(state, folder / "a.parquet")
        with lake.transaction() as tx:
            tx.snapshot("t", folder, key=["id"])
    with lake.diff("main~1", "main", tolerance=dict.fromkeys(names, "1")) as diff:
        found = diff["t"]
    left = {row for some in steps.values() for row, step in enumerate(some) if step > 1}
    assert found.rows.updated == len(left)
    expected = []
    for name, some in steps.items():
        counted = Counter(step for step in some if step > 1)
        expected += [
            (name, str(1.5 + step), count, {"id": str(some.index(step))})
            for step, count in sorted(counted.items(), key=lambda one: (-one[1], one[0]))
        ]
    if fitting == "none":
        expected = [(name, after, None, key) for name, after, _, key in expected]
    assert [(one.column, one.after, one.count, one.key) for one in found.examples] == expected


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("limit", [0, 5, 1000])
def test_rows_that_a_tolerance_leaves_of_many_are_shown_as_if_all_were_read_again(
    tmp_path: Path, first: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("DENSE_ROWS", 0), ("DENSE_SHARE", -1), ("BLOCK_ROWS", 16)):
        monkeypatch.setattr(f"catalog.diff.compare.positional.{name}", value)
    monkeypatch.setattr("catalog.diff.compare.small_pairs.SMALL_BYTES", 0)
    lake = catalog.create(tmp_path / "lake")
    for n in range(2):
        for file in range(4):  # all changes of the second are covered; w is equal in the last
            ids = [f"{file}-{row:03}" for row in range(100)]
            steps = [0.5 + (row % 20 == 17 - 16 * first) for row in range(100)]
            values = [row // 40 + n * (0.5 if file == 1 else steps[row]) for row in range(100)]
            other = [0.5 * n] * 100 if file != 3 else [0.0] * 100
            folder = tmp_path / f"{n}" / f"p={file // 2}"
            folder.mkdir(parents=True, exist_ok=True)
            state = {"id": ids, "v": pa.array(values, pa.float64()), "w": pa.array(other)}
            pq.write_table(pa.table(state), folder / f"{file}.parquet")
        with lake.transaction() as tx:
            tx.snapshot("t", tmp_path / f"{n}", key=["id", "p"])
    answers, tables = [], []
    for kept_rows, columns in ((limit, 16), (limit, 0)):
        monkeypatch.setattr("catalog.diff.kept_rows.KEPT_ROWS", kept_rows)
        monkeypatch.setattr("catalog.diff.kept_rows.KEPT_COLUMNS", columns)
        ran = kept_tables(monkeypatch)
        with lake.diff("main~1", "main", tolerance={"v": "0.5", "w": "0.5"}) as diff:
            answers.append(diff["t"].to_dict())
            shown = [(one.before, one.after, one.count, one.key) for one in diff["t"].examples]
        tables.append(len(ran))
    assert answers[0] == answers[1]
    assert answers[0]["rows"]["updated"] == 15
    assert shown == [
        ("0.0", "1.5", 6, {"id": f"0-{17 - 16 * first:03}", "p": "0"}),
        ("1.0", "2.5", 6, {"id": f"0-{57 - 16 * first:03}", "p": "0"}),
    ]
    assert tables == [{0: 0, 5: 0, 1000: 3}[limit], 0]


def kept_tables(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns where the tables of rows will be noted that examples are taken of in the end."""
    found: list[str] = []
    instead_of = KeptRows.instead_of

    def noted(self: KeptRows, parts: Sequence[Part]) -> tuple[Part, ...]:
        own = instead_of(self, parts)
        found.extend(part.relation for part in own if part not in parts)
        return own

    monkeypatch.setattr(KeptRows, "instead_of", noted)
    return found


@pytest.mark.invariant("Examples and numbers of different changes count whole values, however long")
@pytest.mark.parametrize("method", ["auto", "join"])
def test_texts_that_differ_late_are_different_changes_and_show_where(
    tmp_path: Path, method: str
) -> None:
    start, rows = "<i>" + "Lorem ipsum " * 40, 300
    state = {"id": range(rows), "body": [f"{start}a{n}" for n in range(rows)]}
    newer = {**state, "body": [f"{start}b{n}" if n else "b" * 70_000 for n in range(rows)]}
    lake = catalog.create(tmp_path / "lake")
    for n, one in enumerate((state, newer)):
        folder = tmp_path / f"{n}"
        folder.mkdir()
        pq.write_table(pa.table(one), folder / "a.parquet")
        with lake.transaction() as tx:
            tx.snapshot("t", folder, key=["id"])
    with lake.diff("main~1", "main", method=method) as found:
        (column,) = [one for one in found["t"].view.columns if one.name == "body"]
        unexplained = lake.diff("main~1", "main", method=method, explain=False)["t"]
    assert column.distinct == rows
    first, second = column.examples
    assert (first.count, first.before, first.after) == (1, f"{start}a1"[443:], f"{start}b1"[443:])
    assert (first.skipped, first.lengths, first.key) == (443, (485, 485), {"id": "1"})
    assert (second.count, second.before) == (1, f"{start}a2"[443:])
    assert unexplained.examples == found["t"].examples
    assert unexplained.view.columns[1].distinct is None


@pytest.mark.parametrize("rows", [1, 300])
def test_changes_that_are_as_frequent_come_in_the_order_of_their_texts(
    tmp_path: Path, rows: int
) -> None:
    names = [f"c{n}" for n in range(2 * FEW)]
    before = pa.table({"id": range(rows), **{name: range(rows) for name in names}})
    after = pa.table({"id": range(rows), **{name: range(1, rows + 1) for name in names}})
    shown = {}
    for example in diff(tmp_path, (before, after), ["id"]).examples:
        shown.setdefault(example.column, []).append((example.before, example.after, example.count))
    first = [("0", "1", 1), ("1", "2", 1)][:rows]
    assert shown == dict.fromkeys(names, first)


def test_cells_are_counted_by_partition_where_many_columns_changed(tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(FEW + 1)]
    lake = catalog.create(tmp_path / "lake")
    for more in range(2):
        for part, rows in (("a", 3), ("b", 5)):
            folder = tmp_path / "source" / f"part={part}"
            folder.mkdir(parents=True, exist_ok=True)
            ids = [f"{part}{n}" for n in range(rows)]
            cells = [n if n % 2 or more else None for n in range(rows)]
            moved = [n + more for n in range(rows)]
            values = {name: cells if name == "c0" else moved for name in names}
            pq.write_table(pa.table({"id": ids, **values}), folder / "x.parquet")
        with lake.transaction() as tx:
            tx.snapshot("t", tmp_path / "source", key=["part", "id"])
    with lake.diff("main~1", "main") as found:
        counted = found["t"].partitions
    assert [(one.values, one.updated, one.filled, one.corrected) for one in counted] == [
        ({"part": "a"}, 3, 2, 3 * FEW),
        ({"part": "b"}, 5, 3, 5 * FEW),
    ]


def test_wide_decimals_that_the_engine_hashes_alike_are_two_changes(tmp_path: Path) -> None:
    cat = catalog.create(tmp_path / "lake")
    for value in ("CASE WHEN i % 2 = 0 THEN 0.00 ELSE -0.01 END", "NULL"):
        query = f"SELECT i AS id, CAST({value} AS DECIMAL(20, 2)) AS money FROM range(10) r(i)"
        with cat.transaction() as tx:
            tx.write("t", duckdb.sql(query), mode="overwrite", key=["id"])
    with cat.diff("main~1", "main", level="rows") as diff:
        found = diff["t"].to_dict()["columns"]
    (money,) = (one for one in found if one["column"] == "money")
    assert money["distinct_changes"] == 2
    assert [(one["from"], one["count"]) for one in money["examples"]] == [("-0.01", 5), ("0.00", 5)]
