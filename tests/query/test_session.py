"""What a session's SQL means: refs, names, transactions, writes and functions."""

import gc
import re
from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from catalog.errors import ErrorKind, InvalidInput, NotFound, Unsupported
from catalog.query.session import Session
from tests.query.conftest import Lake, orders

COUNTS = {
    "orders": 3,
    "ORDERS": 3,
    "orders@main": 3,
    "orders@main~1": 2,
    "orders@main~2": 1,
    "orders@main^": 2,
    "orders@v1.0": 2,
    "orders@v1.0~1": 1,
    'orders@"release-1"': 1,
    "orders@release-1": 1,
    'orders@"main"~1': 2,
    "orders@backfill/2024-03": 1,
    "orders@main@{1}": 2,
    "orders@{1}": 2,
    "orders@{2024-05-02}": 1,
    "orders@{2024-05-02T12:00}": 2,
    "orders@{2024-05-02T14:00+02:00}": 2,
    "orders@main@{2024-05-03 11:59}": 2,
    '"orders"@main~2': 1,
    "`orders`@main~2": 1,
    "orders AT (VERSION => 'main~1')": 2,
    "orders AS o AT (VERSION => 'main~2')": 1,
    "orders o AT (VERSION => 'v1.0')": 2,
    "orders AS o AT (TIMESTAMP => '2024-05-02')": 1,
    "orders AS o AT (TIMESTAMP => TIMESTAMP '2024-05-02 12:00:00')": 2,
    "orders AT (TIMESTAMP => '2024-05-02 12:00'::TIMESTAMP)": 2,
    '"order items"@main': 1,
    '"order items"@main~2 i': 1,
    "sales.orders@main": 1,
    "sales.orders": 1,
    '"sales"."orders"@main~2': 1,
}


@pytest.mark.parametrize("source", COUNTS)
def test_a_table_is_read_at_its_ref(session: Session, source: str) -> None:
    assert session.sql(f"SELECT count(*) FROM {source}").fetchall() == [(COUNTS[source],)]


def test_commit_ids_and_their_prefixes_are_refs(lake: Lake, session: Session) -> None:
    commit_id = lake.catalog.resolve("main~1").commit_id
    for digits in (commit_id, commit_id[:8], commit_id[:8] + "~1"):
        count = 1 if digits.endswith("~1") else 2
        assert session.sql(f"FROM orders@{digits}").shape[0] == count
    assert session.sql(f"FROM sales.orders@{commit_id[:8]}").fetchall() == [(7, "sale")]


def test_a_ref_expression_of_the_session_is_what_bare_names_and_moments_mean(lake: Lake) -> None:
    assert lake.rows("SELECT count(*) FROM orders", ref="main~1") == [(2,)]
    assert lake.rows("SELECT count(*) FROM orders@{2024-05-01T12:00}", ref="main~1") == [(1,)]
    assert lake.rows("SELECT count(*) FROM orders@main", ref="v1.0") == [(3,)]


def test_refs_are_compared_in_composed_form(lake: Lake, session: Session) -> None:
    lake.catalog.branches.create("für-später", at="main~2")
    assert session.sql("SELECT count(*) FROM orders@fu\u0308r-spa\u0308ter").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT orders.id FROM orders@main~2",
        "SELECT o.id FROM orders@main~2 AS o",
        "SELECT o.id FROM orders@main~2 o WHERE o.id = 1",
        "SELECT o.id FROM o : orders@main~2",
        "SELECT x FROM orders@main~2 AS o(x, y)",
        "SELECT id FROM (FROM orders@main~2)",
        "SELECT (orders).id FROM orders@main~2",
        "WITH c AS (FROM orders@main~2) SELECT c.id FROM c",
        "FROM orders@main~2 SELECT id",
    ],
)
def test_names_and_aliases_still_resolve(session: Session, query: str) -> None:
    assert session.sql(query).fetchall() == [(1,)]


def test_a_qualified_column_of_a_table_in_a_namespace_resolves(session: Session) -> None:
    query = "SELECT sales.orders.kind, orders.id FROM sales.orders@main WHERE sales.orders.id = 7"
    assert session.sql(query).fetchall() == [("sale", 7)]


