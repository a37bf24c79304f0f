"""Many writers of one bucket: all land, reads are of one moment, and a kill loses nothing."""

import hashlib
import os
import random
import threading
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.errors import Conflict
from tests.write.conftest import write
from tests.write.test_kill import Writer
from tests.write.test_race import check, run

from .servers import Server

WRITERS = 16
COMMITS = {"moto": 2, "seaweed": int(os.environ.get("PARQUETRY_S3_COMMITS", "4"))}
"""Commits per writer: each race that is lost costs three requests, and CI has few cores."""

ACCOUNTS = 4
TRANSFERS = 2
KILLS = int(os.environ.get("PARQUETRY_S3_KILLS", "2"))


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


def test_sixteen_writers_on_one_branch_all_land(lake: str, server: Server) -> None:
    commits = COMMITS[server.name]
    landed: list[tuple[str, str, str]] = []

    def writer(number: int) -> None:
        cat = catalog.open(lake)
        for n in range(commits):
            with cat.transaction("main", message=f"w{number}:{n}") as tx:
                tx.write(f"w{number}", pa.table({"id": [n]}), mode="append")
            assert tx.commit is not None
            landed.append((f"w{number}", str(n), tx.commit.id))

    threads([threading.Thread(target=writer, args=(n,)) for n in range(WRITERS)])
    check(catalog.open(lake), landed, {f"w{n}": commits for n in range(WRITERS)})


def test_processes_on_disjoint_tables_both_land(lake: str, source: Path) -> None:
    for n in range(4):
        write(source / f"{n}.parquet", {"id": [n]})
    shares = [[f"{table}:{n}" for n in range(4)] for table in ("a", "b")]
    landed = run(lake, source, shares)  # type: ignore[arg-type]
    check(catalog.open(lake), landed, {"a": 4, "b": 4})


def test_no_reader_sees_half_a_transfer_and_no_transfer_is_lost(lake: str) -> None:
    cat = catalog.open(lake)
    with cat.transaction(message="start") as tx:
        for n in range(ACCOUNTS):
            tx.write(f"a{n}", pa.table({"balance": [100]}), mode="overwrite")
    names = [f"a{n}" for n in range(ACCOUNTS)]
    total = " + ".join(f"(SELECT sum(balance) FROM {name})" for name in names)
    deltas = dict.fromkeys(names, 0)
    lock = threading.Lock()
    sums: set[int] = set()
    done = threading.Event()

    def transfer(seed: int) -> None:
        own, draw = catalog.open(lake), random.Random(seed)
        for _ in range(TRANSFERS):
            giver, taker = draw.sample(names, 2)
            amount = draw.randint(1, 20)
            while True:
                try:
                    with own.transaction(message=f"{giver} to {taker}") as tx:
                        for name, change in ((giver, -amount), (taker, amount)):
                            balance = balance_at(own, name, tx._transaction.base_id)
                            rows = pa.table({"balance": [balance + change]})
                            tx.write(name, rows, mode="overwrite")
                except Conflict:
                    continue
                break
            with lock:
                deltas[giver] -= amount
                deltas[taker] += amount

    def read() -> None:
        own = catalog.open(lake)
        while not done.is_set():
            ((found,),) = own.sql(f"SELECT {total}").fetchall()
            sums.add(found)

    reader = threading.Thread(target=read)
    reader.start()
    threads([threading.Thread(target=transfer, args=(n,)) for n in range(3)])
    done.set()
    reader.join()
    assert sums == {100 * ACCOUNTS}
    assert {n: balance_at(cat, n, "main") for n in names} == {n: 100 + d for n, d in deltas.items()}
    assert len(cat.log()) == 2 + 3 * TRANSFERS


def balance_at(cat: Catalog, table: str, ref: str) -> int:
    ((balance,),) = cat.connect(ref).sql(f"SELECT balance FROM {table}").fetchall()
    return int(balance)


def test_a_writer_killed_at_any_moment_loses_nothing(lake: str, source: Path) -> None:
    draw = random.Random(20240501)
    acknowledged: dict[str, str] = {}
    first = 1
    for _ in range(KILLS):
        writer = Writer("kill_writer", lake, source, first)
        acknowledged.update(writer.kill_after(draw.choice([0, 1]), draw.uniform(0, 0.2)))
        cat = catalog.open(lake, cache="")
        log = cat.log()
        landed = {c.message: c.id for c in log}
        assert {n: landed.get(n) for n in acknowledged} == acknowledged
        assert [m.after for m in cat.reflog()] == [c.id for c in log]
        newest = max([int(c.message) for c in log[:-1]], default=0)
        for table in cat.tables():
            for file in cat.files(table.name):
                data = cat.repository.store.read(file.path).data
                assert f"sha256:{hashlib.sha256(data).hexdigest()}" == file.token
            assert cat.sql(f"SELECT max(id) FROM {table.name}").fetchall() == [(newest,)]
        first = newest + 1
