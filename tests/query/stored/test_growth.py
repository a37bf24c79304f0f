"""Which statements need a process of their own: those whose values may grow without bound."""

import pytest

from catalog.query.stored.check import check_stored_select
from tests.query.stored.statements import ORDINARY

DOUBLINGS = ", ".join(f"c{n} AS (SELECT x || x AS x FROM c{n - 1})" for n in range(1, 31))
LAUGHS = ", ".join(f"c{n} AS (SELECT a.x FROM c{n - 1} a, c{n - 1} b)" for n in range(1, 31))
COLUMNS = ", ".join(f"c{n} AS (SELECT *, * FROM c{n - 1})" for n in range(1, 31))
LISTS = ", ".join(f"c{n} AS (SELECT [x, x] AS x FROM c{n - 1})" for n in range(1, 31))

CHAIN = ", ".join(f"c{n} AS (SELECT * FROM c{n - 1} WHERE x > {n})" for n in range(1, 30))

UNBOUNDED = [
    "SELECT list_sum(range(1000000000)) FROM orders",
    "SELECT range(id) FROM orders",
    "SELECT id.range() FROM orders",
    "SELECT unnest(generate_series(min(day), max(day), INTERVAL 1 DAY)) FROM orders",
    "SELECT repeat(note, 1000000) FROM orders",
    "SELECT repeat(note, id) FROM orders",
    "SELECT note.repeat(1000000000) FROM orders",
    "SELECT note.lpad(1000000000, 'x') FROM orders",
    "SELECT repeat(repeat(repeat(note, 16), 16), 16) FROM orders",
    "SELECT lpad(note, 1000000000, 'x') FROM orders",
    "SELECT rpad(note, id, 'x') FROM orders",
    "SELECT list_resize(tags, 1000000000) FROM orders",
    "SELECT printf('%1000000000d', 1)",
    "SELECT printf('%*d', 1000000000, 1)",
    "SELECT format('{:>1000000000}', note) FROM orders",
    "SELECT format(note, id) FROM orders",
    "SELECT bar(id, 0, 1, 1000000000) FROM orders",
    "SELECT bitstring('1', 1000000000)",
    "SELECT replace(note, 'a', note) FROM orders",
    "SELECT regexp_replace(note, '', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'g') FROM orders",
    "SELECT list_transform(tags, lambda a: list_transform(tags, lambda b: a)) FROM orders",
    "SELECT list_transform(tags, lambda a: tags) FROM orders",
    "WITH RECURSIVE r AS (SELECT 'a' AS x UNION ALL SELECT x || x FROM r) SELECT * FROM r",
    "SELECT string_agg(note || note || note) || 'x' FROM orders",
    f"WITH c0 AS (SELECT 'a' AS x), {DOUBLINGS} SELECT * FROM c30",
    f"WITH c0 AS (SELECT 'a' AS x), {LAUGHS} SELECT * FROM c30",
    f"WITH c0 AS (SELECT 'a' AS x), {COLUMNS} SELECT * FROM c30",
    f"WITH c0 AS (SELECT 'a' AS x), {LISTS} SELECT * FROM c30",
    f"SELECT * FROM orders{', orders' * 200}",
]


@pytest.mark.parametrize("sql", UNBOUNDED)
def test_growth_without_bound_is_recognised(sql: str) -> None:
    assert not check_stored_select(sql, what="it").bounded


@pytest.mark.parametrize("steps", [DOUBLINGS, LAUGHS, COLUMNS, LISTS])
def test_what_doubles_often_is_not_analysed(steps: str) -> None:
    sql = f"WITH c0 AS (SELECT note AS x FROM orders), {steps} SELECT * FROM c30"
    assert not check_stored_select(sql, what="it").growth.is_analysable


def test_ordinary_statements_are_analysed() -> None:
    left_out = [
        sql for sql in ORDINARY if not check_stored_select(sql, what="it").growth.is_analysable
    ]
    assert left_out == []


def test_ordinary_statements_need_no_process() -> None:
    elsewhere = [sql for sql in ORDINARY if not check_stored_select(sql, what="it").bounded]
    assert elsewhere == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT lpad(note, 5, '0'), repeat('-', 10) FROM orders",
        "SELECT range(10), generate_series(1, 12) FROM orders",
        "SELECT replace(note, ',', '.'), regexp_replace(note, '[^0-9]', '', 'g') FROM orders",
        "SELECT note || '-' || customer || '-' || day || '-' || id || '-' || item AS k FROM orders",
        "SELECT {'a': id, 'b': note, 'c': day}, [id, amount], (id, note) FROM orders",
        f"WITH c0 AS (FROM orders), {CHAIN} FROM c29",
        "SELECT * FROM range(1000000000)",
        "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r) SELECT i FROM r",
    ],
)
def test_bounded_growth_is_recognised(sql: str) -> None:
    assert check_stored_select(sql, what="it").bounded
