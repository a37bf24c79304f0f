"""The oracle's text forms against DuckDB, whose text forms they are meant to be."""

import datetime
import decimal
import struct
import uuid
from collections.abc import Iterator

import duckdb
import pytest

from tests.oracle.text import text_of
from tests.oracle.types import (
    Blob,
    Boolean,
    Date,
    Decimal,
    Float,
    Integer,
    Time,
    Timestamp,
    Type,
    Uuid,
)

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def float32(value: float) -> float:
    narrowed: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return narrowed


FLOATS = [
    0.0, 1.0, -1.5, 0.1, 1e-5, 1e-4, 123456.789, 1e15, 1e16, 1.2345678901234567e17, 1e22,
    5e-324, 1.7976931348623157e308, float("nan"), float("inf"), float("-inf"), 2.0**53, 1 / 3,
]  # fmt: skip
FLOATS32 = [0.0, 0.1, 16777216.0, 1e10, 1e17, 3.4028234663852886e38, 1e-45, 1 / 3, -2.5]


@pytest.mark.parametrize(
    ("type_", "value", "sql"),
    [(Float(), v, f"'{v!r}'::DOUBLE") for v in FLOATS]
    + [(Float(32), float32(v), f"'{v!r}'::FLOAT") for v in FLOATS32]
    + [(Blob(), bytes([b]), f"from_hex('{b:02x}')") for b in range(0, 256, 3)]
    + [(Blob(), bytes([b]), f"from_hex('{b:02x}')") for b in b"\\'\" ~"]
    + [
        (Boolean(), True, "true"),
        (Integer(), -7, "-7"),
        (Integer(), 2**100, f"{2**100}::HUGEINT"),
        (Decimal(9, 2), decimal.Decimal("7"), "7::DECIMAL(9,2)"),
        (Decimal(9, 2), decimal.Decimal("-0.05"), "-0.05::DECIMAL(9,2)"),
        (Decimal(9, 0), decimal.Decimal("12"), "12::DECIMAL(9,0)"),
        (Decimal(38, 38), decimal.Decimal("1E-38"), f"'0.{'0' * 37}1'::DECIMAL(38,38)"),
        (Decimal(2, 2), decimal.Decimal("-0.5"), "'-0.5'::DECIMAL(2,2)"),
        (Decimal(3, 2), decimal.Decimal("-0.5"), "'-0.5'::DECIMAL(3,2)"),
        (Date(), datetime.date(1, 1, 1), "DATE '0001-01-01'"),
        (Date(), datetime.date(9999, 12, 31), "DATE '9999-12-31'"),
        (Time("us"), 1, "TIME '00:00:00.000001'"),
        (Time("ns"), 86_399_999_999_999, "TIME_NS '23:59:59.999999999'"),
        (Timestamp("us"), -1, "TIMESTAMP '1969-12-31 23:59:59.999999'"),
        (Timestamp("ns"), 1_500_000_000, "'1970-01-01 00:00:01.5'::TIMESTAMP_NS"),
        (Timestamp("s"), 0, "'1970-01-01'::TIMESTAMP_S"),
        (Timestamp("ms"), 1, "'1970-01-01 00:00:00.001'::TIMESTAMP_MS"),
        (Timestamp("us", True), 250_000, "TIMESTAMPTZ '1970-01-01 00:00:00.25+00'"),
        (Uuid(), uuid.UUID(int=2**127 + 5), f"'{uuid.UUID(int=2**127 + 5)}'::UUID"),
    ],
)
def test_text_is_that_of_duckdb(
    con: duckdb.DuckDBPyConnection, type_: Type, value: object, sql: str
) -> None:
    row = con.execute(f"SELECT ({sql})::VARCHAR").fetchone()
    assert row == (text_of(type_, value),)


def test_the_two_zeros_have_one_text() -> None:
    assert text_of(Float(), -0.0) == "0.0"
