"""Connections that read: statements, rows, several cursors, threads."""

import datetime
import random
import threading
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import catalog
from catalog import Catalog, dbapi
from tests.effort import effort


def test_the_module_says_what_it_is() -> None:
    assert catalog.dbapi is dbapi
    assert (dbapi.apilevel, dbapi.threadsafety, dbapi.paramstyle) == ("2.0", 2, "qmark")


@pytest.mark.invariant("table@ref works through Python's interface for databases")
def test_tables_carry_refs(con: dbapi.Connection, shared: Catalog) -> None:
    cur = con.cursor()
    first = shared.resolve("main~1").commit_id
    for name, count in [("t", 3), ("t@main~1", 4), (f"t@{first}", 4), ('"t"@"side"', 4)]:
        assert cur.execute(f"SELECT count(*) FROM {name}").fetchall() == [(count,)]


def test_a_path_and_options_of_opening_are_taken(shared: Catalog) -> None:
    for place in (Path(shared.uri), shared.uri):
        with dbapi.connect(place, "side", verify="hash") as con:
            assert con.execute("SELECT count(*) FROM t").fetchone() == (4,)


def test_a_branch_is_followed_and_a_commit_stays(cat: Catalog) -> None:
    con = dbapi.connect(cat)
    pinned = dbapi.connect(cat, cat.resolve("main").commit_id)
    count = "SELECT count(*) FROM t"
    assert [one.execute(count).fetchone() for one in (con, pinned)] == [(3,), (3,)]
    with cat.transaction("main") as tx:
        tx.sql("DELETE FROM t")
    assert [one.execute(count).fetchone() for one in (con, pinned)] == [(0,), (3,)]


def test_rows_are_fetched_in_every_way(con: dbapi.Connection) -> None:
    cur = con.cursor().execute("SELECT i FROM range(10) r(i)")
    assert cur.connection is con
    assert cur.fetchone() == (0,)
    assert cur.fetchmany() == [(1,)]
    assert cur.fetchmany(size=2) == [(2,), (3,)]
    cur.arraysize = 3
    assert cur.fetchmany() == [(4,), (5,), (6,)]
    assert next(cur) == (7,)
    assert list(cur) == [(8,), (9,)]
    assert (cur.fetchone(), cur.fetchmany(5), cur.fetchall()) == (None, [], [])
    assert cur.rowcount == -1


def test_columns_are_described(con: dbapi.Connection) -> None:
    kinds = {
        "1::UTINYINT": dbapi.NUMBER,
        "1::HUGEINT": dbapi.NUMBER,
        "1.5::DECIMAL(10,2)": dbapi.NUMBER,
        "1e0": dbapi.NUMBER,
        "'x'": dbapi.STRING,
        "'x'::ENUM('x', '(')": dbapi.STRING,
        "uuid()": dbapi.STRING,
        "'x'::BLOB": dbapi.BINARY,
        "DATE '2024-01-01'": dbapi.DATETIME,
        "TIMESTAMPTZ '2024-01-01'": dbapi.DATETIME,
        "TIME '01:02'": dbapi.DATETIME,
        "[1.5::DECIMAL(10,2)]": None,
        "{'a': 1}": None,
        "true": None,
    }
    cur = con.execute(f"SELECT {', '.join(kinds)}")
    assert cur.description is not None
    groups = [dbapi.STRING, dbapi.BINARY, dbapi.NUMBER, dbapi.DATETIME, dbapi.ROWID]
    for column, wanted in zip(cur.description, kinds.values(), strict=True):
        assert len(column) == 7
        assert [one for one in groups if one == column[1]] == ([wanted] if wanted else [])
        assert [one for one in groups if column[1] == one] == ([wanted] if wanted else [])
    assert cur.description[2][1:] == ("DECIMAL(10,2)", None, None, 10, 2, None)
    assert (
        con.execute("SELECT 1 AS a, 2 AS a").description
        == [("a", "INTEGER", None, None, None, None, None)] * 2
    )
    assert con.execute("SET threads = 1").description is None
    assert con.execute("CREATE TEMP TABLE x AS FROM t").description is None


