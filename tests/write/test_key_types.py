"""Merges of tables whose keys are nested."""

from collections.abc import Sequence

import pyarrow as pa
import pytest

from catalog.catalog import Catalog

from .merges import put

MAP = pa.map_(pa.string(), pa.int64())
NESTED = [
    (pa.list_(pa.float64()), [[0.0, None], [float("nan")], None]),
    (pa.struct([("a", pa.float64()), ("b", pa.list_(pa.string()))]), [{"a": -0.0, "b": ["x"]}]),
]


def rows(keys: Sequence[object], kind: pa.DataType, v: Sequence[int]) -> pa.Table:
    return pa.table({"m": pa.array(keys, kind), "v": v, "w": [0] * len(v)})


def test_a_key_of_maps_merges_by_entries_in_any_order(cat: Catalog) -> None:
    one, other = [("x", 1), ("y", 2)], [("x", 1), ("y", 3)]
    put(cat, "main", rows([one, other], MAP, [0, 0]), key=["m"])
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
