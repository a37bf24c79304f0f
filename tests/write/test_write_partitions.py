"""Partition columns of every type, whatever their values look like in a path."""

import datetime
import decimal
import math
import uuid
from typing import Any

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.errors import InvalidInput, Unsupported

from .writing import check_totals, ids, multiset, plain, put

D = decimal.Decimal
DAY = datetime.date
MOMENT = datetime.datetime

VALUES: dict[str, pa.Array] = {
    "text": pa.array(
        ["", None, "__HIVE_DEFAULT_PARTITION__", "a/b", "x=y", "50%", "%2F", "ü☃", ".", "..", " a ",
         "null", "NULL", "A", "a", "\n", "'", '"', "*", "[x]", "~", "-1", "z" * 200]),
    "bigint": pa.array([-5, 0, None, 2**63 - 1, -(2**63)]),
    "tinyint": pa.array([-128, 127, None], pa.int8()),
    "ubigint": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "boolean": pa.array([True, False, None]),
    "date": pa.array([DAY(2024, 1, 1), DAY(1, 1, 1), DAY(9999, 12, 31), DAY(1969, 7, 20), None]),
    "timestamp": pa.array([MOMENT(2024, 1, 1, 1, 2, 3, 456000), MOMENT(1960, 1, 1), None]),
    "timestamp, ns": pa.array([1, -1, 10**18 + 500, None], pa.timestamp("ns")),
    "timestamp, tz": pa.array([1, -1, None], pa.timestamp("us", "UTC")),
    "time": pa.array([0, 1, 3_600_000_000, None], pa.time64("us")),
    "decimal": pa.array([D("-1.50"), D("0.00"), D("3.00"), None], pa.decimal128(38, 2)),
    "double": pa.array([0.1, -0.0, 1e300, math.nan, math.inf, -math.inf, 5e-324, None]),
    "float": pa.array([0.1, 16777216.0, 1e30, None], pa.float32()),
    "binary": pa.array([b"", b"\0\xff", b"a/b", b"'", b"\\x41", None]),
    "uuid": pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array([uuid.UUID(int=5).bytes, uuid.UUID(int=6).bytes], pa.binary(16))),
}  # fmt: skip


def frame(column: pa.Array, value: int = 0, *, engine: bool = False) -> pa.Table:
    rows = len(column)
    columns = {"p": column, "k": ids(rows), "v": pa.array([value] * rows, pa.int64())}
    if engine:
        columns["u"] = pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}"] * rows))
    return pa.table(columns)


def read(cat: Catalog) -> list[tuple[Any, ...]]:
    table = cat.sql("SELECT p, k, v FROM t ORDER BY k").to_arrow_table()
    return [tuple(map(repr, row.values())) for row in table.to_pylist()]


def expected(column: pa.Array, *values: int) -> list[tuple[Any, ...]]:
    there = [str(value) if isinstance(value, uuid.UUID) else value for value in column.to_pylist()]
    shown = [0.0 if value == 0 and isinstance(value, float) else value for value in there]
    return [(repr(p), repr(k), repr(v)) for k, (p, v) in enumerate(zip(shown, values, strict=True))]


@pytest.mark.parametrize("engine", [False, True], ids=["arrow", "engine"])
@pytest.mark.parametrize("kind", VALUES)
def test_partitions_of_every_type_go_through_every_mode(
    cat: Catalog, kind: str, engine: bool
) -> None:
    column = VALUES[kind]
    rows = len(column)
    put(cat, "t", frame(column, engine=engine), key=["k"], partition_by=["p"])
    assert read(cat) == expected(column, *[0] * rows)
    assert len(cat.partitions("t")) == rows
    for mode in ("overwrite_partitions", "upsert", "overwrite"):
        assert not put(cat, "t", frame(column, engine=engine), mode).changed, mode
    put(cat, "t", frame(column, 1, engine=engine).slice(1), "upsert")
    put(cat, "t", frame(column, 2, engine=engine).slice(0, 1), "overwrite_partitions")
    assert read(cat) == expected(column, 2, *[1] * (rows - 1))
    check_totals(cat, "t")


def test_zeros_of_either_sign_are_one_partition(cat: Catalog) -> None:
    for engine in (False, True):
        column = pa.array([0.0, -0.0, 1.0])
        put(cat, "t", frame(column, engine=engine), "overwrite", key=["k"], partition_by=["p"])
        assert len(cat.partitions("t")) == 2
        assert cat.table("t").rows == 3
        assert not put(cat, "t", frame(column, engine=engine), "overwrite_partitions").changed


def test_two_partition_columns(cat: Catalog) -> None:
    data = pa.table(
        {
            "region": ["n", "n", None, "s"],
            "k": [1, 2, 3, 4],
            "day": pa.array(["1", "2", "1", None]),
        }
    )
    put(cat, "t", data, key=["k"], partition_by=["region", "day"])
    assert multiset(plain(cat, "t")) == multiset(data.to_pylist())
    assert [column.name for column in cat.schema("t")] == ["region", "k", "day"]
    assert len(cat.partitions("t")) == 4
    moved = pa.table(
        {"region": ["s", None], "k": [1, 3], "day": pa.array([None, None], pa.string())}
    )
    put(cat, "t", moved, "upsert")
    assert sorted(cat.sql("SELECT k, region, day FROM t").fetchall()) == [
        (1, "s", None),
        (2, "n", "2"),
        (3, None, None),
        (4, "s", None),
    ]
    check_totals(cat, "t")


