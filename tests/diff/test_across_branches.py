"""Diffs between branches that gave one field id to columns of their own."""

from pathlib import Path

import pytest

import catalog
from catalog.catalog import Catalog


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    made = catalog.create(str(tmp_path / "lake"))
    with made.transaction() as tx:
        tx.write("t", [{"id": 1, "x": 1}, {"id": 2, "x": 2}], mode="append", key=["id"])
    made.branches.create("other")
    with made.transaction() as tx:
        tx.sql("ALTER TABLE t ADD COLUMN a INTEGER")
        tx.sql("UPDATE t SET a = 10 * id")
    with made.transaction("other") as tx:
        tx.sql("ALTER TABLE t ADD COLUMN b INTEGER")
        tx.sql("UPDATE t SET b = 100 * id")
    return made


def changes(cat: Catalog, start: str, end: str) -> list[tuple[str, str | None]]:
    with cat.diff(start, end) as found:
        return [(one.change, one.column) for one in found["t"].schema_changes]


def test_columns_added_apart_are_no_rename(cat: Catalog) -> None:
    assert changes(cat, "main", "other") == [("column_added", "b"), ("column_removed", "a")]
    with cat.diff("main", "other") as found:
        assert found["t"].rows.updated == 0


def test_a_merged_column_is_none_of_the_branch_it_came_to(cat: Catalog) -> None:
    cat.merge("other")
    assert changes(cat, "main~1", "main") == [("column_added", "b")]
    assert changes(cat, "other", "main") == [("column_added", "a")]
    with cat.diff("other", "main") as found:
        assert found["t"].rows.updated == 0


def test_a_rename_on_a_branch_stays_a_rename(cat: Catalog) -> None:
    with cat.transaction("other") as tx:
        tx.sql("ALTER TABLE t RENAME COLUMN x TO y")
    assert ("column_renamed", "y") in changes(cat, "main", "other")
    assert changes(cat, "other~1", "other") == [("column_renamed", "y")]


def test_a_table_that_a_merge_brought_keeps_its_ids(tmp_path: Path) -> None:
    made = catalog.create(str(tmp_path / "later"))
    made.branches.create("side")
    with made.transaction() as tx:
        tx.write("t", [{"id": 1, "x": 1}], mode="append", key=["id"])
    made.merge("main", into="side")
    with made.transaction("side") as tx:
        tx.sql("UPDATE t SET x = 2")
    with made.transaction() as tx:
        tx.sql("ALTER TABLE t RENAME COLUMN x TO y")
    assert changes(made, "side", "main") == [("column_renamed", "y")]
    made.merge("side")
    (row,) = made.blame("t", key={"id": 1}, columns=["y"]).rows
    assert row.cells[0].commit.id == made.resolve("side").commit_id
