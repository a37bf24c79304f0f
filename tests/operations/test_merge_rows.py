"""How many rows merges, reverts, cherry-picks and rebases say they changed."""

import shutil
from pathlib import Path

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.operations.merge import row_counts

START = [{"k": n, "v": n, "day": n % 2} for n in range(100)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Branches main and fix, which both changed t; fix alone changed, made and dropped tables."""
    place = tmp_path_factory.mktemp("merge-rows") / "lake"
    cat = catalog.create(place)
    with cat.transaction() as tx:
        for table in ("t", "u", "gone"):
            tx.write(table, START, mode="overwrite", key=["k"], partition_by=["day"])
    cat.branches.create("fix")
    with cat.transaction("fix") as tx:
        tx.sql("UPDATE t SET v = -1 WHERE k < 10")
        tx.sql("DELETE FROM t WHERE k = 99")
        tx.sql("INSERT INTO t VALUES (200, 1, 0), (201, 1, 1)")
        tx.sql("UPDATE u SET v = v + 1 WHERE k < 7")
        tx.write("made", [{"a": 1}, {"a": 2}], mode="overwrite")
        tx.drop("gone")
    with cat.transaction() as tx:
        tx.sql("UPDATE t SET v = 5000 WHERE k IN (50, 51)")
    return place


@pytest.fixture
def lake(made: Path, tmp_path: Path) -> Catalog:
    return catalog.open(shutil.copytree(made, tmp_path / "lake"))


MERGED = {
    "gone": (100, 0, 0, 100, 0),
    "made": (0, 2, 2, 0, 0),
    "t": (100, 101, 2, 1, 10),
    "u": (100, 100, 0, 0, 7),
}
"""Rows before and after; inserted, deleted, updated."""


def rows(report: object) -> dict[str, tuple[int | None, ...]]:
    found = {one.table: one.rows for one in report.tables}  # type: ignore[attr-defined]
    return {
        table: (one.before, one.after, one.inserted, one.deleted, one.updated)
        for table, one in found.items()
    }


def test_a_merge_tells_the_rows_that_it_changed_and_a_trial_tells_the_same(lake: Catalog) -> None:
    assert rows(lake.merge("fix", dry_run=True)) == MERGED
    report = lake.merge("fix")
    assert {one.table: one.how for one in report.tables}["t"] == "merged"
    assert rows(report) == MERGED


def test_a_cherry_pick_and_its_revert_tell_the_same_rows_turned_around(lake: Catalog) -> None:
    assert rows(lake.cherry_pick("fix")) == MERGED
    back = {t: (b, a, d, i, u) for t, (a, b, i, d, u) in MERGED.items()}
    assert rows(lake.revert("main", dry_run=True)) == back
    assert rows(lake.revert("main")) == back


def test_a_rebase_tells_what_the_branch_changes_on_its_new_base(lake: Catalog) -> None:
    found = lake.rebase("fix").rows
    assert {t: (r.before, r.after, r.inserted, r.deleted, r.updated) for t, r in found.items()} == (
        MERGED
    )


def test_a_judged_trial_counts_too(lake: Catalog) -> None:
    lake.add_check("u", "not_null", "v")
    assert rows(lake.merge("fix", dry_run=True)) == MERGED


def test_where_many_rows_had_to_be_read_only_metadata_is_told(
    lake: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_counts, "MOST_COUNTED_ROWS", 150)
    found = rows(lake.merge("fix"))
    assert found["made"] == (0, 2, 2, 0, 0)
    assert found["t"] == (100, 101, None, None, None)


def test_a_merge_is_made_though_its_rows_can_no_longer_be_read(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    cat = catalog.create(tmp_path / "lake")
    cat.branches.create("fix")
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"k": [1, 2]}), tmp_path / "in/a.parquet")
    with cat.transaction("fix") as tx:
        tx.snapshot("t", tmp_path / "in", mode="reference", fingerprints="later")
    (tmp_path / "in/a.parquet").unlink()
    report = cat.merge("fix")
    assert report.commit is not None
    assert rows(report)["t"][:2] == (0, 2)
