"""Measures what ``table@ref`` costs against SQL written by hand for DuckDB.

Two questions, each answered in CPU seconds by runs of both sides in turn, in one process:

- a query over ``orders@main`` against the same query over ``read_parquet([...])``;
- a filter on the partition column of a table of many files against DuckDB's own glob with
  ``hive_partitioning``.

Prints a Markdown table. Data are made in a temporary directory and removed.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import catalog
from catalog.engine.connection import connect
from catalog.engine.quoting import literal

Query = Callable[[], object]

QUERIES = (
    "SELECT customer, count(*), sum(amount), max(quantity) FROM {orders} GROUP BY customer",
    "SELECT count(*), sum(amount), avg(price) FROM {orders} WHERE quantity > 90",
    "SELECT count(*), max(amount) FROM {orders} WHERE amount > 990 AND price < 10",
    "SELECT day, sum(amount * quantity) FROM {orders} GROUP BY day ORDER BY day",
)
"""Aggregates and filters over integer, text and float columns."""


@dataclass(frozen=True, slots=True)
class Size:
    """Says how much data to make."""

    files: int
    rows: int
    small_files: int


FULL = Size(files=16, rows=1_700_000, small_files=10_000)
"""About 1 GB in 16 files, and a table of 10,000 files."""

SMALL = Size(files=4, rows=50_000, small_files=400)


@dataclass(frozen=True, slots=True)
class Measured:
    """Holds the medians of both sides in CPU seconds."""

    what: str
    ours: float
    theirs: float


def main() -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="little data, for a quick look")
    parser.add_argument("--runs", type=int, default=7, help="runs of each side (default: 7)")
    chosen = parser.parse_args()
    size = SMALL if chosen.small else FULL
    with tempfile.TemporaryDirectory() as folder:
        measured = [
            *scans(Path(folder), size, runs=chosen.runs),
            *lookups(Path(folder), size, runs=chosen.runs),
        ]
    print("| query | ours, CPU s | by hand, CPU s | ratio | difference, ms |")
    print("|---|---:|---:|---:|---:|")
    for one in measured:
        ratio, more = one.ours / one.theirs, (one.ours - one.theirs) * 1000
        print(f"| {one.what} | {one.ours:.4f} | {one.theirs:.4f} | {ratio:.3f} | {more:+.1f} |")
    return 0


def scans(root: Path, size: Size, *, runs: int) -> list[Measured]:
    """Compares queries over a table with the same over a list of its files."""
    chance = np.random.default_rng(1)
    source = root / "orders"
    source.mkdir()
    for number in range(size.files):
        pq.write_table(orders(chance, size.rows), source / f"{number:03d}.parquet")
    lake = catalog.create(str(root / "lake"))
    with lake.transaction("main", message="load") as tx:
        tx.snapshot("orders", str(source), mode="reference")
    total = sum(path.stat().st_size for path in source.iterdir())
    print(f"orders: {total / 1e6:,.0f} MB in {size.files} files", file=sys.stderr)
    listed = ", ".join(literal(file.uri) for file in lake.files("orders"))
    found = []
    with lake.connect() as session, connect() as plain:
        for query in QUERIES:
            ours = query.format(orders="orders@main")
            theirs = query.format(orders=f"read_parquet([{listed}])")
            pair = compared(
                lambda text=ours: session.sql(text).fetchall(),
                lambda text=theirs: plain.sql(text).fetchall(),
                runs=runs,
            )
            found.append(Measured(f"`{query.format(orders='orders@main')}`", *pair))
    return found


def orders(chance: np.random.Generator, rows: int) -> pa.Table:
    """Returns random orders."""
    return pa.table(
        {
            "order_id": np.arange(rows),
            "customer": chance.integers(0, 5_000, rows),
            "day": pa.array(chance.integers(19_700, 20_000, rows).astype("int32"), pa.date32()),
            "quantity": chance.integers(0, 100, rows).astype("int32"),
            "amount": chance.random(rows) * 1_000,
            "price": chance.random(rows) * 100,
            "discount": chance.random(rows),
            "note": pa.array(chance.integers(0, 1 << 40, rows).astype(str)),
        }
    )


def lookups(root: Path, size: Size, *, runs: int) -> list[Measured]:
    """Compares a filter on a partition column with DuckDB's own listing of the directories."""
    source = root / "events"
    for number in range(size.small_files):
        folder = source / f"day={number // 10}"
        folder.mkdir(parents=True, exist_ok=True)
        table = pa.table({"id": [number], "value": [number * 1.5]})
        pq.write_table(table, folder / f"{number % 10}.parquet")
    lake = catalog.create(str(root / "events-lake"))
    with lake.transaction("main", message="load") as tx:
        tx.snapshot("events", str(source), mode="reference")
    pattern = literal(f"{source}/*/*.parquet")
    query = "SELECT count(*), sum(value) FROM {events} WHERE day = 7"
    theirs = query.format(events=f"read_parquet({pattern}, hive_partitioning = true)")
    ours = query.format(events="events@main")
    with connect() as plain:

        def fresh() -> object:
            with catalog.open(lake.uri).connect() as session:
                return session.sql(ours).fetchall()

        with lake.connect() as session:
            again = compared(
                lambda: session.sql(ours).fetchall(),
                lambda: plain.sql(theirs).fetchall(),
                runs=runs,
            )
        first = compared(fresh, lambda: plain.sql(theirs).fetchall(), runs=runs)
    what = f"`WHERE day = 7`, {size.small_files:,} files"
    return [Measured(what, *again), Measured(f"{what}, catalog opened again", *first)]


def compared(ours: Query, theirs: Query, *, runs: int) -> tuple[float, float]:
    """Runs two queries in turn and returns the median CPU seconds of each.

    Raises:
        AssertionError: They answer differently.
    """
    assert same(ours(), theirs()), "the answers differ"
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(max(runs, 5)):
        for times, query in zip(spent, (ours, theirs), strict=True):
            begin = time.process_time()
            query()
            times.append(time.process_time() - begin)
    return statistics.median(spent[0]), statistics.median(spent[1])


def same(left: object, right: object) -> bool:
    """Tells whether rows are the same but for their order and the last digits of sums."""
    assert isinstance(left, list)
    assert isinstance(right, list)
    if len(left) != len(right):
        return False
    for mine, other in zip(sorted(left), sorted(right), strict=True):
        for a, b in zip(mine, other, strict=True):
            if a != b and not (isinstance(a, float) and abs(a - b) <= 1e-9 * abs(b)):
                return False
    return True


if __name__ == "__main__":
    sys.exit(main())
