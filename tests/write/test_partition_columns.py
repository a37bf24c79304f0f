"""Partition columns that are in the files too: what agrees with a path, over all pairs of types."""

import datetime
import decimal
import uuid
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.errors import InvalidInput

from .conftest import head, rows, snap, write

NOON = datetime.datetime(2024, 1, 1, 12, 30, 0, 120000)
MIDNIGHT = datetime.datetime(2024, 1, 1)
BERLIN = datetime.timezone(datetime.timedelta(hours=1))
NANOS = 1_704_112_200_123_456_789

VALUES: dict[str, tuple[pa.Array, set[str]]] = {
    "boolean": (pa.array([True]), {"true", "True", "1"}),
    "tinyint": (pa.array([1], pa.int8()), {"1"}),
    "bigint": (pa.array([2**53 + 1]), {"9007199254740993"}),
    "ubigint": (pa.array([2**64 - 1], pa.uint64()), {"18446744073709551615"}),
    "decimal": (pa.array([decimal.Decimal("1.50")]), {"1.50", "1.5"}),
    "whole decimal": (pa.array([decimal.Decimal("1.0")]), {"1", "1.0"}),
    "float": (pa.array([0.1], pa.float32()), {"0.1"}),
    "double": (pa.array([0.1]), {"0.1"}),
    "whole double": (pa.array([1.0]), {"1", "1.0"}),
    "great double": (pa.array([2.0**53]), {"9007199254740992"}),
    "nan": (pa.array([float("nan")]), {"nan", "NaN"}),
    "text": (pa.array(["01"]), {"01"}),
    "date": (pa.array([MIDNIGHT.date()]), {"2024-01-01"}),
    "midnight": (
        pa.array([MIDNIGHT], pa.timestamp("us")),
        {"2024-01-01", "2024-01-01 00:00:00", "2024-01-01 00:00:00.000000"},
    ),
    "timestamp": (
        pa.array([NOON], pa.timestamp("us")),
        {"2024-01-01 12:30:00.12", "2024-01-01 12:30:00.120000", "2024-01-01T12:30:00.12"},
    ),
    "nanoseconds": (pa.array([NANOS], pa.timestamp("ns")), {"2024-01-01 12:30:00.123456789"}),
    "instant": (
        pa.array([NOON.replace(tzinfo=BERLIN)], pa.timestamp("us", "UTC")),
        {"2024-01-01 11:30:00.12+00", "2024-01-01 12:30:00.120000+01:00"},
    ),
    "time": (pa.array([NOON.time()], pa.time64("us")), {"12:30:00.12", "12:30:00.120000"}),
    "uuid": (pa.array([uuid.UUID(int=1).bytes], pa.uuid()), {str(uuid.UUID(int=1))}),
    "bytes": (pa.array([b"\xde'"]), {"\\xDE\\x27", "%DE'"}),
}
"""Values in files, and the texts in paths that mean them; every other text does not."""

TEXTS = sorted(set().union(*(texts for _, texts in VALUES.values())) | {"false", "0", "x", "12:30"})


@pytest.mark.invariant("A partition column in a file agrees with its path, or the file is refused")
@pytest.mark.parametrize("name", VALUES)
def test_a_value_agrees_with_the_texts_that_mean_it_and_no_other(
    cat: Catalog, source: Path, name: str
) -> None:
    column, means = VALUES[name]
    write(source / "p=/a.parquet", pa.table({"id": [1], "p": column}))
    folder, taken = source / "p=", set()
    for stated in TEXTS:
        plain = stated.replace("\\", "%5C").replace(":", "%3A") if "%" not in stated else stated
        folder = folder.rename(source / f"p={plain}")
        try:
            with cat.transaction("main", dry_run=True) as tx:
                tx.snapshot("t", str(source), key=["id"])
            taken.add(stated)
        except InvalidInput as error:
            assert error.kind in ("partition-column-mismatch", "partition-value")
            assert error.hint
    # a path alone that is not UTF-8 has no text, so its column must be declared as BLOB
    assert taken == {text for text in means if not text.startswith("%DE")}


@pytest.mark.parametrize(
    ("segment", "column"),
    [
        ("2024-01-01", pa.array([NOON, MIDNIGHT], pa.timestamp("us"))),
        ("2024-01-01", pa.array([MIDNIGHT, NOON], pa.timestamp("ns"))),
        ("2024-01-01", pa.array([NOON] * 2, pa.timestamp("us", "UTC"))),
        ("9007199254740993", pa.array([2.0**53] * 2)),
        ("1", pa.array([1.0000001] * 2)),
        ("1", pa.array([decimal.Decimal("1.01")] * 2)),
        ("0.1", pa.array([0.1, 0.1000001])),
        ("12%3A30%3A00", pa.array([datetime.time(12, 30, 0, 1)] * 2)),
    ],
    ids=str,
)
def test_a_value_that_only_rounds_to_the_path_is_refused(
    cat: Catalog, source: Path, segment: str, column: pa.Array
) -> None:
    path = write(source / f"p={segment}/a.parquet", pa.table({"id": [1, 2], "p": column}))
    before = head(cat)
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", source, key=["id"])
    assert (caught.value.kind, head(cat)) == ("partition-column-mismatch", before)
    assert str(path) in caught.value.message


