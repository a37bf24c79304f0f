"""Makes the sample catalog of format 1 that ``test_samples.py`` keeps readable.

Run ``python -m tests.samples.make tests/samples/format-1`` with a directory that does not
exist. The committed catalog was made once and must never be made again: it stands for the
catalogs that users have.
"""

import datetime
import shutil
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.catalog import Catalog
from catalog.repository import repository as stored
from catalog.repository.branches import Stamp
from catalog.repository.commit_writer import Description
from catalog.storage.local import LocalStore

START = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)
MONEY = pa.decimal128(8, 2)


class Clock:
    """Is an hour later at every look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime.datetime:
        self.now += datetime.timedelta(hours=1)
        return self.now


def write(path: Path, **columns: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"store_schema": False, "use_dictionary": False, "compression": "none"}
    pq.write_table(pa.table(columns), path, **options)


def money(*values: str | None) -> pa.Array:
    return pa.array([None if v is None else Decimal(v) for v in values], MONEY)


def main(root: Path, work: Path) -> None:
    repository = stored.create(LocalStore(str(root)), author="sample", now=START)
    cat = Catalog("sample", repository, author="sample", clock=Clock())
    first_load(cat, work)
    cat.tags.create("v1", message="the first three days")
    cat.branches.create("backfill/2024-01")
    backfill(cat, work)
    customers_again(cat, work)
    events(cat, work)
    grid(cat, work)
    counter(cat, work)
    merged(cat)
    refs(cat)
    for derived in ("cache", "tmp", "locks"):
        shutil.rmtree(root / derived, ignore_errors=True)


def first_load(cat: Catalog, work: Path) -> None:
    orders = work / "orders"
    write(
        orders / "day=2024-01-01/a",
        order_id=[1, 2],
        who=["ann", "bob"],
        amount=money("10.50", None),
    )
    write(orders / "day=2024-01-02/a", order_id=[3], who=["cy"], amount=money("7.25"))
    for path in orders.rglob("a"):
        path.rename(path.with_suffix(".parquet"))
    since = pa.array([datetime.date(2020, 1, 2), None, datetime.date(2023, 5, 6)])
    write(work / "customers/a.parquet", name=["ann", "bob", "cy"], since=since)
    with cat.transaction(
        "main", message="first load", metadata={"job": "nightly", "run": "1"}
    ) as tx:
        tx.snapshot("orders", str(orders), key=["order_id"])
        tx.snapshot("customers", str(work / "customers"), key=["name"])
    write(
        work / "third/day=2024-01-03/a.parquet",
        order_id=[4, 5],
        note=["größer", None],
        who=["ann", "dan"],
        amount=money(None, "3.00"),
    )
    with cat.transaction("main", message="third day, with notes") as tx:
        tx.snapshot("orders", str(work / "third"), scope="append")


def backfill(cat: Catalog, work: Path) -> None:
    write(
        work / "backfill/day=2024-01-01/b.parquet",
        order_id=[1, 2],
        who=["ann", "bob"],
        amount=money("10.50", "20.00"),
    )
    with cat.transaction("backfill/2024-01", message="fill amounts\n\nof the first day") as tx:
        tx.snapshot("orders", str(work / "backfill"), scope="partitions")


def customers_again(cat: Catalog, work: Path) -> None:
    write(work / "customers/a.parquet", city=["Rome", "Oslo"], name=["ann", "bob"])
    with cat.transaction("main", message="customers have a city") as tx:
        tx.snapshot("customers", str(work / "customers"))
    with cat.transaction("main", message="no customers") as tx:
        tx.drop("customers")
    write(work / "customers/a.parquet", id=pa.array([7], pa.int32()), name=["eve"])
    with cat.transaction("main", message="customers by number") as tx:
        tx.snapshot("customers", str(work / "customers"), key=["id"])


def events(cat: Catalog, work: Path) -> None:
    moment = datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)
    segments = ["__HIVE_DEFAULT_PARTITION__", "01", "a%2Fb", "ü", "%5F_HIVE_DEFAULT_PARTITION__"]
    for n, segment in enumerate(segments):
        write(
            work / f"events/kind={segment}/part=1/x.parquet",
            n=pa.array([n], pa.int16()),
            big=pa.array([2**64 - 1 - n], pa.uint64()),
            ratio=[[1.5, -0.0, float("nan"), float("inf"), None][n]],
            ok=[n % 2 == 0],
            at=pa.array([moment], pa.timestamp("us")),
            raw=[b"\x00\xff"],
            tags=pa.array([["a", None][: n % 3]], pa.list_(pa.string())),
            place=pa.array(
                [{"x": n, "y": None}], pa.struct([("x", pa.int32()), ("y", pa.string())])
            ),
        )
    with cat.transaction("main", message="events", author="eve") as tx:
        tx.snapshot(
            "log.events", str(work / "events"), partition_by={"kind": "VARCHAR", "part": "INTEGER"}
        )


def grid(cat: Catalog, work: Path) -> None:
    for p in range(180):
        write(work / f"grid/p={p}/x.parquet", v=[7])
    with cat.transaction("main", message="grid") as tx:
        tx.snapshot("grid", str(work / "grid"))
    write(work / "spot/p=150/x.parquet", v=[8, 9])
    with cat.transaction("main", message="one cell of the grid") as tx:
        tx.snapshot("grid", str(work / "spot"), scope="partitions")


def counter(cat: Catalog, work: Path) -> None:
    for n in range(12):
        write(work / "counter/x.parquet", n=[n])
        with cat.transaction("main", message=f"count {n}") as tx:
            tx.snapshot("counter", str(work / "counter"))


def merged(cat: Catalog) -> None:
    """Makes a commit with two parents on a branch of its own."""
    ends = cat.resolve("main").commit_id, cat.resolve("backfill/2024-01").commit_id
    about = Description("sample", cat.context.clock(), "main and backfill")
    commit_id = cat.repository.writer().write(ends, (), about)
    cat.repository.branches.create("both", commit_id, Stamp("sample", cat.context.clock(), "merge"))


def refs(cat: Catalog) -> None:
    cat.branches.create("Old Times".replace(" ", "-"), at="v1")
    cat.branches.delete("Old-Times")
    cat.tags.create("gone", at="v1")
    cat.tags.delete("gone")
    cat.branches.create("wanderer", at="main~1")
    for n in range(205):
        held = cat.repository.branches.held("wanderer")
        assert held is not None
        target = cat.resolve("main~1" if n % 2 else "main").commit_id
        cat.repository.branches.move(held, target, Stamp("w", cat.context.clock(), f"{n}"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(sys.argv[1]), Path(folder))
