"""What may make a query give other rows from run to run."""

import pytest

from catalog.flow.causes import likely_causes
from catalog.model.schema import Field, Schema
from catalog.model.table import TableSnapshot
from catalog.model.types import Scalar

WHOLE = TableSnapshot(Schema((Field(1, "n", Scalar("BIGINT")),)), 1)
FLOATS = TableSnapshot(Schema((Field(1, "x", Scalar("DOUBLE")),)), 1)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT random() FROM t", ["random()"]),
        ("SELECT uuid() FROM t", ["uuid()"]),
        ("SELECT now(), current_date FROM t", ["current_date()", "now()"]),
        ("SELECT today() - d FROM t", ["current_date()"]),
        ("SELECT age(d) FROM t", ["age()"]),
        ("SELECT age(d, e) FROM t", []),
        ("SELECT first(x) FROM t", ["first()"]),
        ("SELECT any_value(x) FROM t", ["any_value()"]),
        ("SELECT first(x ORDER BY y) FROM t", []),
        ("SELECT list(x), string_agg(y, ',') FROM t", ["list()", "string_agg()"]),
        ("SELECT list(x ORDER BY x), string_agg(y, ',' ORDER BY y) FROM t", []),
        ("SELECT list(DISTINCT x ORDER BY x) FROM t", []),
        ("SELECT arg_max(a, b), mode(c) FROM t", ["arg_max()", "mode()"]),
        ("SELECT row_number() OVER (ORDER BY x) FROM t", ["row_number()"]),
        ("SELECT row_number() OVER () FROM t", ["without ORDER BY"]),
        ("SELECT rank() OVER (ORDER BY x), sum(n) OVER (ORDER BY x) FROM t", []),
        ("SELECT n FROM t LIMIT 3", ["LIMIT without ORDER BY"]),
        ("SELECT n FROM t ORDER BY n LIMIT 3", ["rows of equal order"]),
        ("SELECT n FROM (SELECT n FROM t LIMIT 3)", ["LIMIT without ORDER BY"]),
        ("SELECT DISTINCT ON (n) n, m FROM t", ["DISTINCT ON"]),
        ("SELECT n FROM t USING SAMPLE 10%", ["a sample"]),
        ("SELECT sum(n), count(*), max(n) FROM t GROUP BY n", []),
        ("CREATE TABLE u AS SELECT random() AS r FROM t", ["random()"]),
        ("INSERT INTO u SELECT now() FROM t", ["now()"]),
        ("not SQL at all", []),
    ],
)
def test_causes_are_named(sql: str, words: list[str]) -> None:
    found = likely_causes(sql, WHOLE, engine=None)
    assert len(found) == len(words), found
    for word in words:
        assert any(word in cause for cause in found), found


def test_sums_of_floats_count_where_there_are_floats() -> None:
    sql = "SELECT sum(x) AS x FROM t"
    assert likely_causes(sql, WHOLE, engine=None) == ()
    (cause,) = likely_causes(sql, FLOATS, engine=None)
    assert "sum() of floats" in cause


@pytest.mark.parametrize(
    ("sql", "inputs", "count"),
    [
        ("SELECT sum(n) / sum(m) AS x FROM t", WHOLE, 0),
        ("SELECT sum(n / m) AS x FROM t", WHOLE, 1),
        ("SELECT sum(n) / sum(m) AS x FROM t", FLOATS, 1),
    ],
)
def test_sums_of_integers_are_exact(sql: str, inputs: TableSnapshot, count: int) -> None:
    assert len(likely_causes(sql, FLOATS, engine=None, inputs=[inputs])) == count


def test_another_engine_comes_first_and_chance_before_order() -> None:
    found = likely_causes(
        "SELECT first(n), random() AS r FROM t LIMIT 1", WHOLE, engine="duckdb 0.0.1"
    )
    assert "duckdb 0.0.1" in found[0] and "random()" in found[1]