def test_a_table_of_partition_columns_only(cat: Catalog) -> None:
    data = pa.table({"a": [1, 1, 2], "b": ["x", "x", None]})
    put(cat, "t", data, partition_by=["a", "b"])
    put(cat, "t", data.slice(2))
    put(cat, "t", pa.table({"a": [1], "b": ["x"]}), "overwrite_partitions")
    assert sorted(cat.sql("SELECT a, b FROM t").fetchall()) == [(1, "x"), (2, None), (2, None)]
    check_totals(cat, "t")


def test_a_key_may_be_the_partition(cat: Catalog) -> None:
    put(cat, "t", pa.table({"a": [1, 2]}), key=["a"], partition_by=["a"])
    put(cat, "t", pa.table({"a": [2, 3]}), "upsert")
    assert sorted(cat.sql("SELECT a FROM t").fetchall()) == [(1,), (2,), (3,)]


def test_many_partitions_are_listed_by_value_or_by_bounds(cat: Catalog) -> None:
    rows = 1100
    data = pa.table({"p": ids(rows), "k": ids(rows), "v": ids(rows)})
    put(cat, "t", data, key=["p", "k"], partition_by=["p"])
    report = put(cat, "t", data.set_column(2, "v", pa.array([-1] * rows)), "overwrite_partitions")
    assert (report.files_added, report.files_removed, report.rows) == (rows, rows, rows)
    some = pa.table({"p": [5, 900], "k": [5, 900], "v": [7, 7]})
    report = put(cat, "t", some, "upsert")
    assert (report.files_added, report.files_removed) == (2, 2)


LOSSY: dict[str, tuple[pa.Array, pa.Array]] = {
    "fraction": (pa.array([1]), pa.array([1.5])),
    "hour": (pa.array([DAY(2024, 1, 1)]), pa.array([MOMENT(2024, 1, 1, 5)])),
    "too wide": (pa.array([1], pa.int32()), pa.array([2**40])),
    "word": (pa.array([1]), pa.array(["x"])),
    "leading zero": (pa.array([1]), pa.array(["01"])),
    "double": (pa.array([0.5]), pa.array([2**53 + 1])),
}


@pytest.mark.parametrize("what", LOSSY)
def test_values_that_would_change_are_refused(cat: Catalog, what: str) -> None:
    column, other = LOSSY[what]
    put(cat, "t", pa.table({"p": column, "v": [1]}), partition_by=["p"])
    before = cat.log()
    for mode in ("append", "overwrite_partitions", "overwrite"):
        with pytest.raises(InvalidInput) as caught:
            put(cat, "t", pa.table({"p": other, "v": [1]}), mode)
        assert caught.value.kind == "partition-value"
    assert cat.log() == before
    put(cat, "t", pa.table({"p": other, "v": [1]}), "overwrite", partition_by=["p"])
    assert cat.sql("SELECT p FROM t").fetchall() == [(other.to_pylist()[0],)]


def test_values_of_another_type_that_are_the_same_fit(cat: Catalog) -> None:
    column = pa.array([1], pa.int32())
    put(cat, "t", pa.table({"p": column, "v": [1]}), partition_by=["p"])
    put(cat, "t", [{"p": 2, "v": 1}, {"p": None, "v": 1}])
    put(cat, "t", pa.table({"p": pa.nulls(1), "v": [2]}))
    assert [c.type for c in cat.schema("t")] == ["INTEGER", "BIGINT"]
    assert cat.table("t").rows == 4


def test_types_may_be_declared(cat: Catalog) -> None:
    put(cat, "t", [{"d": "2024-01-01", "v": 1}], partition_by={"d": "DATE", "v": None})
    assert [c.type for c in cat.schema("t")] == ["DATE", "BIGINT"]
    with pytest.raises(InvalidInput, match="'2024-1-2'"):
        put(cat, "t", [{"d": "2024-1-2", "v": 1}])


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (pa.array(["z" * 300]), "too long"),
        (pa.array(["a\0b"]), "NUL"),
        (pa.array([[1]]), "BIGINT\\[\\]"),
        (pa.array([pa.MonthDayNano([1, 0, 0])]), "INTERVAL"),
        (pa.array([2**62], pa.timestamp("us")), "partition column"),
    ],
    ids=["long", "NUL", "list", "interval", "year 148000"],
)
@pytest.mark.parametrize("engine", [False, True], ids=["arrow", "engine"])
def test_what_cannot_be_a_partition_is_refused(
    cat: Catalog, column: pa.Array, problem: str, engine: bool
) -> None:
    with pytest.raises((InvalidInput, Unsupported), match=problem):
        put(cat, "t", frame(column, engine=engine), partition_by=["p"])
    assert cat.tables() == []


def test_partitioning_is_changed_by_overwriting_only(cat: Catalog) -> None:
    data = pa.table({"a": [1, 2], "b": ["x", "y"], "k": [1, 2]})
    put(cat, "t", data, partition_by=["a"])
    for mode in ("append", "overwrite_partitions"):
        with pytest.raises(InvalidInput, match="partitioned by a"):
            put(cat, "t", data, mode, partition_by=["b"])
    put(cat, "t", data, "overwrite", partition_by=["b"])
    assert multiset(plain(cat, "t")) == multiset(data.to_pylist())
    assert [p.values for p in cat.partitions("t")] == [{"b": "x"}, {"b": "y"}]
    put(cat, "t", data, "overwrite", partition_by=[])
    assert plain(cat, "t") == data.to_pylist()
    check_totals(cat, "t")


def test_a_partition_column_must_be_in_the_data(cat: Catalog) -> None:
    put(cat, "t", pa.table({"p": [1], "v": [1]}), partition_by=["p"])
    with pytest.raises(InvalidInput, match="'p' is missing"):
        put(cat, "t", pa.table({"v": [1]}))
