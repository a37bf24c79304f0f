"""Commits snapshots for ever, telling of each that landed; made to be killed at any moment.

Usage: ``python -m tests.write.kill_writer LAKE SOURCE FIRST``; every round writes new files
into the source, for two tables, and commits both at once.
"""

import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import catalog.operations.transaction
import catalog.repository.commit_writer
import catalog.write.file_fingerprints  # noqa: F401 - loaded before the first round is killed
from catalog.catalog import Catalog


def main(root: str, source: Path, number: int) -> None:
    cat = Catalog.open(root)
    print("ready", flush=True)
    while True:
        for table in ("a", "b"):
            for day in range(3):
                path = source / table / f"day={day}" / f"{number % 4}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                aside = path.with_name(f".{path.name}")
                pq.write_table(pa.table({"id": [number], "day_of": [day]}), aside)
                os.replace(aside, path)
        with cat.transaction("main", message=str(number)) as tx:
            for table in ("a", "b"):
                tx.snapshot(table, str(source / table), fingerprints="later")
        assert tx.commit is not None
        print(number, tx.commit.id, flush=True)
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