def test_values_are_bound_and_never_pasted(con: dbapi.Connection) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moment = datetime.datetime(2024, 5, 1, 12, tzinfo=zone)
    values: list[Any] = ["'; DROP TABLE t --", "\0", b"\0x", None, 2**70, True, [1, None], []]
    values += [Decimal("1.50"), datetime.date(2024, 2, 29), datetime.timedelta(days=1)]
    values += [uuid.UUID(int=7), float("inf"), {"a": 1}, moment]
    found = con.execute(f"SELECT {', '.join('?' * len(values))}", values).fetchone()
    assert found == tuple(values)
    (nan,) = con.execute("SELECT ?", (float("nan"),)).fetchone() or ()
    assert nan != nan
    import numpy as np

    numbers = [np.int64(2**62), np.uint8(7), np.float64(0.1), np.bool_(True), np.array([1, 2])]
    assert con.execute("SELECT ?, ?, ?, ?, ?", numbers).fetchone() == (2**62, 7, 0.1, True, [1, 2])
    named = con.execute(
        "SELECT id FROM t WHERE name = $name AND id >= $n", {"n": 1, "name": "it's"}
    )
    assert named.fetchall() == [(3,)]


@pytest.mark.invariant("Rows are read as they are fetched")
def test_only_what_is_fetched_is_read_into_memory(con: dbapi.Connection) -> None:
    """Of so many rows only some can be fetched in any time, and in any memory."""
    cur = con.execute("SELECT i, repeat('x', 1000) FROM range(1_000_000_000_000) r(i)")
    assert [row[0] for row in cur.fetchmany(5000)] == list(range(5000))
    cur.close()
    assert con.execute("SELECT count(*) FROM t").fetchone() == (3,)


def test_several_cursors_do_not_disturb_each_other(con: dbapi.Connection) -> None:
    n = 10_000
    first = con.execute(f"SELECT i FROM range({n}) r(i)")
    assert first.fetchmany(2) == [(0,), (1,)]
    second = con.execute(f"SELECT -i FROM range({n}) r(i)")
    assert (first.fetchone(), second.fetchone()) == ((2,), (0,))
    con.execute("CREATE TEMP TABLE x AS SELECT 7 AS y")
    assert con.execute("FROM x").fetchall() == [(7,)]
    assert first.fetchmany(3) == [(3,), (4,), (5,)]
    assert [row[0] for row in first] == list(range(6, n))
    assert [row[0] for row in second] == [-i for i in range(1, n)]


def test_who_fetches_rows_that_fail_is_told_and_nobody_else(con: dbapi.Connection) -> None:
    bad = "SELECT CAST(if(i < 9000, '1', 'x') AS INTEGER) FROM range(10_000) r(i)"
    first = con.execute(bad)
    assert con.execute("SELECT 1").fetchall() == [(1,)]
    with pytest.raises(dbapi.DataError, match="Could not convert"):
        first.fetchall()
    with pytest.raises(dbapi.DataError, match="Could not convert"):
        con.execute(bad).fetchall()


