"""SQL in transactions: what statements see, what they keep of themselves, and what retries."""

from typing import Any

import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, Conflict, InvalidInput, NotFound, Unsupported
from catalog.query.pending_write import WriteResult
from tests.write.conftest import Filled, rows
from tests.write.sql_samples import OTHER, SAMPLES
from tests.write.sql_tables import make


def fill(cat: Catalog) -> None:
    make(cat, SAMPLES["partitioned"], OTHER)


@pytest.fixture
def lake(filled_by: Filled) -> Catalog:
    return filled_by(fill)


def values(found: Any) -> list[tuple[Any, ...]]:
    assert not isinstance(found, WriteResult)
    return list(found.fetchall())


def run(cat: Catalog, text: str, **options: Any) -> None:
    with cat.transaction("main", **options) as tx:
        tx.sql(text)


def test_statements_see_what_those_before_them_did(lake: Catalog) -> None:
    before = len(lake.log())
    with lake.transaction("main") as tx:
        tx.sql("DELETE FROM orders WHERE id > 2; INSERT INTO other (id) SELECT id + 50 FROM orders")
        assert values(tx.sql("SELECT count(*) FROM orders")) == [(2,)]
        assert values(tx.sql("SELECT id FROM other WHERE id > 50 ORDER BY id")) == [(51,), (52,)]
        assert values(tx.sql("SELECT count(*) FROM orders@main")) == [(9,)]
        assert rows(lake, "SELECT count(*) FROM orders") == [(9,)]
        tx.sql("INSERT INTO orders BY NAME SELECT * FROM orders@main WHERE id = 9")
        tx.write("orders", pa.table({"id": [77], "grp": ["n"]}), mode="append")
        tx.sql("UPDATE orders SET note = 'w' WHERE id IN (77, 9)")
    assert tx.commit is not None
    assert tx.commit.tables == ("orders", "other")
    assert rows(lake, "SELECT id FROM orders WHERE note = 'w' ORDER BY id") == [(9,), (77,)]
    assert len(lake.log()) == before + 1


def test_a_text_of_many_statements_answers_for_the_last(lake: Catalog) -> None:
    with lake.transaction("main") as tx:
        found = tx.sql("DELETE FROM orders WHERE id = 1; SELECT count(*) FROM orders;")
        assert values(found) == [(8,)]
        every = tx.run("DELETE FROM orders WHERE id < 4; SET threads = 1; UPDATE other SET x = 1")
    assert [(one.table, one.rows) for one in every if isinstance(one, WriteResult)] == [
        ("orders", 2),
        ("other", 4),
    ]


def test_parameters_are_those_of_the_last_statement(lake: Catalog) -> None:
    with lake.transaction("main") as tx:
        tx.sql("DELETE FROM other; UPDATE orders SET x = ?, note = ? WHERE id = ?", [5, "it's", 2])
        found = tx.sql("DELETE FROM orders WHERE id = $id RETURNING x, note", {"id": 2})
        merged = tx.sql(
            "MERGE INTO orders USING (SELECT ?::BIGINT AS id) s ON orders.id = s.id "
            "WHEN MATCHED THEN UPDATE SET note = ?",
            [3, "m"],
        )
    assert isinstance(found, WriteResult)
    assert found.returned is not None
    assert found.returned.to_pylist() == [{"x": 5.0, "note": "it's"}]
    assert isinstance(merged, WriteResult)
    assert merged.updated == 1


def test_rows_are_deleted_by_a_condition(lake: Catalog) -> None:
    with lake.transaction("main") as tx:
        assert tx.delete("Orders", where="x > 1 -- and so on").deleted == 6
        assert tx.delete("orders", where="id = ?", params=[2]).deleted == 1
        for wrong in ("id = 1; DROP TABLE orders", "", "nope = 1", "id = 1) OR ("):
            with pytest.raises(InvalidInput):
                tx.delete("orders", where=wrong)
        with pytest.raises(NotFound):
            tx.delete("nope", where="true")
    assert rows(lake, "SELECT count(*) FROM orders") == [(2,)]


