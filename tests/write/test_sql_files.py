"""Which files a statement reads, rewrites and leaves, and in which order rows are."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, InvalidInput, Unsupported
from catalog.model.datafile import DataFile
from catalog.operations.tables import stored_table
from catalog.query.pending_write import WriteResult
from catalog.repository.tables import data_files
from tests.write.conftest import Filled, rows, snap, write
from tests.write.sql_samples import OTHER, SAMPLES
from tests.write.sql_tables import Sample, committed, make, multiset, paths


def entries(cat: Catalog, name: str = "orders") -> dict[str, DataFile]:
    table = stored_table(cat.repository, name, cat.resolve("main"))
    return {file.path: file for file in data_files(cat.repository.commits, table)}


def run(cat: Catalog, text: str) -> WriteResult:
    with cat.transaction("main") as tx:
        result = tx.sql(text)
    assert isinstance(result, WriteResult)
    return result


def lose(cat: Catalog, root: Path, *, but: str) -> None:
    """Deletes the data files whose path does not hold a text."""
    for file in entries(cat).values():
        if but not in file.path:
            (root / file.path).unlink()


def fill_days(cat: Catalog) -> None:
    """Makes a table of 4 days with 100 rows each, in the order of no column."""
    for day in "abcd":
        rows = [(n * 37) % 101 for n in range(100)]
        data = pa.table({"id": rows, "day": [day] * 100, "x": [float(n) for n in range(100)]})
        with cat.transaction("main") as tx:
            tx.write("orders", data, mode="append", partition_by=["day"])


@pytest.fixture
def days(filled_by: Filled) -> Catalog:
    return filled_by(fill_days)


@pytest.mark.invariant(
    "A statement leaves files without a changed row alone, and keeps the order of rows in others"
)
@pytest.mark.parametrize(
    "text",
    [
        "UPDATE orders SET x = -1 WHERE day = 'b' AND id < 50",
        "DELETE FROM orders AS o WHERE o.day IN ('b') AND o.id > 3",
        "UPDATE orders o SET x = s.x FROM (SELECT 5 AS id, 9 AS x) s "
        "WHERE o.id = s.id AND o.day = 'b'",
        "DELETE FROM orders USING (SELECT 5 AS id) s WHERE orders.id = s.id AND 'b' = orders.day",
        "MERGE INTO orders o USING (SELECT 5 AS id, 'b' AS day) s ON o.id = s.id AND o.day = s.day "
        "WHEN MATCHED THEN UPDATE SET x = -1",
        "MERGE INTO orders USING (SELECT 5 AS id, 'b' AS day) s USING (day, id) "
        "WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, day) VALUES (s.id, s.day)",
        "MERGE INTO orders o USING (SELECT 5 AS id) s ON o.id = s.id AND o.day = 'b' "
        "WHEN MATCHED THEN DELETE",
        "WITH s AS (SELECT 'b' AS day) MERGE INTO orders o USING s ON o.day = s.day "
        "WHEN MATCHED AND o.id = 5 THEN DELETE",
    ],
)
def test_other_files_are_neither_read_nor_changed(days: Catalog, root: Path, text: str) -> None:
    before = entries(days)
    lose(days, root, but="day=b")
    result = run(days, text)
    assert result.rows > 0
    after = entries(days)
    kept = {path: file for path, file in before.items() if "day=b" not in path}
    assert {path: file for path, file in after.items() if "day=b" not in path} == kept
    assert len(set(after) - set(before)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "MERGE INTO orders o USING (SELECT 5 AS id, 'b' AS day) s ON o.day = s.day "
        "WHEN NOT MATCHED BY SOURCE THEN DELETE",
        "UPDATE orders SET x = 1 WHERE day = 'b' OR id = 7",
        "UPDATE orders SET x = random() WHERE day = 'b'",
    ],
)
def test_files_are_read_where_they_may_matter(days: Catalog, root: Path, text: str) -> None:
    lose(days, root, but="day=b")
    with pytest.raises(CatalogError) as caught:
        run(days, text)
    assert caught.value.kind == "file-changed"


def test_files_without_a_row_that_changes_are_kept(days: Catalog) -> None:
    before = entries(days)
    result = run(days, "UPDATE orders SET x = 0 WHERE id = 5 AND x <> 0 OR day = 'a' AND x < 0")
    assert result.updated == 4
    assert not set(before) & set(entries(days))
    before = entries(days)
    result = run(days, "UPDATE orders SET x = CASE day WHEN 'c' THEN 3 ELSE x END")
    assert result.updated == 99
    assert {path for path in before if "day=c" not in path} <= set(entries(days))


def stored_ids(root: Path, cat: Catalog, part: str = "") -> list[list[int]]:
    found = sorted(path for path in entries(cat) if part in path)
    return [pq.ParquetFile(root / path).read(["id"])["id"].to_pylist() for path in found]


@pytest.mark.invariant(
    "A statement leaves files without a changed row alone, and keeps the order of rows in others"
)
def test_rows_of_a_rewritten_file_keep_their_order(cat: Catalog, root: Path, source: Path) -> None:
    ids = [(n * 7919) % 300_007 for n in range(300_000)]
    write(source / "a.parquet", {"id": ids, "x": ids, "l": [[n] for n in ids]})
    snap(cat, "orders", source)
    run(cat, "UPDATE orders SET x = -1 WHERE id % 3 = 0")
    assert stored_ids(root, cat) == [ids]
    run(cat, "DELETE FROM orders WHERE id % 5 = 0")
    left = [n for n in ids if n % 5]
    assert stored_ids(root, cat) == [left]
    run(cat, "UPDATE orders SET l = [0, 1] WHERE id % 2 = 0 RETURNING id")
    assert stored_ids(root, cat) == [left]
    run(cat, "ALTER TABLE orders ADD COLUMN m INTEGER[] DEFAULT [1]")
    assert stored_ids(root, cat) == [left]
    wrong = "SELECT count(*) FROM orders WHERE l <> CASE WHEN id % 2 = 0 THEN [0, 1] ELSE [id] END"
    assert rows(cat, f"{wrong} OR x <> CASE WHEN id % 3 = 0 THEN -1 ELSE id END") == [(0,)]


def test_rows_of_lists_find_their_place_by_key(cat: Catalog, root: Path) -> None:
    ids = list(range(1000))
    data = pa.table({"id": ids, "l": [[n] for n in ids]})
    make(cat, Sample("orders", [data], key=["id"]))
    before = "(SELECT id, [id, 0] AS l FROM orders WHERE id % 4 = 0 ORDER BY id DESC)"
    run(cat, f"UPDATE orders SET l = s.l FROM {before} s WHERE s.id = orders.id")
    assert stored_ids(root, cat) == [ids]


def test_a_row_whose_partition_value_changes_moves(days: Catalog) -> None:
    before = entries(days)
    result = run(days, "UPDATE orders SET day = 'e' WHERE id = 5 AND day < 'c'")
    assert (result.inserted, result.updated, result.deleted) == (0, 2, 0)
    after = entries(days)
    assert {p for p in before if "day=c" in p or "day=d" in p} <= set(after)
    assert sum("day=e" in path for path in after) == 1
    assert rows(days, "SELECT count(*) FROM orders WHERE day = 'e'") == [(2,)]


def test_an_update_without_effect_makes_no_commit(cat: Catalog) -> None:
    make(cat, SAMPLES["nested"])
    for text in (
        "UPDATE orders SET x = x, note = note, l = l, m = m, s = s",
        "UPDATE orders SET x = 'nan' WHERE x = 'nan'",
        "UPDATE orders SET note = 'q' WHERE id > 1000",
        "DELETE FROM orders WHERE false",
        "INSERT INTO orders SELECT * FROM orders LIMIT 0",
    ):
        with cat.transaction("main") as tx:
            result = tx.sql(text)
        assert isinstance(result, WriteResult)
        assert (result.rows, tx.commit) == (0, None), text
    with cat.transaction("main", allow_empty=True) as tx:
        tx.sql("UPDATE orders SET x = x")
    assert tx.commit is not None


def test_files_that_come_to_hold_the_same_rows_are_all_kept(cat: Catalog) -> None:
    make(cat, Sample("orders", [pa.table({"a": [1]}), pa.table({"a": [2]}), pa.table({"a": [3]})]))
    run(cat, "UPDATE orders SET a = 1 WHERE a = 2")
    run(cat, "UPDATE orders SET a = 1 WHERE a = 3")
    assert committed(cat, "orders") == [(1,)] * 3
    assert len(paths(cat, "orders")) == 3
    run(cat, "INSERT INTO orders VALUES (1)")
    assert committed(cat, "orders") == [(1,)] * 4


def test_intervals_of_30_days_are_no_month(cat: Catalog) -> None:
    run(cat, "CREATE TABLE t AS SELECT INTERVAL '1 month' AS i, [1] AS n")
    assert run(cat, "UPDATE t SET i = INTERVAL '30 days', n = [1]").updated == 1
    assert rows(cat, "SELECT i::VARCHAR FROM t") == [("30 days",)]


def test_columns_that_differ_in_case_only_are_refused(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", pa.table({"a": [1], "A": [2]}))
    snap(cat, "t", source)
    with pytest.raises(Unsupported) as caught:
        run(cat, "UPDATE t SET a = 3")
    assert caught.value.kind == "ambiguous-columns"


def test_a_column_called_rowid_hides_the_rows_of_changes_only(cat: Catalog) -> None:
    run(cat, "CREATE TABLE t AS SELECT 1 AS rowid")
    run(cat, "INSERT INTO t VALUES (2)")
    for text in ("UPDATE t SET rowid = 3", "ALTER TABLE t ADD COLUMN a INT DEFAULT 1"):
        with pytest.raises(Unsupported):
            run(cat, text)
    run(cat, "ALTER TABLE t RENAME COLUMN rowid TO n")
    assert run(cat, "DELETE FROM t WHERE n = 1").deleted == 1


def test_files_are_copied_into_a_table(cat: Catalog, tmp_path: Path) -> None:
    make(cat, OTHER)
    (tmp_path / "more.csv").write_text("grp,id\nq,7\n,8\n")
    result = run(cat, f"COPY other (grp, id) FROM '{tmp_path}/more.csv' (HEADER)")
    assert (result.statement, result.inserted) == ("copy", 2)
    write(tmp_path / "p.parquet", pa.table({"id": [9], "grp": ["z"], "x": [1.0]}))
    run(cat, f"COPY other FROM '{tmp_path}/p.parquet' (FORMAT parquet)")
    assert rows(cat, "SELECT id, grp FROM other WHERE id IN (7, 8) OR grp = 'z' ORDER BY 1") == [
        (1, "z"), (7, "q"), (8, None), (9, "z"),
    ]  # fmt: skip
    with pytest.raises(CatalogError):
        run(cat, "COPY other FROM '/nonexistent.csv'")


@pytest.mark.parametrize(
    "text",
    [
        "INSERT OR REPLACE INTO orders (id) VALUES (1)",
        "INSERT OR IGNORE INTO orders (id) VALUES (1)",
        "INSERT INTO orders (id) VALUES (1) ON CONFLICT DO NOTHING",
        "INSERT INTO orders (id, x) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET x = excluded.x",
    ],
)
def test_conflict_clauses_are_refused(cat: Catalog, text: str) -> None:
    make(cat, SAMPLES["keyed"])
    with pytest.raises(Unsupported) as caught:
        run(cat, text)
    assert "MERGE" in caught.value.hint


@pytest.mark.parametrize("name", ["partitioned", "one file"])
def test_keys_that_are_there_are_warned_of(cat: Catalog, name: str) -> None:
    whole = Sample("orders", [SAMPLES["keyed"].rows], key=["id"])
    make(cat, {**SAMPLES, "one file": whole}[name])
    one = "rows of orders share their key (id)"
    assert run(cat, "INSERT INTO orders (id) VALUES (3)").warnings == (f"2 {one}",)
    assert run(cat, "UPDATE orders SET id = 3 WHERE id = 5").warnings == (f"3 {one}",)
    assert run(cat, "UPDATE orders SET x = 5 WHERE id = 3").warnings == ()
    null = "1 row of orders has NULL in the key (id)"
    assert run(cat, "UPDATE orders SET id = NULL WHERE id = 8").warnings == (null,)
    assert run(cat, "INSERT INTO orders (id) VALUES (50)").warnings == ()


@pytest.mark.invariant("MERGE never creates a duplicate key")
@pytest.mark.parametrize(
    "text",
    [
        "MERGE INTO orders o USING (SELECT 5 AS id) s ON false "
        "WHEN NOT MATCHED THEN INSERT (id) VALUES (5)",
        "MERGE INTO orders o USING (SELECT 5 AS id, 'c' AS grp) s ON o.id = s.id AND o.grp = s.grp "
        "WHEN NOT MATCHED THEN INSERT (id, grp) VALUES (s.id, s.grp)",
        "MERGE INTO orders o USING (SELECT 60 AS id FROM range(2)) s ON o.id = s.id "
        "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
        "MERGE INTO orders o USING (SELECT 4 AS id) s ON o.id = s.id "
        "WHEN MATCHED THEN UPDATE SET id = 5",
        "MERGE INTO orders o USING (SELECT 6 AS id) s ON o.id = s.id "
        "WHEN MATCHED THEN UPDATE SET id = 7",
        "MERGE INTO orders o USING (SELECT NULL::BIGINT AS id FROM range(2)) s ON o.id = s.id "
        "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
    ],
)
@pytest.mark.parametrize("name", ["partitioned", "one file"])
def test_a_merge_never_makes_a_key_twice(cat: Catalog, text: str, name: str) -> None:
    whole = Sample("orders", [SAMPLES["keyed"].rows], key=["id"])
    make(cat, {**SAMPLES, "one file": whole}[name])
    with pytest.raises(InvalidInput) as caught:
        run(cat, text)
    assert caught.value.kind == "duplicate-key"
    assert "id=" in caught.value.message


def test_a_merge_may_change_rows_whose_key_was_there_twice(cat: Catalog) -> None:
    make(cat, SAMPLES["keyed"])
    run(cat, "INSERT INTO orders (id) VALUES (3)")
    text = "MERGE INTO orders o USING (SELECT 3 AS id) s ON o.id = s.id WHEN MATCHED THEN "
    assert run(cat, f"{text} UPDATE SET note = 'both'").updated == 2
    assert run(cat, f"{text} DELETE").deleted == 2


def test_keys_of_single_precision_are_found(cat: Catalog) -> None:
    keys = pa.array([0.1, 0.3, 0.7], pa.float32())
    make(cat, Sample("t", [pa.table({"k": keys, "v": [1, 2, 3]})], key=["k"]))
    with cat.transaction("main") as tx:
        tx.write("t", pa.table({"k": keys.slice(0, 1), "v": [9]}), mode="upsert")
    assert multiset(rows(cat, "SELECT v FROM t")) == multiset([(9,), (2,), (3,)])