def test_threads_share_a_connection(con: dbapi.Connection) -> None:
    found: dict[int, list[tuple[object, ...]]] = {}

    def read(number: int) -> None:
        cur = con.execute("SELECT i * ? FROM range(3000) r(i)", [number])
        rows = found[number] = []
        while batch := cur.fetchmany(100):
            rows += batch

    threads = [threading.Thread(target=read, args=(n,)) for n in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == {n: [(i * n,) for i in range(3000)] for n in range(6)}


def test_statements_of_a_session_run(con: dbapi.Connection, shared: Catalog) -> None:
    cur = con.execute("CREATE TABLE x (a INTEGER); INSERT INTO x VALUES (1), (2)")
    assert (cur.rowcount, cur.description) == (2, None)
    cur.executemany("INSERT INTO x VALUES (?)", [[3], (4,), [5]])
    assert cur.rowcount == 3
    assert con.execute("SELECT sum(a) FROM x").fetchall() == [(15,)]
    con.execute("BEGIN; DELETE FROM x")
    con.rollback()
    con.execute("BEGIN; DELETE FROM x WHERE a = 1")
    con.commit()
    con.rollback()
    assert con.execute("SELECT count(*) FROM x").fetchall() == [(4,)]
    assert con.last_commit is None
    assert len(shared.log()) == 3
    assert con.execute("DESCRIBE t").fetchall()[0][:2] == ("id", "BIGINT")


def test_answers_become_frames(con: dbapi.Connection) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    big = "SELECT * FROM (VALUES (9007199254740993, 'a'), (NULL, 'b')) v(n, s)"
    cur = con.execute(big)
    assert cur.fetch_arrow_table().to_pydict() == {"n": [2**53 + 1, None], "s": ["a", "b"]}
    assert cur.fetchall() == []
    for frame in (con.execute(big).df(), con.execute(big).fetch_df()):
        assert isinstance(frame, pandas.DataFrame)
        assert frame["n"][0] == 2**53 + 1
        assert pandas.isna(frame["n"][1])
    assert isinstance(con.execute(big).pl(), polars.DataFrame)
    assert con.execute("SELECT 1 AS a, 2 AS a, 3 AS a_1").pl().columns == ["a", "a_2", "a_1"]
    cur = con.execute(big)
    assert cur.fetchone() == (2**53 + 1, "a")
    assert cur.fetch_arrow_table().to_pydict() == {"n": [None], "s": ["b"]}


def test_what_another_cursor_made_wait_becomes_arrow_if_nothing_is_lost(
    con: dbapi.Connection,
) -> None:
    exact = "SELECT 1.50::DECIMAL(10,2) AS d, 'x' AS s, TIMESTAMPTZ '2024-01-01' AS z, NULL::DATE"
    direct = con.execute(exact).fetch_arrow_table()
    waiting = con.execute(exact)
    con.execute("SELECT 1")
    assert waiting.fetch_arrow_table().equals(direct)
    for value in ("TIMESTAMP_NS '2024-01-01 00:00:00.123456789'", "DATE 'infinity'"):
        waiting = con.execute(f"SELECT {value}")
        con.execute("SELECT 1")
        with pytest.raises(dbapi.NotSupportedError, match="already read"):
            waiting.fetch_arrow_table()


def test_a_statement_can_be_stopped(con: dbapi.Connection) -> None:
    done = threading.Event()

    def stop() -> None:
        while not done.wait(0.05):
            con.interrupt()

    other = threading.Thread(target=stop)
    other.start()
    with pytest.raises(dbapi.OperationalError, match="interrupted"):
        con.execute("SELECT sum(a.i * b.i) FROM range(10_000_000) a(i), range(10_000_000) b(i)")
    done.set()
    other.join()
    assert con.execute("SELECT 1").fetchone() == (1,)


def test_constructors_make_values(con: dbapi.Connection) -> None:
    values = [
        dbapi.Date(2024, 1, 2),
        dbapi.Time(1, 2, 3),
        dbapi.Timestamp(2024, 1, 2, 3, 4, 5),
        dbapi.Binary(b"x"),
        dbapi.DateFromTicks(0),
        dbapi.TimeFromTicks(0),
        dbapi.TimestampFromTicks(0),
    ]
    assert con.execute("SELECT ?, ?, ?, ?, ?, ?, ?", values).fetchone() == tuple(values)
    con.cursor().setinputsizes([None])
    con.cursor().setoutputsize(10)


def test_a_linked_file_that_was_changed_is_noticed(cat: Catalog, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = tmp_path / "source.parquet"
    pq.write_table(pa.table({"a": list(range(10))}), source)
    with cat.transaction("main") as tx:
        tx.snapshot("linked", str(source), mode="reference")
    with dbapi.connect(catalog.open(tmp_path / "lake")) as con:
        assert len(con.execute("FROM linked").fetchall()) == 10
        pq.write_table(pa.table({"a": list(range(11))}), source)
        with pytest.raises(dbapi.OperationalError, match=r"source\.parquet"):
            con.execute("FROM linked").fetchall()


@pytest.mark.parametrize("seed", range(effort(6, 300)))
def test_cursors_in_any_order_give_their_rows(con: dbapi.Connection, seed: int) -> None:
    """The oracle is a list for each cursor."""
    chance = random.Random(seed)
    open_ones: list[tuple[dbapi.Cursor, list[tuple[int]]]] = []
    for _ in range(25):
        if chance.random() < 0.3 or not open_ones:
            size, factor = chance.choice([0, 1, 5, 2047, 2048, 2049, 9000]), chance.randrange(100)
            cur = con.execute("SELECT i * ? FROM range(?) r(i)", [factor, size])
            open_ones.append((cur, [(i * factor,) for i in range(size)]))
            continue
        cur, rest = chance.choice(open_ones)
        count = chance.choice([0, 1, 7, 2048, 3000])
        match chance.choice(["one", "one", "many", "many", "next", "all", "arrow"]):
            case "one":
                assert cur.fetchone() == (rest.pop(0) if rest else None)
            case "many":
                assert cur.fetchmany(count) == rest[:count]
                del rest[:count]
            case "next":
                assert next(cur, None) == (rest.pop(0) if rest else None)
            case "all":
                assert cur.fetchall() == rest
                rest.clear()
            case "arrow":
                assert cur.fetch_arrow_table().columns[0].to_pylist() == [n for (n,) in rest]
                rest.clear()
