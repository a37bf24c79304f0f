"""Tables of one name that were made apart: neither ids nor shared files say what is equal."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.catalog import Catalog

KEYS = list(range(200))


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return catalog.create(str(tmp_path / "lake"))


def changed(cat: Catalog, before: str, table: str = "t") -> dict[str, int]:
    """Returns how many cells of each column changed, and checks the rows that show them."""
    found = cat.diff(before, "main", level="rows")[table]
    cells = {name: one.changed for name, one in found.columns.items() if one.changed}
    counts: dict[str, int] = {}
    for row in found.changes().read_all().to_pylist():
        for name in row["_changed_columns"]:
            assert row["_from"][name] != row["_to"][name]
            counts[name] = counts.get(name, 0) + 1
    assert counts == cells
    counted = cat.diff(before, "main")[table]
    assert {name: one.changed for name, one in counted.columns.items() if one.changed} == cells
    return cells


@pytest.mark.invariant("Field ids and shared files prove nothing between tables created separately")
def test_partition_columns_of_exchanged_ids(cat: Catalog) -> None:
    """Both tables have the partition (1, 2); in one it is a=1, b=2, in the other b=1, a=2."""
    ones, twos = [1] * len(KEYS), [2] * len(KEYS)
    first = pa.table({"id": KEYS, "a": ones, "b": twos, "x": [1.0] * len(KEYS)})
    with cat.transaction("main", message="first") as tx:
        tx.write("t", first, mode="append", key=["id"], partition_by=["a", "b"])
    with cat.transaction("main", message="away") as tx:
        tx.drop("t")
    second = pa.table({"id": KEYS, "b": ones, "a": twos, "x": [1.0] * 199 + [5.0]})
    with cat.transaction("main", message="again") as tx:
        tx.write("t", second, mode="append", key=["id"], partition_by=["b", "a"])
    assert changed(cat, "main~2") == {"a": 200, "b": 200, "x": 1}
    assert cat.diff("main~2", "main")["t"].rows.moved == 200


@pytest.mark.invariant("Field ids and shared files prove nothing between tables created separately")
@pytest.mark.parametrize("partition_by", [[], ["day"]])
def test_one_file_read_under_other_names(
    cat: Catalog, tmp_path: Path, partition_by: list[str]
) -> None:
    """Both tables hold the same file, but columns of one were renamed since."""
    source = tmp_path / "source" / "day=1" if partition_by else tmp_path / "source"
    source.mkdir(parents=True)
    pq.write_table(pa.table({"id": [1, 2], "a": [1, 2], "b": [1, 20]}), source / "x.parquet")
    for message in ("first", "again"):
        with cat.transaction("main", message=message) as tx:
            tx.snapshot("t", str(tmp_path / "source"), key=["id"])
        if message == "first":
            with cat.transaction("main", message="away") as tx:
                tx.drop("t")
    with cat.transaction("main", message="exchanged") as tx:
        for old, new in (("a", "c"), ("b", "a"), ("c", "b")):
            tx.sql(f"ALTER TABLE t RENAME {old} TO {new}")
    assert changed(cat, "main~3") == {"a": 1, "b": 1}
    assert changed(cat, "main~1") == {}  # the same columns, renamed


def test_the_same_file_under_the_same_names_is_not_read(cat: Catalog, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    pq.write_table(pa.table({"id": [1, 2], "a": [1, 2]}), source / "x.parquet")
    with cat.transaction("main", message="first") as tx:
        tx.snapshot("t", str(source), key=["id"])
    with cat.transaction("main", message="away") as tx:
        tx.drop("t")
    with cat.transaction("main", message="again") as tx:
        tx.snapshot("t", str(source), key=["id"])
    found = cat.diff("main~2", "main", tables=["t"])["t"].to_dict()
    assert (found["files"]["kept"], found["files"]["bytes_read"]) == (1, 0)


@pytest.mark.parametrize("renamed", [False, True])
def test_a_table_made_anew_in_one_commit(cat: Catalog, renamed: bool) -> None:
    with cat.transaction("main", message="first") as tx:
        tx.sql("CREATE TABLE t PRIMARY KEY (id) AS SELECT range id, 1 x FROM range(3)")
        tx.sql("INSERT INTO t VALUES (9, 9)")
    with cat.transaction("main", message="again") as tx:
        tx.sql("ALTER TABLE t RENAME TO u" if renamed else "DROP TABLE t")
        tx.sql("CREATE TABLE t PRIMARY KEY (id) AS SELECT 1 id, 5 x")
    for before, after, counts in (("main~1", "main", (0, 3, 1)), ("main", "main~1", (3, 0, 1))):
        rows = cat.diff(before, after)["t"].rows
        assert (rows.inserted, rows.deleted, rows.updated) == counts
    change = cat.show("main").changes["t"]
    assert (change.files_added, change.files_removed) == (1, 2)
    cat.revert("main")
    assert cat.sql("SELECT sum(id), sum(x) FROM t").fetchall() == [(12, 12)]


def test_a_table_made_anew_in_another_case_is_listed_once(cat: Catalog) -> None:
    for name in ("t", "T"):
        with cat.transaction("main", message=name) as tx:
            tx.sql("DROP TABLE IF EXISTS t")
        with cat.transaction("main", message=name) as tx:
            tx.sql(f"CREATE TABLE {name} PRIMARY KEY (id) AS SELECT 1 id, '{name}' x")
    (table,) = cat.diff("main~2", "main").tables
    assert (table.table, table.rows.updated) == ("T", 1)


@pytest.mark.parametrize("method", ["auto", "join"])
def test_cells_of_a_column_that_came_back_are_counted(cat: Catalog, method: str) -> None:
    with cat.transaction("main", message="first") as tx:
        tx.sql("CREATE TABLE t PRIMARY KEY (id) AS SELECT range id, 1 x FROM range(3)")
    with cat.transaction("main", message="away") as tx:
        tx.sql("ALTER TABLE t DROP COLUMN x")
    cat.revert("main")
    found = cat.diff("main~1", "main", method=method)["t"]  # type: ignore[arg-type]
    assert (found.columns["x"].filled, found.rows.updated) == (3, 0)