def test_the_lineage_names_statement_and_inputs(lake: Catalog) -> None:
    start, before = (lake.resolve(ref).commit_id for ref in ("main", "main~1"))
    text = "UPDATE orders SET x = 5 FROM orders@main~1 o JOIN other USING (id) WHERE o.x > 1"
    with lake.transaction("main") as tx:
        tx.sql(f"DELETE FROM other WHERE id = 1; {text};")
    lineage: Any = lake.repository.commits.read(lake.resolve("main").commit_id).lineage
    assert [one["table"] for one in lineage["other"]["inputs"]] == ["other"]
    assert lineage["orders"]["operation"] == "sql"
    assert lineage["orders"]["statement"] == text
    entries = lake.repository.commits.entries
    assert lineage["orders"]["inputs"] == [
        {"table": table, "commit": commit, "snapshot": entries(commit)[table].entry.snapshot}
        if commit
        else {"table": table, "commit": None, "snapshot": None}
        for table, commit in (("orders", start), ("orders", before), ("other", None))
    ]
    assert lineage["orders"]["engine"].startswith("duckdb ")


def test_a_statement_that_fails_ends_the_transaction_without_a_commit(lake: Catalog) -> None:
    before = lake.resolve("main").commit_id
    with pytest.raises(InvalidInput), lake.transaction("main") as tx:
        tx.sql("DELETE FROM orders; UPDATE other SET x = 'no number'")
    assert lake.resolve("main").commit_id == before
    assert rows(lake, "SELECT count(*) FROM orders") == [(9,)]


@pytest.mark.parametrize("word", ["BEGIN", "COMMIT", "ROLLBACK", "BEGIN TRANSACTION", "END"])
def test_the_transaction_is_the_commit(lake: Catalog, word: str) -> None:
    with lake.transaction("main") as tx, pytest.raises(InvalidInput) as caught:
        tx.sql(word)
    assert caught.value.kind == "in-transaction"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("UPDATE orders@main SET x = 1", InvalidInput),
        ("INSERT INTO orders@main~1 (id) VALUES (1)", InvalidInput),
        ("DELETE FROM orders@main", InvalidInput),
        ("MERGE INTO orders@main USING other ON true WHEN MATCHED THEN DELETE", InvalidInput),
        ("TRUNCATE orders@main", InvalidInput),
        ("DROP TABLE orders@main", InvalidInput),
        ("EXPLAIN DELETE FROM orders", Unsupported),
        ("PREPARE p AS DELETE FROM orders WHERE id = ?", Unsupported),
        ("UPDATE nope SET x = 1", NotFound),
        ("INSERT INTO nope VALUES (1)", NotFound),
        ("INSERT INTO orders SELECT * FROM nope", NotFound),
        ("UPDATE orders SET x = 1 FROM other@nope WHERE true", NotFound),
        ("UPDATE orders SET nope = 1", InvalidInput),
        ("UPDATE orders SET x = 'nonsense'", InvalidInput),
        ("INSERT INTO orders (id) VALUES (1, 2)", InvalidInput),
        ("UPDATE orders SET", InvalidInput),
        ("MERGE INTO orders USING other ON true", InvalidInput),
    ],
)
def test_what_cannot_be_done_says_why(lake: Catalog, text: str, kind: type[CatalogError]) -> None:
    with lake.transaction("main") as tx, pytest.raises(kind) as caught:
        tx.sql(text)
    assert caught.value.message
    assert "parquetry_writing" not in caught.value.message
    assert tx.commit is None


