"""CREATE, ALTER and DROP TABLE: what a table is afterwards, and what is refused."""

from functools import cache

import pytest

from catalog.catalog import Catalog
from catalog.errors import AlreadyExists, CatalogError, InvalidInput, NotFound, Unsupported
from catalog.query.pending_write import WriteResult
from tests.storage.wrappers import CountingStore
from tests.write.conftest import Fill, Filled, catalog_in
from tests.write.merges import check_totals
from tests.write.sql_samples import OTHER, SAMPLES
from tests.write.sql_tables import Oracle, Rows, committed, make, multiset, paths


def run(cat: Catalog, *texts: str) -> WriteResult:
    """Runs statements in one transaction and returns what the last one did."""
    with cat.transaction("main") as tx:
        for text in texts:
            result = tx.sql(text)
    assert isinstance(result, WriteResult)
    return result


@cache
def filling(name: str) -> Fill:
    """Returns what commits a sample, and another table."""
    return lambda cat: make(cat, SAMPLES[name], OTHER)


def columns(cat: Catalog, name: str, ref: str = "main") -> list[tuple[str, str]]:
    return [(column.name, str(column.type)) for column in cat.schema(name, ref)]


def rows(cat: Catalog, query: str) -> Rows:
    with cat.connect() as session:
        return session.sql(query).fetchall()


def test_a_table_is_created_with_types_key_and_partitions(cat: Catalog) -> None:
    run(
        cat,
        "CREATE TABLE sales.orders (id BIGINT PRIMARY KEY, day DATE, x DECIMAL(9,2), "
        "tags VARCHAR[], s STRUCT(a INTEGER, b VARCHAR)) PARTITIONED BY (Day)",
        "INSERT INTO sales.orders (id, day, x) VALUES (1, '2024-01-01', 2.5), (2, NULL, 1)",
    )
    assert columns(cat, "sales.orders") == [
        ("id", "BIGINT"),
        ("day", "DATE"),
        ("x", "DECIMAL(9,2)"),
        ("tags", "VARCHAR[]"),
        ("s", "STRUCT(a INTEGER, b VARCHAR)"),
    ]
    table = cat.table("sales.orders", "main")
    assert table.key_names == ("id",)
    assert [name for name, _ in table.partition_fields] == ["day"]
    assert len(paths(cat, "sales.orders")) == 2


