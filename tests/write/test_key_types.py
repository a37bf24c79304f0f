"""What a key may be of, and merges of tables whose keys are nested."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog

from .merges import declare_as_before, put

MAP = pa.map_(pa.string(), pa.int64())
WITH_MAPS = [MAP, pa.list_(MAP), pa.struct([("a", pa.int64()), ("m", MAP)])]
NESTED = [
    (pa.list_(pa.float64()), [[0.0, None], [float("nan")], None]),
    (pa.struct([("a", pa.float64()), ("b", pa.list_(pa.string()))]), [{"a": -0.0, "b": ["x"]}]),
]


def rows(keys: Sequence[object], kind: pa.DataType, v: Sequence[int]) -> pa.Table:
    return pa.table({"m": pa.array(keys, kind), "v": v, "w": [0] * len(v)})


@pytest.mark.parametrize("kind", WITH_MAPS, ids=str)
def test_a_key_that_holds_maps_is_refused(cat: Catalog, tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"k": [1], "m": pa.nulls(1, kind)})
    pq.write_table(table, tmp_path / "m.parquet")
    with pytest.raises(catalog.InvalidInput) as by_snapshot, cat.transaction("main") as tx:
        tx.snapshot("t", str(tmp_path / "m.parquet"), key=["k", "m"])
    with pytest.raises(catalog.InvalidInput) as by_write:
        put(cat, "main", table, key=["m"])
    put(cat, "main", table)
    statement = "CREATE TABLE u PRIMARY KEY (m) AS FROM t"
    with pytest.raises(catalog.InvalidInput) as by_sql, cat.transaction("main") as tx:
        tx.sql(statement)
    for error in (by_snapshot, by_write, by_sql):
        assert error.value.kind == "unsupported-key"
        assert "'m'" in str(error.value)
    assert [info.name for info in cat.tables()] == ["t"]


def test_a_key_of_maps_merges_by_entries_in_any_order(cat: Catalog) -> None:
    one, other = [("x", 1), ("y", 2)], [("x", 1), ("y", 3)]
    put(cat, "main", rows([one, other], MAP, [0, 0]))
    declare_as_before(cat, "m")
    cat.branches.create("work")
    put(cat, "main", rows([one[::-1], other[::-1]], MAP, [0, 5]), key=["m"])
    with cat.transaction("work") as tx:
        tx.sql("UPDATE t SET w = 7")
    assert cat.merge("work").commit is not None
    assert cat.sql("SELECT m['y'], v, w FROM t ORDER BY ALL").fetchall() == [(2, 0, 7), (3, 5, 7)]


@pytest.mark.parametrize(("kind", "keys"), NESTED, ids=["list", "struct"])
def test_other_nested_keys_merge(cat: Catalog, kind: pa.DataType, keys: list[object]) -> None:
    put(cat, "main", rows(keys, kind, [0] * len(keys)), key=["m"])
    cat.branches.create("work")
    put(cat, "main", rows(keys, kind, [5] * len(keys)))
    with cat.transaction("work") as tx:
        tx.sql("UPDATE t SET w = 7")
    cat.merge("work")
    assert cat.sql("SELECT v, w FROM t").fetchall() == [(5, 7)] * len(keys)
