"""Which queries are partition-wise: measured cases, and some made to deceive the analysis."""

from pathlib import Path
from random import Random
from time import process_time

import duckdb
import pytest

from catalog.flow.partitionwise import InputTable, NotPartitionWise, PartitionWise, analyse
from tests.effort import effort
from tests.flow.deceptive_cases import DECEPTIVE, MODELS, REFUSED
from tests.flow.partition_tables import TABLES, random_tables
from tests.flow.partitions import Instance
from tests.flow.partitionwise_cases import CASES, Case, Expected

MEASURED = {
    "o": InputTable(
        (("p", "INTEGER"), ("id", "INTEGER"), ("c", "VARCHAR"), ("v", "INTEGER")), ("p",)
    ),
    "i": InputTable(
        (("p", "INTEGER"), ("id", "INTEGER"), ("c", "VARCHAR"), ("w", "INTEGER")), ("p",)
    ),
    "d": InputTable((("c", "VARCHAR"), ("n", "INTEGER"))),
}
"""The tables of the measured cases."""


@pytest.fixture(scope="module")
def instances() -> list[Instance]:
    return _instances(MEASURED)


@pytest.fixture(scope="module")
def all_instances() -> list[Instance]:
    return _instances(TABLES)


def _instances(tables: dict[str, InputTable]) -> list[Instance]:
    return [
        Instance(duckdb.connect(config={"threads": "1"}), random_tables(Random(n), tables))
        for n in range(effort(2, 40))
    ]


def _assert_right(sql: str, verdict: PartitionWise, instances: list[Instance]) -> None:
    for n, instance in enumerate(instances):
        wrong = instance.difference(sql, verdict, Random(n))
        assert not wrong, f"{sql}\n{wrong}"


def test_there_are_all_measured_cases() -> None:
    assert len(CASES) == 110
    assert len({case.name for case in CASES}) == 110


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_measured_cases(case: Case, instances: list[Instance]) -> None:
    verdict = analyse(case.sql, MEASURED)
    read = {name for name in ("o", "i") if f" {name}" in case.sql}
    match case.expected:
        case Expected.YES:
            assert isinstance(verdict, PartitionWise), verdict
            assert verdict.rest is None
            assert set(verdict.facts) | verdict.dimensions >= read & set(verdict.facts)
        case Expected.COARSER:
            assert isinstance(verdict, PartitionWise), verdict
            assert all(one.expression != '"p"' for one in verdict.facts.values())
        case Expected.WHOLE:
            assert isinstance(verdict, PartitionWise), verdict
            assert verdict.dimensions & {"o", "i"}
            assert verdict.rest is not None
            assert verdict.rest.reason
            assert verdict.rest.construct
        case _:
            assert isinstance(verdict, NotPartitionWise), verdict
            assert verdict.reason
            assert verdict.construct
            assert (verdict.line, verdict.column or 0) >= (1, 1)
    assert case.measured == (case.expected in (Expected.YES, Expected.REFUSED))
    if isinstance(verdict, PartitionWise):
        _assert_right(case.sql, verdict, instances)


@pytest.mark.parametrize("sql", DECEPTIVE)
def test_deceptive_queries_are_refused_or_right(sql: str, all_instances: list[Instance]) -> None:
    verdict = analyse(sql, TABLES)
    if isinstance(verdict, PartitionWise):
        _assert_right(sql, verdict, all_instances)
    else:
        assert verdict.reason


@pytest.mark.parametrize(("sql", "reason"), REFUSED)
def test_refused_queries_say_why(sql: str, reason: str) -> None:
    verdict = analyse(sql, TABLES)
    assert isinstance(verdict, NotPartitionWise), verdict
    assert reason in verdict.reason


@pytest.mark.parametrize(("sql", "facts"), MODELS)
def test_common_models_are_partition_wise(
    sql: str, facts: dict[str, str], all_instances: list[Instance]
) -> None:
    verdict = analyse(sql, TABLES)
    assert isinstance(verdict, PartitionWise), verdict
    assert {name: one.expression for name, one in verdict.facts.items()} == facts
    _assert_right(sql, verdict, all_instances)


def test_preferred_columns_are_taken_if_they_hold_a_value() -> None:
    sql = "SELECT p // 2 AS half, p, count(*) AS n FROM o GROUP BY ALL"
    first, other = analyse(sql, TABLES), analyse(sql, TABLES, prefer=["P"])
    assert isinstance(first, PartitionWise)
    assert isinstance(other, PartitionWise)
    assert (first.output, other.output) == ("half", "p")


def test_any_of_several_partition_columns_can_hold_the_value() -> None:
    verdict = analyse("SELECT q, sum(v) AS s FROM o GROUP BY q", TABLES)
    assert isinstance(verdict, PartitionWise)
    assert verdict.facts["o"].column == "q"


def test_tables_may_be_partitioned_in_several_ways() -> None:
    verdict = analyse(
        "SELECT o.p, i.w FROM o JOIN i ON o.p = i.q AND o.id = i.id", TABLES, prefer=["p"]
    )
    assert isinstance(verdict, PartitionWise)
    assert {name: one.column for name, one in verdict.facts.items()} == {"o": "p", "i": "q"}


