"""Values of every type, in and out again exactly."""

import datetime
import decimal
import math
import uuid
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.errors import InvalidInput, Unsupported

from .writing import ids, only_file, paths, put

D = decimal.Decimal
TICK = 1_704_067_200_123_456

EXACT: dict[str, pa.Array] = {
    "boolean": pa.array([True, False, None]),
    **{
        f"{kind}": pa.array([np.iinfo(kind).min, np.iinfo(kind).max, None], pa.type_for_alias(kind))
        for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    },
    "float": pa.array([1.1, -0.0, math.nan, math.inf, -math.inf, 1e-45, None], pa.float32()),
    "double": pa.array([1.1, -0.0, 0.0, math.nan, math.inf, 5e-324, 1.7976931348623157e308, None]),
    "decimal(38)": pa.array([D("9" * 38), D("-" + "9" * 38), None], pa.decimal128(38, 0)),
    "decimal(9,4)": pa.array([D("-12345.6789"), D("0.0001"), None], pa.decimal128(9, 4)),
    "text": pa.array(["", "a\0b", "ü☃𝄞", " x ", "'\"\\\n", None]),
    "binary": pa.array([b"", b"\0\xff", b"'", None]),
    "date": pa.array([datetime.date(1, 1, 1), datetime.date(9999, 12, 31), None]),
    "time": pa.array([0, 86_399_999_999, None], pa.time64("us")),
    "time, ns": pa.array([1, 86_399_999_999_999, None], pa.time64("ns")),
    "timestamp": pa.array([TICK, -1, -62_135_596_800_000_000, None], pa.timestamp("us")),
    "timestamp, ns": pa.array([TICK * 1000 + 7, -1, None], pa.timestamp("ns")),
    "timestamp, tz": pa.array([TICK, -1, None], pa.timestamp("us", "UTC")),
    "timestamp, tz, ns": pa.array([TICK * 1000 + 7, None], pa.timestamp("ns", "UTC")),
    "list": pa.array([[1, None], [], None], pa.list_(pa.int32())),
    "struct": pa.array([{"a": 1, "b c": "x"}, {"a": None, "b c": None}, None]),
    "map": pa.array([[("b", 1), ("a", None)], [], None], pa.map_(pa.string(), pa.int64())),
    "deep": pa.array([[{"m": [("k", [1.5, math.nan])]}], None],
        pa.list_(pa.struct({"m": pa.map_(pa.string(), pa.list_(pa.float64()))}))),
}  # fmt: skip


@pytest.mark.invariant("Values come back from files as they were written")
@pytest.mark.parametrize("name", EXACT)
def test_values_come_back_exactly(cat: Catalog, name: str) -> None:
    put(cat, "t", pa.table({"v": EXACT[name]}))
    there = pq.ParquetFile(only_file(cat, "t")).read()["v"]
    assert repr(there.to_pylist()) == repr(EXACT[name].to_pylist())
    if pa.types.is_primitive(EXACT[name].type):
        assert there.type == EXACT[name].type


