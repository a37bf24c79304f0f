"""Schemas of a source: unified without loss, or refused by naming files and column."""

import decimal
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.errors import InvalidInput

from .conftest import head, rows, snap, write


def types(cat: Catalog, table: str = "t", ref: str = "main") -> dict[str, str]:
    return {c.name: c.type for c in cat.schema(table, ref)}


def ids(cat: Catalog, ref: str = "main") -> dict[str, int]:
    return {c.name: c.field_id for c in cat.schema("t", ref)}


WIDENED = [
    (pa.int32(), pa.int64(), "BIGINT"),
    (pa.int8(), pa.uint8(), "SMALLINT"),
    (pa.uint64(), pa.int64(), "HUGEINT"),
    (pa.float32(), pa.float64(), "DOUBLE"),
    (pa.int32(), pa.float64(), "DOUBLE"),
    (pa.decimal128(5, 2), pa.decimal128(6, 4), "DECIMAL(7,4)"),
    (pa.null(), pa.string(), "VARCHAR"),
    (pa.list_(pa.int32()), pa.list_(pa.int64()), "BIGINT[]"),
]


@pytest.mark.parametrize(("one", "other", "expected"), WIDENED, ids=lambda v: str(v))
def test_types_that_differ_become_one_that_holds_both(
    cat: Catalog, source: Path, one: pa.DataType, other: pa.DataType, expected: str
) -> None:
    write(source / "a.parquet", pa.table({"v": pa.array([None], one)}))
    write(source / "b.parquet", pa.table({"v": pa.array([None], other)}))
    snap(cat, "t", source)
    assert types(cat) == {"v": expected}
    assert rows(cat, "SELECT v FROM t") == [(None,), (None,)]


def test_widened_values_are_the_same_values(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", pa.table({"v": pa.array([7], pa.int32())}))
    write(source / "b.parquet", pa.table({"v": [decimal.Decimal("0.25")]}))
    snap(cat, "t", source)
    assert rows(cat, "SELECT v FROM t ORDER BY v") == [
        (decimal.Decimal("0.25"),),
        (decimal.Decimal("7"),),
    ]


REFUSED = [
    (pa.string(), pa.int64()),
    (pa.int64(), pa.float64()),
    (pa.timestamp("us"), pa.timestamp("us", "UTC")),
    (pa.date32(), pa.timestamp("us")),
    (pa.decimal128(38, 0), pa.decimal128(38, 10)),
    (pa.list_(pa.int64()), pa.int64()),
]


@pytest.mark.parametrize(("one", "other"), REFUSED, ids=lambda v: str(v))
def test_types_without_a_lossless_union_are_refused_by_name(
    cat: Catalog, source: Path, one: pa.DataType, other: pa.DataType
) -> None:
    write(source / "a.parquet", pa.table({"id": [1], "v": pa.array([None], one)}))
    write(source / "b.parquet", pa.table({"id": [1], "v": pa.array([None], other)}))
    before = head(cat)
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", source)
    assert caught.value.kind == "schema-mismatch"
    for part in ("'v'", str(source / "a.parquet"), str(source / "b.parquet")):
        assert part in caught.value.message
    assert (head(cat), caught.value.hint != "") == (before, True)


def test_columns_that_some_files_lack_are_null_there(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1], "x": ["a"]})
    write(source / "b.parquet", {"y": [5], "id": [2]})
    snap(cat, "t", source)
    assert rows(cat, "SELECT id, x, y FROM t ORDER BY id") == [(1, "a", None), (2, None, 5)]


def test_the_order_of_columns_does_not_matter(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"a": [1], "b": [2]})
    write(source / "b.parquet", {"b": [20], "a": [10]})
    snap(cat, "t", source)
    assert rows(cat, "SELECT a, b FROM t ORDER BY a") == [(1, 2), (10, 20)]


def test_columns_keep_their_ids_and_new_ones_get_fresh_ids(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"a": [1], "b": [2]})
    snap(cat, "t", source)
    write(source / "a.parquet", {"c": [3], "b": [2]})
    snap(cat, "t", source)
    write(source / "a.parquet", {"a": [1], "b": [2], "c": [3]})
    snap(cat, "t", source)
    assert ids(cat, "main~2") == {"a": 1, "b": 2}
    assert ids(cat, "main~1") == {"c": 3, "b": 2}
    assert ids(cat) == {"a": 4, "b": 2, "c": 3}


def test_a_part_without_a_column_keeps_the_column(
    cat: Catalog, source: Path, tmp_path: Path
) -> None:
    write(source / "day=1/a.parquet", {"id": [1], "x": ["a"]})
    write(source / "day=2/a.parquet", {"id": [2], "x": ["b"]})
    snap(cat, "t", source)
    write(tmp_path / "new/day=2/a.parquet", {"id": [2], "y": [0.5]})
    snap(cat, "t", tmp_path / "new", scope="partitions")
    assert [c.name for c in cat.schema("t")] == ["id", "x", "day", "y"]
    assert rows(cat, "SELECT id, x, y FROM t ORDER BY id") == [(1, "a", None), (2, None, 0.5)]


