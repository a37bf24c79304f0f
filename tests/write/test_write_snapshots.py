"""Rows written to tables whose files came by snapshot: laid out otherwise, linked, referenced."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.errors import CorruptData

from .conftest import head, rows, snap, write
from .writing import check_totals, put


@pytest.fixture
def mixed(cat: Catalog, source: Path) -> Catalog:
    """Files of unlike layouts: other orders, types, missing and further columns."""
    write(source / "p=1/a.parquet", {"id": pa.array([1, 2], pa.int32()), "v": ["a", "b"]})
    write(source / "p=1/b.parquet", {"v": pa.array([None], pa.string()), "id": [3]})
    write(source / "p=2/c.parquet", {"more": [0.5], "id": [4]}, compression="gzip")
    write(source / "p=2/d.parquet", {"id": pa.array([5], pa.int16()), "p": [2], "v": pa.nulls(1)})
    write(source / "p=3/e.parquet", {"id": [6], "v": ["f"]})
    snap(cat, "t", source, key=["id"])
    return cat


ALL = "SELECT id, p, v, more FROM t ORDER BY id"
BEFORE = [
    (1, 1, "a", None),
    (2, 1, "b", None),
    (3, 1, None, None),
    (4, 2, None, 0.5),
    (5, 2, None, None),
    (6, 3, "f", None),
]


def test_every_layout_is_upserted(mixed: Catalog) -> None:
    new = [{"id": i, "p": p, "v": f"new {i}"} for i, p, _, _ in BEFORE]
    report = put(mixed, "t", [*new, {"id": 7, "p": 3, "v": "new 7"}], "upsert")
    assert (report.files_added, report.files_removed, report.rows) == (6, 5, 7)
    expected = [(i, p, f"new {i}", m) for i, p, _, m in (*BEFORE, (7, 3, None, None))]
    assert rows(mixed, ALL) == expected
    check_totals_by_reading(mixed)


@pytest.mark.parametrize("key", range(1, 7))
def test_a_row_of_any_layout_is_replaced(mixed: Catalog, key: int) -> None:
    partition = BEFORE[key - 1][1]
    report = put(mixed, "t", [{"id": key, "p": partition, "v": "new"}], "upsert")
    assert (report.files_added, report.files_removed, report.rows) == (1, 1, 6)
    expected = [(i, p, "new" if i == key else v, m) for i, p, v, m in BEFORE]
    assert rows(mixed, ALL) == expected
    check_totals_by_reading(mixed)
    diff = mixed.diff("main~1", "main")["t"]
    assert (diff.rows.inserted, diff.rows.deleted, diff.rows.updated) == (0, 0, 1)


def check_totals_by_reading(cat: Catalog) -> None:
    check_totals(cat, "t")
    assert cat.table("t").rows == rows(cat, "SELECT count(*) FROM t")[0][0]


def test_all_rows_move_to_one_partition(mixed: Catalog) -> None:
    put(mixed, "t", [{"id": n, "p": 9} for n in range(1, 8)], "upsert")
    assert rows(mixed, ALL) == [*((i, 9, v, m) for i, _, v, m in BEFORE), (7, 9, None, None)]
    assert len(mixed.partitions("t")) == 1
    check_totals_by_reading(mixed)


def test_equal_rows_of_other_files_are_left_alone(mixed: Catalog) -> None:
    before = head(mixed)
    data = mixed.sql("SELECT id, p, v FROM t").to_arrow_table()
    assert not put(mixed, "t", data, "upsert").changed
    assert head(mixed) == before


def test_partitions_of_a_snapshot_are_replaced(mixed: Catalog) -> None:
    put(mixed, "t", [{"id": 10, "p": 2, "v": "x"}], "overwrite_partitions")
    assert rows(mixed, ALL) == [*BEFORE[:3], BEFORE[5], (10, 2, "x", None)]
    check_totals_by_reading(mixed)


def test_writes_and_snapshots_take_turns(mixed: Catalog, source: Path, tmp_path: Path) -> None:
    put(mixed, "t", [{"id": 7, "p": 3, "v": "g"}])
    write(tmp_path / "n/p=3/x.parquet", {"id": [8], "v": ["h"], "later": [1]})
    snap(mixed, "t", tmp_path / "n", scope="append")
    put(mixed, "t", [{"id": 8, "p": 3, "v": "i", "later": 2}], "upsert")
    assert rows(mixed, "SELECT id, v, later FROM t WHERE p = 3 ORDER BY id") == [
        (6, "f", None),
        (7, "g", None),
        (8, "i", 2),
    ]
    snap(mixed, "t", source)
    assert rows(mixed, ALL) == BEFORE


@pytest.mark.parametrize("mode", ["link", "reference"])
def test_linked_files_are_rewritten_into_the_catalog(
    cat: Catalog, source: Path, mode: str, root: Path
) -> None:
    write(source / "a.parquet", {"id": [1, 2], "v": [1, 2]})
    write(source / "b.parquet", {"id": [3], "v": [3]})
    kept = (source / "a.parquet").read_bytes()
    snap(cat, "t", source, key=["id"], mode=mode)
    put(cat, "t", [{"id": 2, "v": 9}], "upsert")
    assert rows(cat, "SELECT id, v FROM t ORDER BY id") == [(1, 1), (2, 9), (3, 3)]
    assert (source / "a.parquet").read_bytes() == kept
    assert sum(file.uri.startswith(str(root)) for file in cat.files("t")) >= 1


def test_a_reference_changed_since_is_never_written_on(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1, 2], "v": [1, 2]})
    snap(cat, "t", source, key=["id"], mode="reference")
    write(source / "a.parquet", {"id": [1, 2], "v": [1, 2], "w": [1, 2]})
    before = head(cat)
    with pytest.raises(CorruptData):
        put(cat, "t", [{"id": 2, "v": 9}], "upsert")
    assert head(cat) == before


def test_a_reference_changed_since_may_be_overwritten(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1], "v": [1]})
    snap(cat, "t", source, key=["id"], mode="reference")
    write(source / "a.parquet", {"id": [1, 2], "v": [1, 2]})
    put(cat, "t", [{"id": 5, "v": 5}], "overwrite")
    assert rows(cat, "SELECT id, v FROM t") == [(5, 5)]


def test_a_missing_file_is_an_error_that_loses_nothing(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1], "v": [1]})
    snap(cat, "t", source, key=["id"], mode="reference")
    (source / "a.parquet").unlink()
    before = head(cat)
    with pytest.raises(CorruptData):
        put(cat, "t", [{"id": 1, "v": 9}], "upsert")
    assert head(cat) == before


def test_a_damaged_file_is_an_error_that_loses_nothing(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", pa.table({"id": list(range(5000)), "v": ["x" * 20] * 5000}))
    snap(cat, "t", source, key=["id"])
    path = Path(cat.files("t")[0].uri)
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(good[:4] + bytes(len(good) // 2) + good[4 + len(good) // 2 :])
    before = head(cat)
    with pytest.raises(CorruptData):
        put(cat, "t", [{"id": 1, "v": "y"}], "upsert")
    assert head(cat) == before


def test_the_order_of_rows_survives_several_row_groups(cat: Catalog, source: Path) -> None:
    keys = [7, 3, 9, 1, 5, 8, 2]
    write(source / "a.parquet", {"id": keys, "v": [0] * 7}, row_group_size=2)
    snap(cat, "t", source, key=["id"])
    put(cat, "t", [{"id": n, "v": 1} for n in (9, 2)], "upsert")
    (file,) = cat.files("t")
    there = pq.ParquetFile(file.uri).read().to_pydict()
    assert there == {"id": keys, "v": [0, 0, 1, 0, 0, 0, 1]}