def test_objects_of_the_session_are_its_own(lake: Catalog) -> None:
    with lake.transaction("main") as tx:
        tx.sql("CREATE TEMP TABLE seen AS FROM orders WHERE id < 4")
        tx.sql(
            "UPDATE seen SET x = 9; DELETE FROM seen WHERE id = 3; INSERT INTO seen (id) VALUES (6)"
        )
        tx.sql("CREATE TEMP VIEW v AS SELECT id FROM seen")
        tx.sql(
            "ATTACH ':memory:' AS mine; CREATE TABLE mine.t (a INT); INSERT INTO mine.t VALUES (6)"
        )
        tx.sql("DELETE FROM orders WHERE id IN (FROM v) AND id NOT IN (FROM mine.t)")
        tx.sql("CREATE TABLE seen AS SELECT 1 AS kept")
        tx.sql("CREATE TEMP TABLE fresh_1 AS SELECT 1 AS a")
        tx.sql("UPDATE orders SET x = 3")
        assert values(tx.sql("FROM fresh_1")) == [(1,)]
    assert rows(lake, "SELECT count(*) FROM orders") == [(7,)]
    assert rows(lake, "FROM seen") == [(1,)]


def test_settings_of_the_user_change_nothing_that_is_kept(lake: Catalog) -> None:
    text = """
        CREATE TABLE t PARTITIONED BY (p) AS
        SELECT range AS n, CASE WHEN range % 2 = 0 THEN 'a' ELSE 'A' END AS p,
        TIMESTAMPTZ '2024-01-01 00:00+00' AS at FROM range(10)
    """
    settings = (
        "SET default_collation = 'nocase'; SET TimeZone = 'America/New_York'; "
        "SET default_order = 'DESC'; SET preserve_insertion_order = false;"
    )
    with lake.transaction("main") as tx:
        tx.sql(settings + text)
        changed = tx.sql("UPDATE t SET p = 'a' WHERE n = 1")
        assert values(tx.sql("SELECT current_setting('TimeZone'), 'x' = 'X'")) == [
            ("America/New_York", True)
        ]
        tx.write("t", pa.table({"n": [11], "p": ["b"]}), mode="append")
        assert values(tx.sql("SELECT count(*) FROM t WHERE p = 'A'")) == [(10,)]
    assert isinstance(changed, WriteResult)
    assert changed.updated == 1
    assert rows(lake, "SELECT p, count(*) FROM t GROUP BY p ORDER BY p") == [
        ("A", 4), ("a", 6), ("b", 1),
    ]  # fmt: skip


def test_collations_of_columns_change_nothing_that_is_kept(lake: Catalog) -> None:
    text = "(CASE WHEN range % 2 = 0 THEN 'a' ELSE 'A' END) COLLATE NOCASE AS p"
    with lake.transaction("main") as tx:
        tx.sql(f"CREATE TABLE t PARTITIONED BY (p) AS SELECT range AS n, {text} FROM range(6)")
        tx.sql("CREATE TABLE u (p VARCHAR COLLATE NOCASE, n INTEGER) PARTITIONED BY (p)")
        tx.sql(f"INSERT INTO u SELECT {text}, range FROM range(6)")
        tx.sql(
            "MERGE INTO u USING (SELECT 'a' COLLATE NOCASE AS p) s ON u.p = s.p "
            "WHEN MATCHED THEN UPDATE SET n = 9"
        )
        data = tx.sql(f"SELECT 7 AS n, {text} FROM range(2)")
        tx.write("t", data, mode="append")
    both = "SELECT p, count(*) FROM t GROUP BY p ORDER BY p"
    assert rows(lake, both) == [("A", 4), ("a", 4)]
    assert rows(lake, "SELECT p, n, count(*) FROM u GROUP BY ALL ORDER BY p") == [
        ("A", 9, 3), ("a", 9, 3),
    ]  # fmt: skip


def test_inserts_of_two_writers_both_land(lake: Catalog) -> None:
    with lake.transaction("main") as late:
        late.sql("INSERT INTO orders (id, grp) VALUES (100, 'a')")
        run(lake, "INSERT INTO orders (id, grp) VALUES (100, 'a')")
    assert rows(lake, "SELECT count(*) FROM orders WHERE id = 100") == [(2,)]


