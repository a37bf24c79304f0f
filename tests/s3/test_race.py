"""Many writers of one bucket: all land."""

import threading
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from tests.effort import effort
from tests.write.conftest import write
from tests.write.test_race import check, run

from .servers import Server

WRITERS = 16
SHARING = 4
COMMITS = effort(4, 40)
"""Commits per writer: each race that is lost costs three requests."""


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


@pytest.mark.invariant("Sixteen writers on one branch in a bucket all succeed")
def test_sixteen_writers_on_one_branch_all_land(lake: str) -> None:
    """Each commits to a table of its own, and some half way once to one that they share."""
    writes = {writer: [(f"w{writer}", n) for n in range(COMMITS)] for writer in range(WRITERS)}
    for writer in range(SHARING):
        writes[writer].insert(COMMITS // 2, ("shared", writer))
    landed: list[tuple[str, str, str]] = []
    with catalog.open(lake).transaction(message="begun") as begun:
        begun.write("shared", pa.table({"id": pa.array([], pa.int64())}), mode="append")

    def work(writer: int) -> None:
        cat = catalog.open(lake)
        for table, n in writes[writer]:
            with cat.transaction("main", message=f"{table}:{n}") as tx:
                tx.write(table, pa.table({"id": [n]}), mode="append")
            assert tx.commit is not None
            landed.append((table, str(n), tx.commit.id))

    threads([threading.Thread(target=work, args=(n,)) for n in range(WRITERS)])
    assert len(landed) == WRITERS * COMMITS + SHARING
    cat = catalog.open(lake, cache="")
    wanted = {f"w{writer}": COMMITS for writer in range(WRITERS)} | {"shared": SHARING}
    check(cat, landed, wanted)
    with cat.connect() as session:
        for table, rows in wanted.items():
            found = session.sql(f"SELECT id FROM {table} ORDER BY id").fetchall()
            assert found == [(n,) for n in range(rows)]


def test_processes_on_disjoint_tables_both_land(lake: str, source: Path) -> None:
    for n in range(4):
        write(source / f"{n}.parquet", {"id": [n]})
    shares = [[f"{table}:{n}" for n in range(4)] for table in ("a", "b")]
    landed = run(lake, source, shares)  # type: ignore[arg-type]
    check(catalog.open(lake), landed, {"a": 4, "b": 4})
