"""What can be handed over to ``write``: every library's frames, and what is none."""

import datetime
import decimal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, InvalidInput, Unsupported

from .writing import only_file, plain, put

COLUMNS = {"id": [1, 2, 3], "text": ["a", None, "c"]}
EXPECTED = [{"id": i, "text": t} for i, t in zip(*COLUMNS.values(), strict=True)]


def dataset(folder: Path) -> ds.Dataset:
    pq.write_table(pa.table(COLUMNS), folder / "source.parquet")
    return ds.dataset(folder / "source.parquet")


INPUTS: dict[str, Callable[[Path], object]] = {
    "table": lambda _: pa.table(COLUMNS),
    "record batch": lambda _: pa.record_batch(COLUMNS),
    "reader": lambda _: pa.table(COLUMNS).to_reader(max_chunksize=1),
    "dataset": dataset,
    "polars": lambda _: pl.DataFrame(COLUMNS),
    "polars lazy": lambda _: pl.LazyFrame(COLUMNS),
    "pandas": lambda _: pd.DataFrame(COLUMNS),
    "pandas, filtered": lambda _: pd.DataFrame({"id": [0, 1, 2, 3], "text": ["", "a", None, "c"]})[
        lambda frame: frame["id"] > 0
    ],
    "pandas, named index": lambda _: pd.DataFrame(COLUMNS).set_index("id"),
    "pandas, two indexes": lambda _: pd.DataFrame({**COLUMNS}).set_index(["id", "text"]),
    "duckdb": lambda _: duckdb.from_arrow(pa.table(COLUMNS)),
    "dictionaries": lambda _: EXPECTED,
    "tuple of dictionaries": lambda _: tuple(EXPECTED),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_every_kind_of_frame_is_taken(cat: Catalog, tmp_path: Path, kind: str) -> None:
    report = put(cat, "t", INPUTS[kind](tmp_path))
    assert plain(cat, "t") == EXPECTED
    assert (report.changed, report.rows, report.files_added) == (True, 3, 1)
    assert [column.name for column in cat.schema("t")] == ["id", "text"]


def test_columns_that_later_dictionaries_have_are_not_lost(cat: Catalog) -> None:
    put(cat, "t", [{"a": 1}, {"b": 2}, {}])
    assert plain(cat, "t") == [{"a": 1, "b": None}, {"a": None, "b": 2}, {"a": None, "b": None}]


def test_a_reader_is_read_as_it_comes(cat: Catalog) -> None:
    schema = pa.schema({"n": pa.int64()})

    def batches() -> Iterator[pa.RecordBatch]:
        for n in range(5):
            yield pa.record_batch({"n": pa.array([n], pa.int64())})

    put(cat, "t", pa.RecordBatchReader.from_batches(schema, batches()))
    assert [row["n"] for row in plain(cat, "t")] == [0, 1, 2, 3, 4]


def test_a_source_that_fails_half_way_leaves_no_commit(cat: Catalog, root: Path) -> None:
    schema = pa.schema({"n": pa.int64()})

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"n": pa.array([1], pa.int64())})
        raise RuntimeError("the source went away")

    with pytest.raises(InvalidInput, match="the source went away"):
        put(cat, "t", pa.RecordBatchReader.from_batches(schema, batches()))
    assert cat.tables() == []
    assert not (root / "data").exists()


BAD: dict[str, object] = {
    "None": None,
    "text": "orders.csv",
    "number": 5,
    "dictionary of columns": {"a": [1]},
    "no rows at all": [],
    "rows without columns": [{}, {}],
    "list of tuples": [(1, 2)],
    "names that are no text": [{1: 2}],
    "mixed types": [{"a": 1}, {"a": "x"}],
    "an array": pa.array([1]),
    "chunks": pa.chunked_array([[1]]),
    "pandas series": pd.Series([1], name="a"),
    "polars series": pl.Series("a", [1]),
    "polars objects": pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}),
    "pandas objects": pd.DataFrame({"a": [1, "x"]}),
    "no columns": pa.table({}),
    "repeated columns": pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"]),
    "repeated columns of pandas": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "repeated columns of duckdb": duckdb.sql("SELECT 1 AS a, 2 AS a"),
    "an empty name": pa.table({"": [1]}),
    "NUL in a name": pa.table({"a\0": [1]}),
    "an index called like a column": pd.DataFrame({"a": [1]}, index=pd.Index([1], name="a")),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_a_table_is_refused(cat: Catalog, what: str) -> None:
    with pytest.raises(InvalidInput):
        put(cat, "t", BAD[what])
    assert cat.tables() == []


def test_the_relation_of_a_closed_connection_is_refused(cat: Catalog) -> None:
    con = duckdb.connect()
    relation = con.sql("SELECT 1 AS a")
    con.close()
    with pytest.raises(CatalogError):
        put(cat, "t", relation)


RELATION = """
SELECT 'c5a1f0a8-0000-4000-8000-00000000000a'::UUID AS id, {'wide name': 5::HUGEINT} AS s,
       [1::HUGEINT, NULL] AS l, MAP {'k': 7::UHUGEINT} AS m, '{"a": [1]}'::JSON AS j,
       INTERVAL '14 months 3 days 2.5 seconds' AS i, [INTERVAL '1 day'] AS il,
       '12:00:00.25+00'::TIMETZ AS tz, 'b'::ENUM('HUGEINT', 'b') AS e,
       {'HUGEINT': 1} AS f, [1, 2]::INTEGER[2] AS a, 12345678901234567890::HUGEINT AS h,
       TIMESTAMP_S '2024-01-01 00:00:01' AS ts, TIMESTAMPTZ '2024-01-01 00:00:00+01' AS z
"""


