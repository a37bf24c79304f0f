"""Catalogs with garbage in them, and what an independent reader finds in a catalog."""

import datetime
import os
import time
from pathlib import Path

import pyarrow as pa

from catalog import Catalog
from catalog.dataclasses import replace
from tests.repository.format_reader import Reader

DAYS = 86_400


def in_days(root: Path, days: float) -> Catalog:
    """Opens a catalog for somebody whose clock is so many days ahead."""
    catalog = Catalog.open(str(root))
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    catalog.context = replace(catalog.context, clock=lambda: now)
    return catalog


def rows(first: int, count: int, value: float) -> pa.Table:
    """Returns rows of the table orders."""
    ids = list(range(first, first + count))
    return pa.table({"id": ids, "p": ["ab"[n % 2] for n in ids], "v": [value] * count})


def lake(root: Path) -> Catalog:
    """Makes a catalog with two tables and three commits on main."""
    catalog = Catalog.create(str(root))
    with catalog.transaction(message="one") as tx:
        tx.write("orders", rows(0, 10, 1.0), mode="overwrite", key=["id"], partition_by=["p"])
        tx.write("people", pa.table({"id": [1], "name": ["Ada"]}), mode="overwrite", key=["id"])
    with catalog.transaction(message="two") as tx:
        tx.write("orders", rows(10, 5, 2.0), mode="append")
    return catalog


def with_garbage(root: Path) -> Catalog:
    """Makes a catalog from which a branch with commits of its own was deleted."""
    catalog = lake(root)
    catalog.branches.create("gone")
    with catalog.transaction(branch="gone", message="gone") as tx:
        tx.write("orders", rows(100, 4, 9.0), mode="append")
    catalog.branches.delete("gone")
    return catalog


def age(root: Path, *prefixes: str, days: float = 8) -> None:
    """Makes the objects below some prefixes, or all, older."""
    moment = time.time() - days * DAYS
    for prefix in prefixes or ("objects", "data", "blobs", "lists", "refs/reflogs", "gc", "cache"):
        for path in (root / prefix).rglob("*"):
            if path.is_file():
                os.utime(path, (moment, moment))


def stored(root: Path) -> set[str]:
    """Returns the paths of all objects that are not derived."""
    return {
        path.relative_to(root).as_posix()
        for folder in ("objects", "data", "blobs", "lists", "refs")
        for path in (root / folder).rglob("*")
        if path.is_file()
    }


def contents(root: Path, *branches: str) -> list[object]:
    """Returns all that the commits of branches hold, as an independent reader finds it."""
    reader = Reader(root)
    found: list[object] = []
    for branch in branches or ("main",):
        for commit in reader.log(reader.branch(branch)["commit"]):
            for name, table in sorted(reader.tables(commit).items()):
                found.append((commit, name, repr(reader.rows(table))))
                if "file_set" in table.says["properties"]:
                    found.append(reader.contents(table))
                if name in reader.head(commit)[0]["changes"]:
                    reader.change_list(commit, name)
    return found
