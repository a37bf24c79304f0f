"""Rows appended, overwritten and upserted: what is written, in which order, and what is not."""

import random
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, InvalidInput, NotFound
from catalog.write.files import writer as data_writer

from .conftest import Filled, head, snap, write
from .writing import check_totals, ids, multiset, only_file, paths, plain, put


def orders(keys: list[int], value: int = 0, day: int | None = None) -> pa.Table:
    days = [key % 3 if day is None else day for key in keys]
    return pa.table({"day": days, "id": keys, "v": [value] * len(keys)})


def fill(cat: Catalog) -> None:
    put(cat, "t", orders([5, 3, 1, 0, 4, 2]), key=["id"], partition_by=["day"])


@pytest.fixture
def filled(filled_by: Filled) -> Catalog:
    return filled_by(fill)


def test_rows_are_sorted_by_key_within_partitions(filled: Catalog) -> None:
    for path in paths(filled, "t"):
        there = pq.ParquetFile(path).read()["id"].to_pylist()
        assert there == sorted(there)
        assert len(there) == 2


def test_rows_of_one_key_or_none_keep_their_order(cat: Catalog) -> None:
    rows = 50_000
    data = pa.table(
        {"p": [n % 2 for n in range(rows)], "k": [n % 7 for n in range(rows)], "n": ids(rows)}
    )
    put(cat, "keyless", data, partition_by=["p"])
    put(cat, "keyed", data, partition_by=["p"], key=["k"])
    for path in paths(cat, "keyless"):
        there = pq.ParquetFile(path).read()["n"].to_pylist()
        assert there == sorted(there)
    for path in paths(cat, "keyed"):
        found = pq.ParquetFile(path).read().select(["k", "n"]).to_pydict()
        pairs = list(zip(found["k"], found["n"], strict=True))
        assert pairs == sorted(pairs)


def test_append_adds_and_touches_no_file(filled: Catalog) -> None:
    before = paths(filled, "t")
    report = put(filled, "t", orders([6, 7]))
    assert (report.files_added, report.files_removed, report.rows) == (2, 0, 8)
    assert set(before) < set(paths(filled, "t"))
    check_totals(filled, "t")


def test_overwrite_replaces_all_and_keeps_key_and_partitions(filled: Catalog) -> None:
    put(filled, "t", orders([7, 8], 1), "overwrite")
    assert multiset(plain(filled, "t"), ["id", "v"]) == multiset(
        [{"id": i, "v": 1} for i in (7, 8)]
    )
    assert filled.table("t").key_names == ("id",)
    assert len(filled.partitions("t")) == 2
    check_totals(filled, "t")


def test_overwrite_partitions_replaces_those_that_occur(filled: Catalog) -> None:
    report = put(filled, "t", orders([10, 13], 1, day=1), "overwrite_partitions")
    assert (report.files_added, report.files_removed) == (1, 1)
    assert sorted(filled.sql("SELECT id FROM t").fetchall()) == [(n,) for n in (0, 2, 3, 5, 10, 13)]
    check_totals(filled, "t")


def test_overwrite_partitions_of_an_unpartitioned_table_is_all_of_it(cat: Catalog) -> None:
    put(cat, "t", [{"id": 1}])
    put(cat, "t", [{"id": 2}], "overwrite_partitions")
    assert plain(cat, "t") == [{"id": 2}]


@pytest.mark.invariant("The same rows give the same files, except when appended")
def test_the_same_rows_give_the_same_files(cat: Catalog) -> None:
    rows = 300_000
    data = pa.table(
        {"p": [n % 2 for n in range(rows)], "k": ids(rows), "x": [n / 7 for n in range(rows)]}
    )
    shuffled = data.take(pa.array(random.Random(1).sample(range(rows), rows)))
    for branch, given in (
        ("a", data),
        ("b", shuffled),
        ("c", pa.Table.from_batches(data.to_batches(1000))),
    ):
        cat.branches.create(branch)
        put(cat, "t", given, "overwrite", branch, key=["k"], partition_by=["p"])
    assert cat.table("t", "a").manifest == cat.table("t", "b").manifest
    assert cat.table("t", "a").manifest == cat.table("t", "c").manifest
    assert not put(cat, "t", shuffled, "overwrite", "a").changed


def test_appends_never_share_a_path(cat: Catalog) -> None:
    for _ in range(3):
        put(cat, "t", [{"id": 1}])
    with cat.transaction("main") as tx:
        tx.write("t", [{"id": 1}], mode="append")
        tx.write("t", [{"id": 1}], mode="append")
    assert plain(cat, "t") == [{"id": 1}] * 5
    check_totals(cat, "t")


