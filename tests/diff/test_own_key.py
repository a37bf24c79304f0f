"""The key by which a diff matches rows where the two sides do not agree about it."""

from pathlib import Path

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import InvalidInput


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return catalog.create(str(tmp_path / "lake"))


def run(cat: Catalog, *statements: str) -> None:
    with cat.transaction("main", message="statements") as tx:
        for statement in statements:
            tx.sql(statement)


def counts(cat: Catalog) -> tuple[tuple[str, ...], int, int, int]:
    found = cat.diff("first", "main")["t"]
    rows = found.rows
    assert found.to_dict() == cat.diff("first", "main", method="join")["t"].to_dict()
    return found.key, rows.inserted, rows.deleted, rows.updated


def test_an_older_key_goes_by_its_column_not_by_its_name(cat: Catalog) -> None:
    run(cat, "CREATE TABLE t PRIMARY KEY (id) AS SELECT range id, 1 other FROM range(3)")
    cat.tags.create("first")
    run(
        cat,
        "ALTER TABLE t RENAME COLUMN id TO number",
        "ALTER TABLE t RENAME COLUMN other TO id",
        "UPDATE t SET id = 5 WHERE number = 1",
    )
    with cat.transaction("main", message="no key") as tx:
        tx.write("t", [{"number": 7, "id": 1}], mode="append", key=[])
    assert cat.table("t").key_names == ()
    assert counts(cat) == (("number",), 1, 0, 1)


def test_where_only_the_older_key_is_on_both_sides_it_is_taken(cat: Catalog) -> None:
    run(cat, "CREATE TABLE t PRIMARY KEY (id) AS SELECT range id, 1 v FROM range(3)")
    cat.tags.create("first")
    run(
        cat,
        "CREATE OR REPLACE TABLE t PRIMARY KEY (made) AS SELECT id, id made, v FROM t",
        "UPDATE t SET v = 2 WHERE id = 1",
    )
    assert counts(cat) == (("id",), 0, 0, 1)


@pytest.mark.parametrize("made", ["SELECT 'x' code, 1 v", "SELECT DATE '2024-01-01' id, 1 v"])
def test_where_no_key_serves_whole_rows_are_matched(cat: Catalog, made: str) -> None:
    run(cat, "CREATE TABLE t PRIMARY KEY (id) AS SELECT range id, range v FROM range(3)")
    run(cat, "CREATE TABLE u AS SELECT 1 x")
    cat.tags.create("first")
    key = made.split()[-3].strip(",")
    run(cat, "DROP TABLE t", f"CREATE TABLE t PRIMARY KEY ({key}) AS {made}", "DROP TABLE u")
    assert counts(cat) == ((), 0, 2, 0)
    diff = cat.diff("first", "main")
    assert [table.table for table in diff.tables] == ["t", "u"]
    (warning,) = [w for w in diff["t"].warnings if "whole rows" in w]
    assert warning.startswith(f"the key {key} is not on both sides")
    with pytest.raises(InvalidInput, match="cannot be a key"):
        cat.diff("first", "main", tables=["t"], key=[key])
