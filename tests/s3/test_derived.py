"""Derived tables in buckets: by partition, and without a look at data files."""

import duckdb
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.storage.options import S3Options

from .servers import Server

SQL = "SELECT d, sum(v) AS s FROM t GROUP BY d"


@pytest.fixture
def cat(place: str, server: Server) -> Catalog:
    return catalog.create(f"{place}/lake", s3=S3Options(endpoint_url=server.endpoint))


def test_tables_are_derived_and_refreshed_in_a_bucket(cat: Catalog) -> None:
    with cat.transaction() as tx:
        rows = duckdb.sql("SELECT range % 5 AS d, range AS v FROM range(50)")
        tx.write("t", rows, mode="append", partition_by=["d"])
    cat.derive("a", SQL, partition_by=["d"])
    with cat.transaction() as tx:
        tx.sql("UPDATE t SET v = 7 WHERE d = 2")
    assert [one.is_stale for one in cat.stale()] == [True]
    (a,) = cat.refresh().tables
    assert (a.how, a.parts, a.updated) == ("incremental", ("2",), 1)
    assert cat.refresh(full=True).commit is None
    texts = "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({}) ORDER BY ALL"
    assert cat.sql(texts.format("FROM a")).fetchall() == cat.sql(texts.format(SQL)).fetchall()