@pytest.mark.parametrize(
    ("text", "key", "partition"),
    [
        ("CREATE TABLE t (a INT, b INT, PRIMARY KEY (b, a))", ("b", "a"), ()),
        ("CREATE TABLE t (a INT, b INT) PARTITIONED BY (b, a)", (), ("b", "a")),
        ("CREATE TABLE t AS SELECT 1 AS a, 2 AS b", (), ()),
        ("CREATE TABLE t PARTITIONED BY (b) AS SELECT 1 AS a, 2 AS b", (), ("b",)),
        ("CREATE TABLE t PRIMARY KEY (A) AS SELECT 1 AS a, 2 AS b", ("a",), ()),
        ("CREATE TABLE t PARTITIONED BY (b) PRIMARY KEY (a) AS SELECT 1 a, 2 b", ("a",), ("b",)),
        ("CREATE TABLE t (a, b) AS SELECT 1, 2", (), ()),
        ("CREATE TABLE IF NOT EXISTS t AS SELECT 1 AS a, 2 AS b WITH NO DATA", (), ()),
    ],
)
def test_key_and_partitions_are_declared(
    cat: Catalog, text: str, key: tuple[str, ...], partition: tuple[str, ...]
) -> None:
    run(cat, text)
    table = cat.table("t", "main")
    assert table.schema.names == ("a", "b")
    assert table.key_names == key
    assert tuple(name for name, _ in table.partition_fields) == partition


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CREATE TABLE t (a INT NOT NULL)", Unsupported),
        ("CREATE TABLE t (a INT DEFAULT 4)", Unsupported),
        ("CREATE TABLE t (a INT UNIQUE)", Unsupported),
        ("CREATE TABLE t (a INT CHECK (a > 1))", Unsupported),
        ("CREATE TABLE t (a INT, b AS (a + 1))", Unsupported),
        ("CREATE TABLE t (a UNION(n INT, s VARCHAR))", Unsupported),
        ("CREATE TABLE t (a INT) PARTITIONED BY (b)", InvalidInput),
        ("CREATE TABLE t (a INT) PARTITIONED BY (a + 1)", InvalidInput),
        ("CREATE TABLE t (a INTERVAL) PARTITIONED BY (a)", InvalidInput),
        ("CREATE TABLE t (a INT PRIMARY KEY, b INT) PRIMARY KEY (b)", InvalidInput),
        ("CREATE TABLE t (a nonsense)", CatalogError),
        ("CREATE TABLE orders (a INT)", AlreadyExists),
        ("CREATE VIEW v AS FROM orders", Unsupported),
        ("CREATE INDEX i ON orders (id)", Unsupported),
        ("CREATE TABLE orders@main (a INT)", InvalidInput),
        ("ALTER TABLE orders ADD COLUMN n INT NOT NULL", Unsupported),
        ("ALTER TABLE orders ADD PRIMARY KEY (id)", Unsupported),
        ("ALTER TABLE orders ADD COLUMN ID INT", CatalogError),
        ("ALTER TABLE orders DROP COLUMN id", InvalidInput),
        ("ALTER TABLE orders DROP COLUMN grp", InvalidInput),
        ("ALTER TABLE orders RENAME COLUMN grp TO g", InvalidInput),
        ("ALTER TABLE orders ALTER grp TYPE BLOB", InvalidInput),
        ("ALTER TABLE orders ALTER x TYPE FLOAT", Unsupported),
        ("ALTER TABLE orders ALTER id TYPE VARCHAR", Unsupported),
        ("ALTER TABLE orders ALTER id TYPE HUGEINT USING id + 1", Unsupported),
        ("ALTER TABLE orders ALTER id SET NOT NULL", Unsupported),
        ("ALTER TABLE orders ALTER id SET DEFAULT 3", Unsupported),
        ("ALTER TABLE orders DROP COLUMN nope", NotFound),
        ("ALTER TABLE orders RENAME COLUMN nope TO n", NotFound),
        ("ALTER TABLE orders RENAME COLUMN x TO note", CatalogError),
        ("ALTER TABLE orders RENAME TO other", AlreadyExists),
        ("ALTER TABLE orders RENAME TO a b", Unsupported),
        ('ALTER TABLE orders RENAME TO ""', CatalogError),
        ("ALTER TABLE nope ADD COLUMN a INT", NotFound),
        ("DROP TABLE nope", NotFound),
        ("DROP TABLE orders, other", Unsupported),
        ("DROP VIEW orders", Unsupported),
        ("TRUNCATE nope", NotFound),
    ],
)
def test_what_tables_cannot_have_is_refused_and_nothing_is_committed(
    filled_by: Filled, text: str, kind: type[CatalogError]
) -> None:
    cat = filled_by(filling("partitioned"))
    before = cat.resolve("main").commit_id
    with pytest.raises(kind) as caught, cat.transaction("main") as tx:
        tx.sql("DELETE FROM other")
        tx.sql(text)
    assert caught.value.message
    assert cat.resolve("main").commit_id == before


def test_a_transaction_goes_on_after_a_statement_that_failed(cat: Catalog) -> None:
    make(cat, SAMPLES["keyed"])
    with cat.transaction("main") as tx:
        for wrong in (
            "UPDATE orders SET x = error('no') WHERE id > 2",
            "INSERT INTO orders (id) VALUES ('x')",
            "CREATE TABLE t (a INT DEFAULT 1)",
            "ALTER TABLE orders ADD COLUMN y INT DEFAULT error('no')",
            "MERGE INTO orders USING (SELECT 50 AS id UNION ALL SELECT 50) s ON orders.id = s.id "
            "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
        ):
            with pytest.raises(CatalogError):
                tx.sql(wrong)
        found = tx.sql("SELECT count(*), count(x) FROM orders; UPDATE orders SET x = 1")
    assert isinstance(found, WriteResult)
    assert found.updated == 9
    assert multiset(rows(cat, "SELECT DISTINCT x FROM orders")) == multiset([(1.0,)])


def test_if_exists_and_if_not_exists_change_nothing(cat: Catalog) -> None:
    make(cat, SAMPLES["plain"])
    with cat.transaction("main") as tx:
        tx.sql("CREATE TABLE IF NOT EXISTS Orders (a INT)")
        tx.sql("DROP TABLE IF EXISTS nope")
        tx.sql("ALTER TABLE IF EXISTS nope ADD COLUMN a INT")
        tx.sql("ALTER TABLE orders ADD COLUMN IF NOT EXISTS X VARCHAR")
        tx.sql("ALTER TABLE orders DROP COLUMN IF EXISTS nope")
    assert tx.commit is None


def test_a_replaced_table_keeps_its_id_field_ids_key_and_partitions(cat: Catalog) -> None:
    make(cat, SAMPLES["partitioned"])
    old = cat.table("orders", "main")
    run(cat, "CREATE OR REPLACE TABLE orders AS SELECT note, id, grp, id AS more FROM orders")
    new = cat.table("orders", "main")
    assert new.table_id == old.table_id
    assert new.schema.names == ("note", "id", "grp", "more")
    for name in ("note", "id", "grp"):
        assert new.schema.named(name).id == old.schema.named(name).id
    assert new.schema.named("more").id > old.last_field_id
    assert (new.key, new.partition_by) == (old.key, old.partition_by)
    run(
        cat,
        "CREATE OR REPLACE TABLE orders PARTITIONED BY (note) AS SELECT note, x FROM orders@main~1",
    )
    last = cat.table("orders", "main")
    assert last.key == ()
    assert last.partition_fields[0][0] == "note"
    assert last.schema.named("note").id == old.schema.named("note").id


