"""Random queries on random rows: what the analysis calls partition-wise is so, always."""

from random import Random

import duckdb
import pytest

from catalog.flow.partitionwise import PartitionWise, analyse
from tests.effort import effort
from tests.flow.partition_tables import TABLES, random_tables
from tests.flow.partitions import Instance
from tests.flow.random_queries import Generator

QUERIES = effort(110, 6_000)
INSTANCES = effort(2, 4)
LEAST_YES = 0.15
"""The smallest share of the queries that must be found partition-wise, so that much is tried."""

_NAMES = ("o", "i", "d", "k")


@pytest.mark.invariant("A derived table is refreshed by partitions only where that is proved")
def test_what_is_called_partition_wise_is_so_on_random_rows() -> None:
    seed = effort(1, Random().randrange(1 << 30))
    tables = {name: TABLES[name] for name in _NAMES}
    connection = duckdb.connect(config={"threads": "1"})
    tried = 0
    yes: list[int] = []
    for n in range(seed, seed + QUERIES):
        sql = Generator(n).query()
        random = Random(n)
        instance = Instance(connection, random_tables(random, tables))
        try:
            instance.rows(sql)
        except duckdb.Error:
            continue  # the generator makes some queries that DuckDB refuses
        tried += 1
        verdict = analyse(sql, tables)
        if not isinstance(verdict, PartitionWise):
            assert verdict.reason
            continue
        yes.append(n)
        for again in range(INSTANCES):
            if again:
                instance = Instance(connection, random_tables(random, tables))
            wrong = instance.difference(sql, verdict, random)
            assert not wrong, f"query {n}: {sql}\n{wrong}"
    assert tried > 0.8 * QUERIES
    assert len(yes) > LEAST_YES * tried
