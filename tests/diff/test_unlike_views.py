"""Values that Arrow and the engine read in different ways, or only one of them at all."""

import struct
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog
from tests.formats.tiny_parquet import INT96, write_tiny

EPOCH = 2_440_588
"""The Julian day of 1970-01-01."""

DAYS = {
    "9999-12-31": 5_373_484,
    "its wrapped copy": EPOCH - 56_161,
    "0001-01-01": 1_721_426,
    "day 0": 0,
    "1970-01-01": EPOCH,
    "2024-01-31": EPOCH + 19_753,
}
SHORT = [
    ("string_view", pa.array(["a", "b"], pa.string_view())),
    ("binary_view", pa.array([b"a", b"b"], pa.binary_view())),
    ("large_string", pa.array(["a", "b"], pa.large_string())),
    ("large_binary", pa.array([b"a", b"b"], pa.large_binary())),
    ("fixed_size_binary", pa.array([b"a", b"b"], pa.binary(1))),
    ("decimal32", pa.array([1, 2], pa.decimal32(5, 2))),
    ("decimal64", pa.array([1, 2], pa.decimal64(12, 2))),
    ("decimal256", pa.array([1, 2], pa.decimal256(30, 2))),
    ("float16", pa.array([1.0, 2.0], pa.float16())),
    ("duration", pa.array([1, 2], pa.duration("us"))),
    ("duration in seconds", pa.array([1, 2], pa.duration("s"))),
    ("uuid", pa.array([b"a" * 16, b"b" * 16], pa.uuid())),
    ("dictionary", pa.array(["a", "b"]).dictionary_encode()),
    ("date64", pa.array([0, 86_400_000], pa.date64())),
    ("time32", pa.array([0, 1], pa.time32("s"))),
    ("boolean", pa.array([False, True])),
    ("list", pa.array([[1], [2]])),
    ("fixed_size_list", pa.array([[1], [2]], pa.list_(pa.int32(), 1))),
    ("list_view", pa.array([[1], [2]], pa.list_view(pa.int32()))),
    ("struct of views", pa.array([{"x": "a"}, {"x": "b"}], pa.struct([("x", pa.string_view())]))),
    ("map", pa.array([[("a", 1)], [("b", 1)]], pa.map_(pa.string(), pa.int64()))),
]
OF_THE_ENGINE = [
    ("42::VARIANT", "'x'::VARIANT"),
    ("{'a': [1, 2]}::VARIANT", "{'a': [1, 3]}::VARIANT"),
    ("42::VARIANT", "NULL::VARIANT"),
    ("'POINT (1 2)'::GEOMETRY", "'POINT (1 3)'::GEOMETRY"),
    ("[1, 2]::INTEGER[2]", "[1, 3]::INTEGER[2]"),
    ("INTERVAL '1 month'", "INTERVAL '30 days'"),
    ("'[1]'::JSON", "'[1 ]'::JSON"),
    ("{'g': 'POINT (1 2)'::GEOMETRY}", "{'g': 'POINT (1 3)'::GEOMETRY}"),
    ("MAP {'i': INTERVAL '1 month'}", "MAP {'i': INTERVAL '30 days'}"),
    ("'infinity'::TIMESTAMPTZ_NS", "NULL::TIMESTAMPTZ_NS"),
    ("'24:00:00'::TIME", "'00:00:00'::TIME"),
    ("'infinity'::DATE", "'-infinity'::DATE"),
    ("'1:00:00'::TIMETZ", "'1:00:01'::TIMETZ"),
]


def lake(folder: Path, files: Sequence[Path], key: Sequence[str] = ()) -> Catalog:
    cat = catalog.create(folder / "lake")
    for file in files:
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(file), **({"key": list(key)} if key else {}))
    return cat


def counts(cat: Catalog, key: Sequence[str] | None = None) -> list[tuple[int | None, ...]]:
    """Gives inserted, deleted and updated rows by both methods."""
    found = []
    for method in ("auto", "join"):
        with cat.diff("main~1", "main", tables=["t"], key=key, method=method) as result:
            rows = result["t"].rows
            found.append((rows.inserted, rows.deleted, rows.updated))
    return found


@pytest.mark.parametrize("key", [(), ("a",)], ids=["no key", "key"])
@pytest.mark.parametrize(("before", "after"), [*combinations(DAYS, 2)])
def test_timestamps_in_96_bits_are_those_of_the_engine(
    before: str, after: str, key: tuple[str, ...], tmp_path: Path
) -> None:
    files = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    for file, day in zip(files, (before, after), strict=True):
        write_tiny(file, values=struct.pack("<qi", 0, DAYS[day]), physical=INT96)
    assert counts(lake(tmp_path, files, key)) == [(1, 1, 0)] * 2