def test_a_table_replaced_by_the_same_rows_is_not_changed(cat: Catalog) -> None:
    run(cat, "CREATE TABLE t PRIMARY KEY (a) AS SELECT range AS a FROM range(100)")
    with cat.transaction("main") as tx:
        tx.sql("CREATE OR REPLACE TABLE t AS FROM t")
    assert tx.commit is None


ALTERATIONS = """
ALTER TABLE orders ADD COLUMN y INTEGER
ALTER TABLE orders ADD y VARCHAR DEFAULT 'd'
ALTER TABLE orders ADD COLUMN y BIGINT DEFAULT 2 + 3
ALTER TABLE orders ADD COLUMN y INTEGER[] DEFAULT [1, 2]
ALTER TABLE orders ADD COLUMN y INTEGER DEFAULT NULL
ALTER TABLE orders DROP COLUMN note
ALTER TABLE orders DROP x
ALTER TABLE orders RENAME COLUMN note TO remark
ALTER TABLE orders RENAME x TO "a b"
ALTER TABLE orders ALTER COLUMN id SET DATA TYPE DECIMAL(30,2)
ALTER TABLE orders ALTER id TYPE BIGINT
""".strip().splitlines()


@pytest.mark.parametrize("name", ["plain", "partitioned", "nested", "empty"])
@pytest.mark.parametrize("text", ALTERATIONS)
def test_an_altered_table_is_what_duckdb_makes_of_it(
    filled_by: Filled, name: str, text: str
) -> None:
    cat = filled_by(filling(name))
    before = paths(cat, "orders")
    oracle = Oracle(SAMPLES[name])
    oracle.run(text)
    more = "INSERT INTO orders BY NAME SELECT 77 AS id"
    result = run(cat, text)
    assert columns(cat, "orders") == oracle.columns("orders")
    assert multiset(committed(cat, "orders")) == multiset(oracle.rows("orders"))
    filled = "DEFAULT" in text and "NULL" not in text and name != "empty"
    assert (paths(cat, "orders") != before) == filled
    assert result.updated == (len(oracle.rows("orders")) if filled else 0)
    run(cat, more)
    oracle.run(more.replace("77 AS id", "77 AS id, NULL AS y") if "DEFAULT" in text else more)
    assert multiset(committed(cat, "orders")) == multiset(oracle.rows("orders"))


def test_a_dropped_column_that_comes_back_is_another(cat: Catalog) -> None:
    make(cat, SAMPLES["keyed"])
    run(cat, "ALTER TABLE orders DROP COLUMN note", "ALTER TABLE orders ADD COLUMN note VARCHAR")
    assert rows(cat, "SELECT count(note), count(*) FROM orders") == [(0, 9)]


def test_changes_after_a_change_of_shape_see_it(cat: Catalog) -> None:
    make(cat, SAMPLES["partitioned"])
    run(
        cat,
        "ALTER TABLE orders RENAME COLUMN x TO amount",
        "ALTER TABLE orders ADD COLUMN seen BOOLEAN",
        "UPDATE orders SET seen = amount > 1 WHERE id < 6",
        "ALTER TABLE orders ALTER id TYPE HUGEINT",
        "DELETE FROM orders WHERE seen OR id = 9",
    )
    found = rows(cat, "SELECT id, seen FROM orders ORDER BY id")
    assert found == [(2, None), (4, False), (6, None), (7, None), (8, None)]


def test_a_renamed_table_keeps_its_files_and_its_id(cat: Catalog) -> None:
    make(cat, SAMPLES["partitioned"])
    before, old = paths(cat, "orders"), cat.table("orders", "main")
    run(cat, "DELETE FROM orders WHERE id = 1", "ALTER TABLE orders RENAME TO archive.orders")
    assert [t.name for t in cat.tables()] == ["archive.orders"]
    assert cat.table("archive.orders", "main").table_id == old.table_id
    assert set(before) & set(paths(cat, "archive.orders"))
    assert rows(cat, "SELECT count(*) FROM archive.orders") == [(8,)]
    assert (
        cat.diff("main~1", "main", tables=["archive.orders"])["archive.orders"].rows.inserted == 8
    )
    run(
        cat,
        "ALTER TABLE archive.orders RENAME TO x",
        "ALTER TABLE archive.x RENAME TO orders",
        "INSERT INTO archive.orders (id) VALUES (100)",
    )
    assert [t.name for t in cat.tables()] == ["archive.orders"]
    assert rows(cat, "SELECT count(*) FROM archive.orders") == [(9,)]