def test_a_join_across_refs(session: Session) -> None:
    query = """
        SELECT n.id, o.amount, n.amount FROM orders@main n LEFT JOIN orders@main~1 o USING (id)
        ORDER BY 1"""
    assert session.sql(query).fetchall() == [(1, 10.0, 10.0), (2, 20.0, 20.0), (3, None, 30.0)]


def test_operators_with_at_keep_working(session: Session) -> None:
    query = """
        SELECT @id, @(-id), [id, 5] @> [5], [5] <@ [id, 5], 'abc' ^@ 'a' FROM orders@main~2
        WHERE@id = 1 AND @amount>-5"""
    assert session.sql(query).fetchall() == [(1, 1, True, True, True)]


def test_text_and_comments_with_at_are_left_alone(session: Session) -> None:
    query = """
        SELECT 'orders@main~1' AS "orders@main" /* orders@nope */ -- orders@nope
        FROM orders@main~2"""
    relation = session.sql(query)
    assert relation.columns == ["orders@main"]
    assert relation.fetchall() == [("orders@main~1",)]


class TestNames:
    def test_a_cte_wins(self, session: Session) -> None:
        query = "WITH orders AS (SELECT 0 AS id) SELECT id FROM orders"
        assert session.sql(query).fetchall() == [(0,)]

    def test_a_ref_looks_past_a_cte(self, session: Session) -> None:
        query = "WITH orders AS (SELECT 0 AS id) SELECT id FROM orders@main~2"
        assert session.sql(query).fetchall() == [(1,)]

    @pytest.mark.parametrize(
        "made", ["TEMP TABLE orders AS", "OR REPLACE TEMP TABLE orders AS", "TEMP VIEW orders AS"]
    )
    def test_temporary_objects_win_from_the_next_statement_on(
        self, session: Session, made: str
    ) -> None:
        text = f"CREATE {made} SELECT id + 100 AS id FROM orders; SELECT max(id) FROM orders"
        assert session.sql(text).fetchall() == [(103,)]
        assert session.sql("SELECT max(id) FROM orders@main").fetchall() == [(3,)]
        assert session.sql("SELECT max(id) FROM Orders").fetchall() == [(103,)]

    def test_a_dropped_temporary_object_hides_nothing(self, session: Session) -> None:
        session.sql("CREATE TEMP TABLE orders AS SELECT 0 AS id")
        session.sql("DROP TABLE orders")
        assert session.sql("SELECT count(*) FROM orders").fetchall() == [(3,)]

    def test_registered_data_wins(self, session: Session) -> None:
        session.connection.register("orders", pa.table({"id": [9]}))
        assert session.sql("FROM orders").fetchall() == [(9,)]

    def test_a_table_of_the_session_in_another_schema_hides_nothing(self, session: Session) -> None:
        session.sql("CREATE SCHEMA x; CREATE TABLE x.orders AS SELECT 0 AS id")
        assert session.sql("SELECT count(*) FROM orders").fetchall() == [(3,)]
        assert session.sql("SELECT count(*) FROM x.orders").fetchall() == [(1,)]

    def test_the_catalog_wins_over_attached_databases(self, session: Session) -> None:
        session.sql("ATTACH ':memory:' AS other; CREATE TABLE other.orders AS SELECT 0 AS id")
        session.sql("CREATE TABLE other.more AS SELECT 5 AS id; USE other")
        assert session.sql("SELECT count(*) FROM orders").fetchall() == [(3,)]
        assert session.sql("SELECT id FROM other.orders").fetchall() == [(0,)]
        assert session.sql("SELECT id FROM more").fetchall() == [(5,)]

    def test_the_catalog_wins_over_duckdbs_own(self, lake: Lake) -> None:
        lake.commit(pg_class={"a.parquet": pa.table({"mine": [1]})})
        assert lake.rows("FROM pg_class") == [(1,)]

    def test_duckdbs_own_tables_and_files_are_left_to_it(self, lake: Lake) -> None:
        path = lake.folder / "x.csv"
        path.write_text("a\n5\n")
        assert lake.rows(f"FROM '{path}'") == [(5,)]
        assert lake.rows("SELECT count(*) > 0 FROM information_schema.tables") == [(False,)]

    def test_python_variables_are_never_tables(self, session: Session) -> None:
        frame = pa.table({"a": [1]})
        with pytest.raises(NotFound, match="no table 'frame'"):
            session.sql("FROM frame")
        assert frame.num_rows == 1

    def test_one_statement_may_use_tables_of_both_kinds(self, session: Session) -> None:
        session.sql("CREATE TEMP TABLE wanted AS SELECT 2 AS id")
        assert session.sql("SELECT id FROM orders@main JOIN wanted USING (id)").fetchall() == [(2,)]


