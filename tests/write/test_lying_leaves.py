"""Footers that lie about values in nested columns, and of types whose bounds nothing compares."""

import struct
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog

UUIDS = [b"a" * 16, b"m" * 16, b"z" * 16]

FLAT: dict[str, tuple[pa.DataType, list[Any]]] = {
    "uuid": (pa.uuid(), UUIDS),
    "json": (pa.json_(), ['"a"', '"m"', '"z"']),
    "time in nanoseconds": (pa.time64("ns"), [1, 5, 9]),
    "zoned nanoseconds": (pa.timestamp("ns", "UTC"), [1, 5, 9]),
}


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return Catalog.create(str(tmp_path / "lake"))


def lying(folder: Path, told: pa.Table, true: pa.Table) -> Path:
    """Writes rows below the footer of others, whose pages have the same sizes."""
    parts = []
    for name, table in (("told", told), ("true", true)):
        path = folder / f"{name}.parquet"
        pq.write_table(table, path, use_dictionary=False, compression="none")
        whole = path.read_bytes()
        parts.append((whole, len(whole) - 8 - struct.unpack("<I", whole[-8:-4])[0]))
    (other, start), (rows, end) = parts
    assert start == end
    path = folder / "lying.parquet"
    path.write_bytes(rows[:end] + other[start:])
    return path


def check(cat: Catalog, path: Path, conditions: list[str]) -> None:
    """Counts rows by conditions, as the engine does once it has read them."""
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t AS FROM '{path}'")
        for where in conditions:
            query = f"SELECT count(*) FROM t WHERE {where}"
            assert cat.sql(query).fetchall() == con.execute(query).fetchall(), where


def column(kind: pa.DataType, values: list[Any]) -> pa.Array:
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))
    return pa.array(values, kind)


@pytest.mark.parametrize("name", FLAT)
def test_types_of_all_kinds_lose_no_row(cat: Catalog, tmp_path: Path, name: str) -> None:
    kind, (low, middle, high) = FLAT[name]
    true = pa.table({"v": column(kind, [middle, low, high])})
    path = lying(tmp_path, pa.table({"v": column(kind, [middle] * 3)}), true)
    with cat.transaction("main") as tx:
        tx.snapshot("t", str(path))
    with duckdb.connect() as con:
        ((type_name,), *_) = con.execute(f"SELECT typeof(v) FROM '{path}'").fetchall()
        texts = [text for (text,) in con.execute(f"SELECT v::VARCHAR FROM '{path}'").fetchall()]
    values = [f"CAST('{text}' AS {type_name})" for text in texts]
    check(cat, path, [f"v {sign} {value}" for sign in ("=", "<", ">") for value in values])


def nested(numbers: list[int | None]) -> pa.Table:
    inner = pa.struct([("c", pa.int64())])
    return pa.table(
        {
            "s": pa.array(
                [{"a": n, "b": {"c": n}} for n in numbers],
                pa.struct([("a", pa.int64()), ("b", inner)]),
            ),
            "l": pa.array([[n] for n in numbers], pa.list_(pa.int64())),
            "m": pa.array([[("k", n)] for n in numbers], pa.map_(pa.string(), pa.int64())),
            "ls": pa.array([[{"c": n}] for n in numbers], pa.list_(inner)),
        }
    )


CONDITIONS = [
    f"{value} {condition}"
    for value in ("s.a", "s.b.c", "l[1]", "m['k']", "ls[1].c")
    for condition in ("= 19", "= 3", "< 3", "> 10", "IS NULL", "IS NOT NULL")
]


def test_nested_columns_lose_no_row_and_are_told(cat: Catalog, tmp_path: Path) -> None:
    path = lying(tmp_path, nested([3, 10, 10, 3]), nested([3, 15, 19, 1]))
    with cat.transaction("main") as tx:
        warnings = tx.snapshot("t", str(path)).warnings
    assert len(warnings) == 4
    assert all(str(path) in one for one in warnings)
    check(cat, path, CONDITIONS)


@pytest.mark.parametrize("numbers", [[3, 15, None, 1], [None] * 4, [1, 1, 1, 1], []])
@pytest.mark.parametrize("group", [2, 1000])
def test_nested_columns_whose_footers_are_true_are_believed(
    cat: Catalog, tmp_path: Path, numbers: list[int | None], group: int
) -> None:
    path = tmp_path / "true.parquet"
    pq.write_table(nested(numbers), path, row_group_size=group)
    with cat.transaction("main") as tx:
        assert tx.snapshot("t", str(path)).warnings == ()
    check(cat, path, CONDITIONS)