def test_a_rename_costs_the_same_however_many_files_there_are(counting: CountingStore) -> None:
    cat = catalog_in(counting)
    written = []
    for name, files in (("small", 2), ("large", 600)):
        run(
            cat,
            f"CREATE TABLE {name} PARTITIONED BY (p) AS "
            f"SELECT range AS p, range * 2 AS v FROM range({files})",
        )
        counting.calls.clear()
        counting.bytes_created = 0
        run(cat, f"ALTER TABLE {name} RENAME TO moved_{name}")
        created = [path.partition("/")[0] for path in counting.of("create", "swap", "put")]
        assert created == ["objects", "refs"]
        assert counting.of("publish") == []
        written.append(counting.bytes_created)
        (info,) = (t for t in cat.tables() if t.name == f"moved_{name}")
        assert (info.files, info.rows) == (files, files)
        check_totals(cat, "main")
        assert rows(cat, f"SELECT sum(v) FROM moved_{name}") == [(files * (files - 1),)]
    assert written[1] < written[0] + 2_000
    inserted = cat.diff("main~1", "main", tables=["moved_large"])["moved_large"].rows.inserted
    assert inserted == 600


def test_a_table_renamed_onto_one_that_goes_has_its_own_rows_only(cat: Catalog) -> None:
    run(cat, "CREATE TABLE a AS SELECT 1 AS x", "CREATE TABLE b AS SELECT 2 AS x")
    run(
        cat,
        "INSERT INTO b VALUES (3)",
        "DROP TABLE a",
        "ALTER TABLE b RENAME TO a",
        "DELETE FROM a WHERE x = 2",
        "INSERT INTO a VALUES (4)",
    )
    assert [t.name for t in cat.tables()] == ["a"]
    assert rows(cat, "SELECT x FROM a ORDER BY x") == [(3,), (4,)]
    (info,) = cat.tables()
    assert (info.rows, info.files) == (2, len(paths(cat, "a")))
    run(
        cat,
        "ALTER TABLE a RENAME TO c",
        "CREATE OR REPLACE TABLE c PARTITIONED BY (y) AS SELECT 7 AS x, 1 AS y",
        "ALTER TABLE c RENAME TO d",
        "CREATE TABLE a AS SELECT 9 AS x",
    )
    assert rows(cat, "SELECT x FROM d") == [(7,)]
    assert rows(cat, "SELECT x FROM a") == [(9,)]


def test_a_renamed_table_may_have_changed_before_and_after(cat: Catalog) -> None:
    make(cat, SAMPLES["keyed"])
    run(
        cat,
        "DELETE FROM orders WHERE id = 1",
        "ALTER TABLE orders RENAME TO x",
        "DELETE FROM x WHERE id = 2",
        "ALTER TABLE x RENAME TO orders",
        "DELETE FROM orders WHERE id = 3",
    )
    assert rows(cat, "SELECT min(id), count(*) FROM orders") == [(4, 6)]
    (info,) = cat.tables()
    assert (info.rows, info.files) == (6, len(paths(cat, "orders")))


def test_rows_of_a_new_table_that_share_a_key_are_warned_of(cat: Catalog) -> None:
    made = run(cat, "CREATE TABLE t PRIMARY KEY (a) AS SELECT NULL::INT AS a FROM range(2)")
    assert made.warnings == (
        "2 rows of t have NULL in the key (a)",
        "2 rows of t share their key (a)",
    )


def test_a_table_of_partition_columns_only_is_written(cat: Catalog) -> None:
    run(cat, "CREATE TABLE t PARTITIONED BY (a) AS SELECT range % 2 AS a FROM range(4)")
    assert run(cat, "UPDATE t SET a = 5 WHERE a = 1").updated == 2
    run(cat, "INSERT INTO t VALUES (NULL)", "DELETE FROM t WHERE a = 0")
    assert multiset(committed(cat, "t")) == multiset([(5,), (5,), (None,)])


def test_a_table_is_dropped_and_created_again_in_one_commit(cat: Catalog) -> None:
    make(cat, SAMPLES["partitioned"])
    old = cat.table("orders", "main")
    result = run(cat, "DROP TABLE Orders CASCADE")
    assert result.deleted == 9
    assert cat.tables() == []
    run(
        cat,
        "CREATE TABLE orders AS SELECT 1 AS id",
        "DROP TABLE orders",
        "CREATE TABLE orders AS SELECT 2 AS b",
    )
    assert columns(cat, "orders") == [("b", "INTEGER")]
    assert cat.table("orders", "main").table_id != old.table_id
