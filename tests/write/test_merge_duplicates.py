"""Merges of rows whose keys are in files that neither side changed, too."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog

from .merges import conflict, conflict_rows, put

LAYOUTS: dict[str, tuple[list[str], list[str] | None, str]] = {
    "one partition": (["k"], None, "a"),
    "in another partition": (["k"], ["p"], "b"),
    "partition in the key": (["k", "p"], ["p"], "a"),
}
"""Key, partition columns, and in which partition the second row of the key is."""


def doubled(cat: Catalog, layout: str) -> None:
    """Gives two rows in two files one key, and branches off; ``w`` distinguishes them."""
    key, partition_by, place = LAYOUTS[layout]
    first = [{"k": k, "v": 0, "w": 1, "p": "a"} for k in (1, 2)]
    put(cat, "main", first, key=key, partition_by=partition_by)
    put(cat, "main", [{"k": 1, "v": 0, "w": 2, "p": place}], mode="append")
    cat.branches.create("work")


def run(cat: Catalog, branch: str, statement: str) -> None:
    with cat.transaction(branch) as tx:
        tx.sql(statement)


def rows(cat: Catalog, ref: str = "main") -> list[tuple[Any, ...]]:
    return cat.sql("SELECT k, v, w FROM t ORDER BY ALL", ref=ref).fetchall()


@pytest.mark.invariant("A duplicate key is found even where neither side wrote")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("UPDATE t SET v = 5 WHERE k = 1 AND w = 1", "UPDATE t SET w = 7 WHERE k = 1 AND w = 1"),
        ("UPDATE t SET v = 5 WHERE k = 1 AND w = 1", "UPDATE t SET v = 7 WHERE k = 1 AND w = 1"),
        ("DELETE FROM t WHERE k = 1 AND w = 1", "UPDATE t SET v = 7 WHERE k = 1 AND w = 1"),
        ("UPDATE t SET v = 5 WHERE k = 1 AND w = 1", "DELETE FROM t WHERE k = 1 AND w = 1"),
        (
            "INSERT INTO t BY NAME SELECT 1 AS k, 5 AS v, 3 AS w, 'a' AS p",
            "INSERT INTO t BY NAME SELECT 1 AS k, 7 AS v, 3 AS w, 'a' AS p",
        ),
    ],
    ids=["other cells", "same cell", "deleted by ours", "deleted by theirs", "inserted"],
)
def test_a_second_row_of_the_key_is_found_where_nobody_wrote(
    cat: Catalog, layout: str, ours: str, theirs: str
) -> None:
    doubled(cat, layout)
    run(cat, "main", ours)
    run(cat, "work", theirs)
    before = rows(cat)
    error = conflict(cat, "work")
    assert {kind for kind, _, _ in conflict_rows(error)} == {"duplicates"}
    assert rows(cat, error.branch or "") == before


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_one_side_did_to_a_repeated_key_is_taken(cat: Catalog, layout: str) -> None:
    doubled(cat, layout)
    run(cat, "main", "UPDATE t SET v = 5 WHERE k = 2")
    run(cat, "work", "UPDATE t SET v = 7 WHERE k = 1 AND w = 1")
    cat.merge("work")
    assert rows(cat) == [(1, 0, 2), (1, 7, 1), (2, 5, 1)]


def test_files_without_the_keys_that_both_changed_are_not_read(cat: Catalog) -> None:
    put(cat, "main", [{"k": k, "v": 0, "w": 1} for k in (3, 4)], key=["k"])
    (untouched,) = cat.files("t")
    put(cat, "main", [{"k": k, "v": 0, "w": 1} for k in (1, 2)], mode="append")
    cat.branches.create("work")
    run(cat, "main", "UPDATE t SET v = 5 WHERE k = 2")
    run(cat, "work", "UPDATE t SET w = 7 WHERE k = 2")
    Path(untouched.uri).unlink()
    cat.merge("work")
    assert untouched.path in {file.path for file in cat.files("t")}
    merged = cat.sql("SELECT k, v, w FROM t WHERE k < 3 ORDER BY k").fetchall()
    assert merged == [(1, 0, 1), (2, 5, 7)]


def test_a_key_that_one_side_narrows_never_makes_rows_of_the_other_share_it(cat: Catalog) -> None:
    """Rows that the old key told apart, and the new one does not, are no merge."""
    start = pa.table({"k": [1, 2], "p": ["a", "a"], "v": [0, 0]})
    more = pa.table({"k": [1], "p": ["b"], "v": [5]})
    for name, changed in (("rows too", pa.table({**_columns(start), "v": [0, 1]})), ("key", start)):
        with cat.transaction("main") as tx:
            tx.write(name, start, mode="overwrite", key=["k", "p"])
        cat.branches.create(name.replace(" ", "-"))
        with cat.transaction(name.replace(" ", "-")) as tx:
            tx.write(name, more, mode="append")
        with cat.transaction("main") as tx:
            tx.write(name, changed, mode="overwrite", key=["k"])
        for source, into in ((name.replace(" ", "-"), "main"), ("main", name.replace(" ", "-"))):
            with pytest.raises(catalog.MergeConflict):
                cat.merge(source, into=into)
            (row,) = cat.conflicts(source, into=into).to_pylist()
            assert (row["kind"], row["base"]) == ("key-changed", "k, p")
            cat.abort_merge(source, into=into)


def test_a_key_that_one_side_changes_merges_with_rows_that_it_distinguishes(cat: Catalog) -> None:
    start = pa.table({"k": [1, 2], "p": ["a", "a"], "v": [0, 0]})
    for n, (old, new) in enumerate(((["k", "p"], ["k"]), (["k"], ["k", "p"]))):
        table, branch = f"t{n}", f"work{n}"
        with cat.transaction("main") as tx:
            tx.write(table, start, mode="overwrite", key=old)
        cat.branches.create(branch)
        with cat.transaction(branch) as tx:
            tx.write(table, pa.table({"k": [3], "p": ["b"], "v": [5]}), mode="append")
        with cat.transaction("main") as tx:
            tx.write(table, start, mode="overwrite", key=new)
        cat.merge(branch)
        assert cat.table(table).key_names == tuple(new)
        assert sorted(cat.sql(f"SELECT k FROM {table}").fetchall()) == [(1,), (2,), (3,)]


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))
