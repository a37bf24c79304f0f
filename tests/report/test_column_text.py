"""Columns as text: the same as value by value, which plain Python forms."""

import datetime
import math
from random import Random

import duckdb
import numpy as np
import pyarrow as pa

from catalog.report.column_text import texts
from catalog.report.values import rows, text
from tests.effort import effort
from tests.report.random_columns import column


def one_by_one(values: pa.Array) -> list[str | None]:
    batch = pa.RecordBatch.from_arrays([values], ["v"])
    return [text(value) for (value,) in rows([batch])]


def test_columns_have_the_text_of_their_values() -> None:
    random = Random(17)
    for _ in range(effort(600, 20_000)):
        values = column(random)
        assert texts(values).to_pylist() == one_by_one(values), values.type


def test_floats_are_the_shortest_text_that_is_the_same_double() -> None:
    bits = np.random.default_rng(3).integers(0, 2**64, effort(20_000, 1_000_000), dtype=np.uint64)
    found = bits.view(np.float64)
    assert texts(pa.array(found)).to_pylist() == list(map(repr, found.tolist()))
    powers = [
        math.nextafter(10.0**n, to) for n in range(-320, 309) for to in (-1, 10.0**n, math.inf)
    ]
    assert texts(pa.array(powers)).to_pylist() == list(map(repr, powers))


def test_moments_python_does_not_have_are_written_as_by_the_engine() -> None:
    values = {
        "DATE": ("infinity", "-infinity", "0044-03-15 (BC)", "0001-12-31 (BC)", "12000-01-01"),
        "TIMESTAMP": ("infinity", "-infinity", "0044-03-15 (BC) 10:00:00", "12000-01-01 00:00:00"),
        "TIMESTAMPTZ": ("infinity", "-infinity", "0044-03-15 (BC) 10:00:00+00", "290000-01-01"),
        "TIMESTAMP_S": ("infinity", "290000-01-01 00:00:01", "2024-01-01 00:00:00"),
        "TIME": ("24:00:00", "23:59:59"),
    }
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for kind, written in values.items():
            several = ", ".join(f"('{one}'::{kind})" for one in (*written, *written))
            query = f"SELECT v, v::VARCHAR AS t, [v] AS l FROM (VALUES {several}) x(v)"
            found = con.sql(query).to_arrow_table().combine_chunks()
            shown = found["t"].to_pylist()
            assert texts(found["v"].chunk(0)).to_pylist() == shown, kind
            assert texts(found["l"].chunk(0)).to_pylist() == [f"[{one}]" for one in shown], kind
            assert one_by_one(found["v"].chunk(0)) == shown, kind


def test_one_moment_out_of_range_leaves_others_as_they_are() -> None:
    usual = datetime.datetime(2024, 1, 1, 12, 0, 0, 500)
    ticks = pa.array([2**63 - 1, None], pa.int64()).view(pa.timestamp("us"))
    values = pa.concat_arrays([ticks, pa.array([usual], pa.timestamp("us"))])
    assert texts(values).to_pylist() == ["infinity", None, "2024-01-01 12:00:00.000500"]


def test_long_binary_values_are_escaped_byte_by_byte() -> None:
    values = [bytes(range(256)), b"", b"\\x00", bytes(1000)]
    expected = [text(value) for value in values]
    assert texts(pa.array(values)).to_pylist() == expected
    assert texts(pa.array(values).slice(2)).to_pylist() == expected[2:]
