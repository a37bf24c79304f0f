"""Many small files: compared outside the engine where it reads them no otherwise."""

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
from catalog.diff.compare import small_pairs, small_rows
from catalog.diff.compare.positional import PartialRows

NAN = float("nan")

PARTITIONS = 7

VALUES: dict[str, tuple[pa.DataType, list[Any], list[Any]]] = {
    "double": (pa.float64(), [0.0, NAN, None, 1.5, 2.0], [-0.0, NAN, 3.0, None, 2.5]),
    "float": (pa.float32(), [NAN, 1.0, 1.0, None, 0.0], [1.0, NAN, 1.0, None, -0.0]),
    "text": (pa.string(), ["a", "", None, "é", "b"], ["a", None, "", "e", "b"]),
    "blob": (pa.binary(), [b"\0", b"", None, b"x", b"y"], [b"\0\0", b"", b"", b"x", b"y"]),
    "small": (pa.int8(), [1, -1, None, 127, 0], [1, -2, 0, 127, 0]),
    "large": (pa.uint64(), [2**64 - 1, 0, 1, None, 5], [2**64 - 1, 0, None, 1, 6]),
    "flag": (pa.bool_(), [True, False, None, True, None], [True, True, False, None, None]),
    "money": (
        pa.decimal128(20, 2),
        [Decimal("1.00"), None, Decimal("-0.01"), Decimal(7), Decimal(0)],
        [Decimal("1.00"), Decimal(0), Decimal("-0.02"), Decimal(7), None],
    ),
    "day": (
        pa.date32(),
        [dt.date(2024, 1, 1), None, dt.date(1, 1, 1), dt.date(2024, 5, 5), None],
        [dt.date(2024, 1, 2), None, dt.date(1, 1, 1), None, dt.date(2024, 5, 5)],
    ),
    "moment": (
        pa.timestamp("us", "UTC"),
        [dt.datetime(2024, 1, 1, 2, tzinfo=dt.UTC)] * 4 + [None],
        [dt.datetime(2024, 1, 1, 2, tzinfo=dt.UTC)] * 3 + [None] * 2,
    ),
    "rough": (pa.timestamp("ms"), [0, 1, None, 3, 4], [0, 2, None, None, 4]),
    "fine": (pa.timestamp("ns"), [0, 1, None, 3, 4], [0, 2, None, None, 4]),
    "list": (pa.list_(pa.int32()), [[1], [], None, [None], [2]], [[1], None, [], [None], [3]]),
    "struct": (
        pa.struct([("x", pa.float64())]),
        [{"x": NAN}, {"x": 0.0}, None, {"x": None}, {"x": 1.0}],
        [{"x": NAN}, {"x": -0.0}, {"x": None}, {"x": None}, {"x": 2.0}],
    ),
}
"""Types, with values before and after."""


def write(folder: Path, kind: pa.DataType, values: list[Any], key: str) -> None:
    """Writes a file for each partition, the values shifted from one to the next."""
    for number in range(PARTITIONS):
        shift = number % len(values)
        ids: list[Any] = [number * 10 + n for n in range(len(values))]
        if key == "text":
            ids = [f"key {n:04d}" for n in ids]
        if key == "float":
            ids = [-0.0, *map(float, ids[1:])]
        rows = {
            "id": ids,
            "v": pa.array(values[shift:] + values[:shift], kind),
            "same": [f"row {n}" for n in ids],
        }
        day = (
            "__HIVE_DEFAULT_PARTITION__"
            if number == PARTITIONS - 1
            else f"2024-01-{number + 1:02d}"
        )
        path = folder / f"day={day}" / "part.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table(rows), path)


def rows_of(found: pa.Table) -> Counter[str]:
    return Counter(map(repr, found.to_pylist()))


@pytest.mark.parametrize(
    ("name", "key"),
    [*((name, "integer") for name in VALUES), ("double", "text"), ("text", "float")],
)
def test_small_files_give_what_a_join_gives(
    name: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, before, after = VALUES[name]
    cat = catalog.create(tmp_path / "lake")
    for side, values in (("a", before), ("b", after)):
        write(tmp_path / side, kind, values, key)
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(tmp_path / side), key=["day", "id"])
    statements = 0
    partial = PartialRows._partial

    def counted(*args: Any, **options: Any) -> str:
        nonlocal statements
        statements += 1
        return partial(*args, **options)

    monkeypatch.setattr(PartialRows, "_partial", counted)
    found = {}
    for method in ("auto", "join"):
        with cat.diff("main~1", "main", level="rows", method=method) as diff:
            table = diff["t"]
            narrow, whole = (table.changes(columns=c).read_all() for c in ("changed", "all"))
            counts = {k: v for k, v in table.to_dict().items() if k != "files"}
            found[method] = counts, rows_of(narrow), rows_of(whole)
    assert found["auto"] == found["join"]
    assert statements == (PARTITIONS if name in ("list", "struct") else 0)
    if name not in ("list", "struct"):
        sides = (
            f"read_parquet('{tmp_path / side}/*/*.parquet', hive_partitioning = true)"
            for side in ("a", "b")
        )
        query = (
            f"SELECT count(*) FROM {next(sides)} a JOIN {next(sides)} b ON a.id = b.id AND "
            "a.day IS NOT DISTINCT FROM b.day WHERE a.v IS DISTINCT FROM b.v"
        )
        ((updated,),) = duckdb.sql(query).fetchall()
        assert found["auto"][0]["rows"]["updated"] == updated > 0


