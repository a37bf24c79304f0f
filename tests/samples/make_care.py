"""Makes the sample catalog of format 2 that ``test_care.py`` keeps readable.

Run ``python -m tests.samples.make_care tests/samples/format-2`` with a directory that does not
exist. The committed catalog was made once and must never be made again.

It has a table whose small files were put together, a commit whose data has expired and is gone,
garbage that was removed, garbage that is listed and waits, and a writer's note that it needs some.
"""

import datetime
import os
import shutil
import sys
from pathlib import Path

import pyarrow as pa

from catalog.catalog import Catalog
from catalog.repository import repository as stored
from catalog.storage.local import LocalStore

START = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)


class Clock:
    """Is an hour later at every look, and can be set on."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime.datetime:
        self.now += datetime.timedelta(hours=1)
        return self.now


def orders(first: int, value: str) -> pa.Table:
    ids = list(range(first, first + 3))
    return pa.table({"id": ids, "day": ["mon", "mon", "tue"], "v": [value] * 3})


def main(root: Path) -> None:
    clock = Clock()
    repository = stored.create(LocalStore(str(root)), author="sample", now=START)
    cat = Catalog("sample", repository, author="sample", clock=clock)
    with cat.transaction(message="one") as tx:
        tx.write("orders", orders(0, "a"), mode="overwrite", key=["id"], partition_by=["day"])
        tx.write("gone", pa.table({"id": [1, 2]}), mode="overwrite", key=["id"])
    with cat.transaction(message="two") as tx:
        tx.write("orders", orders(3, "b"), mode="append")
        tx.drop("gone")
    cat.compact(["orders"], message="put together")
    first_branch(cat, "left")
    clock.now += datetime.timedelta(days=120)
    with cat.transaction(message="three") as tx:
        tx.sql("UPDATE orders SET v = 'c' WHERE id = 4")
    cat.expire("30d")
    cat.gc(alone=True)
    first_branch(cat, "again")
    clock.now += datetime.timedelta(days=40)
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (START.timestamp(), START.timestamp()))
    cat.gc()
    there = Catalog.open(str(root), author="sample")  # by somebody who sees the list
    there.branches.create("back", at=cat.branches.reflog("again")[0].before or "")
    there.branches.delete("back")
    for name in ("tmp", "locks"):
        shutil.rmtree(root / name, ignore_errors=True)


def first_branch(cat: Catalog, name: str) -> None:
    cat.branches.create(name)
    with cat.transaction(branch=name, message=f"on {name}") as tx:
        tx.write("orders", orders(50, name), mode="append")
    cat.branches.delete(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
