"""Refreshes of what is easily got wrong: names, keys, unchanged rows, failures."""

import os
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, CorruptData, ErrorKind, InvalidInput
from tests.effort import effort

from .conftest import Put, run

NAMES = (
    *("place", "Place", "value", "inside", "rowid", "o", "n", "again", "c1", "s", "s0", "t", "v"),
    *(
        "not place",
        'dd ay"x',
        "é",
        "select",
        "a'b",
        "a.b",
        "filename",
        "file_row_number",
        "touched",
    ),
)
"""Names of columns that might clash with those of queries that the catalog makes."""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def both(cat: Catalog, table: str, sql: str) -> tuple[list[str], list[str]]:
    """Returns the rows of a derived table, and those of its definition."""
    texts = "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({})"
    with cat.connect("main") as session:
        found, wanted = (
            sorted(map(str, session.sql(texts.format(one)).fetchall()))
            for one in (f"FROM {table}", sql)
        )
    return found, wanted


@pytest.mark.parametrize("name", NAMES[:: effort(8, 1)])
def test_columns_may_have_any_name(cat: Catalog, put: Put, name: str) -> None:
    q = quoted(name)
    put("t", f"SELECT range % 5 AS {q}, range AS vv FROM range(20)", partition_by=[name])
    plain, summed = f"SELECT {q}, vv FROM t", f"SELECT {q}, sum(vv) AS w FROM t GROUP BY {q}"
    cat.derive("a", plain, partition_by=[name])
    cat.derive("b", plain)
    cat.derive("c", summed, partition_by=[name])
    put("t", f"SELECT 2 AS {q}, 77 AS vv UNION ALL SELECT NULL, 1", mode="overwrite_partitions")
    report = cat.refresh()
    assert [(one.how, one.parts) for one in report.tables] == [("incremental", ("2", None))] * 3
    assert cat.refresh().commit is None
    for table, sql in (("a", plain), ("b", plain), ("c", summed)):
        rows, wanted = both(cat, table, sql)
        assert rows == wanted
    assert cat.refresh(full=True).commit is None


@pytest.mark.parametrize("partition_by", effort([["d"], []], [["d"], [], ["d", "k"], ["k"]]))
def test_a_key_may_move_to_another_part_but_be_in_one_only(
    cat: Catalog, put: Put, partition_by: list[str]
) -> None:
    put("t", "SELECT range % 5 AS d, range AS k, 1 AS v FROM range(5)", partition_by=["d"])
    cat.derive("a", "SELECT d, k, v FROM t", key=["k"], partition_by=partition_by)
    run(cat, "UPDATE t SET d = 2 WHERE k = 1")
    (moved,) = cat.refresh().tables
    assert moved.how == "incremental"
    if "d" not in partition_by or "k" not in partition_by:
        assert (moved.inserted, moved.updated, moved.deleted) == (0, 1, 0)
    head = cat.log()[0].id
    for bad in ("INSERT INTO t VALUES (4, 0, 9)", "INSERT INTO t VALUES (0, 0, 9)"):
        run(cat, bad)
        for full in (False, True):
            with pytest.raises(InvalidInput, match="table a share the key k=0") as caught:
                cat.refresh(full=full)
            assert caught.value.kind == ErrorKind.STEP_FAILED
            assert "key columns" in str(caught.value.advice)
        cat.reset("main", to=head)
    run(cat, "INSERT INTO t VALUES (NULL, NULL, 9)")
    assert [one.how for one in cat.refresh().tables] == ["incremental"]
    run(cat, "INSERT INTO t VALUES (3, NULL, 9)")
    with pytest.raises(InvalidInput, match="k=NULL"):
        cat.refresh()
    run(cat, "DELETE FROM t WHERE d IS NULL OR d = 0")
    assert [one.how for one in cat.refresh().tables] == ["incremental"]
    rows, wanted = both(cat, "a", "SELECT d, k, v FROM t")
    assert rows == wanted


def test_a_full_refresh_that_changes_no_row_makes_no_commit(cat: Catalog, put: Put) -> None:
    put("t", "SELECT range % 5 AS d, range / 7 AS v FROM range(50)", partition_by=["d"])
    cat.derive("a", "SELECT d, sum(v) AS v FROM t GROUP BY d", partition_by=["d"])
    cat.derive("b", "SELECT v FROM a")
    put("other", "SELECT 1 AS x")
    report = cat.refresh(full=True)
    assert (report.commit, [one.table for one in report.tables]) == (None, ["a", "b"])


def test_a_key_that_sql_gave_goes_with_it_and_one_that_was_named_stays(
    cat: Catalog, put: Put
) -> None:
    put("t", "SELECT range % 5 AS d, range AS v FROM range(20)")
    cat.derive("a", "SELECT d, sum(v) AS v FROM t GROUP BY d")
    assert cat.table("a").key_names == ("d",)
    cat.derive("a", "SELECT v, max(d) AS d FROM t GROUP BY v")
    assert cat.table("a").key_names == ("v",)
    cat.derive("a", "SELECT d, v FROM t")
    assert cat.table("a").key_names == ()
    cat.derive("a", "SELECT d, v FROM t", key=["v"])
    cat.derive("a", "SELECT d, v FROM t WHERE v > 3")
    assert cat.table("a").key_names == ("v",)


@pytest.mark.parametrize("how", ["cast", "input gone", "input cut", "own file gone"])
def test_a_step_that_fails_names_its_table_and_changes_nothing(
    cat: Catalog, put: Put, tmp_path: Path, how: str
) -> None:
    put("t", "SELECT range % 5 AS d, range::VARCHAR AS v FROM range(20)", partition_by=["d"])
    cat.derive("before", "SELECT count(*) AS n FROM t")
    cat.derive("a", "SELECT d, v::INTEGER AS w FROM t", partition_by=["d"])
    cat.derive("after", "SELECT sum(w) AS s FROM a")
    run(cat, "INSERT INTO t VALUES (1, '100')")
    lake = tmp_path / "lake"
    if how == "cast":
        run(cat, "INSERT INTO t VALUES (1, 'x')")
    elif how == "own file gone":
        (file,) = (one for one in cat.files("a") if "d=1" in one.path)
        os.remove(lake / file.path)
    else:
        (file, *_) = (one for one in cat.files("t") if "d=1" in one.path)
        data = (lake / file.path).read_bytes()
        os.remove(lake / file.path)
        if how == "input cut":
            (lake / file.path).write_bytes(data[:-40])
    heads = cat.branches.list()
    expected: type[CatalogError] = InvalidInput if how == "cast" else CorruptData
    with pytest.raises(expected, match=r"derived table '(a|before)' cannot be computed"):
        cat.refresh()
    assert cat.branches.list() == heads
    assert all(one.is_stale for one in cat.stale())
    if how == "cast":
        run(cat, "DELETE FROM t WHERE v = 'x'")
        cat.refresh()
        rows, wanted = both(cat, "after", "SELECT sum(v::INTEGER) AS s FROM t")
        assert rows == wanted
