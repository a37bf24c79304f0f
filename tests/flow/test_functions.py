"""The lists of functions against DuckDB's own, and expressions over partition values."""

import duckdb
import pytest

from catalog.flow import functions
from catalog.flow.partitionwise import InputTable, PartitionWise, analyse


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _stability(connection: duckdb.DuckDBPyConnection) -> dict[str, set[tuple[str, str | None]]]:
    rows = connection.execute(
        "SELECT lower(function_name), function_type, stability FROM duckdb_functions()"
    ).fetchall()
    known: dict[str, set[tuple[str, str | None]]] = {}
    for name, kind, stability in rows:
        known.setdefault(name, set()).add((kind, stability))
    return known


@pytest.mark.invariant("A derived table is refreshed by partitions only where that is proved")
def test_no_volatile_function_is_trusted(connection: duckdb.DuckDBPyConnection) -> None:
    known = _stability(connection)
    volatile = {name for name, kinds in known.items() if any(s == "VOLATILE" for _, s in kinds)}
    assert volatile
    assert not volatile & functions.TRUSTED
    assert not functions.TRUSTED & (functions.VOLATILE | functions.CLOCK | functions.SESSION)


def test_trusted_functions_exist(connection: duckdb.DuckDBPyConnection) -> None:
    known = _stability(connection)
    assert functions.SCALAR - known.keys() == set()


def test_every_aggregate_of_duckdb_is_known_as_one(connection: duckdb.DuckDBPyConnection) -> None:
    known = _stability(connection)
    aggregates = {n for n, kinds in known.items() if any(k == "aggregate" for k, _ in kinds)}
    scalars = {n for n, kinds in known.items() if any(k == "scalar" for k, _ in kinds)}
    unknown = aggregates - functions.ALL_AGGREGATES - scalars
    assert not unknown & functions.TRUSTED
    assert aggregates & functions.SCALAR == set()


EXPRESSIONS = (
    ("DATE", "date_trunc('month', p)"),
    ("DATE", "datetrunc('WEEK', p)"),
    ("DATE", "date_trunc('quarter', p)::date"),
    ("DATE", "cast(date_trunc('year', p) as date)"),
    ("DATE", "year(p)"),
    ("DATE", "month(p)"),
    ("DATE", "quarter(p)"),
    ("DATE", "week(p)"),
    ("DATE", "weekofyear(p)"),
    ("DATE", "yearweek(p)"),
    ("DATE", "isoyear(p)"),
    ("DATE", "day(p)"),
    ("DATE", "dayofweek(p)"),
    ("DATE", "dayofyear(p)"),
    ("DATE", "date_part('isodow', p)"),
    ("DATE", "extract(decade from p)"),
    ("DATE", "strftime(p, '%Y-%m')"),
    ("DATE", "strftime(p, '%G-W%V %j')"),
    ("DATE", "last_day(p)"),
    ("DATE", "p::varchar"),
    ("DATE", "coalesce(p, date '1970-01-01')"),
    ("TIMESTAMP", "date_trunc('hour', p)"),
    ("TIMESTAMP", "p::date"),
    ("INTEGER", "p // 2"),
    ("INTEGER", "p % 3"),
    ("INTEGER", "mod(p, 3)"),
    ("INTEGER", "p // 2 * 2 + 1"),
    ("INTEGER", "(p - 1) // (2 + 1)"),
    ("INTEGER", "p - (1 - 2)"),
    ("INTEGER", "coalesce(p, 0)"),
    ("INTEGER", "p::varchar || 'x'"),
    ("VARCHAR", "lower(p)"),
    ("VARCHAR", "upper(left(p, 2))"),
    ("VARCHAR", "substring(p, 2, 1) || right(p, 1)"),
)
"""Types of the partition column, and expressions over it."""

_VALUES = {
    "DATE": "DATE '1969-12-20' + CAST(range * 13 AS INTEGER)",
    "TIMESTAMP": "TIMESTAMP '1969-12-20 23:10:00' + to_minutes(range * 1001)",
    "INTEGER": "CAST(range - 60 AS INTEGER)",
    "VARCHAR": "chr(CAST(65 + range % 50 AS INTEGER)) || 'bß' || range",
}


@pytest.mark.parametrize(("kind", "expression"), EXPRESSIONS)
def test_carriers_are_what_was_written(
    kind: str, expression: str, connection: duckdb.DuckDBPyConnection
) -> None:
    tables = {"t": InputTable((("p", kind),), ("p",))}
    verdict = analyse(f"SELECT {expression} AS m, count(*) AS n FROM t GROUP BY m", tables)
    assert isinstance(verdict, PartitionWise), verdict
    carrier = verdict.facts["t"]
    values = f"(SELECT {_VALUES[kind]} AS p FROM range(120) UNION ALL SELECT NULL)"
    differing = connection.execute(
        f"SELECT p FROM {values} WHERE ({expression}) IS DISTINCT FROM ({carrier.expression}) "
        f"OR typeof({expression}) <> typeof({carrier.expression})"
    ).fetchall()
    assert differing == []


@pytest.mark.parametrize(
    "expression",
    [
        "p / 2",
        "p * 1.5",
        "sqrt(p)",
        "p::double",
        "p::smallint",
        "strftime(p, '%c')",
        "p::timestamptz",
        "date_part('epoch', p)",
        "to_days(p)",
        "p = 1",
        "CASE WHEN p = 1 THEN 2 END",
        "random() + p",
    ],
)
def test_other_expressions_carry_nothing(expression: str) -> None:
    for kind in ("INTEGER", "DATE", "TIMESTAMP"):
        tables = {"t": InputTable((("p", kind),), ("p",))}
        verdict = analyse(f"SELECT {expression} AS m, count(*) AS n FROM t GROUP BY m", tables)
        assert not isinstance(verdict, PartitionWise)