class TestTime:
    def test_a_session_follows_its_branch(self, lake: Lake, session: Session) -> None:
        assert session.sql("SELECT count(*) FROM orders").fetchall() == [(3,)]
        lake.commit(orders={"a.parquet": orders(1.0)})
        assert session.sql("SELECT count(*) FROM orders").fetchall() == [(1,)]

    def test_a_relation_stays_at_what_it_resolved(self, lake: Lake, session: Session) -> None:
        relation = session.sql("SELECT count(*) FROM orders")
        lake.commit(orders={"a.parquet": orders(1.0)})
        assert relation.fetchall() == [(3,)]

    def test_a_transaction_stays_at_what_it_resolved(self, lake: Lake, session: Session) -> None:
        session.sql("BEGIN")
        assert session.sql("SELECT count(*) FROM orders").fetchall() == [(3,)]
        lake.commit(orders={"a.parquet": orders(1.0)})
        assert session.sql("SELECT count(*) FROM orders").fetchall() == [(3,)]
        assert session.sql("SELECT count(*) FROM log()").fetchall() == [(4,)]
        session.sql("COMMIT")
        assert session.sql("SELECT count(*) FROM orders").fetchall() == [(1,)]

    def test_a_transaction_that_fails_lets_go_of_its_refs(
        self, lake: Lake, session: Session
    ) -> None:
        session.sql("START TRANSACTION; SELECT count(*) FROM orders")
        session.execute("CREATE TEMP TABLE t AS SELECT 1 AS a")
        lake.commit(orders={"a.parquet": orders(1.0)})
        with pytest.raises(InvalidInput):
            session.execute("SELECT error('no') FROM t").fetchall()
        session.sql("ROLLBACK")
        assert session.sql("SELECT count(*) FROM orders").fetchall() == [(1,)]

    def test_each_ref_is_resolved_once_per_statement(self, lake: Lake, session: Session) -> None:
        asked: list[str | None] = []
        backend = session._backend  # the only way to see how often it is asked

        class Counting:
            def __getattr__(self, name: str) -> object:
                return getattr(backend, name)

            def commit_id(self, ref: str | None) -> str:
                asked.append(ref)
                return backend.commit_id(ref)

        session._backend = Counting()  # type: ignore[assignment]
        session.sql(
            "SELECT 1 FROM orders, orders a, orders@main b, orders@main c, log(), log('main')"
        )
        assert sorted(asked, key=str) == [None, "main"]

    def test_a_view_and_a_prepared_statement_stay(self, lake: Lake, session: Session) -> None:
        session.sql("CREATE TEMP VIEW v AS SELECT count(*) AS n FROM orders")
        session.sql("PREPARE p AS SELECT count(*) FROM orders WHERE id <= ?")
        lake.commit(orders={"a.parquet": orders(1.0)})
        assert session.sql("FROM v").fetchall() == [(3,)]
        assert session.execute("EXECUTE p(2)").fetchall() == [(2,)]