def test_changes_of_two_partitions_both_land(lake: Catalog) -> None:
    with lake.transaction("main") as late:
        late.sql("UPDATE orders SET x = 1 WHERE grp = 'a'")
        run(lake, "DELETE FROM orders WHERE grp = 'b'")
    assert rows(lake, "SELECT grp, count(*) FROM orders GROUP BY grp ORDER BY grp NULLS LAST") == [
        ("a", 3), ("c", 2), (None, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("UPDATE orders SET x = 1 WHERE id = 1", "DELETE FROM orders WHERE id = 1"),
        ("TRUNCATE orders", "INSERT INTO orders (id) VALUES (100)"),
        ("ALTER TABLE orders ADD COLUMN y INT", "INSERT INTO orders (id) VALUES (100)"),
        ("DROP TABLE orders", "INSERT INTO orders (id) VALUES (100)"),
        ("CREATE OR REPLACE TABLE orders AS SELECT 1 AS id", "DELETE FROM orders WHERE id = 1"),
        (
            "MERGE INTO orders USING (SELECT 100 AS id) s ON orders.id = s.id "
            "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
            "INSERT INTO orders (id) VALUES (100)",
        ),
    ],
)
def test_changes_that_meet_are_a_conflict(lake: Catalog, mine: str, theirs: str) -> None:
    with pytest.raises(Conflict) as caught, lake.transaction("main") as late:
        late.sql(mine)
        run(lake, theirs)
    assert "'orders'" in caught.value.message


def test_tables_that_were_read_matter_if_asked_for(lake: Catalog) -> None:
    text = "INSERT INTO orders (id) SELECT count(*) FROM other"
    with (
        pytest.raises(Conflict) as caught,
        lake.transaction("main", isolation="serializable") as tx,
    ):
        tx.sql(text)
        run(lake, "DELETE FROM other WHERE id = 1")
    assert "which this transaction read" in caught.value.message
    with lake.transaction("main") as tx:
        tx.sql(text)
        run(lake, "DELETE FROM other WHERE id = 3")
    with lake.transaction("main", isolation="serializable") as tx:
        tx.sql("INSERT INTO orders (id) SELECT count(*) FROM other@main")
        run(lake, "DELETE FROM other WHERE id = 5")
    assert tx.commit is not None


def test_a_statement_that_found_nothing_to_change_has_read(lake: Catalog) -> None:
    with pytest.raises(Conflict), lake.transaction("main", isolation="serializable") as tx:
        tx.sql("UPDATE orders SET x = 1 WHERE id = 500")
        tx.sql("INSERT INTO other (id) VALUES (500)")
        run(lake, "INSERT INTO orders (id) VALUES (500)")


def test_a_ref_means_the_same_all_the_time(lake: Catalog) -> None:
    with lake.transaction("main") as tx:
        assert values(tx.sql("SELECT count(*) FROM other@main")) == [(5,)]
        run(lake, "INSERT INTO orders (id) VALUES (500)")
        run(lake, "DELETE FROM other")
        assert values(tx.sql("SELECT count(*) FROM other@main")) == [(5,)]


def test_functions_of_sessions_work_in_transactions(lake: Catalog) -> None:
    run(lake, "UPDATE orders SET x = 99 WHERE id < 3")
    with lake.transaction("main") as tx:
        tx.sql("UPDATE orders SET x = 0 WHERE id = 9")
        found = tx.sql("SELECT id FROM diff('orders', 'main~1') ORDER BY id")
        assert values(found) == [(1,), (2,)]
        tx.sql("DELETE FROM orders WHERE id IN (SELECT id FROM diff('orders', 'main~1'))")
    assert rows(lake, "SELECT count(*) FROM orders") == [(7,)]


def test_a_session_for_queries_says_how_to_write(lake: Catalog) -> None:
    with lake.connect() as session, pytest.raises(Unsupported) as caught:
        session.sql("UPDATE orders SET x = 1")
    assert caught.value.kind == "read-only"
    assert "transaction" in caught.value.hint
