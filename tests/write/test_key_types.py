"""Merges of tables whose keys are nested."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
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


def test_a_row_with_a_map_that_moved_takes_what_was_filled_elsewhere(
    cat: Catalog, tmp_path: Path
) -> None:
    """Both sides are snapshots: the maps are stored alike, and are no reason to read them."""
    source = tmp_path / "source"

    def take(branch: str, parts: dict[str, dict[str, object]]) -> None:
        shutil.rmtree(source, ignore_errors=True)
        for part, row in parts.items():
            (source / f"p={part}").mkdir(parents=True)
            columns = {name: pa.array([value]) for name, value in row.items()}
            columns["m"] = pa.array([[("y", 2), ("x", 1)]], MAP)
            pq.write_table(pa.table(columns), source / f"p={part}" / "a.parquet")
        with cat.transaction(branch) as tx:
            tx.snapshot("t", str(source), key=["k"], partition_by={"p": "VARCHAR"})

    take("main", {"a": {"k": 1, "v": 1, "b": "old"}})
    cat.branches.create("work")
    take("main", {"c": {"k": 1, "v": 7, "b": "old"}})
    take("work", {"a": {"k": 1, "v": 1, "b": "new"}})
    assert cat.merge("work").commit is not None
    found = cat.sql("SELECT k, v, b, p, m['y'] FROM t").fetchall()
    assert found == [(1, 7, "new", "c", 2)]
