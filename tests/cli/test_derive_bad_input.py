"""Definitions that cannot be: each is refused with its place, and nothing changes."""

import json
from pathlib import Path

from .conftest import DAILY, Runner, write_parquet
from .test_derive import head, rows

REFUSED = [
    (("x", "--sql", "SELECT day FROM x"), "in a circle: x ← x"),
    (("orders", "--sql", "SELECT * FROM orders"), "in a circle: orders ← orders"),
    (("daily", "--sql", "SELECT * FROM monthly"), "in a circle"),
    (("x", "--sql", "SELECT nosuch FROM orders"), 'derived table \'x\' cannot be computed: Binder'),
    (("x", "--sql", "SELECT * FROM nosuch"), "'x' reads 'nosuch', which is not there"),
    (("x", "--sql", "FROM read_parquet('rows.parquet')"), "read_parquet() at line 1, column 6"),
    (("x", "--sql", "FROM 'rows.parquet'"), "the file rows.parquet at line 1, column 6"),
    (("x", "--sql", "SELECT *\nFROM orders@main"), "@main at line 2, column 12"),
    (("x", "--sql", "SELECT 1 AS a; SELECT 2 AS b"), "it has 2 statements at line 1, column 16"),
    (("x", "--sql", "-- nothing\n/* at all */"), "it has no statements"),
    (("x", "--sql", ""), "it has no statements"),
    (("x", "--sql", " ; "), "it has no statements"),
    (("x", "--sql", "DROP TABLE orders"), "it is not a SELECT but DROP"),
    (("x", "--sql", "WITH d AS (DELETE FROM orders RETURNING *) FROM d"), "it writes"),
    (("x", "--sql", "SELECT day, day FROM orders"), "several columns 'day'"),
    (("x", "--sql", "SELECT * EXCLUDE (name, customer_id) FROM customers"), "list is empty"),
    (("x", "--sql", "SELECT error('boom') AS a FROM orders"), "boom"),
    (("x", "--sql", "SELECT CAST(note AS INTEGER) AS a FROM orders"), "cannot be computed"),
    (("x", "--sql", "SELECT day FROM orders", "--key", "day"), "share the key day=2024-01-01"),
    (("x", "--sql", "SELECT note, 1 AS a FROM orders WHERE note IS NULL UNION ALL "
      "SELECT NULL, 2", "--key", "note"), "share the key note=NULL"),
    (("x", "--sql", "SELECT day FROM orders", "--key", "nosuch"), "'nosuch' is not a column"),
    (("x", "--sql", "SELECT day FROM orders", "--key", "day,day"), "names a column twice"),
    (("x", "--sql", "SELECT day FROM orders", "--partition-by", "nosuch"), "'nosuch' is missing"),
    (("orders", "--sql", "SELECT * FROM customers"), "exists, and is not a derived table"),
    (("ORDERS", "--sql", "SELECT * FROM customers"), "exists, and is not a derived table"),
    (("parquetry.x", "--sql", "SELECT * FROM orders"), "reserved"),
    (("a..b", "--sql", "SELECT * FROM orders"), "cannot be a table name"),
    (("x", "-f", "nosuch.sql"), "cannot read nosuch.sql"),
    (("x", "-f", "latin.sql"), "latin.sql is not text in UTF-8"),
    (("x", "-f", "long.sql"), "long.sql is longer than 1,048,576 bytes"),
    (("x", "-f", "deep.sql"), "deep.sql: the definition of derived table 'x' is not valid"),
]  # fmt: skip


def test_what_cannot_be_is_refused_with_its_place(parquetry: Runner, derived: Path) -> None:
    write_parquet(Path("rows.parquet"), {"a": [1]})
    Path("latin.sql").write_bytes(b"SELECT '\xe9' AS a")
    Path("long.sql").write_text("SELECT 1 AS a --" + "x" * (1 << 20))
    Path("deep.sql").write_text("SELECT " + "(" * 900 + "1" + ")" * 900 + " AS a")
    before = head(parquetry)
    for words, message in REFUSED:
        done = parquetry("derive", *words)
        assert (words, done.code, message in done.err) == (words, 3, True), done.err
        assert done.out == ""
    assert head(parquetry) == before