@pytest.mark.parametrize("day", DAYS)
def test_nanoseconds_that_the_engine_does_not_read_are_no_change(day: str, tmp_path: Path) -> None:
    files = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    for number, file in enumerate(files):
        write_tiny(file, values=struct.pack("<qi", number, DAYS[day]), physical=INT96)
    assert counts(lake(tmp_path, files)) == [(0, 0, 0)] * 2


@pytest.mark.parametrize(("kind", "values"), SHORT, ids=[kind for kind, _ in SHORT])
def test_every_type_can_be_a_key(kind: str, values: pa.Array, tmp_path: Path) -> None:
    files = [tmp_path / "0.parquet", tmp_path / "1.parquet", tmp_path / "2.parquet"]
    for file, places, cells in (
        (files[0], [0, 1], [1, 2]),
        (files[1], [1, 0], [2, 3]),
        (files[2], [1, None], [2, 3]),
    ):
        keys = [None if place is None else values[place].as_py() for place in places]
        pq.write_table(pa.table({"id": pa.array(keys, values.type), "v": cells}), file)
    cat = lake(tmp_path, files[:2], ["id"])
    assert counts(cat) == [(0, 0, 1)] * 2
    with cat.transaction("main") as tx:
        tx.snapshot("t", str(files[2]))
    assert counts(cat) == [(1, 1, 0)] * 2


@pytest.mark.parametrize("kind", ["INTERVAL", "STRUCT(i INTERVAL)"])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_intervals_are_keys_by_their_parts(kind: str, order: str, tmp_path: Path) -> None:
    files = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    values = ("1 month", "30 days", "720 hours", "31 days")
    shape = "{{'i': INTERVAL '{0}'}}" if "STRUCT" in kind else "INTERVAL '{0}'"
    with duckdb.connect() as con:
        for number, (file, direction) in enumerate(zip(files, ("ASC", order), strict=True)):
            rows = ", ".join(
                f"({n}, {shape.format(value)}, {n if n else number})"
                for n, value in enumerate(values)
            )
            con.execute(
                f"COPY (SELECT k, v FROM (VALUES {rows}) t(n, k, v) ORDER BY n {direction}) "
                f"TO '{file}' (FORMAT parquet)"
            )
    cat = lake(tmp_path, files, ["k"])
    assert counts(cat) == [(0, 0, 1)] * 2
    for method in ("auto", "join"):
        with cat.diff("main~1", "main", level="rows", method=method) as result:
            assert result["t"].changes().read_all().num_rows == 1
            assert result["t"].key_problems.duplicate == (0, 0)


def test_rare_types_within_others_in_another_order(tmp_path: Path) -> None:
    kind = pa.struct([("x", pa.list_view(pa.string_view())), ("y", pa.duration("s"))])
    files = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    for file, ids in zip(files, ([3, 1, 2], [2, 1, 3]), strict=True):
        values = pa.array([{"x": ["a" * n], "y": n} for n in ids], kind)
        pq.write_table(pa.table({"id": ids, "v": values, "w": [files.index(file)] * 3}), file)
    assert counts(lake(tmp_path, files, ["id"])) == [(0, 0, 3)] * 2


@pytest.mark.parametrize(("before", "after"), OF_THE_ENGINE)
def test_types_of_the_engine_alone_are_compared_by_it(
    before: str, after: str, tmp_path: Path
) -> None:
    files = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    for file, value in zip(files, (before, after), strict=True):
        with duckdb.connect() as con:
            con.execute(
                f"COPY (SELECT 1 AS k, {before} AS v UNION ALL SELECT 2, {value}) "
                f"TO '{file}' (FORMAT parquet)"
            )
    cat = lake(tmp_path, files, ["k"])
    assert counts(cat) == [(0, 0, 1)] * 2
    assert counts(cat, []) == [(1, 1, 0)] * 2
    assert counts(cat, ["v"]) == [(1, 1, 0)] * 2


def test_arrays_that_arrow_cannot_decode_are_compared_by_the_engine(tmp_path: Path) -> None:
    files = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    with duckdb.connect() as con:
        for file, value in zip(files, (2, 3), strict=True):
            con.execute(
                f"COPY (SELECT * FROM (VALUES (1, [1, {value}]::INTEGER[2]), (2, NULL)) t(k, v)) "
                f"TO '{file}' (FORMAT parquet)"
            )
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(files[0])
    cat = lake(tmp_path, files, ["k"])
    assert counts(cat) == [(0, 0, 1)] * 2
    assert counts(cat, []) == [(1, 1, 0)] * 2