def test_a_part_of_a_wider_type_widens_the_table(
    cat: Catalog, source: Path, tmp_path: Path
) -> None:
    write(source / "day=1/a.parquet", pa.table({"v": pa.array([1], pa.int32())}))
    snap(cat, "t", source)
    write(tmp_path / "new/day=2/a.parquet", pa.table({"v": pa.array([1 << 40], pa.int64())}))
    snap(cat, "t", tmp_path / "new", scope="partitions")
    assert types(cat)["v"] == "BIGINT"
    assert rows(cat, "SELECT v FROM t ORDER BY v") == [(1,), (1 << 40,)]


def test_a_part_of_another_type_is_refused(cat: Catalog, source: Path, tmp_path: Path) -> None:
    write(source / "day=1/a.parquet", {"v": [1]})
    snap(cat, "t", source)
    write(tmp_path / "new/day=2/a.parquet", {"v": ["x"]})
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", tmp_path / "new", scope="partitions")
    assert "in the table" in caught.value.message


def test_a_full_snapshot_may_change_a_type(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"v": [1]})
    snap(cat, "t", source)
    write(source / "a.parquet", {"v": ["x"]})
    snap(cat, "t", source)
    assert (types(cat), ids(cat)) == ({"v": "VARCHAR"}, {"v": 1})
    assert rows(cat, "SELECT v FROM t@main~1") == [(1,)]


def test_a_column_that_becomes_empty_keeps_its_type(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"v": ["x"]})
    snap(cat, "t", source)
    write(source / "a.parquet", pa.table({"v": pa.nulls(2)}))
    snap(cat, "t", source)
    assert types(cat) == {"v": "VARCHAR"}
    assert rows(cat, "SELECT v FROM t") == [(None,), (None,)]


def test_columns_that_differ_in_case_only_stay_apart(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"v": [1], "V": [2]})
    snap(cat, "t", source)
    assert ids(cat) == {"v": 1, "V": 2}


def test_a_column_that_is_spelled_in_two_ways_is_refused(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"v": [1], "w": [1]})
    write(source / "b.parquet", {"V": [2]})
    with pytest.raises(InvalidInput, match=r"spelled 'v' in .*'V' in") as caught:
        snap(cat, "t", source)
    assert caught.value.kind == "schema-mismatch"
    assert all(str(source / name) in caught.value.message for name in ("a.parquet", "b.parquet"))
    write(source / "b.parquet", {"V": [2], "v": [3]})  # these are two columns
    snap(cat, "t", source)
    assert rows(cat, "FROM t ORDER BY ALL") == [(1, 1, None), (3, None, 2)]


def test_what_is_added_is_spelled_as_the_table_is(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"v": [1]})
    snap(cat, "t", source)
    write(source / "a.parquet", {"V": [2]})
    with pytest.raises(InvalidInput, match="spelled 'v' in the table and 'V' in"):
        snap(cat, "t", source, scope="append")
    snap(cat, "t", source)  # another table altogether
    assert list(types(cat)) == ["V"]


def test_several_columns_of_one_name_are_refused(cat: Catalog, source: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["v", "v"])
    write(source / "a.parquet", twice)
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", source)
    assert (caught.value.kind, "a.parquet" in caught.value.message) == ("bad-columns", True)


def test_a_key_is_kept_until_another_is_declared(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"a": [1], "b": [2]})
    snap(cat, "t", source, key=["b", "a"])
    write(source / "a.parquet", {"a": [1], "b": [2], "c": [3]})
    snap(cat, "t", source)
    assert cat.table("t").key_names == ("b", "a")
    snap(cat, "t", source, key=["a"])
    assert cat.table("t").key_names == ("a",)
    snap(cat, "t", source, key=[])
    assert cat.table("t").key_names == ()


def test_a_key_that_changes_is_a_commit_of_its_own(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"a": [1]})
    snap(cat, "t", source)
    report = snap(cat, "t", source, key=["a"])
    assert (report.changed, report.files_added, report.files_kept) == (True, 0, 1)
    assert cat.show("main").tables == ("t",)


def test_a_key_column_that_does_not_exist_is_named(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"order_id": [1]})
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", source, key=["oder_id"])
    assert (caught.value.kind, caught.value.hint) == ("column-not-found", "did you mean order_id?")


def test_a_key_column_named_twice_is_refused(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"a": [1]})
    with pytest.raises(InvalidInput):
        snap(cat, "t", source, key=["a", "a"])


def test_a_key_column_that_went_away_must_be_settled(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"a": [1]})
    snap(cat, "t", source, key=["a"])
    write(source / "a.parquet", {"b": [1]})
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", source)
    assert (caught.value.kind, "new key of t" in caught.value.hint) == ("key-missing", True)


def test_null_and_duplicate_keys_are_warnings(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1, 1, None]})
    report = snap(cat, "t", source, key=["id"])
    assert report.warnings == (
        "1 row of t has NULL in the key (id)",
        "2 rows of t share their key (id)",
    )
    assert rows(cat, "SELECT count(*) FROM t") == [(3,)]
