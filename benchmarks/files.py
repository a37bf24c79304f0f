"""Measures what many small files cost: diffs, writes and snapshots by reference, for each file.

Each side works in a process of its own, after imports; CPU seconds are user and system of all its
threads. Beside a diff stands the join that one would write by hand over the same files, beside
footers those that pyarrow reads. ``--small`` takes a tenth of everything.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from diff_changes import CORRECTED
from diff_data import BASE, ORDERS, write_tiny
from diff_measure import Job, cpu_seconds, measure_diff, measure_join
from diff_runs import ENVIRONMENT

COLUMNS = ", ".join(f"{sql} AS {name}" for name, sql in ORDERS.columns.items())


def write_partitions(root: Path, *, partitions: int, rows: int) -> None:
    """Writes two states of a table with a file of 19 columns in each partition."""
    import duckdb

    con = duckdb.connect(config={"threads": 2})
    for side in ("before", "after"):
        for number in range(partitions):
            folder = root / side / f"p={number}"
            folder.mkdir(parents=True)
            query = f"SELECT {COLUMNS} FROM range({number * rows}, {(number + 1) * rows}) r(i)"
            if side == "after":
                query = CORRECTED(ORDERS, root / "before", number)
            target = folder / BASE
            con.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def take(lake: Path, *sources: Path, mode: str = "link", fingerprints: str = "now") -> None:
    """Commits states of a table, one after the other."""
    import catalog

    cat = catalog.open(str(lake)) if lake.exists() else catalog.create(str(lake))
    for source in sources:
        with cat.transaction("main") as tx:
            tx.snapshot("t", str(source), key=["id"], mode=mode, fingerprints=fingerprints)


def job_of(root: Path, *, level: str = "cells") -> Job:
    """Returns the comparison of both states of a table."""
    before, after = (
        tuple(map(str, sorted((root / side).glob("*/*.parquet")))) for side in ("before", "after")
    )
    return Job(
        "diff",
        lake=str(root / "lake"),
        level=level,
        narrow=True,
        before=before,
        after=after,
        columns=ORDERS.names,
        shown=("id", "p", "amount"),
        key=ORDERS.key,
        output=str(root / "changed.parquet"),
    )


def measure_write(root: Path, partitions: int) -> float:
    """Appends an Arrow table of ten rows to each of many partitions."""
    import duckdb

    import catalog
    import catalog.operations.transaction

    con = duckdb.connect(config={"threads": 1})
    rows = con.sql(
        f"SELECT {COLUMNS}, i % {partitions} AS p FROM range({10 * partitions}) r(i)"
    ).to_arrow_table()
    con.close()
    cat = catalog.create(str(root / "written"))
    started = cpu_seconds()
    with cat.transaction("main") as tx:
        tx.write("t", rows, mode="append", key=["id"], partition_by=["p"])
    return cpu_seconds() - started


def measure_references(root: Path) -> float:
    """Commits many tiny files that stay where they are, their fingerprints to come later."""
    import catalog
    import catalog.operations.transaction

    catalog.create(str(root / "references"))
    started = cpu_seconds()
    take(root / "references", root / "tiny", mode="reference", fingerprints="later")
    return cpu_seconds() - started


def measure_footers(root: Path) -> float:
    """Reads the same footers with pyarrow."""
    import pyarrow.parquet as pq

    paths = list(map(str, (root / "tiny").glob("*/*.parquet")))
    started = cpu_seconds()
    for path in paths:
        pq.read_metadata(path)
    return cpu_seconds() - started


SIDES: dict[str, Callable[[Path, int], float]] = {
    "counts": lambda root, _: measure_diff(job_of(root)).cpu_s,
    "narrow rows": lambda root, _: measure_diff(job_of(root, level="rows")).cpu_s,
    "by hand": lambda root, _: measure_join(job_of(root)).cpu_s,
    "write": measure_write,
    "references": lambda root, _: measure_references(root),
    "footers": lambda root, _: measure_footers(root),
}


def median_ms(side: str, root: Path, files: int, *, runs: int) -> float:
    """Returns the CPU milliseconds of a side for each file, the median of some processes."""
    found = []
    for _ in range(runs):
        command = [sys.executable, __file__, "--side", side, "--root", str(root)]
        done = subprocess.run(
            [*command, "--files", str(files)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        found.append(json.loads(done.stdout.splitlines()[-1]) / files * 1000)
        for name in ("written", "references"):
            shutil.rmtree(root / name, ignore_errors=True)
    return statistics.median(found)


def main() -> None:
    """Builds the data, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", help="where data go meanwhile")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--files", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        print(SIDES[given.side](given.root, given.files))
        return
    share = 10 if given.small else 1
    sizes = ((671 // share, 300), (1000 // share, 5000))
    root = Path(tempfile.mkdtemp(prefix="parquetry-files-", dir=given.folder))
    try:
        print("| CPU ms a file | ours | compared with | |")
        print("|---|---:|---|---:|")
        for partitions, rows in sizes:
            folder = root / "table"
            write_partitions(folder, partitions=partitions, rows=rows)
            take(folder / "lake", folder / "before", folder / "after")
            by_hand = median_ms("by hand", folder, partitions, runs=given.runs)
            for side in ("counts", "narrow rows"):
                own = median_ms(side, folder, partitions, runs=given.runs)
                name = f"diff of {partitions:,} x {rows:,} rows, {side}"
                print(f"| {name} | {own:.2f} | by hand | {by_hand:.2f} |")
            shutil.rmtree(folder)
        files = 3000 // share
        own = median_ms("write", root, files, runs=given.runs)
        print(f"| write of {files:,} partitions | {own:.2f} | | |")
        files = 100_000 // share
        write_tiny(root / "tiny", root / "unused", files=files, changed=1)
        own, bare = (
            median_ms(side, root, files, runs=given.runs) for side in ("references", "footers")
        )
        print(f"| snapshot of {files:,} files by reference | {own:.3f} | footers | {bare:.3f} |")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
