"""What files say of their values outside of the footer: page indexes and Bloom filters."""

import struct
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return Catalog.create(str(tmp_path / "lake"))


def taken(cat: Catalog, path: Path) -> tuple[str, ...]:
    with cat.transaction("main") as tx:
        return tuple(tx.snapshot("t", str(path)).warnings)


def count(cat: Catalog, where: str) -> int:
    ((found,),) = cat.sql(f"SELECT count(*) FROM t WHERE {where}").fetchall()
    return int(found)


def test_a_page_index_that_leaves_a_value_out_loses_no_row(cat: Catalog, tmp_path: Path) -> None:
    rows, path = 30_000, tmp_path / "pages.parquet"
    table = pa.table({"v": pa.array(range(rows), pa.int64())})
    small = {"data_page_size": 8192, "write_batch_size": 512, "write_page_index": True}
    pq.write_table(table, path, use_dictionary=False, compression="none", **small)
    whole = bytearray(path.read_bytes())
    at = whole.find(struct.pack("<qq", 100, 101))
    whole[at : at + 8] = struct.pack("<q", rows - 5)  # in the bounds of the row group
    path.write_bytes(whole)
    taken(cat, path)
    assert count(cat, f"v = {rows - 5}") == 2
    assert count(cat, "v = 100") == 0


@pytest.mark.parametrize("damage", ["size", "kind", "length", "sound"])
def test_a_bloom_filter_that_is_none_fails_no_query(
    cat: Catalog, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "filters.parquet"
    with duckdb.connect() as con:
        rows = "SELECT i % 50 AS id, 'v' || (i % 50) AS s FROM range(5000) t(i)"
        con.execute(f"COPY ({rows}) TO '{path}' (COMPRESSION uncompressed)")
        places = con.execute(
            "SELECT bloom_filter_offset FROM parquet_metadata(?)", [str(path)]
        ).fetchall()
    whole = bytearray(path.read_bytes())
    for (at,) in places:
        assert at > 0
        if damage == "size":  # the first field: its kind, then a number in zigzag
            whole[at + 1 : at + 3] = b"\xc0\x7f"
        elif damage == "kind":
            whole[at] = 0x1F
        elif damage == "length":
            whole[at + 1] = 0
    path.write_bytes(whole)
    warnings = taken(cat, path)
    assert len(warnings) == (0 if damage == "sound" else 2)
    assert all("Bloom filter" in one and str(path) in one for one in warnings)
    for number in (3, 49):
        assert count(cat, f"s = 'v{number}'") == count(cat, f"id = {number}") == 100
