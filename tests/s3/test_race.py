"""Many writers of one bucket: all land."""

import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from tests.write.conftest import write
from tests.write.test_race import check, run

from .servers import Server

WRITERS = 16
COMMITS = int(os.environ.get("PARQUETRY_S3_COMMITS", "10"))
"""Commits per writer: each race that is lost costs three requests."""

SHARED = 1
"""Commits per writer to a table that others append to as well."""


@pytest.fixture
def lake(place: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Is the URI of an empty catalog, which any process of this test can open."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    return catalog.create(f"{place}/lake").uri


def threads(run: "list[threading.Thread]") -> None:
    for thread in run:
        thread.start()
    for thread in run:
        thread.join()


@pytest.mark.parametrize(("tables", "commits"), [(WRITERS, COMMITS), (3, SHARED)])
def test_sixteen_writers_on_one_branch_all_land(lake: str, tables: int, commits: int) -> None:
    """Each has a table of its own, or some have one in common and append to it."""
    landed: list[tuple[str, str, str]] = []
    with catalog.open(lake).transaction(message="tables") as begun:
        for n in range(tables):
            begun.write(f"t{n}", pa.table({"id": pa.array([], pa.int64())}), mode="append")

    def writer(number: int) -> None:
        cat, table = catalog.open(lake), f"t{number % tables}"
        for n in range(number * commits, (number + 1) * commits):
            with cat.transaction("main", message=f"{table}:{n}") as tx:
                tx.write(table, pa.table({"id": [n]}), mode="append")
            assert tx.commit is not None
            landed.append((table, str(n), tx.commit.id))

    threads([threading.Thread(target=writer, args=(n,)) for n in range(WRITERS)])
    assert len(landed) == WRITERS * commits
    cat = catalog.open(lake, cache="")
    wanted = {
        f"t{table}": [
            n
            for writer in range(table, WRITERS, tables)
            for n in range(writer * commits, (writer + 1) * commits)
        ]
        for table in range(tables)
    }
    check(cat, landed, {table: len(ids) for table, ids in wanted.items()})
    for table, ids in wanted.items():
        assert cat.sql(f"SELECT id FROM {table} ORDER BY id").fetchall() == [(n,) for n in ids]


def test_processes_on_disjoint_tables_both_land(lake: str, source: Path) -> None:
    for n in range(4):
        write(source / f"{n}.parquet", {"id": [n]})
    shares = [[f"{table}:{n}" for n in range(4)] for table in ("a", "b")]
    landed = run(lake, source, shares)  # type: ignore[arg-type]
    check(catalog.open(lake), landed, {"a": 4, "b": 4})