DECLARED = [
    ("INTEGER", "01", pa.array([1], pa.int32())),
    ("FLOAT", "0.1", pa.array([0.1], pa.float32())),
    ("BOOLEAN", "true", pa.array([True])),
    ("BIGINT", "1", pa.array([True])),
    ("TIMESTAMP", "2024-01-01", pa.array([MIDNIGHT], pa.timestamp("ns"))),
    ("DATE", "2024-01-01", pa.array([MIDNIGHT], pa.timestamp("us"))),
    ("TIMESTAMP_NS", "2024-01-01 12%3A30%3A00.123456789", pa.array([NANOS], pa.timestamp("ns"))),
    ("BLOB", "%5CxDE%5Cx27", pa.array([b"\xde'"])),
    ("BLOB", "%DE'", pa.array([b"\xde'"])),
    ("UUID", str(uuid.UUID(int=1)), pa.array([uuid.UUID(int=1).bytes], pa.uuid())),
    ("DECIMAL(5,3)", "1.5", pa.array([decimal.Decimal("1.50")])),
]


@pytest.mark.parametrize(("declared", "segment", "column"), DECLARED, ids=str)
def test_values_agree_in_the_type_that_was_declared(
    cat: Catalog, source: Path, declared: str, segment: str, column: pa.Array
) -> None:
    write(source / f"p={segment}/a.parquet", pa.table({"id": [1], "p": column}))
    snap(cat, "t", source, partition_by={"p": declared})
    assert [str(c.type) for c in cat.schema("t") if c.name == "p"] == [declared]
    held = f"read_parquet('{source}/*/*', hive_partitioning = false)"
    wanted = duckdb.sql(f"SELECT CAST(CAST(p AS {declared}) AS VARCHAR) FROM {held}").fetchall()
    assert rows(cat, "SELECT CAST(p AS VARCHAR) FROM t") == wanted


WRITTEN = [
    "true", "0.1::FLOAT", "3.4e38::FLOAT", "1e-7::DOUBLE", "'-inf'::DOUBLE", "'nan'::FLOAT",
    "5::HUGEINT", "170141183460469231731687303715884105727::HUGEINT", "5::UHUGEINT",
    "18446744073709551615::UBIGINT", "1.50::DECIMAL(4,2)", "TIMESTAMP '2024-01-01 12:30:00.12'",
    "TIMESTAMP '1969-12-31 23:59:59.999999'", "TIMESTAMPTZ '2024-01-01 12:30:00.12+05:30'",
    "TIME '12:30:00.5'", "TIME '24:00:00'", "TIMETZ '23:30:00-05'", "TIMETZ '01:30:00.25+14:59'",
    "TIMESTAMP_NS '2024-01-01 12:30:00.123456789'", "TIME_NS '12:30:00.123456789'",
    "TIMESTAMP_S '2024-01-01 12:30:00'", "TIMESTAMP_MS '2024-01-01 12:30:00.1'",
    "DATE '0044-03-15 (BC)'", "DATE '10000-01-01'", "DATE 'infinity'", "TIMESTAMP '-infinity'",
    "TIMESTAMP '0044-03-15 (BC) 12:00:01.5'", "TIMESTAMPTZ 'infinity'", "'\\xDE\\xAD'::BLOB",
    "'a''b'::BLOB", "''::BLOB", "INTERVAL '1 year 2 months 3 days 04:05:06.5'",
    "INTERVAL '0 day'", "INTERVAL '100:00:00'", "'{\"a\": 1}'::JSON",
    "'550e8400-e29b-41d4-a716-446655440000'::UUID", "'a'::ENUM('a', 'b')", "'101'::BIT", "''",
    "NULL::INTEGER", "NULL", "'null'", "'__HIVE_DEFAULT_PARTITION__'", "'a/b=c%d'", "'  x '",
    "'01'", "'é京'",
]  # fmt: skip


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_what_duckdb_writes_into_paths_and_files_is_taken(
    cat: Catalog, source: Path, zone: str
) -> None:
    with duckdb.connect() as con, cat.transaction("main") as tx:
        con.execute(f"SET TimeZone = '{zone}'")
        for n, value in enumerate(WRITTEN):
            if zone == "UTC" or "TZ" in value:
                con.execute(
                    f"COPY (SELECT 1 AS id, {value} AS p) TO '{source}/{n}' "
                    "(FORMAT parquet, PARTITION_BY (p), WRITE_PARTITION_COLUMNS true)"
                )
                tx.snapshot(f"t{n}", str(source / str(n)))
        if zone == "UTC":
            shown = " UNION ALL ".join(
                f"SELECT {n} AS n, CAST({value} AS VARCHAR)" for n, value in enumerate(WRITTEN)
            )
            wanted = con.sql(f"{shown} ORDER BY n").fetchall()
            found = " UNION ALL ".join(
                f"SELECT {n} AS n, CAST(p AS VARCHAR) FROM t{n}" for n in range(len(WRITTEN))
            )
            assert tx.sql(f"{found} ORDER BY n").fetchall() == wanted