@pytest.mark.parametrize("mode", ["overwrite", "overwrite_partitions", "upsert"])
def test_what_is_there_already_makes_no_commit(filled: Catalog, mode: str) -> None:
    before = head(filled)
    report = put(filled, "t", orders([0, 1, 2, 3, 4, 5]), mode)
    assert (report.changed, report.files_added, report.files_removed) == (False, 0, 0)
    assert head(filled) == before


@pytest.mark.parametrize("mode", ["append", "overwrite_partitions", "upsert"])
def test_no_rows_change_nothing(filled: Catalog, mode: str) -> None:
    before = head(filled)
    put(filled, "t", orders([]).cast(filled_schema()), mode)
    assert head(filled) == before


def filled_schema() -> pa.Schema:
    return pa.schema({"day": pa.int64(), "id": pa.int64(), "v": pa.int64()})


def test_overwriting_with_no_rows_empties_a_table(filled: Catalog) -> None:
    put(filled, "t", orders([]).cast(filled_schema()), "overwrite")
    assert filled.sql("SELECT count(*) FROM t").fetchall() == [(0,)]
    check_totals(filled, "t")
    put(filled, "t", orders([1]))
    assert filled.table("t").rows == 1


@pytest.mark.parametrize("mode", ["append", "overwrite", "overwrite_partitions", "upsert"])
def test_a_table_may_begin_without_rows(cat: Catalog, mode: str) -> None:
    put(cat, "t", pa.table({"id": pa.array([], pa.int32())}), mode, key=["id"])
    assert [(t.name, t.rows, t.files) for t in cat.tables()] == [("t", 0, 0)]
    assert [column.type for column in cat.schema("t")] == ["INTEGER"]


def test_an_unknown_mode_is_refused(cat: Catalog) -> None:
    with pytest.raises(InvalidInput, match="replace"):
        put(cat, "t", [{"a": 1}], "replace")


# several operations in one transaction


def test_operations_see_those_before_them(cat: Catalog) -> None:
    with cat.transaction("main") as tx:
        tx.write("t", orders([1, 2, 3]), mode="append", key=["id"], partition_by=["day"])
        tx.write("t", orders([2, 4], 1), mode="upsert")
        tx.write("t", orders([1], 2), mode="overwrite_partitions")
        tx.write("t", orders([3], 3), mode="upsert")
        report = tx.write("t", orders([9], 4), mode="append")
    assert report.rows == 4
    assert sorted(cat.sql("SELECT id, v FROM t").fetchall()) == [(1, 2), (2, 1), (3, 3), (9, 4)]
    assert len(cat.log()) == 2
    check_totals(cat, "t")


def test_there_and_back_again_makes_no_commit(filled: Catalog) -> None:
    before = head(filled)
    with filled.transaction("main") as tx:
        tx.write("t", orders([5], 9), mode="overwrite")
        report = tx.write("t", orders([0, 1, 2, 3, 4, 5]), mode="overwrite")
    assert not report.changed
    assert (tx.commit, head(filled)) == (None, before)


def test_there_and_back_again_of_a_partition(filled: Catalog) -> None:
    with filled.transaction("main") as tx:
        tx.write("t", orders([0], 9), mode="overwrite_partitions")
        tx.write("t", orders([0, 3]), mode="overwrite_partitions")
        tx.write("t", orders([1], 9), mode="overwrite_partitions")
    assert sorted(filled.sql("SELECT id, v FROM t").fetchall()) == [
        (0, 0),
        (1, 9),
        (2, 0),
        (3, 0),
        (5, 0),
    ]
    check_totals(filled, "t")


def test_a_dropped_table_is_written_anew(filled: Catalog) -> None:
    old = filled.table("t").table_id
    with filled.transaction("main") as tx:
        tx.drop("t")
        with pytest.raises(NotFound):
            tx.drop("t")
        tx.write("t", orders([0, 3]), mode="append", partition_by=["day"])
        tx.write("t", orders([7]), mode="append")
    assert filled.table("t").table_id != old
    assert sorted(filled.sql("SELECT id FROM t").fetchall()) == [(0,), (3,), (7,)]
    assert filled.table("t").key == ()
    check_totals(filled, "t")


def test_a_table_made_and_dropped_leaves_no_trace(cat: Catalog) -> None:
    before = head(cat)
    with cat.transaction("main") as tx:
        tx.write("t", [{"a": 1}], mode="append")
        tx.drop("t")
    assert head(cat) == before


def test_repartitioned_and_back_within_a_transaction(filled: Catalog) -> None:
    with filled.transaction("main") as tx:
        tx.write("t", orders([0, 1]), mode="overwrite", partition_by=["id"])
        tx.write("t", orders([2]), mode="append")
        tx.write("t", orders([0, 3, 2]), mode="overwrite", partition_by=["day"])
    assert sorted(filled.sql("SELECT id FROM t").fetchall()) == [(0,), (2,), (3,)]
    check_totals(filled, "t")