def test_an_input_that_is_gone_is_named(parquetry: Runner, derived: Path) -> None:
    parquetry("sql", "--branch", "main", "ALTER TABLE orders RENAME TO sales")
    before = head(parquetry)
    stale = json.loads(parquetry("status", "--stale", "--json").out)["tables"]
    assert [one["inputs"][0]["gone"] for one in stale] == [True, False]
    for words in (("refresh",), ("refresh", "--dry-run"), ("refresh", "--explain")):
        done = parquetry(*words)
        assert done.code == 3
        assert "derived table 'daily' reads 'orders', which is not there" in done.err
    assert head(parquetry) == before
    parquetry("sql", "--branch", "main", "ALTER TABLE sales RENAME TO orders")
    assert parquetry("refresh").out == "nothing is stale, no commit\n"


def test_a_definition_that_no_longer_binds_is_named(parquetry: Runner, derived: Path) -> None:
    parquetry("sql", "--branch", "main", "ALTER TABLE orders RENAME COLUMN amount TO price")
    before = head(parquetry)
    done = parquetry("refresh")
    assert (done.code, head(parquetry)) == (3, before)
    assert "derived table 'daily' cannot be computed" in done.err
    assert '"amount"' in done.err
    again = DAILY.replace("amount", "price")
    assert parquetry("derive", "daily", "--sql", again).code == 0
    assert parquetry("refresh").code == 0
    assert json.loads(parquetry("status", "--stale", "--json").out)["stale"] == 0


def test_a_step_that_fails_leaves_those_before_it_undone(parquetry: Runner, derived: Path) -> None:
    query = "SELECT if(max(n) > 4, error('too many'), max(n)) AS n FROM daily"
    assert parquetry("derive", "checked", "--sql", query).code == 0
    insert = "INSERT INTO orders BY NAME SELECT 9 AS order_id, day FROM orders WHERE order_id = 1"
    parquetry("sql", "--branch", "main", insert)
    before, counts = head(parquetry), rows(parquetry, "SELECT n FROM daily ORDER BY day")
    done = parquetry("refresh")
    assert (done.code, done.out, head(parquetry)) == (3, "", before)
    assert "derived table 'checked' cannot be computed" in done.err
    assert rows(parquetry, "SELECT n FROM daily ORDER BY day") == counts


def test_names_that_are_not_derived(parquetry: Runner, derived: Path) -> None:
    for words, message in (
        (("refresh", "nosuch"), "no table 'nosuch' at main"),
        (("refresh", "orders"), "table 'orders' is not a derived table"),
        (("refresh", "--downstream-of", "nosuch"), "no table 'nosuch' at main"),
        (("refresh", "--branch", "nosuch"), "'nosuch'"),
        (("derive", "--drop", "orders"), "table 'orders' is not a derived table"),
        (("derive", "--drop", "nosuch"), "no table 'nosuch' at main"),
        (("status", "--stale", "--ref", "nosuch"), "'nosuch'"),
    ):
        done = parquetry(*words)
        assert (words, done.code, message in done.err) == (words, 3, True), done.err


def test_a_protected_branch_is_not_refreshed(parquetry: Runner, derived: Path) -> None:
    parquetry("branch", "protect", "main")
    for words in (
        ("refresh",),
        ("derive", "x", "--sql", "SELECT 1 AS a"),
        ("derive", "--drop", "daily"),
    ):
        assert (words, parquetry(*words).code) == (words, 4)


def test_a_table_without_inputs_or_rows_is_one(parquetry: Runner, derived: Path) -> None:
    assert parquetry("derive", "one", "--sql", "SELECT 1 AS a").code == 0
    assert parquetry("derive", "none", "--sql", "SELECT * FROM orders WHERE false").code == 0
    assert rows(parquetry, "SELECT a FROM one") == [{"a": 1}]
    assert rows(parquetry, 'SELECT * FROM "none"') == []
    assert parquetry("refresh").out == "nothing is stale, no commit\n"
