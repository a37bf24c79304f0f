"""The bank: money moves between two tables, and an auditor finds the same sum in every commit.

A catalog's URI and the environment say where the bank is.
"""

import contextlib
import itertools
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

import catalog
from catalog.catalog import Catalog

REPOSITORY = Path(__file__).parents[2]
ACCOUNTS = 6
START = 100
TABLES = ("assets", "debts")

TELLER = """
import sys
from catalog.catalog import Catalog
from tests.write.bank import transfer
root, number, transfers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
cat = Catalog.open(root)
print("ready", flush=True)
sys.stdin.readline()
for step in range(transfers):
    print(transfer(cat, f"{number}:{step}", seed=1000 * number + step), flush=True)
"""


def open_bank(uri: str) -> Catalog:
    cat = catalog.create(uri)
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

    A transaction that lost against another is made again, from what is there then.
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
    assert all(c.parents == (older.id,) for c, older in itertools.pairwise(log))
    assert [move.after for move in cat.reflog()] == [commit.id for commit in log]
    for commit in log[:-1]:
        sums = " + ".join(f'(SELECT sum(balance) FROM {t}@"{commit.id}")' for t in TABLES)
        rows = ", ".join(f'(SELECT count(*) FROM {t}@"{commit.id}")' for t in TABLES)
        found = cat.sql(f"SELECT {sums}, {rows}").fetchall()
        assert found == [(2 * ACCOUNTS * START, ACCOUNTS, ACCOUNTS)], commit.message
    return [commit.message for commit in log[:-2]]


def messages_of(tellers: int, transfers: int) -> list[str]:
    """Returns the messages of all transfers, sorted."""
    return sorted(f"{n}:{s}" for n, s in itertools.product(range(tellers), range(transfers)))


@contextlib.contextmanager
def looked_at(cat: Catalog) -> Iterator[None]:
    """Lets somebody read the branch all the while, who must always find the whole money."""
    done = threading.Event()
    found: list[object] = []
    sums = " + ".join(f"(SELECT sum(balance) FROM {table})" for table in TABLES)

    def look() -> None:
        while not done.wait(0.05):
            try:
                found.extend(cat.sql(f"SELECT {sums}").fetchall())
            except BaseException as error:
                found.append(error)
                raise

    reader = threading.Thread(target=look)
    reader.start()
    try:
        yield
    finally:
        done.set()
        reader.join()
    assert set(found) == {(2 * ACCOUNTS * START,)}


def run_bank(
    uri: str, *, tellers: int, transfers: int, ways: Sequence[Mapping[str, str]] = ({},)
) -> None:
    """Opens a bank, lets processes transfer money at once, and audits.

    Args:
        uri: Where it comes to be.
        tellers: How many processes.
        transfers: How many transfers each.
        ways: What the environment tells of how they get there, to one teller after the other.
    """
    cat = open_bank(uri)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TELLER, cat.uri, str(number), str(transfers)],
            cwd=REPOSITORY,
            env={**os.environ, **ways[number % len(ways)]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(tellers)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    with looked_at(catalog.open(uri)):
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        told = [line for p in processes for line in p.communicate()[0].splitlines()]
    assert [process.returncode for process in processes] == [0] * tellers
    cold = catalog.open(uri, cache="")
    assert sorted(audit(cold)) == messages_of(tellers, transfers)
    assert sorted(told) == sorted(commit.id for commit in cold.log()[:-2])