def test_a_snapshot_after_a_write_is_refused(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    with pytest.raises(InvalidInput, match="already part"), cat.transaction("main") as tx:
        tx.write("T", [{"id": 2}], mode="append")
        tx.snapshot("t", str(source))
    assert cat.tables() == []


def test_a_write_after_a_snapshot_sees_it(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1], "v": [1]})
    with cat.transaction("main") as tx:
        tx.snapshot("t", str(source), key=["id"])
        tx.write("t", [{"id": 1, "v": 2}, {"id": 2, "v": 2}], mode="upsert")
    assert sorted(cat.sql("SELECT id, v FROM t").fetchall()) == [(1, 2), (2, 2)]
    check_totals(cat, "t")


def test_an_exception_leaves_no_commit(filled: Catalog) -> None:
    before = head(filled)
    with pytest.raises(KeyError), filled.transaction("main") as tx:
        tx.write("t", orders([7]), mode="append")
        raise KeyError
    assert head(filled) == before
    assert filled.table("t").rows == 6


def test_a_failed_operation_takes_nothing_with_it(filled: Catalog) -> None:
    with filled.transaction("main") as tx:
        tx.write("t", orders([6]), mode="append")
        for bad in ([{"id": "x"}], orders([7, 7]), pa.table({}), [{"day": 1, "id": [1]}]):
            with pytest.raises(CatalogError):
                tx.write("t", bad, mode="upsert")
        tx.write("t", orders([8]), mode="append")
    assert filled.table("t").rows == 8
    check_totals(filled, "t")


def test_a_dry_run_writes_no_rows(cat: Catalog, root: Path) -> None:
    with pytest.raises(InvalidInput, match="dry run"), cat.transaction("main", dry_run=True) as tx:
        tx.write("t", [{"a": 1}], mode="append")
    assert cat.tables() == []
    assert not (root / "data").exists()


def test_an_empty_commit_may_be_wanted(filled: Catalog) -> None:
    with filled.transaction("main", message="nothing", allow_empty=True) as tx:
        tx.write("t", orders([0, 1, 2, 3, 4, 5]), mode="upsert")
    assert tx.commit is not None
    assert (tx.commit.message, tx.commit.tables) == ("nothing", ())


# columns that come, go and widen


def test_columns_come_and_widen(cat: Catalog) -> None:
    put(
        cat,
        "t",
        pa.table({"id": pa.array([1, 2], pa.int32()), "x": pa.array([1.5, 2.5], pa.float32())}),
    )
    put(cat, "t", pa.table({"id": [2**40], "new": ["n"]}))
    put(cat, "t", pa.table({"id": pa.array([3], pa.int8()), "x": [0.1]}))
    assert [(c.name, c.type) for c in cat.schema("t")] == [
        ("id", "BIGINT"),
        ("x", "DOUBLE"),
        ("new", "VARCHAR"),
    ]
    assert sorted(cat.sql("SELECT id, x, new FROM t").fetchall()) == [
        (1, 1.5, None),
        (2, 2.5, None),
        (3, 0.1, None),
        (2**40, None, "n"),
    ]


def test_types_that_do_not_fit_lose_nothing(filled: Catalog) -> None:
    before = head(filled)
    for mode in ("append", "overwrite_partitions", "upsert"):
        with pytest.raises(InvalidInput) as caught:
            put(filled, "t", [{"day": 1, "id": 1, "v": "text"}], mode)
        assert caught.value.kind == "schema-mismatch"
    assert head(filled) == before


def test_columns_without_values_fit_any_type(cat: Catalog) -> None:
    put(cat, "t", pa.table({"id": [1], "s": ["x"], "l": [["y"]]}), key=["id"])
    put(cat, "t", [{"id": 2, "s": None, "l": []}])
    put(cat, "t", [{"id": 1, "s": None, "l": None}], "upsert")
    assert [column.type for column in cat.schema("t")] == ["BIGINT", "VARCHAR", "VARCHAR[]"]
    assert multiset(plain(cat, "t")) == multiset(
        [{"id": 1, "s": None, "l": None}, {"id": 2, "s": None, "l": []}]
    )


def test_overwriting_drops_columns_and_changes_types(filled: Catalog) -> None:
    put(filled, "t", pa.table({"id": ["a"], "day": [1], "new": [1]}), "overwrite")
    assert [(c.name, c.type) for c in filled.schema("t")] == [
        ("id", "VARCHAR"),
        ("day", "BIGINT"),
        ("new", "BIGINT"),
    ]
    with pytest.raises(InvalidInput) as caught:
        put(filled, "t", pa.table({"day": [1]}), "overwrite")
    assert caught.value.kind == "key-missing"
    put(filled, "t", pa.table({"day": [1]}), "overwrite", key=[])
    check_totals(filled, "t")