def test_a_relation_keeps_types_that_arrow_would_lose(cat: Catalog) -> None:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'America/New_York'")
    put(cat, "t", con.sql(RELATION))
    assert {column.name: column.type for column in cat.schema("t")} == {
        "id": "UUID",
        "s": 'STRUCT("wide name" DECIMAL(38,0))',
        "l": "DECIMAL(38,0)[]",
        "m": "MAP(VARCHAR, DECIMAL(38,0))",
        "j": "JSON",
        "i": "INTERVAL",
        "il": "INTERVAL[]",
        "tz": "TIME WITH TIME ZONE",
        "e": "VARCHAR",
        "f": "STRUCT(HUGEINT INTEGER)",
        "a": "INTEGER[]",
        "h": "DECIMAL(38,0)",
        "ts": "TIMESTAMP",
        "z": "TIMESTAMP WITH TIME ZONE",
    }
    (there,) = con.read_parquet(str(only_file(cat, "t"))).fetchall()
    assert there[:5] == (
        uuid.UUID("c5a1f0a8-0000-4000-8000-00000000000a"),
        {"wide name": decimal.Decimal(5)},
        [decimal.Decimal(1), None],
        {"k": decimal.Decimal(7)},
        '{"a": [1]}',
    )
    texts = con.read_parquet(str(only_file(cat, "t"))).project(
        "i::VARCHAR, il::VARCHAR, tz::VARCHAR, epoch_us(z)"
    )
    assert texts.fetchall() == [
        ("1 year 2 months 3 days 00:00:02.5", "['1 day']", "12:00:00.25+00", 1704063600000000)
    ] or texts.fetchall() == [
        ("1 year 2 months 3 days 00:00:02.5", "[1 day]", "12:00:00.25+00", 1704063600000000)
    ]
    assert there[8:13] == (
        "b",
        {"HUGEINT": 1},
        [1, 2],
        decimal.Decimal(12345678901234567890),
        datetime.datetime(2024, 1, 1, 0, 0, 1),
    )


def test_a_relations_columns_are_distinguished_by_place(cat: Catalog) -> None:
    put(cat, "t", duckdb.sql('SELECT 1 AS a, 2 AS "A", 3 AS "it\'s", 4 AS "x""y"'))
    assert plain(cat, "t") == [{"a": 1, "A": 2, "it's": 3, 'x"y': 4}]


@pytest.mark.parametrize(
    "value",
    [
        "INTERVAL '1 microsecond'",
        "INTERVAL '-1 day'",
        "[INTERVAL '1 microsecond']",
        "{'deep': MAP {1: INTERVAL '1 microsecond'}}",
        "'12:00:00+02'::TIMETZ",
        "170141183460469231731687303715884105727::HUGEINT",
        "[170141183460469231731687303715884105727::HUGEINT]",
    ],
)
def test_values_that_parquet_would_alter_are_refused(cat: Catalog, value: str) -> None:
    with pytest.raises((Unsupported, InvalidInput)):
        put(cat, "t", duckdb.sql(f"SELECT {value} AS v"))
    assert cat.tables() == []


@pytest.mark.parametrize(
    "value",
    ["'101'::BIT", "['101'::BIT]", "union_value(a := 1)", "[1::VARIANT]", "1::BIGNUM"],
)
def test_types_that_parquet_has_not_are_refused(cat: Catalog, value: str) -> None:
    with pytest.raises(Unsupported, match="column 'v'"):
        put(cat, "t", duckdb.sql(f"SELECT {value} AS v"))


def test_a_frame_of_polars_own_types(cat: Catalog) -> None:
    frame = pl.DataFrame(
        {
            "category": pl.Series(["x", "y", None], dtype=pl.Categorical),
            "enum": pl.Series(["x", "y", None], dtype=pl.Enum(["x", "y"])),
            "decimal": [decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")],
            "array": pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int16, 2)),
            "null": [None, None, None],
            "struct": [{"a": 1}, {"a": None}, None],
        }
    )
    put(cat, "t", frame)
    assert plain(cat, "t") == frame.to_dicts()


def test_a_frame_of_pandas_own_types(cat: Catalog) -> None:
    frame = pd.DataFrame(
        {
            "category": pd.Categorical(["x", None, "y"]),
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "time": pd.to_datetime(["2024-01-01", None, "2024-01-03"]),
            "flag": pd.array([True, None, False], dtype="boolean"),
        }
    )
    put(cat, "t", frame)
    rows: list[dict[str, Any]] = plain(cat, "t")
    assert [row["category"] for row in rows] == ["x", None, "y"]
    assert [row["nullable"] for row in rows] == [1, None, 3]
    assert [row["flag"] for row in rows] == [True, None, False]
    assert [row["time"] for row in rows] == [
        datetime.datetime(2024, 1, 1),
        None,
        datetime.datetime(2024, 1, 3),
    ]
