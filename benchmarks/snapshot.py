"""Measures snapshots in copy mode against ``cp`` and ``sha256sum`` over the same files.

First 1 GB in 100 files, taken again each time; then a source of 10,000 files in which nothing
changed. CPU time is user and system of whole processes, start-up told apart. ``--small``
takes a tenth of everything.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.catalog import Catalog

REPEATS = 5
REPOSITORY = Path(__file__).parents[1]

SNAPSHOT = """
import sys
from catalog.catalog import Catalog
with Catalog.open(sys.argv[1]).transaction("main") as tx:
    report = tx.snapshot("t", sys.argv[2], fingerprints="later")
assert (tx.commit is not None) == (sys.argv[3] == "changed")
"""

START = """
import sys
import catalog.operations.transaction, catalog.repository.commit_writer, catalog.formats.parquet
from catalog.catalog import Catalog
Catalog.open(sys.argv[1])
"""


def cpu(*commands: Sequence[str]) -> tuple[float, float]:
    """Runs commands one after another and returns seconds of CPU and of time."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for command in commands:
        subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, time.perf_counter() - started


def medians(measure: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    found = [measure() for _ in range(REPEATS)]
    return statistics.median(f[0] for f in found), statistics.median(f[1] for f in found)


def python(code: str, *args: str) -> list[str]:
    return [sys.executable, "-c", code, *args]


def write_large(folder: Path, files: int, size_bytes: int) -> None:
    """Writes files of noise, which nothing compresses."""
    for n in range(files):
        noise = pa.array([os.urandom(1 << 16) for _ in range(size_bytes >> 16)], pa.binary())
        path = folder / f"day={n}" / "part.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"v": noise}), path, compression="none", use_dictionary=False)


def large(folder: Path, files: int, size_bytes: int) -> list[str]:
    source, lake, copies = folder / "large", folder / "lake", folder / "copies"
    write_large(source, files, size_bytes)
    paths = sorted(str(p) for p in source.rglob("*.parquet"))

    def snapshot() -> tuple[float, float]:
        shutil.rmtree(lake, ignore_errors=True)
        Catalog.create(str(lake))
        return cpu(python(SNAPSHOT, str(lake), str(source), "changed"))

    def by_hand() -> tuple[float, float]:
        shutil.rmtree(copies, ignore_errors=True)
        return cpu(["cp", "-r", str(source), str(copies)], ["sha256sum", *paths])

    cpu(["sha256sum", *paths])
    ours, hand = [], []
    for _ in range(REPEATS):
        hand.append(by_hand())
        ours.append(snapshot())
    start, start_s = medians(lambda: cpu(python(START, str(lake))))
    mine, mine_s = (statistics.median(o[k] for o in ours) for k in (0, 1))
    theirs, theirs_s = (statistics.median(h[k] for h in hand) for k in (0, 1))
    total = sum(os.path.getsize(p) for p in paths)
    shutil.rmtree(lake)
    shutil.rmtree(copies)
    shutil.rmtree(source)
    return [
        f"{files} files, {total / 1e6:,.0f} MB:",
        "",
        "| what | CPU s | elapsed s |",
        "|---|---:|---:|",
        f"| `cp -r` and `sha256sum` | {theirs:.2f} | {theirs_s:.2f} |",
        f"| snapshot, copy | {mine:.2f} | {mine_s:.2f} |",
        f"| start-up of that | {start:.2f} | {start_s:.2f} |",
        "",
        f"Without start-up: {(mine - start) / theirs:.2f} times the CPU of `cp` and `sha256sum`.",
    ]


def unchanged(folder: Path, files: int) -> list[str]:
    source, lake = folder / "many", folder / "lake"
    for n in range(files):
        path = source / f"p={n // 100}" / f"{n}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": [n], "v": [n / 7]}), path, store_schema=False)
    Catalog.create(str(lake))
    first, first_s = cpu(python(SNAPSHOT, str(lake), str(source), "changed"))
    time.sleep(2.1)  # files count as at rest after two seconds
    cpu(python(SNAPSHOT, str(lake), str(source), "unchanged"))
    again, again_s = medians(lambda: cpu(python(SNAPSHOT, str(lake), str(source), "unchanged")))
    start, start_s = medians(lambda: cpu(python(START, str(lake))))
    return [
        f"{files:,} small files:",
        "",
        "| what | CPU s | elapsed s |",
        "|---|---:|---:|",
        f"| first snapshot | {first:.2f} | {first_s:.2f} |",
        f"| again, nothing changed | {again:.2f} | {again_s:.2f} |",
        f"| start-up of that | {start:.2f} | {start_s:.2f} |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of everything")
    small = parser.parse_args().small
    print(f"Medians of {REPEATS} runs, the files in the page cache.\n")
    with tempfile.TemporaryDirectory() as folder:
        files, size_bytes, many = (10, 10 << 20, 1000) if small else (100, 10 << 20, 10_000)
        print("\n".join(large(Path(folder), files, size_bytes)), "\n")
        print("\n".join(unchanged(Path(folder), many)))


if __name__ == "__main__":
    main()