OTHERWISE: dict[str, tuple[pa.Array, str, list[Any]]] = {
    "dictionary": (pa.array(["a", None, "b"]).dictionary_encode(), "VARCHAR", ["a", None, "b"]),
    "dictionary of numbers": (pa.array([5, None]).dictionary_encode(), "BIGINT", [5, None]),
    "dictionary of nothing": (pa.nulls(2, pa.string()).dictionary_encode(), "VARCHAR", [None] * 2),
    "dictionary inside": (
        pa.ListArray.from_arrays([0, 1, 2], pa.array(["a", None]).dictionary_encode()),
        "VARCHAR[]",
        [["a"], [None]],
    ),
    "nothing": (pa.nulls(2), "INTEGER", [None, None]),
    "lists of nothing": (pa.array([[None], []]), "INTEGER[]", [[None], []]),
    "large text": (pa.array(["x", None], pa.large_string()), "VARCHAR", ["x", None]),
    "text view": (pa.array(["x" * 40, None], pa.string_view()), "VARCHAR", ["x" * 40, None]),
    "large binary": (pa.array([b"x", None], pa.large_binary()), "BLOB", [b"x", None]),
    "fixed binary": (pa.array([b"xyz", None], pa.binary(3)), "BLOB", [b"xyz", None]),
    "large list": (pa.array([[1], None], pa.large_list(pa.int8())), "TINYINT[]", [[1], None]),
    "fixed list": (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), "TINYINT[]", [[1, 2], None]),
    "run ends": (
        pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array([7])),
        "BIGINT",
        [7, 7],
    ),
    "half": (pa.array(np.array([1.5, -2], np.float16)), "FLOAT", [1.5, -2.0]),
    "decimal256": (pa.array([D("1.5")], pa.decimal256(20, 1)), "DECIMAL(20,1)", [D("1.5")]),
    "decimal32": (pa.array([D("1.5"), None], pa.decimal32(5, 1)), "DECIMAL(5,1)", [D("1.5"), None]),
    "seconds": (
        pa.array([1, None], pa.timestamp("s")),
        "TIMESTAMP",
        [datetime.datetime(1970, 1, 1, 0, 0, 1), None],
    ),
    "date64": (pa.array([19723 * 86_400_000], pa.date64()), "DATE", [datetime.date(2024, 1, 1)]),
    "bool8": (
        pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8())),
        "BOOLEAN",
        [True, False, None],
    ),
    "uuid": (
        pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([uuid.UUID(int=5).bytes], pa.binary(16))
        ),
        "UUID",
        [uuid.UUID(int=5)],
    ),
    "integers of Polars": (
        pl.DataFrame({"v": pl.Series([-(2**100)], dtype=pl.Int128)}),
        "DECIMAL(38,0)",
        [D(-(2**100))],
    ),
    "unsigned integers of Polars": (
        pl.DataFrame({"v": pl.Series([2**100], dtype=pl.UInt128)}),
        "DECIMAL(38,0)",
        [D(2**100)],
    ),
    "negative scale": (pa.array([D("1E+5")], pa.decimal128(5, -3)), "DECIMAL(8,0)", [D(100_000)]),
    "nested half floats": (
        pa.array([{"a": [1.5]}], pa.struct([("a", pa.list_(pa.float16()))])),
        "STRUCT(a FLOAT[])",
        [{"a": [1.5]}],
    ),
    "nested durations": (
        pa.array([[("k", 2_000_000)]], pa.map_(pa.string(), pa.duration("ns"))),
        "MAP(VARCHAR, INTERVAL)",
        [{"k": datetime.timedelta(milliseconds=2)}],
    ),
    "seconds at the end": (
        pa.array([datetime.datetime(9999, 12, 31)], pa.timestamp("s")),
        "TIMESTAMP",
        [datetime.datetime(9999, 12, 31)],
    ),
    "duration": (
        pa.array([90_061_001_000_000], pa.duration("ns")),
        "INTERVAL",
        [datetime.timedelta(days=1, seconds=3661, milliseconds=1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERWISE)
def test_types_without_an_equal_become_the_nearest_that_loses_nothing(
    cat: Catalog, name: str
) -> None:
    column, kind, values = OTHERWISE[name]
    put(cat, "t", column if isinstance(column, pl.DataFrame) else pa.table({"v": column}))
    assert [c.type for c in cat.schema("t")] == [kind]
    found = duckdb.read_parquet(str(only_file(cat, "t"))).fetchall()
    assert [value for (value,) in found] == values


IMPOSSIBLE: dict[str, pa.Array] = {
    "too many digits": pa.array([D(1)], pa.decimal256(50, 2)),
    "nanoseconds": pa.array([1], pa.duration("ns")),
    "microseconds": pa.array([1500], pa.duration("us")),
    "back in time": pa.array([-5], pa.duration("s")),
    "interval of nanoseconds": pa.array([pa.MonthDayNano([1, 2, 1])]),
    "interval of microseconds": pa.array([pa.MonthDayNano([1, 2, 1_000])]),
    "nested nanoseconds": pa.array([[1]], pa.list_(pa.duration("ns"))),
    "nested interval of nanoseconds": pa.array([{"a": pa.MonthDayNano([1, 2, 1])}]),
    "a date within a day": pa.array([5], pa.int64()).view(pa.date64()),
    "seconds beyond all time": pa.array([2**62], pa.timestamp("s")),
    "milliseconds beyond all time": pa.array([[2**62]], pa.list_(pa.timestamp("ms"))),
    "seconds that last too long": pa.array([2**62], pa.duration("s")),
    "too many digits within": pa.array([[D(1)]], pa.list_(pa.decimal256(50, 2))),
    "too many digits before the point": pa.array([1], pa.int64())
    .cast(pa.decimal128(38, 0))
    .view(pa.decimal128(5, -38)),
    "unknown extension": pa.ExtensionArray.from_storage(
        pa.opaque(pa.int32(), "x", "y"), pa.array([1], pa.int32())
    ),
    "unknown extension within": pa.ListArray.from_arrays(
        [0, 1],
        pa.ExtensionArray.from_storage(pa.opaque(pa.int32(), "x", "y"), pa.array([1], pa.int32())),
    ),
    "tensors": pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.int32(), [2]), pa.array([[1, 2]], pa.list_(pa.int32(), 2))
    ),
    "periods": pa.array(pd.period_range("2024-01", periods=1, freq="M")),
    "intervals of pandas": pa.array(pd.interval_range(0, 1)),
    "fields that differ in case": pa.array([{"a": 1, "A": 2}]),
    "fields of one name": pa.StructArray.from_arrays(
        [pa.array([1]), pa.array([2])], names=["a", "a"]
    ),
    "no fields": pa.array([{}], pa.struct([])),
    "union": pa.UnionArray.from_dense(
        pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_tables_cannot_keep_is_refused(cat: Catalog, name: str) -> None:
    with pytest.raises((Unsupported, InvalidInput), match=r"column 'v'|Union"):
        put(cat, "t", pa.table({"v": IMPOSSIBLE[name]}))
    assert cat.tables() == []


@pytest.mark.parametrize("name", ["nanoseconds", "interval of nanoseconds"])
def test_a_value_that_is_refused_on_the_way_is_reported_in_the_catalogs_words(
    cat: Catalog, name: str
) -> None:
    with pytest.raises(Unsupported, match=r"^column 'v' of type \S+ has values .* exactly$"):
        put(cat, "t", pa.table({"v": IMPOSSIBLE[name]}))


def test_an_extension_that_arrow_does_not_know_is_refused(cat: Catalog) -> None:
    metadata = {"ARROW:extension:name": "acme.money", "ARROW:extension:metadata": ""}
    field = pa.field("v", pa.int64(), metadata=metadata)
    with pytest.raises(Unsupported, match=r"'v' has the extension type acme\.money") as caught:
        put(cat, "t", pa.table([[1]], schema=pa.schema([field])))
    assert caught.value.hint.startswith("cast it")


def test_integers_of_more_digits_than_a_decimal_are_refused(cat: Catalog) -> None:
    frame = pl.DataFrame({"v": pl.Series([2**127], dtype=pl.UInt128)})
    with pytest.raises(Unsupported, match="column 'v' has integers of more than 38 digits"):
        put(cat, "t", frame)


def test_a_number_too_large_for_any_integer_is_bad_data(cat: Catalog) -> None:
    with pytest.raises(InvalidInput, match="too large"), cat.transaction("main") as tx:
        tx.write("t", [{"v": 2**64}], mode="append")


@pytest.mark.parametrize("kind", ["UUID", "JSON", "INTERVAL", "TIMETZ"])
def test_types_that_the_engine_writes_go_through_every_mode(cat: Catalog, kind: str) -> None:
    values = {
        "UUID": ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"],
        "JSON": ['{"a": 1}', "[]"],
        "INTERVAL": ["1 year 00:00:00.5", "3 days"],
        "TIMETZ": ["01:00:00+00", "23:59:59.5+00"],
    }[kind]
    con = duckdb.connect()

    def rows(*pairs: tuple[int, int]) -> duckdb.DuckDBPyRelation:
        shown = ", ".join(f"({i}, '{values[v]}'::{kind})" for i, v in pairs)
        return con.sql(f"SELECT id::BIGINT AS id, v, id % 2 AS p FROM (VALUES {shown}) AS t(id, v)")

    put(cat, "t", rows((1, 0), (2, 0), (3, 0)), key=["id"], partition_by=["p"])
    put(cat, "t", rows((2, 1), (4, 1)), "upsert")
    put(cat, "t", rows((5, 1)))
    found = con.sql(f"SELECT id, v::VARCHAR FROM read_parquet({paths(cat, 't')}) ORDER BY id")
    assert found.fetchall() == [(i, values[v]) for i, v in ((1, 0), (2, 1), (3, 0), (4, 1), (5, 1))]
    put(cat, "t", rows((2, 1), (4, 1)), "overwrite_partitions")
    assert not put(cat, "t", rows((2, 1), (4, 1)), "overwrite_partitions").changed


def test_a_key_of_any_type_is_matched(cat: Catalog) -> None:
    for name, column in EXACT.items():
        table = "t" + "".join(c if c.isalnum() else "_" for c in name)
        data = pa.table({"k": column, "v": ids(len(column))})
        put(cat, table, data, key=["k"])
        again = data.set_column(1, "v", pa.array(range(100, 100 + len(column)), pa.int64()))
        if name == "double":
            continue  # 0.0 and -0.0 are one key
        put(cat, table, again, "upsert")
        assert cat.table(table).rows == len(column), name
        assert sorted(cat.sql(f"SELECT v FROM {table}").fetchall()) == [
            (n,) for n in range(100, 100 + len(column))
        ], name


def test_moments_of_nanoseconds_in_a_time_zone_may_be_written_as_literals(cat: Catalog) -> None:
    moment = "2024-01-01 00:00:00.123456789+00"
    put(cat, "t", duckdb.sql("SELECT 1 AS id, now()::TIMESTAMPTZ_NS AS v"))
    with cat.transaction("main") as tx:
        assert tx.sql(f"INSERT INTO t VALUES (2, TIMESTAMPTZ_NS '{moment}')").inserted == 1
        assert tx.sql(f"UPDATE t SET v = timestamptz_ns '{moment}' WHERE id = 1").updated == 1
    found = cat.sql(f"SELECT id FROM t WHERE v = TIMESTAMPTZ_NS '{moment}' ORDER BY id")
    assert found.fetchall() == [(1,), (2,)]
    assert cat.sql("SELECT 1 AS timestamptz_ns").columns == ["timestamptz_ns"]
