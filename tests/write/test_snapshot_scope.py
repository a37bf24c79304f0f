"""Full snapshots, snapshots of some partitions, and appended files."""

from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import InvalidInput, NotFound

from .conftest import head, rows, snap, write


@pytest.fixture
def daily(cat: Catalog, source: Path) -> Path:
    for day in (1, 2, 3):
        write(source / f"day={day}/a.parquet", {"id": [day], "v": ["old"]})
    snap(cat, "t", source, key=["id"])
    return source


def test_a_full_snapshot_takes_away_what_the_source_lacks(cat: Catalog, daily: Path) -> None:
    (daily / "day=2/a.parquet").unlink()
    report = snap(cat, "t", daily)
    assert (report.files_added, report.files_removed, report.files_kept) == (0, 1, 2)
    assert rows(cat, "SELECT id FROM t ORDER BY id") == [(1,), (3,)]


def test_partitions_replaces_those_in_the_source_only(
    cat: Catalog, daily: Path, tmp_path: Path
) -> None:
    write(tmp_path / "new/day=2/x.parquet", {"id": [2], "v": ["new"]})
    write(tmp_path / "new/day=2/y.parquet", {"id": [22], "v": ["new"]})
    write(tmp_path / "new/day=4/x.parquet", {"id": [4], "v": ["new"]})
    report = snap(cat, "t", tmp_path / "new", scope="partitions")
    assert (report.files_added, report.files_removed, report.files_kept) == (3, 1, 2)
    assert rows(cat, "SELECT id, v, day FROM t ORDER BY id") == [
        (1, "old", 1),
        (2, "new", 2),
        (3, "old", 3),
        (4, "new", 4),
        (22, "new", 2),
    ]
    table = cat.table("t")
    assert (table.rows, table.files, table.partitions) == (5, 5, 4)


def test_a_partition_may_be_named_by_its_own_directory(
    cat: Catalog, daily: Path, tmp_path: Path
) -> None:
    write(tmp_path / "new/day=2/x.parquet", {"id": [9], "v": ["new"]})
    snap(cat, "t", tmp_path / "new/day=2", scope="partitions")
    assert rows(cat, "SELECT id, day FROM t ORDER BY day") == [(1, 1), (9, 2), (3, 3)]


def test_append_adds_files_and_says_which_were_there(
    cat: Catalog, daily: Path, tmp_path: Path
) -> None:
    write(tmp_path / "new/day=2/x.parquet", {"id": [22], "v": ["new"]})
    write(tmp_path / "new/day=3/x.parquet", {"id": [3], "v": ["old"]})
    report = snap(cat, "t", tmp_path / "new", scope="append")
    assert (report.files_added, report.files_removed) == (1, 0)
    assert report.warnings == ("1 file is already in table t and was not added again",)
    assert rows(cat, "SELECT id FROM t ORDER BY id") == [(1,), (2,), (3,), (22,)]


def test_a_reference_written_again_replaces_itself_when_appended(
    cat: Catalog, source: Path
) -> None:
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "t", source, mode="reference")
    write(source / "a.parquet", {"id": [2, 3]})
    write(source / "b.parquet", {"id": [4]})
    snap(cat, "t", source, mode="reference", scope="append")
    assert rows(cat, "SELECT id FROM t ORDER BY id") == [(2,), (3,), (4,)]
    table = cat.table("t")
    assert (table.rows, table.files) == (3, 2)


@pytest.mark.parametrize("scope", ["partitions", "append"])
def test_parts_must_be_partitioned_like_the_table(
    cat: Catalog, daily: Path, tmp_path: Path, scope: str
) -> None:
    write(tmp_path / "new/x.parquet", {"id": [1], "v": ["new"]})
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", tmp_path / "new", scope=scope)
    assert caught.value.kind == "partitioning-mismatch"


def test_a_full_snapshot_may_change_the_partitioning(
    cat: Catalog, daily: Path, tmp_path: Path
) -> None:
    write(tmp_path / "new/x.parquet", {"id": [1], "v": ["new"]})
    snap(cat, "t", tmp_path / "new")
    assert rows(cat, "SELECT * FROM t") == [(1, "new")]
    assert cat.table("t").partition_by == ()


def test_files_that_stay_survive_another_partition_column(cat: Catalog, daily: Path) -> None:
    for day in (1, 2, 3):
        (daily / f"day={day}").rename(daily / f"d={day}")
    snap(cat, "t", daily)
    assert rows(cat, "SELECT id, v, d FROM t ORDER BY id") == [
        (1, "old", 1),
        (2, "old", 2),
        (3, "old", 3),
    ]
    table = cat.table("t")
    assert (table.rows, table.files, table.partitions) == (3, 3, 3)
    assert rows(cat, "SELECT id, day FROM t@main~1 ORDER BY id") == [(1, 1), (2, 2), (3, 3)]


def test_a_missing_source_needs_leave_to_be_empty(cat: Catalog, daily: Path) -> None:
    before = head(cat)
    with pytest.raises(NotFound) as caught:
        snap(cat, "t", daily / "nowhere")
    assert "allow_empty=True" in caught.value.hint
    assert head(cat) == before
    snap(cat, "t", daily / "nowhere", allow_empty=True)
    assert rows(cat, "SELECT * FROM t") == []
    assert [c.name for c in cat.schema("t")] == ["id", "v", "day"]
    assert cat.table("t").files == 0


def test_an_empty_source_needs_leave_to_be_empty(cat: Catalog, daily: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidInput) as caught:
        snap(cat, "t", tmp_path / "none")
    assert (caught.value.kind, "allow_empty=True" in caught.value.hint) == ("empty-source", True)
    snap(cat, "t", tmp_path / "none", allow_empty=True)
    assert rows(cat, "SELECT count(*) FROM t") == [(0,)]
    snap(cat, "t", daily)
    assert rows(cat, "SELECT count(*) FROM t") == [(3,)]


def test_an_empty_source_changes_no_partition(cat: Catalog, daily: Path, tmp_path: Path) -> None:
    before = head(cat)
    snap(cat, "t", tmp_path / "none", allow_empty=True, scope="partitions")
    assert head(cat) == before


def test_a_new_table_needs_columns(cat: Catalog, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        snap(cat, "new", tmp_path / "none", allow_empty=True)


def test_files_without_rows_are_files(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": []})
    report = snap(cat, "t", source)
    assert (report.files_added, report.rows) == (1, 0)
    assert rows(cat, "SELECT count(*) FROM t") == [(0,)]
