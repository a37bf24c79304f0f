"""Measures a refresh of 1 of 100 partitions against a refresh in full.

The input has 10 million rows and 8 columns in 100 partitions of one file each. Two derived tables
are measured apart: an aggregate, and a join with a small table that keeps every row. CPU time is
user and system of a process of its own that does nothing but the refresh, start-up told apart.
``--small`` takes a tenth of the rows.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb

from catalog.catalog import Catalog

REPOSITORY = Path(__file__).parents[1]
PARTITIONS = 100
"""How many the input has by default."""

ROWS = """
SELECT i AS id, i % 1000 AS who, (hash(i) % 1000000) / 7 AS price, hash(i + 1) % 100 AS amount,
       ['red', 'green', 'blue', 'none'][(hash(i + 2) % 4 + 1)::INTEGER] AS colour,
       '2024-01-01'::TIMESTAMP + to_seconds((hash(i + 3) % 86400)::BIGINT) AS moment,
       (hash(i + 4) % 10000)::DECIMAL(12, 2) AS paid, {day} AS day
FROM range({start}, {stop}) AS t(i)
"""

MODELS = {
    "aggregate": (
        "SELECT day, colour, who % 10 AS team, count(*) AS orders, sum(price * amount) AS worth, "
        "max(moment) AS latest FROM orders GROUP BY day, colour, who % 10"
    ),
    "join": (
        "SELECT o.id, o.day, o.price * o.amount AS worth, c.name, c.region "
        "FROM orders o JOIN customers c ON o.who = c.who"
    ),
}

REFRESH = """
import sys
import catalog.operations.flow.refresh
from catalog.catalog import Catalog
report = Catalog.open(sys.argv[1]).refresh(sys.argv[2])
(table,) = report.tables
assert table.how == sys.argv[3], table.reason
"""

START = """
import sys
import catalog.operations.flow.refresh
from catalog.catalog import Catalog
Catalog.open(sys.argv[1]).stale()
"""


def cpu(code: str, *arguments: str) -> tuple[float, float]:
    """Runs Python and returns its seconds of CPU and of time."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=REPOSITORY, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, time.perf_counter() - started


def write_day(source: Path, day: int, rows: int, *, shift: int = 0) -> None:
    path = source / f"day={day}" / "part.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # the catalog's link keeps the old one
    start = day * rows + shift
    query = ROWS.format(start=start, stop=start + rows, day=day)
    duckdb.sql(f"COPY (SELECT * EXCLUDE (day) FROM ({query})) TO '{path}' (COMPRESSION zstd)")


def snapshot(cat: Catalog, source: Path) -> None:
    with cat.transaction() as tx:
        tx.snapshot("orders", str(source), fingerprints="later")


def build(folder: Path, rows: int, partitions: int) -> tuple[Catalog, Path]:
    source = folder / "orders"
    for day in range(partitions):
        write_day(source, day, rows // partitions)
    cat = Catalog.create(str(folder / "lake"))
    snapshot(cat, source)
    customers = (
        "SELECT range AS who, 'customer ' || range AS name, range % 7 AS region FROM range(1000)"
    )
    with cat.transaction() as tx:
        tx.write("customers", duckdb.sql(customers), mode="append")
    for table, sql in MODELS.items():
        cat.derive(table, sql, partition_by=["day"], refresh=False)
    return cat, source


def median(found: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(f[0] for f in found), statistics.median(f[1] for f in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--rows", type=int, help="rows of the input")
    parser.add_argument("--partitions", type=int, default=PARTITIONS, help="of the input")
    parser.add_argument("--runs", type=int, default=5, help="how often each part is measured")
    options = parser.parse_args()
    partitions = options.partitions
    rows = options.rows or (1_000_000 if options.small else 10_000_000)
    with tempfile.TemporaryDirectory() as folder:
        cat, source = build(Path(folder), rows, partitions)
        lake = str(Path(folder) / "lake")
        print(f"{rows:,} rows in {partitions} partitions; medians of {options.runs} runs.\n")
        print("| derived table | full, CPU s | elapsed s |", end="")
        print(f" 1 of {partitions}, CPU s | elapsed s |", end="")
        print(" without start-up | aim: 5 % of full + 0.5 s |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        start, start_s = median([cpu(START, lake) for _ in range(options.runs)])
        for place, table in enumerate(MODELS):
            # only the first is computed in full: later ones would find nothing to write
            full, full_s = cpu(REFRESH, lake, table, "full")
            part = []
            for run in range(options.runs):
                again = place * options.runs + run + 1
                write_day(source, run % partitions, rows // partitions, shift=rows * again)
                snapshot(cat, source)
                part.append(cpu(REFRESH, lake, table, "incremental"))
            one, one_s = median(part)
            aim = 0.05 * (full - start) + 0.5
            print(f"| {table} | {full:.2f} | {full_s:.2f} | {one:.2f} | {one_s:.2f} |", end="")
            print(f" {one - start:.2f} | {aim:.2f} |")
        print(f"| start-up, and what is stale | {start:.2f} | {start_s:.2f} | | | | |")


if __name__ == "__main__":
    main()
