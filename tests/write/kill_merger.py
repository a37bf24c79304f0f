"""Writes on branches, rebases and merges them for ever; made to be killed at any moment.

Usage: ``python -m tests.write.kill_merger LAKE FIRST``. Every round changes two tables alike,
on a branch of its own and, by SQL, on main, in one partition; it prints each merge that landed.
"""

import sys

import pyarrow as pa

from catalog.catalog import Catalog

TABLES = ("a", "b")
ON_MAIN = 1_000_000
"""Added to a round's number, it is the key of the row that the round writes on main."""


def write(cat: Catalog, branch: str, key: int, message: str) -> None:
    row = pa.table({"id": [key], "day": [key % 2], "n": [key]})
    with cat.transaction(branch, message=message) as tx:
        for table in TABLES:
            tx.write(table, row, mode="upsert", key=["id"], partition_by=["day"])


def write_sql(cat: Catalog, key: int, message: str) -> None:
    with cat.transaction("main", message=message) as tx:
        for table in TABLES:
            tx.sql(f"INSERT INTO {table} BY NAME SELECT {key} AS id, {key % 2} AS day, 0 AS n")
            tx.sql(f"UPDATE {table} SET n = {key} WHERE id = {key}")


def main(root: str, number: int) -> None:
    cat = Catalog.open(root)
    print("ready", flush=True)
    while True:
        branch = f"round-{number}"
        cat.branches.create(branch)
        write(cat, branch, number, f"branch {number}")
        if cat.tables("main"):
            write_sql(cat, ON_MAIN + number, f"main {number}")
        else:
            write(cat, "main", ON_MAIN + number, f"main {number}")
        if number % 2:
            cat.rebase(branch, onto="main")
        told = cat.merge(branch, message=f"merge {number}")
        assert told.commit is not None
        print(number, told.commit.id, flush=True)
        if number % 3 == 0:
            reverted = cat.revert(told.commit.id, message=f"revert {number}")
            assert reverted.commit is not None
            print(-number, reverted.commit.id, flush=True)
        cat.branches.delete(branch)
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