WRITES = {
    "INSERT INTO orders VALUES (4, 1.0)": "orders",
    "INSERT INTO orders@main VALUES (4, 1.0)": "orders",
    "UPDATE orders SET amount = 0": "orders",
    "UPDATE sales.orders SET kind = ''": "sales.orders",
    "DELETE FROM orders WHERE id = 1": "orders",
    'DELETE FROM "order items"': "order items",
    "TRUNCATE orders": "orders",
    "MERGE INTO orders USING (SELECT 1 AS id) s USING (id) WHEN MATCHED THEN DELETE": "orders",
    "CREATE TABLE orders AS SELECT 1 AS id": "orders",
    "CREATE OR REPLACE TABLE Orders (id INTEGER)": "Orders",
    "CREATE VIEW orders AS SELECT 1 AS id": "orders",
    "ALTER TABLE orders ADD COLUMN x INTEGER": "orders",
    "DROP TABLE orders": "orders",
    "DROP TABLE IF EXISTS orders@main": "orders",
    "CREATE INDEX i ON orders (id)": "orders",
    "COPY orders FROM 'x.csv'": "orders",
    "WITH a AS (SELECT 9 AS id, 1.0 AS amount) INSERT INTO orders FROM a": "orders",
    "EXPLAIN DELETE FROM orders@main": "orders",
    "PREPARE p AS DELETE FROM orders": "orders",
}


@pytest.mark.parametrize("statement", WRITES)
def test_writing_to_a_table_of_the_catalog_is_refused(session: Session, statement: str) -> None:
    with pytest.raises(Unsupported) as caught:
        session.sql(statement)
    assert caught.value.kind == "read-only"
    assert caught.value.message.startswith(f"cannot write to '{WRITES[statement]}'")
    assert "CREATE TEMP TABLE" in caught.value.hint
    assert session.sql("SELECT count(*) FROM orders@main").fetchall() == [(3,)]


def test_the_sessions_own_tables_may_be_written(session: Session) -> None:
    session.sql("CREATE TEMP TABLE t AS FROM orders; INSERT INTO t FROM orders@main~1")
    session.sql("UPDATE t SET amount = 0 WHERE id IN (SELECT id FROM orders@main~2)")
    session.sql("CREATE TABLE u AS SELECT id FROM orders@main; DELETE FROM u WHERE id = 1")
    assert session.sql("SELECT count(*), sum(amount) FROM t").fetchall() == [(5, 70.0)]
    assert session.sql("SELECT count(*) FROM u").fetchall() == [(2,)]


def test_a_copy_out_reads_a_ref(lake: Lake, session: Session) -> None:
    path = lake.folder / "out.csv"
    session.sql(f"COPY orders@main~2 TO '{path}' (HEADER)")
    assert path.read_text() == "id,amount\n1,10.0\n"
    session.sql(f"COPY orders@main~1 (id) TO '{path}' (HEADER)")
    assert path.read_text() == "id\n1\n2\n"


def test_a_stored_view_needs_no_session(lake: Lake, session: Session) -> None:
    files = {f"p={n}/a.parquet": pa.table({"v": [n]}) for n in range(20)}
    lake.commit(wide=files)
    path = lake.folder / "kept.duckdb"
    session.sql(f"ATTACH '{path}' AS kept; CREATE VIEW kept.w AS SELECT sum(v) AS n FROM wide@main")
    session.sql("DETACH kept")
    with duckdb.connect(str(path)) as plain:
        assert plain.execute("FROM w").fetchall() == [(190,)]


