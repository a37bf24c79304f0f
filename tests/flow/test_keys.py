"""The key that SQL gives its result by itself: unique in whatever data, or none."""

import random
from collections.abc import Iterator

import duckdb
import pytest

from catalog.flow.derivation.keys import result_key
from tests.effort import effort

TABLES = """
CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER, v INTEGER, l INTEGER[],
                s STRUCT(a INTEGER, z INTEGER));
INSERT INTO t SELECT i % 3, i % 2, i % 5, i % 7, [i % 2, i % 3, 1], {'a': i % 2, 'z': i % 3}
    FROM range(40) r(i);
INSERT INTO t VALUES (NULL, NULL, NULL, NULL, NULL, NULL), (NULL, 1, NULL, NULL, NULL, NULL);
CREATE TABLE u (a INTEGER, k INTEGER, x INTEGER);
INSERT INTO u SELECT i % 3 + 2, i % 4, i FROM range(9) r(i);
CREATE TABLE one (q INTEGER); INSERT INTO one VALUES (1);
"""

SAID = {
    "SELECT a, count(*) FROM t GROUP BY a": ("a",),
    "FROM t SELECT a, count(*) GROUP BY a": ("a",),
    "WITH x AS (SELECT 1) SELECT a AS y, b, count(*) AS n FROM t GROUP BY b, t.a": ("b", "y"),
    "SELECT a % 2 AS g, count(*) FROM t GROUP BY g": ("g",),
    "SELECT a % 2 AS g, count(*) FROM t GROUP BY a % 2": ("g",),
    "SELECT count(*) AS n, a AS x FROM t GROUP BY 2": ("x",),
    "SELECT a, b, count(*) FROM t GROUP BY (a, b)": ("a", "b"),
    "SELECT a, b, count(*) + 1 AS n, sum(v) FILTER (WHERE c > 1) FROM t GROUP BY ALL": ("a", "b"),
    "SELECT b AS a, a AS b, count(*) FROM t GROUP BY a, b": ("b", "a"),
    "SELECT DISTINCT ON (a) * FROM t ORDER BY a, b": ("a",),
    "SELECT DISTINCT ON (a, B) *, v * 2 AS w FROM t": ("a", "b"),
    "SELECT DISTINCT ON (t.a) t.*, u.x FROM t JOIN u USING (a)": ("a",),
    "SELECT DISTINCT ON (a) * FROM t FULL JOIN u USING (a)": ("a",),
    "SELECT DISTINCT ON (a) b, a FROM t": ("a",),
    "SELECT DISTINCT ON (a) b AS a, a AS x FROM t": ("a",),
    "SELECT DISTINCT ON (a) t.a AS x, b FROM t": ("x",),
    "(SELECT s.a AS x, count(*) FROM t GROUP BY s.a)": ("x",),
}
"""What SQL says of the keys of its result."""

UNSAID = (
    "SELECT a, b FROM t",
    "SELECT count(*) FROM t",
    "SELECT DISTINCT a, b FROM t",
    "SELECT a % 2 AS a, count(*) FROM t GROUP BY a",
    "SELECT b AS a, count(*) FROM t GROUP BY a, b",
    "SELECT a, (SELECT max(x) FROM u WHERE u.a = t.b) AS m, count(*) FROM t GROUP BY ALL",
    "SELECT a, unnest([1, 2]) AS e, count(*) FROM t GROUP BY a",
    "SELECT generate_subscripts([1, 2], 1) AS i, a FROM t GROUP BY a",
    "SELECT regexp_split_to_table('1,2', ',') AS i, a FROM t GROUP BY a",
    "SELECT a, b, count(*) FROM t GROUP BY ROLLUP (a, b)",
    "SELECT a, b, count(*) FROM t GROUP BY CUBE (a, b)",
    "SELECT a, b, count(*) FROM t GROUP BY a, GROUPING SETS ((b), ())",
    "SELECT a, count(*) FROM t GROUP BY a UNION ALL SELECT a, 1 FROM t",
    "SELECT DISTINCT ON (b) one.* EXCLUDE (q), b, u.* FROM one, t, u",
    "SELECT DISTINCT ON (a + 1) b AS a, a + 1 AS x FROM t",
    "SELECT DISTINCT ON (a) t.* FROM t RIGHT JOIN u USING (a)",
    "SELECT DISTINCT ON (a) * REPLACE (b AS a) FROM t",
    "SELECT DISTINCT ON (a) * RENAME (a AS z, b AS a) FROM t",
    "SELECT COLUMNS('^[ab]$'), count(*) FROM t GROUP BY a, b",
    "SELECT t.a FROM t JOIN u ON t.b = u.k GROUP BY t.a, u.a",
    "SELECT s.z AS a, count(*) FROM t GROUP BY s.a, s.z",
)
"""SQL of whose keys nothing is said that holds for all data, or nothing that is seen."""


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(TABLES)
        yield con


