"""Tasks of other processes in a bucket: they find credentials in their environment."""

import os

import duckdb
import pytest

import catalog
from catalog.engine.executors.processes import ProcessExecutor
from catalog.storage.options import S3Options

from .servers import Server


def test_processes_diff_and_refresh_in_a_bucket(
    place: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = S3Options(endpoint_url=server.endpoint)
    catalog.create(f"{place}/lake", s3=options)
    monkeypatch.setattr("catalog.operations.diff_run.SMALL_ROWS", 0)
    with ProcessExecutor(2, least_bytes=0) as executor:
        cat = catalog.open(f"{place}/lake", s3=options, executor=executor)
        with cat.transaction() as tx:
            rows = duckdb.sql("SELECT range AS id, range % 4 AS d, range AS v FROM range(80)")
            tx.write("t", rows, mode="append", key=["id"], partition_by=["d"])
        for name in ("a", "b"):
            sql = f"SELECT d, sum(v) AS {name} FROM t GROUP BY d"
            cat.derive(name, sql, partition_by=["d"], refresh=False)
        cat.refresh()
        with cat.transaction() as tx:
            tx.sql("UPDATE t SET v = v + 1 WHERE id % 3 = 0")
        cat.refresh()
        assert cat.sql("SELECT sum(a) FROM a").fetchall() == [(80 * 79 // 2 + 27,)]
        assert executor._idle, "processes were used"
        there = cat.diff("main~2", "main").to_dict()
    here = catalog.open(f"{place}/lake", s3=options).diff("main~2", "main").to_dict()
    assert there == here
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(there)