class TestErrors:
    @pytest.mark.parametrize(
        ("query", "message", "hint"),
        [
            ("FROM ordrs@main", "no table 'ordrs' at main", "did you mean orders"),
            ("FROM ordrs", "no table 'ordrs' in the catalog", "did you mean orders"),
            ("FROM sales.ordrs", "no table 'sales.ordrs'", "did you mean sales.orders"),
            ("FROM orders@mian", "no branch, tag or commit 'mian'", "did you mean main?"),
            ("FROM xyzzy@main", "no table 'xyzzy' at main", "its tables are: order items"),
            ("FROM orders@main~9", "reaches back before the first commit", ""),
            ("FROM orders@{2020-01-01}", "the history starts after", ""),
            ("FROM tables('mian')", "no branch, tag or commit 'mian'", "did you mean main?"),
        ],
    )
    def test_what_does_not_exist_is_named_with_the_nearest(
        self, session: Session, query: str, message: str, hint: str
    ) -> None:
        with pytest.raises(NotFound, match=re.escape(message)) as caught:
            session.sql(query)
        assert hint in caught.value.hint

    @pytest.mark.parametrize(
        ("query", "where"),
        [
            ("SELECT *\nFROM orders@main WHERE AND", "line 2"),
            ("SELECT id FROM orders@main FROM", "line 1, column 28"),
            ("SELECT 5 + orders@main", "line 1, column 18"),
            ("SELECT * FROM orders @main", "line 1, column 22"),
            ("SELECT * FROM orders@'main'", "line 1, column 21"),
            ("SELECT * FROM orders@main$x", "line 1, column 21"),
            ("SELECT id FROM orders@main WHERE id = 'open", "line 1, column 39"),
            ("FROM range(3)@main", "LINE 1"),
        ],
    )
    def test_a_ref_in_what_cannot_be_parsed_is_refused_with_its_place(
        self, session: Session, query: str, where: str
    ) -> None:
        with pytest.raises(InvalidInput, match=where):
            session.sql(query)

    def test_what_names_no_table_of_the_catalog_goes_to_duckdb_as_it_is(
        self, session: Session
    ) -> None:
        assert session.sql("PRAGMA version").fetchall() != []
        with pytest.raises(InvalidInput, match="syntax error"):
            session.sql("SELEC 1")

    def test_what_names_a_table_and_cannot_be_parsed_is_refused(self, session: Session) -> None:
        with pytest.raises(InvalidInput, match="cannot understand this statement"):
            session.sql("SELEC * FROM orders")

    def test_no_statement_runs_if_a_later_one_cannot_be_read(self, session: Session) -> None:
        with pytest.raises(InvalidInput):
            session.sql("CREATE TEMP TABLE t AS SELECT 1; FROM orders@main$x")
        assert session.sql("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]

    def test_two_refs_of_one_table_are_refused(self, session: Session) -> None:
        with pytest.raises(InvalidInput, match="second ref"):
            session.sql("FROM orders@main o AT (VERSION => 'main')")

    def test_a_ref_that_is_no_literal_is_refused(self, session: Session) -> None:
        with pytest.raises(InvalidInput, match="takes a literal"):
            session.sql("FROM orders AT (VERSION => 'ma' || 'in')")

    def test_messages_show_no_sql_but_the_users(self, session: Session) -> None:
        with pytest.raises(InvalidInput, match="amuont") as caught:
            session.sql("SELECT amuont FROM orders@main")
        assert "amount" in caught.value.message
        assert "read_parquet" not in caught.value.message
        assert "LINE" not in caught.value.message

    def test_nothing_is_no_statement(self, session: Session) -> None:
        with pytest.raises(InvalidInput, match="no SQL statement"):
            session.sql(" ; -- nothing\n;")

    def test_an_aborted_transaction_is_told(self, session: Session) -> None:
        session.sql("BEGIN; CREATE TEMP TABLE t (a INTEGER PRIMARY KEY)")
        with pytest.raises(InvalidInput):
            session.execute("INSERT INTO t VALUES (1), (1)")
        with pytest.raises(InvalidInput, match="aborted"):
            session.sql("FROM orders@main")
        session.sql("ROLLBACK")
        assert session.sql("SELECT count(*) FROM orders@main").fetchall() == [(3,)]


class TestResults:
    def test_parameters_by_position_and_by_name(self, lake: Lake, session: Session) -> None:
        query = "SELECT id FROM orders@main~1 WHERE id > ? AND amount < ?"
        assert session.sql(query, [1, 25]).fetchall() == [(2,)]
        assert session.execute(query, [1, 25]).fetchone() == (2,)
        named = "SELECT id FROM orders@main WHERE id > $low AND amount < $high"
        assert lake.catalog.sql(named, params={"low": 1, "high": 25}).fetchall() == [(2,)]

    def test_parameters_belong_to_the_last_of_several_statements(self, session: Session) -> None:
        text = "CREATE TEMP TABLE t AS FROM orders@main; SELECT id FROM t WHERE id = ?"
        assert session.sql(text, [2]).fetchall() == [(2,)]

    def test_every_statement_runs_and_the_last_answers(self, session: Session) -> None:
        text = (
            "CREATE SEQUENCE s; SELECT nextval('s'); SELECT nextval('s') AS n FROM orders@main~2;"
        )
        assert session.sql(text).fetchall() == [(2,)]

    def test_a_statement_without_rows_gives_an_empty_relation(self, session: Session) -> None:
        assert session.sql("CREATE TEMP TABLE t (a INTEGER)").fetchall() == []

    def test_rows_are_fetched_one_by_one_and_all(self, session: Session) -> None:
        session.execute("SELECT id FROM orders ORDER BY id")
        assert [column[0] for column in session.description or ()] == ["id"]
        assert session.fetchone() == (1,)
        assert session.fetchall() == [(2,), (3,)]
        assert session.fetchone() is None

    @pytest.mark.parametrize(
        "query", ["SELECT count(*) FROM orders@main", "SELECT 3", "SELECT count(*) - 1 FROM log()"]
    )
    def test_a_result_half_read_is_given_up_for_the_next(
        self, session: Session, query: str
    ) -> None:
        session.execute("FROM range(1000000)")
        assert session.fetchone() == (0,)
        assert session.sql(query).fetchall() == [(3,)]
        session.execute("FROM range(1000000)")
        assert session.fetchone() == (0,)
        assert session.execute(query).fetchall() == [(3,)]
        assert session.sql(f"FROM range(1000000); {query}").fetchall() == [(3,)]

    def test_a_relation_outlives_its_session_object(self, lake: Lake) -> None:
        relation = lake.catalog.sql(
            "SELECT table_name, l.message FROM log() l, tables() t(table_name)"
        )
        gc.collect()
        assert len(relation.fetchall()) == 12

    def test_the_rewritten_sql_can_be_seen(self, session: Session) -> None:
        text = session.rewrite("SELECT 1; SELECT orders.id FROM orders@main  WHERE  id=1")
        assert text.startswith("SELECT 1;\nSELECT orders.id FROM (SELECT")
        assert text.endswith(') AS "orders"  WHERE  id=1')

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("DESCRIBE orders@main", [("id", "BIGINT"), ("amount", "DOUBLE")]),
            (
                "SELECT column_name, min FROM (SUMMARIZE orders@main)",
                [("id", "1"), ("amount", "10.0")],
            ),
            ("TABLE orders@main~2", [(1, 10.0)]),
            ("SELECT * FROM (PIVOT orders@main~2 ON id USING sum(amount))", [(10.0,)]),
            ("VALUES ((SELECT max(id) FROM orders@main~1))", [(2,)]),
        ],
    )
    def test_refs_stand_wherever_tables_do(
        self, session: Session, query: str, expected: list[tuple[object, ...]]
    ) -> None:
        found = session.sql(query).fetchall()
        assert [row[: len(expected[0])] for row in found] == expected