def key_of(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, ...]:
    """Returns the key that SQL says, after checking that no two rows of its result share it."""
    names = con.sql(sql).columns
    every = con.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name IN ('t', 'u', 'one')"
    ).fetchall()
    key = result_key(sql, names, input_columns=[name for (name,) in every])
    if key and len({name.casefold() for name in names}) == len(names):
        numbered = f"({sql}) AS r({', '.join(f'r{n}' for n in range(len(names)))})"
        chosen = ", ".join(f"r{names.index(name)}" for name in key)
        shared = f"SELECT {chosen} FROM {numbered} GROUP BY ALL HAVING count(*) > 1 LIMIT 1"
        assert con.execute(shared).fetchall() == [], (sql, key)
    return key


@pytest.mark.parametrize("sql", SAID)
def test_sql_says_its_key(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert key_of(con, sql) == SAID[sql]


@pytest.mark.parametrize("sql", UNSAID)
def test_no_key_is_guessed(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert key_of(con, sql) == ()


COLUMNS = (
    *("a", "b", "t.a", "a AS b", "b AS a", "a AS g", "b AS g", "t.b AS a", "c AS k", "a AS x"),
    *("a % 2 AS a", "a % 2 AS g", "a % 2", "a % 2 + b AS g", "b AS B", "1 AS a", "NULL AS g"),
    *("count(*)", "count(*) AS g", "sum(v)", "max(v) AS b", "count(*) FILTER (WHERE a > 1) AS n"),
    *("s.a", "s.z AS a", "s.*", "s", "l", "l[1] AS a", "unnest(l) AS e", "unnest(l) AS a"),
    *("(SELECT max(x) FROM u WHERE u.a = t.b) AS m", "(SELECT 1) AS a", "EXISTS (FROM u) AS e"),
    *(
        "*",
        "t.*",
        "* EXCLUDE (a)",
        "* REPLACE (b AS a)",
        "* RENAME (a AS z, b AS a)",
        "COLUMNS('a')",
    ),
    *("generate_subscripts([1, 2], 1) AS g", "row_number() OVER () AS a", "coalesce(a, b) AS a"),
)
GROUPED = (
    *("a", "b", "t.a", "t.b", "g", "k", "x", "z", "1", "2", "3", "a % 2", "(a, b)", "(a)", "s"),
    *("s.a", "l", "a % 2 + b", "c", "B", "coalesce(a, b)", "e", "m", "n", "u.a", "q", "l[1]"),
)
SOURCES = (
    *("t", "t", "t", "t JOIN u USING (a)", "t RIGHT JOIN u USING (a)", "t FULL JOIN u USING (a)"),
    *("t LEFT JOIN u USING (a)", "t, one", "t JOIN u ON t.b = u.k", "t AS t(b, a, x)"),
    *("(SELECT *, a + b AS g FROM t) t", "(SELECT *, 'x' AS \"count_star()\" FROM t) t"),
)


def drawn(draw: random.Random) -> str:
    columns = ", ".join(draw.choices(COLUMNS, k=draw.choice([1, 2, 2, 3, 4])))
    grouped = ", ".join(draw.choices(GROUPED, k=draw.choice([1, 1, 2, 2, 3])))
    source = draw.choice(SOURCES)
    match draw.randrange(4):
        case 0:
            return f"SELECT DISTINCT ON ({grouped}) {columns} FROM {source}"
        case 1:
            return f"SELECT {columns} FROM {source} GROUP BY ALL"
    return f"SELECT {columns} FROM {source} GROUP BY {grouped}"


@pytest.mark.invariant("A key that a derived table takes from its SQL is unique in any data")
def test_keys_of_random_queries_are_unique(con: duckdb.DuckDBPyConnection) -> None:
    draw, bound, keyed = random.Random(effort(15, 77)), 0, 0
    for _ in range(effort(1_500, 30_000)):
        sql = drawn(draw)
        try:
            con.sql(sql)
        except duckdb.Error:
            continue
        bound += 1
        keyed += bool(key_of(con, sql))
    assert bound > effort(200, 4_000)
    assert keyed > effort(30, 700)
