"""Statistics of data files are true: nothing is outside the bounds, counts are exact."""

import datetime
import decimal
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.formats.parquet import read_footer
from catalog.model.types import Scalar
from catalog.model.values import encode
from tests.effort import effort

COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "bool": (pa.bool_(), st.booleans()),
    "int8": (pa.int8(), st.integers(-128, 127)),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "uint8": (pa.uint8(), st.integers(0, 255)),
    "uint32": (pa.uint32(), st.integers(0, 2**32 - 1)),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "float32": (pa.float32(), st.floats(width=32)),
    "float64": (pa.float64(), st.floats()),
    "decimal": (pa.decimal128(9, 3), st.decimals(-999999, 999999, places=3)),
    "wide": (pa.decimal128(30, 3), st.decimals(-(10**20), 10**20, places=3)),
    "text": (pa.string(), st.text(st.characters(codec="utf-8"), max_size=100)),
    "blob": (pa.binary(), st.binary(max_size=100)),
    "date": (pa.date32(), st.dates()),
    "time": (pa.time64("us"), st.times()),
    "millis": (pa.time32("ms"), st.just(datetime.time(1, 2, 3, 4000))),
    "at": (pa.timestamp("us"), st.datetimes()),
    "at_ms": (pa.timestamp("ms"), st.datetimes().map(lambda d: d.replace(microsecond=0))),
    "zoned": (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(datetime.UTC))),
}


def encoded(value: Any, kind: Scalar) -> bytes:
    if isinstance(value, decimal.Decimal):
        value = value.quantize(decimal.Decimal("0.001"), context=decimal.Context(prec=60))
    return encode(value, kind)


@pytest.mark.parametrize("name", COLUMNS)
@settings(max_examples=effort(25, 250))
@given(data=st.data())
def test_statistics_hold(tmp_path: Path, name: str, data: st.DataObject) -> None:
    arrow, values = COLUMNS[name]
    column = data.draw(st.lists(st.none() | values, max_size=12))
    path = tmp_path / "x.parquet"
    size = data.draw(st.sampled_from([1, 3, 100]))
    pq.write_table(pa.table({"v": pa.array(column, arrow)}), path, row_group_size=size)
    footer = read_footer(str(path))
    assert (footer.rows, footer.columns[0].name) == (len(column), "v")
    kind, stats = footer.columns[0].type, footer.stats["v"]
    assert isinstance(kind, Scalar)
    assert stats.nulls in (None, sum(v is None for v in column))
    nans = sum(isinstance(v, float) and math.isnan(v) for v in column)
    assert stats.nans in (None, nans)
    known = [encoded(v, kind) for v in column if v is not None and v == v]
    if stats.low is not None and stats.high is not None:
        assert all(stats.low <= value <= stats.high for value in known)
        if stats.exact:
            assert (stats.low, stats.high) == (min(known), max(known))


def test_floats_with_nan_are_never_said_to_be_free_of_it(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(
        pa.table({"v": [1.0, math.nan], "n": pa.array([None, None], pa.float64())}), path
    )
    stats = read_footer(str(path)).stats
    assert stats["v"].nans is None
    assert stats["n"].nans == 0


def test_files_without_statistics_claim_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"v": [1, 2]}), path, write_statistics=False)
    stats = read_footer(str(path)).stats["v"]
    assert (stats.low, stats.high, stats.nulls, stats.exact) == (None, None, None, False)


TYPES = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "UTINYINT": pa.uint8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "DECIMAL(9,3)": pa.decimal128(9, 3),
    "VARCHAR": pa.large_string(),
    "BLOB": pa.binary(4),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("ms"),
    "TIMESTAMP_NS": pa.timestamp("ns"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "Europe/Berlin"),
    "INTEGER[]": pa.list_(pa.int32()),
    "STRUCT(a INTEGER, b VARCHAR[])": pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))]),
    "MAP(VARCHAR, DOUBLE)": pa.map_(pa.string(), pa.float64()),
    "NULL": pa.null(),
}


@pytest.mark.parametrize("name", TYPES)
def test_types_are_those_that_duckdb_reads(tmp_path: Path, name: str) -> None:
    import duckdb

    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"v": pa.array([None], TYPES[name])}), path)
    assert str(read_footer(str(path)).columns[0].type) == name
    if name != "NULL":
        with duckdb.connect() as con:
            described = con.execute(f"DESCRIBE FROM '{path}'").fetchall()
        assert described[0][1] == name