def test_names_are_those_given_whatever_their_case() -> None:
    tables = {"Sales.Orders": InputTable((("Day", "DATE"), ("v", "INTEGER")), ("day",))}
    verdict = analyse('SELECT DAY, sum("V") AS s FROM sales."orders" GROUP BY day', tables)
    assert isinstance(verdict, PartitionWise)
    assert verdict.output == "Day"
    assert verdict.facts["Sales.Orders"].column == "Day"


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT E.DAY AS dAy, x FROM e", "dAy"),
        ("SELECT P, w FROM o RIGHT JOIN i USING (P)", "p"),
        ("SELECT P, w FROM o FULL JOIN i USING (p)", "P"),
        ("SELECT * FROM o FULL JOIN i USING (P, q, id, c)", "p"),
        ("WITH a(Pp) AS (SELECT p FROM o) SELECT pP FROM a", "Pp"),
        ('SELECT p AS "X" FROM o UNION ALL SELECT p FROM i', "X"),
    ],
)
def test_the_output_is_spelled_as_duckdb_names_it(
    sql: str, name: str, all_instances: list[Instance]
) -> None:
    verdict = analyse(sql, TABLES)
    assert isinstance(verdict, PartitionWise)
    assert verdict.output == name
    assert name in all_instances[0].rows(sql)[0]


@pytest.mark.parametrize("kind", ["DOUBLE", "FLOAT", "INTERVAL", "INTEGER[]", "STRUCT(a INTEGER)"])
def test_values_that_are_equal_and_yet_differ_carry_nothing(kind: str) -> None:
    tables = {"t": InputTable((("p", kind), ("v", "INTEGER")), ("p",))}
    verdict = analyse("SELECT p, v FROM t", tables)
    assert isinstance(verdict, NotPartitionWise)
    assert "exact type" in verdict.reason


@pytest.mark.parametrize("kind", ["BIGINT", "VARCHAR", "DATE"])
def test_partition_values_of_two_types_are_not_compared(kind: str) -> None:
    tables = {
        "a": InputTable((("p", "INTEGER"), ("v", "INTEGER")), ("p",)),
        "b": InputTable((("p", kind), ("w", "INTEGER")), ("p",)),
    }
    verdict = analyse("SELECT a.p, v, w FROM a JOIN b ON a.p = b.p", tables)
    assert isinstance(verdict, PartitionWise)
    assert set(verdict.facts) == {"a"}


def test_places_are_those_in_the_text() -> None:
    sql = "-- orders\nSELECT p, id,\n       row_number() OVER (ORDER BY id) AS r\nFROM o"
    verdict = analyse(sql, TABLES)
    assert isinstance(verdict, NotPartitionWise)
    assert (verdict.line, verdict.column) == (3, 8)


def test_ties_are_named() -> None:
    verdict = analyse(
        "SELECT p, row_number() OVER (PARTITION BY p ORDER BY id) AS r FROM o", TABLES
    )
    assert isinstance(verdict, PartitionWise)
    assert verdict.ties == ("ROW_NUMBER() OVER (PARTITION BY p ORDER BY id)",)


def test_deep_and_long_queries_are_answered() -> None:
    deep = "SELECT p FROM o WHERE v = " + "(" * 200 + "1" + ")" * 200
    assert isinstance(analyse(deep, TABLES), PartitionWise)
    long = " UNION ALL ".join(["SELECT p, id FROM o"] * 100)
    assert isinstance(analyse(long, TABLES), PartitionWise)
    assert isinstance(analyse("SELECT " + "(" * 5_000, TABLES), NotPartitionWise)


def test_hostile_queries_are_answered_soon() -> None:
    nested = "SELECT p FROM i"
    for _ in range(25):
        nested = f"SELECT id FROM o WHERE p IN ({nested})"
    aliases = ", ".join(f"a{n} + a{n} AS a{n + 1}" for n in range(60))
    conditions = " AND ".join(f"o.id = i.w AND o.v = {n}" for n in range(300))
    joins = " ".join(f"JOIN o AS t{n} ON t{n}.id = o.id" for n in range(100))
    for sql in (
        nested,
        f"SELECT p AS a0, {aliases} FROM o",
        f"SELECT o.p FROM o, i WHERE {conditions}",
        f"SELECT o.p FROM o {joins}",
        " UNION ALL ".join(["SELECT p FROM o"] * 400),
    ):
        before = process_time()
        analyse(sql, TABLES)
        assert process_time() - before < 5, sql[:80]


@pytest.mark.parametrize(
    "sql", ["", ";", "SELECT", "SELECT 'x", "DROP TABLE o", "\0", "EXPLAIN FROM o"]
)
def test_what_is_not_a_query_is_refused(sql: str) -> None:
    assert isinstance(analyse(sql, TABLES), NotPartitionWise)


def _examples() -> list[str]:
    """Returns the queries that the page on increments calls not partition-wise."""
    page = (Path(__file__).parents[2] / "docs/reference/incremental.md").read_text("utf-8")
    rows = [line.strip("| \n").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [row[2].strip("` |") for row in rows if len(row) == 3 and "`" in row[2]]


@pytest.mark.parametrize("sql", _examples())
def test_examples_of_the_page_are_refused(sql: str) -> None:
    verdict = analyse(sql, TABLES)
    if isinstance(verdict, PartitionWise):
        assert verdict.rest is not None, verdict
    assert len(_examples()) > 20