class TestFunctions:
    def test_tables_lists_those_of_a_ref(self, session: Session) -> None:
        query = "SELECT \"table\", rows, files FROM tables('main~1') ORDER BY 1"
        assert session.sql(query).fetchall() == [
            ("order items", 1, 1),
            ("orders", 2, 1),
            ("sales.orders", 1, 1),
        ]
        assert session.sql("SELECT rows FROM tables() t WHERE t.table = 'orders'").fetchall() == [
            (3,)
        ]

    def test_log_lists_commits_newest_first(self, lake: Lake, session: Session) -> None:
        ids = [commit.id for commit in lake.catalog.log()]
        assert session.sql("SELECT commit_id FROM log()").fetchall() == [(i,) for i in ids]
        found = session.sql(
            "SELECT commit_id, author, tables, parents FROM log('main~2')"
        ).fetchall()
        assert found[0] == (ids[2], "test", ["order items", "orders", "sales.orders"], [ids[3]])

    @pytest.mark.parametrize(
        "arguments",
        [
            "'orders', 'main~1', 'main'",
            "'orders', 'main~1'",
            "'orders', 'main~1..main'",
            "'orders', 'main~1..'",
            "'orders', 'main~1...main'",
            "table => 'orders', from_ref => 'main~1', to_ref := 'main'",
            "'ORDERS', '@{1}', 'main'",
        ],
    )
    def test_diff_gives_the_changed_rows(self, session: Session, arguments: str) -> None:
        query = f"SELECT _change, _from, _to.id, _to.amount FROM diff({arguments}) AS d"
        assert session.sql(query).fetchall() == [("inserted", None, 3, 30.0)]

    def test_diff_can_be_joined_with_tables(self, lake: Lake, session: Session) -> None:
        lake.commit(key=["id"], orders={"a.parquet": orders(10.0, 22.0, 30.0)})
        lake.commit(orders={"a.parquet": orders(10.0, None, 30.0)})
        query = """
            SELECT d.id, d._changed_columns, d._from.amount, o.amount
            FROM diff('orders', 'main~1') d JOIN orders@main~3 o USING (id)"""
        assert session.sql(query).fetchall() == [(2, ["amount"], 22.0, 20.0)]
        assert session.sql("FROM diff('orders', 'main', 'main')").fetchall() == []

    def test_diff_names_what_does_not_exist(self, session: Session) -> None:
        with pytest.raises(NotFound, match="no table 'ordrs' at main~1 or main") as caught:
            session.sql("FROM diff('ordrs', 'main~1', 'main')")
        assert "did you mean orders" in caught.value.hint
        with pytest.raises(NotFound, match="no branch, tag or commit 'mian'"):
            session.sql("FROM diff('orders', 'mian')")

    def test_functions_follow_the_sessions_ref(self, lake: Lake) -> None:
        assert lake.rows("SELECT count(*) FROM log()", ref="main~1") == [(3,)]
        query = "SELECT rows FROM tables() WHERE \"table\" = 'orders'"
        assert lake.rows(query, ref="main~1") == [(2,)]

    def test_arguments_are_literals(self, session: Session) -> None:
        with pytest.raises(InvalidInput, match="takes literals"):
            session.sql("FROM tables('ma' || 'in')")
        with pytest.raises(InvalidInput, match="takes literals"):
            session.sql("FROM tables(1.5.5)")
        with pytest.raises(InvalidInput, match="does not take these arguments"):
            session.sql("FROM log('main', 5)")

    def test_scalar_functions_of_the_same_name_are_duckdbs(self, session: Session) -> None:
        assert session.sql("SELECT log(100) FROM orders@main~2").fetchall() == [(2.0,)]