FRAME = pa.table(
    {
        "id": [1, 2],
        "flag": [True, None],
        "float": pa.array([0.1, 1.0], pa.float32()),
        "double": [1e20, -0.5],
        "integer": pa.array([1, None], pa.int8()),
        "moment": [NOON, MIDNIGHT],
        "second": pa.array([MIDNIGHT, None], pa.timestamp("s")),
        "nanos": pa.array([NANOS, 0], pa.timestamp("ns")),
        "instant": pa.array([NOON, None], pa.timestamp("us", "Europe/Berlin")),
        "date": [MIDNIGHT.date(), datetime.date(1, 1, 1)],
        "number": [decimal.Decimal("1.50"), decimal.Decimal("0.00")],
        "text": ["a/b=c%d ", ""],
        "null": ["null", None],
        "zeros": ["01", "1"],
    }
)


@pytest.mark.parametrize("column", FRAME.column_names[1:])
@pytest.mark.parametrize("writer", ["polars", "polars with columns", "pandas", "pyarrow"])
def test_what_other_libraries_write_is_taken(
    cat: Catalog, source: Path, writer: str, column: str
) -> None:
    table = FRAME.select(["id", column])
    folder = str(source / "s")
    if writer == "pyarrow":
        pq.write_to_dataset(table, folder, partition_cols=[column])
    elif writer == "pandas":
        table.to_pandas(types_mapper=pd.ArrowDtype).to_parquet(folder, partition_cols=[column])
    else:
        frame = pl.DataFrame(table)
        keys = pl.PartitionBy(folder, key=[column], include_key=" " in writer)
        frame.write_parquet(keys, mkdir=True)
    snap(cat, "t", folder)
    found = dict(rows(cat, f'SELECT id, CAST("{column}" AS VARCHAR) FROM t'))
    wanted: dict[Any, Any] = dict(zip(table["id"].to_pylist(), table[column], strict=True))
    assert set(found) == set(wanted)
    for n, value in wanted.items():
        assert _means(found[n], value), (found[n], value)


def _means(text: str | None, value: pa.Scalar) -> bool:
    """Returns whether Arrow reads a text as a value."""
    if not value.is_valid or text is None:
        return text is None and not value.is_valid
    kind = value.type
    if pa.types.is_timestamp(kind) and kind.tz is None:
        text = text.replace("T", " ")
    elif pa.types.is_timestamp(kind):
        return datetime.datetime.fromisoformat(text) == value.as_py()
    if pa.types.is_timestamp(kind):  # Polars writes zeros below a second
        return bool(pa.scalar(text).cast(pa.timestamp("ns")) == value.cast(pa.timestamp("ns")))
    return bool(pa.scalar(text).cast(kind) == value)


def test_polars_truncates_times_in_paths_which_is_seen(cat: Catalog, source: Path) -> None:
    frame = pl.DataFrame({"id": [1], "p": [datetime.time(12, 30, 0, 500000)]})
    frame.write_parquet(pl.PartitionBy(str(source / "s"), key=["p"], include_key=True), mkdir=True)
    with pytest.raises(InvalidInput, match=r"holds 12:30:00.5, but its path says 12:30:00$"):
        snap(cat, "t", source / "s")


def test_the_hint_names_a_type_in_which_both_are_the_same(cat: Catalog, source: Path) -> None:
    write(source / "a=1/p=01/x.parquet", pa.table({"p": pa.array([1], pa.int32()), "id": [1]}))
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", source)
    assert "partition_by={'a': 'BIGINT', 'p': 'INTEGER'}" in caught.value.hint
    snap(cat, "t", source, partition_by={"a": "BIGINT", "p": "INTEGER"})
    assert rows(cat, "SELECT p FROM t") == [(1,)]


@pytest.mark.parametrize(
    ("path", "file"), [("COL1", "col1"), ("col1", "COL1"), ("Straße", "STRASSE")]
)
def test_names_that_differ_in_case_are_one_column(
    cat: Catalog, source: Path, path: str, file: str
) -> None:
    write(source / f"{path}=7/a.parquet", {"id": [1], file: [7]})
    snap(cat, "t", source, key=["id"])
    assert [column.name for column in cat.schema("t")] == ["id", path]
    assert rows(cat, f'SELECT id, "{path}" FROM t') == [(1, 7)]
    assert not snap(cat, "t", source).changed
    with cat.transaction("main") as tx:
        tx.sql("UPDATE t SET id = 2")
    assert rows(cat, f'SELECT id, "{path}" FROM t') == [(2, 7)]
    write(source / f"{path}=8/a.parquet", {"id": [1], file: [7]})
    with pytest.raises(InvalidInput, match="holds 7, but its path says 8"):
        snap(cat, "t", source)


def test_a_path_and_two_columns_of_a_name_are_refused(cat: Catalog, source: Path) -> None:
    write(source / "p=7/a.parquet", {"id": [1], "P": [7], "p": [7]})
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", source)
    assert (caught.value.kind, bool(caught.value.hint)) == ("bad-columns", True)
