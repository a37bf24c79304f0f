"""Rows that are inserted many at a time are those that are inserted one by one."""

import datetime
import uuid
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from catalog import Catalog, dbapi
from catalog.dbapi.batches import BATCH_ROWS, batches
from tests.effort import effort

ZONE = datetime.timezone(datetime.timedelta(hours=5))
NOON = datetime.datetime(2024, 2, 29, 12)

VALUES: list[Any] = [
    *(1, 2, None, 2**53 + 1, 0.5, 2**53 + 1, True, False, 2**63, -(2**63), None, -1),
    *("1", "x", "", "2024-02-29", "12:00", "é", "\0", None, "true", "[1, 2]", "1e400"),
    *(Decimal("1.50"), Decimal("1234567.25"), Decimal("1e20"), Decimal("0.1234567890123456789")),
    *(Decimal("1.5"), Decimal("-0.5"), Decimal("NaN"), Decimal("1.500")),
    *(float("nan"), float("inf"), -0.0, 0.1, 1e300, None, b"x", b"\0", b""),
    *(NOON.date(), NOON, NOON.replace(tzinfo=ZONE), NOON.replace(tzinfo=datetime.UTC), NOON),
    *(NOON.time(), datetime.timedelta(days=1), uuid.UUID(int=3), uuid.UUID(int=4)),
    *([1, 2], [0.5], [], {"a": 1}, (1, 2), None, None),
]
TYPES = [
    *("BIGINT", "INTEGER", "FLOAT", "DOUBLE", "TIME", "UUID", "VARCHAR", "BLOB", "BOOLEAN"),
    *("DECIMAL(18,3)", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "INTERVAL", "HUGEINT", "DOUBLE[]"),
]
INSERT = "INSERT INTO x (a, n) VALUES (?, ?)"


@pytest.mark.parametrize("kind", effort(TYPES[::3], TYPES))
def test_values_are_stored_as_one_by_one(con: dbapi.Connection, kind: str) -> None:
    """The oracle is DuckDB alone, given one row at a time; values that it refuses are left out."""
    oracle = duckdb.connect()
    oracle.execute(f"SET TimeZone = 'UTC'; CREATE TABLE x (n INTEGER, a {kind})")
    kept = []
    for number, value in enumerate(VALUES):
        try:
            oracle.execute(INSERT, [value, number])
        except duckdb.Error:
            continue
        if kind == "VARCHAR" and value == Decimal("-0.5"):  # alone, it becomes -.5
            oracle.execute("DELETE FROM x WHERE n = ?", [number])
            continue
        kept.append((value, number))
    con.execute(f"CREATE TEMP TABLE x (n INTEGER, a {kind})")
    assert con.cursor().executemany(INSERT, kept).rowcount == len(kept)
    read = "SELECT n, a, a::VARCHAR FROM x ORDER BY n"
    assert repr(con.execute(read).fetchall()) == repr(oracle.execute(read).fetchall())


def test_many_rows_become_few_statements() -> None:
    def lengths(operation: str, rows: list[Any]) -> list[int]:
        return [
            len(one[0]) if "unnest" in text else 1  # type: ignore[index, arg-type]
            for text, one in batches(operation, rows)
        ]

    rows = [(n, str(n)) for n in range(BATCH_ROWS + 5)]
    for insert in (
        'insert into "a ""b".c(x,y)\nvalues(?,?);',
        "INSERT INTO t VALUES (?, ?)",
        'INSERT INTO main.t (a, "b c") VALUES ( ? , ? ) ; ',
    ):
        assert lengths(insert, rows) == [BATCH_ROWS, 5]
        assert lengths(insert, [(1, None), (None, "x"), (2, "y")]) == [3]
        assert lengths(insert, [(1, None), (0.5, None), (0.25, "z")]) == [1, 2]
        assert lengths(insert, [(None, None), (None, None)]) == [1, 1]
        assert lengths(insert, [(1, "x"), {"a": 1}, (1,), (2, "y"), (3, "z")]) == [1, 1, 1, 2]
        assert lengths(insert, []) == []
    for other in (
        "INSERT INTO t VALUES (?, ?) RETURNING a",
        "INSERT INTO t VALUES (?, ? + 1)",
        "INSERT INTO t VALUES (?, ?), (3, 4)",
        "INSERT INTO t VALUES ($1, $2)",
        "INSERT INTO t BY NAME VALUES (?, ?)",
        "INSERT OR IGNORE INTO t VALUES (?, ?)",
        "INSERT INTO t SELECT ?, ?",
        "UPDATE t SET a = ? WHERE b = ?",
        "SELECT 1; INSERT INTO t VALUES (?, ?)",
    ):
        assert lengths(other, rows[:3]) == [1, 1, 1]


def test_rows_of_one_call_are_one_file(cat: Catalog) -> None:
    before = len(cat.files("t"))
    rows = [(n, None if n % 3 else "x", n / 2) for n in range(10, 2010)]
    with dbapi.connect(cat, branch="main") as con:
        cur = con.cursor().executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
        assert cur.rowcount == 2000
    assert len(cat.files("t")) == before + 1
    assert cat.sql("FROM t WHERE id >= 10 ORDER BY id").fetchall() == rows