@pytest.mark.parametrize("at_once", [1, 3000, 8 << 20])
def test_files_compared_together_keep_their_rows_apart(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_rows, "READ_BYTES", at_once)
    monkeypatch.setattr(small_pairs, "BLOCK_ROWS", 60)  # the engine compares the largest file
    draw = random.Random(at_once)
    sides: dict[str, dict[tuple[int, int], tuple[Any, ...]]] = {"a": {}, "b": {}}
    for part in range(12):
        count = 70 if part == 5 else draw.randrange(1, 60)
        rows = [
            (draw.choice([None, NAN, 0.0, 1.5]), draw.choice([None, "", "é"]), 1)
            for _ in range(count)
        ]
        newer = list(rows)
        for n in draw.sample(range(count), count // 4):
            value = draw.choice([None, NAN, -0.0, 2.5]) if part % 3 != 1 else rows[n][0]
            text = draw.choice([None, "", "e"]) if part % 3 != 2 else rows[n][1]
            newer[n] = (value, text, 1)
        for side, listed in (("a", rows), ("b", newer)):
            path = tmp_path / side / f"part={part}" / "rows.parquet"
            path.parent.mkdir(parents=True)
            columns = zip(*listed, strict=True)
            kinds = (pa.float64(), pa.string(), pa.int8())
            made = [pa.array(v, kind) for v, kind in zip(columns, kinds, strict=True)]
            pq.write_table(pa.table([range(count), *made], ["id", "value", "text", "one"]), path)
            sides[side] |= {(part, n): row for n, row in enumerate(listed)}
    cat = catalog.create(tmp_path / "lake")
    for side in sides:
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(tmp_path / side), key=["part", "id"])
    with cat.diff("main~1", "main", level="rows") as diff:
        table = diff["t"]
        whole = table.changes().read_all().to_pylist()
        narrow = table.changes(columns="changed").read_all().to_pylist()
        counts = {int(one.values["part"] or ""): one.updated for one in table.partitions}
    shown = {
        side: {k: repr(_equal_form(row)) for k, row in rows.items()} for side, rows in sides.items()
    }
    changed = {k for k, row in shown["a"].items() if row != shown["b"][k]}
    for found in (whole, narrow):
        assert sorted((row["part"], row["id"]) for row in found) == sorted(changed)
        for row in found:
            for name, side in (("_from", "a"), ("_to", "b")):
                value, text, _ = sides[side][row["part"], row["id"]]
                assert repr((row[name]["value"], row[name]["text"])) == repr((value, text))
    assert counts == Counter(part for part, _ in changed)


def _equal_form(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Returns a row whose values are written alike where a diff finds them equal."""
    return (row[0] or (None if row[0] is None else 0.0), *row[1:])


@pytest.mark.parametrize("changed", ["number", "text"])
def test_columns_of_numbers_are_compared_outside_the_engine_whatever_else_files_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    monkeypatch.setattr(small_pairs, "SMALL_BYTES", 100 * 2 * small_pairs.WIDEST_BYTES)
    by_engine = []
    matched = PartialRows._match_large
    monkeypatch.setattr(
        PartialRows, "_match_large", lambda *given: by_engine.append(given[1]) or matched(*given)
    )
    lake = catalog.create(tmp_path / "lake")
    rnd = random.Random(1)
    state: dict[str, list[Any]] = {
        "id": list(range(100)),
        "number": [None, *map(float, range(99))],
        "text": [rnd.randbytes(40).hex() for _ in range(100)],
    }
    for n in range(2):
        if n:
            state[changed][7] = None
        folder = tmp_path / f"{n}"
        folder.mkdir()
        pq.write_table(pa.table(state), folder / "a.parquet")
        with lake.transaction() as tx:
            tx.snapshot("t", folder, key=["id"])
    for columns in ("changed", "all"):
        answers = [
            lake.diff("main~1", "main", level="rows", method=method)["t"].changes(columns=columns)
            for method in ("auto", "join")
        ]
        fast, joined = (rows_of(answer.read_all()) for answer in answers)
        assert fast == joined
        assert fast.total() == 1
    assert bool(by_engine) is (changed == "text")
