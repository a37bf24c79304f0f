"""Measures how small files of a table are put together, beside a plain rewrite by DuckDB.

The rows lie in files of some 10 kB each, in one partition or in many, in an order that has
nothing to do with their key. DuckDB reads the same files, sorts each partition by the key and
writes it with zstd: what cannot be done without. CPU seconds are those of a process of its own.

    python benchmarks/compact.py --files 10000
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

FILE_ROWS = 200
"""Rows of a file, which take some 10 kB."""

PARTITIONS = (1, 100)
"""In how many partitions the files lie."""


def build(folder: Path, files: int, partitions: int) -> None:
    """Makes a catalog whose table lies in small files."""
    import catalog

    rows = duckdb.sql(
        "SELECT hash(i) % 1000000000 AS id, 'customer ' || hash(i, 1) % 100000 AS customer, "
        "DATE '2024-01-01' + CAST(hash(i, 2) % 366 AS INTEGER) AS day, "
        "CAST(hash(i, 3) % 100000 AS DOUBLE) / 100 AS amount, "
        "list_value('new', 'paid', 'sent', 'back')[CAST(hash(i, 4) % 4 AS BIGINT) + 1] AS status, "
        "md5(CAST(i AS VARCHAR)) AS token "
        f"FROM range({files * FILE_ROWS}) r(i)"
    ).to_arrow_table()
    source = folder / "source"
    for number in range(files):
        part = source / f"part={number % partitions}" if partitions > 1 else source
        part.mkdir(parents=True, exist_ok=True)
        some = rows.slice(number * FILE_ROWS, FILE_ROWS)
        pq.write_table(some, part / f"{number:06}.parquet", compression="zstd")
    with catalog.Catalog.create(folder / "catalog").transaction("main", message="all") as tx:
        tx.snapshot("t", str(source), key=["id"])
    shutil.rmtree(source)


def ours(folder: Path) -> None:
    """Puts the files of the catalog together."""
    import catalog

    catalog.open(folder / "catalog").compact(["t"])


def theirs(folder: Path) -> None:
    """Writes the same rows again with DuckDB, partition by partition."""
    data = folder / "catalog" / "data" / "t"
    found = sorted(data.glob("part=*")) or [data]
    out = folder / "plain"
    out.mkdir()
    for number, part in enumerate(found):
        files = [str(path) for path in sorted(part.glob("*.parquet"))]
        duckdb.execute(
            "COPY (SELECT * FROM read_parquet(?, hive_partitioning = false) ORDER BY id) "
            f"TO '{out}/{number}.parquet' (FORMAT parquet, COMPRESSION zstd)",
            [files],
        )


def diffed(folder: Path) -> None:
    """Compares the table before and after, without its data files."""
    import catalog

    data = folder / "catalog" / "data"
    data.rename(folder / "gone")
    found = catalog.open(folder / "catalog").diff("main~1", "main")
    (folder / "gone").rename(data)
    assert not any(table.differs for table in found.view.tables)


STEPS = {"build": build, "plain rewrite": theirs, "compact": ours, "diff across it": diffed}


def measured(step: str, *arguments: str) -> float:
    """Runs a step in a process of its own and returns its CPU seconds."""
    before = os.times()
    subprocess.run([sys.executable, __file__, "--step", step, *arguments], check=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def main() -> None:
    """Builds catalogs, and prints what their compaction takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--step", choices=STEPS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--partitions", type=int)
    options = parser.parse_args()
    if options.step == "build":
        build(options.folder, options.files, options.partitions)
    elif options.step:
        STEPS[options.step](options.folder)
    else:
        found = []
        for partitions in PARTITIONS if options.partitions is None else [options.partitions]:
            with tempfile.TemporaryDirectory(prefix="compact-", dir=options.folder) as name:
                where = "--folder", name, "--files", str(options.files)
                measured("build", *where, "--partitions", str(partitions))
                seconds = {one: measured(one, *where) for one in STEPS if one != "build"}
            plain = seconds["plain rewrite"]
            shown = {one: round(figure, 2) for one, figure in seconds.items()}
            ratio = round(seconds["compact"] / plain, 2)
            found.append({"partitions": partitions, **shown, "ratio": ratio})
            print(json.dumps(found[-1]), flush=True)


if __name__ == "__main__":
    main()