# rows stand where they stood


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_writer, "ROW_GROUP_ROWS", 4096)
    monkeypatch.setattr(data_writer, "MAX_FILE_ROWS", 3 * 4096)


@pytest.mark.parametrize("engine", [False, True], ids=["arrow", "engine"])
@pytest.mark.parametrize("share", [0.0002, 0.5, 0.9999])
def test_a_rewritten_file_keeps_the_order_of_its_rows(
    cat: Catalog, source: Path, share: float, engine: bool
) -> None:
    rows = 150_000
    draw = random.Random(7)
    keys = draw.sample(range(rows), rows)
    data = pa.table({"id": keys, "v": pa.array([0] * rows), "s": [f"row {k}" for k in keys]})
    kinds: dict[str, Any] = {}
    if engine:
        kinds["u"] = pa.array([uuid.UUID(int=k).bytes for k in keys], pa.binary(16)).cast(pa.uuid())
        data = data.append_column("u", kinds["u"])
    write(source / "a.parquet", data, row_group_size=30_000)
    snap(cat, "t", source, key=["id"])
    picked = data.take(pa.array(draw.sample(range(rows), max(1, int(rows * share)))))
    changed = picked.set_column(1, "v", pa.array([1] * picked.num_rows))
    put(cat, "t", changed, "upsert")
    there = pq.ParquetFile(only_file(cat, "t")).read()
    assert there["id"].to_pylist() == keys
    assert pc.sum(there["v"]).as_py() == changed.num_rows
    check_totals(cat, "t")


@pytest.mark.usefixtures("small_groups")
def test_large_partitions_become_several_files(cat: Catalog) -> None:
    rows = 40_000
    put(cat, "t", pa.table({"id": ids(rows), "v": ids(rows)}), key=["id"])
    sizes = [pq.read_metadata(path).num_rows for path in paths(cat, "t")]
    assert sorted(sizes) == [rows - 3 * 12_288, 12_288, 12_288, 12_288]
    groups = [pq.read_metadata(p).row_group(0).num_rows for p in paths(cat, "t")]
    assert set(groups) <= {4096, rows - 3 * 12_288}
    report = put(cat, "t", [{"id": 20_000, "v": -1}], "upsert")
    assert (report.files_added, report.files_removed, report.rows) == (1, 1, rows)
    check_totals(cat, "t")
    assert not put(cat, "t", pa.table({"id": [20_000], "v": [-1]}), "upsert").changed


def test_rows_with_a_column_called_file_row_number_keep_their_places(
    cat: Catalog, source: Path
) -> None:
    rows = 200_000
    keys = random.Random(3).sample(range(rows), rows)
    data = pa.table({"id": keys, "file_row_number": ids(rows), "v": [0] * rows})
    write(source / "a.parquet", data, row_group_size=10_000)
    snap(cat, "t", source, key=["id"])
    put(cat, "t", [{"id": keys[123_456], "v": 1}, {"id": keys[5], "v": 1}], "upsert")
    there = pq.ParquetFile(only_file(cat, "t")).read()
    assert there["id"].to_pylist() == keys
    assert there["file_row_number"].to_pylist() == list(range(rows))
    assert [n for n, v in enumerate(there["v"].to_pylist()) if v] == [5, 123_456]


# what the diff of it says


def test_the_diff_says_what_was_written_and_reads_no_file(
    filled: Catalog, monkeypatch: Any
) -> None:
    put(
        filled,
        "t",
        pa.table({"day": [0, 0, 2, 1], "id": [0, 3, 4, 7], "v": [1, 0, 0, 0]}),
        "upsert",
    )
    monkeypatch.setattr("catalog.diff.fingerprints.completing.compute", pytest.fail)
    diff = filled.diff("main~1", "main")["t"]
    assert (diff.rows.inserted, diff.rows.deleted, diff.rows.updated, diff.rows.moved) == (
        1,
        0,
        2,
        1,
    )
    assert {n: c.changed for n, c in diff.columns.items() if c.changed} == {"v": 1, "day": 1}


@pytest.mark.parametrize("wide_columns", [0, 10_000], ids=["copied", "renamed"])
def test_rows_get_the_shape_of_the_table_however_many_columns_it_has(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch, wide_columns: int
) -> None:
    monkeypatch.setattr("catalog.write.rows.target_schema.WIDE_COLUMNS", wide_columns)
    first = pa.table({"id": [1], "n": pa.array([1.0], "float"), "s": ["a"]})
    put(cat, "t", first, key=["id"])
    more = pa.table({"new": ["x", None], "n": [2.5, float("nan")], "id": pa.array([3, 2], "int8")})
    put(cat, "t", more, mode="append")
    found = cat.sql("SELECT id, CAST(n AS VARCHAR), s, new FROM t ORDER BY id").fetchall()
    assert found == [(1, "1.0", "a", None), (2, "nan", None, None), (3, "2.5", None, "x")]
