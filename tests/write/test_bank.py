"""The bank: money moves between two tables, and an auditor finds the same sum in every commit."""

import itertools
import random
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.repository.repository import open_existing
from catalog.storage.local import LocalStore
from tests.storage.faulty import PlannedStore, seeded

REPOSITORY = Path(__file__).parents[2]
ACCOUNTS = 6
START = 100
TABLES = ("assets", "debts")

TELLER = """
import sys
from catalog.catalog import Catalog
from tests.write.test_bank import transfer
root, number, transfers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
cat = Catalog.open(root)
print("ready", flush=True)
sys.stdin.readline()
for step in range(transfers):
    print(transfer(cat, f"{number}:{step}", seed=1000 * number + step), flush=True)
"""


def open_bank(root: Path) -> Catalog:
    cat = catalog.create(str(root))
    with cat.transaction(message="opened") as tx:
        for table in TABLES:
            accounts = range(ACCOUNTS)
            data = {
                "account": list(accounts),
                "office": ["east" if n % 2 else "west" for n in accounts],
                "balance": [START] * ACCOUNTS,
            }
            tx.write(table, pa.table(data), mode="append", key=["account"], partition_by=["office"])
    return cat


def transfer(cat: Catalog, message: str, *, seed: int) -> str:
    """Moves money from an account of one table to one of the other; returns the commit.

    A transaction that lost against another is made anew, from what is there then.
    """
    draw = random.Random(seed)
    giver, taker = draw.sample(TABLES, 2)
    accounts = draw.randrange(ACCOUNTS), draw.randrange(ACCOUNTS)
    amount = draw.randrange(1, 20)
    while True:
        try:
            with cat.transaction(message=message, idempotency_key=message) as tx:
                base = tx._transaction.base_id
                for table, account, change in (
                    (giver, accounts[0], -amount),
                    (taker, accounts[1], amount),
                ):
                    query = f"SELECT account, office, balance FROM {table} WHERE account = ?"
                    ((_, office, balance),) = cat.sql(query, ref=base, params=[account]).fetchall()
                    row = {"account": account, "office": office, "balance": balance + change}
                    tx.write(table, [row], mode="upsert")
        except catalog.Conflict:
            continue
        except catalog.StorageFailure:
            continue
        assert tx.commit is not None
        return tx.commit.id


def audit(cat: Catalog) -> list[str]:
    """Checks the sum at every commit, and returns the messages of all."""
    log = cat.log()
    for commit in log[:-1]:
        sums = " + ".join(f'(SELECT sum(balance) FROM {t}@"{commit.id}")' for t in TABLES)
        rows = ", ".join(f'(SELECT count(*) FROM {t}@"{commit.id}")' for t in TABLES)
        found = cat.sql(f"SELECT {sums}, {rows}").fetchall()
        assert found == [(2 * ACCOUNTS * START, ACCOUNTS, ACCOUNTS)], commit.message
    return [commit.message for commit in log[:-2]]


@pytest.mark.parametrize(("tellers", "transfers"), [(4, 5)])
def test_no_money_is_lost_between_processes(tmp_path: Path, tellers: int, transfers: int) -> None:
    cat = open_bank(tmp_path / "bank")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TELLER, cat.uri, str(number), str(transfers)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(tellers)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = [line for p in processes for line in p.communicate()[0].splitlines()]
    assert [process.returncode for process in processes] == [0] * tellers
    wanted = {f"{n}:{s}" for n, s in itertools.product(range(tellers), range(transfers))}
    messages = audit(cat)
    assert sorted(messages) == sorted(wanted)
    assert set(told) == {commit.id for commit in cat.log()[:-2]}


@pytest.mark.parametrize("seed", range(2))
def test_no_money_is_lost_to_a_store_that_fails(tmp_path: Path, seed: int) -> None:
    opened = open_bank(tmp_path / "bank")
    store = PlannedStore(LocalStore(opened.uri), seeded(seed, 0.4))
    tellers, transfers = 3, 4
    failures: list[BaseException] = []

    def work(number: int) -> None:
        cat = Catalog(opened.uri, open_existing(store), author=f"teller {number}")
        try:
            for step in range(transfers):
                transfer(cat, f"{number}:{step}", seed=100 * seed + 10 * number + step)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(tellers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert store.happened, "something failed on the way"
    wanted = {f"{n}:{s}" for n, s in itertools.product(range(tellers), range(transfers))}
    assert sorted(audit(catalog.open(opened.uri))) == sorted(wanted)
