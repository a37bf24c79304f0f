"""Measures ``blame`` and ``history`` of one row: data files opened, and CPU time of the command.

A table of 10,000 files in 100 partitions, and 200 commits; each replaces half of the files of a
partition, in which one row of 50 changed. The keys are clustered, so that each file has a range of
its own, or spread over all files by a hash, so that every file has nearly the same bounds. The row
asked for lies in the file that was replaced most often, and was never changed itself: blame goes
back to the first load.
"""

import argparse
import datetime
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import catalog

ROWS = 50
"""Rows of a file."""

PARTITIONS = 100

ROOT = Path(__file__).parents[1]


class Source:
    """The files of the table, which are replaced one by one."""

    def __init__(self, folder: Path, files: int, *, clustered: bool) -> None:
        self.folder = folder
        self.per_partition = files // PARTITIONS
        keys = list(range(files * ROWS))
        if not clustered:
            random.Random(1).shuffle(keys)
        self.keys = [keys[n * ROWS : (n + 1) * ROWS] for n in range(files)]
        self.values = [[0] * ROWS for _ in range(files)]
        self.replaced: Counter[int] = Counter()
        for n in range(files):
            self.write(n)

    def partition(self, number: int) -> Path:
        day = datetime.date(2024, 1, 1) + datetime.timedelta(days=number)
        return self.folder / f"day={day}"

    def write(self, number: int) -> None:
        folder = self.partition(number // self.per_partition)
        folder.mkdir(parents=True, exist_ok=True)
        columns = {
            "id": self.keys[number],
            "amount": [float(value) for value in self.values[number]],
            "note": [f"note {key % 97}" for key in self.keys[number]],
        }
        aside = folder / ".aside"
        pq.write_table(pa.table(columns), aside)
        os.replace(aside, folder / f"part-{number:05d}.parquet")

    def replace(self, partition: int, commit: int, draw: random.Random) -> Path:
        """Changes the first row of half of a partition's files."""
        start = partition * self.per_partition
        chosen = draw.sample(range(start, start + self.per_partition), self.per_partition // 2)
        for number in chosen:
            self.values[number][0] = commit
            self.replaced[number] += 1
            self.write(number)
        return self.partition(partition)


def build(folder: Path, files: int, commits: int, *, clustered: bool) -> Source:
    source = Source(folder / "source", files, clustered=clustered)
    cat = catalog.create(folder / "lake")
    with cat.transaction("main", message="first load") as tx:
        tx.snapshot("orders", str(source.folder), key=["id"], partition_by=["day"])
    draw = random.Random(2)
    for commit in range(1, commits + 1):
        partition = source.replace(draw.randrange(PARTITIONS), commit, draw)
        with cat.transaction("main", message=f"correction {commit}") as tx:
            tx.snapshot("orders", str(partition), scope="partitions")
    return source


def measure(lake: Path, *words: str) -> tuple[dict[str, object], float, float]:
    """Runs a command in a process of its own; returns its JSON, CPU and elapsed seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "cli.main", "-C", str(lake), *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout), cpu, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="a multiple of 100")
    parser.add_argument("--commits", type=int, default=200)
    parser.add_argument("--data", type=Path, help="where to build the catalogs")
    options = parser.parse_args()
    files, commits = options.files, options.commits
    print(f"{files:,} files in {PARTITIONS} partitions, {commits} commits.\n")
    print("| keys | command | files opened | of the table's | CPU s | elapsed s |")
    print("|---|---|---:|---:|---:|---:|")
    for clustered in (True, False):
        with tempfile.TemporaryDirectory(dir=options.data) as folder:
            source = build(Path(folder), files, commits, clustered=clustered)
            (number, _), *_ = source.replaced.most_common(1)
            kept, changed = source.keys[number][ROWS // 2], source.keys[number][0]
            for what, words in (
                ("blame, never changed", ("blame", "orders", "--key", f"id={kept}")),
                ("blame, changed", ("blame", "orders", "--key", f"id={changed}")),
                ("history", ("history", "orders", "--key", f"id={changed}")),
            ):
                found, cpu, elapsed = measure(Path(folder) / "lake", *words)
                opened = int(str(found["files_opened"]))
                name = "clustered" if clustered else "hashed"
                share = 100 * opened / files
                print(
                    f"| {name} | {what} | {opened:,} | {share:.2f} % | {cpu:.2f} | {elapsed:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