class TestArguments:
    """Whatever Python lets through ends in an error of the catalog."""

    @pytest.mark.parametrize("text", [None, 3, b"SELECT 1", ["SELECT 1"]])
    @pytest.mark.parametrize("method", ["sql", "execute", "rewrite"])
    def test_sql_is_text(self, session: Session, method: str, text: object) -> None:
        with pytest.raises(InvalidInput, match="SQL must be text") as caught:
            getattr(session, method)(text)
        assert caught.value.kind is ErrorKind.NOT_TEXT

    @pytest.mark.parametrize("method", ["sql", "execute", "rewrite"])
    def test_sql_is_unicode(self, session: Session, method: str) -> None:
        with pytest.raises(InvalidInput, match="not valid Unicode") as caught:
            getattr(session, method)("SELECT '\udce9'")
        assert caught.value.kind is ErrorKind.NOT_UNICODE

    @pytest.mark.parametrize("ref", [None, 3, b"main", ["main"]])
    def test_a_ref_is_text(self, lake: Lake, ref: Any) -> None:
        with pytest.raises(InvalidInput, match="a ref must be text"), lake.catalog.connect(ref):
            pass

    @pytest.mark.parametrize("params", [3, 1.5, "x", b"y", object()])
    @pytest.mark.parametrize("method", ["sql", "execute"])
    def test_parameters_are_a_list_or_a_dictionary(
        self, session: Session, method: str, params: object
    ) -> None:
        with pytest.raises(InvalidInput, match="must be a list or a dictionary"):
            getattr(session, method)("SELECT ?", params)

    @pytest.mark.parametrize("kind", [list, tuple, iter])
    @pytest.mark.parametrize("method", ["sql", "execute"])
    def test_values_come_in_any_collection(
        self, session: Session, method: str, kind: Callable[[list[int]], object]
    ) -> None:
        found = getattr(session, method)("SELECT ?::INTEGER", kind([5]))
        assert found.fetchall() == [(5,)]

    def test_values_that_duckdb_does_not_know_are_refused(self, session: Session) -> None:
        with pytest.raises(InvalidInput, match="Unable to transform"):
            session.sql("SELECT ?", [object()])
