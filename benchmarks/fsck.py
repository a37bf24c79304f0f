"""Measures how long a catalog takes to be verified, beside hashing its bytes with ``sha256sum``.

A table lies in many files, which came in several commits. CPU seconds and the peak of memory are
those of a process of its own.

    python benchmarks/fsck.py --files 4000
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FILE_ROWS = 5_000
"""Rows of a file."""

COMMITS = 20
"""Commits that the files come in."""


def build(folder: Path, files: int) -> None:
    """Makes a catalog whose table lies in many files."""
    import duckdb
    import pyarrow.parquet as pq

    import catalog

    lake = catalog.Catalog.create(folder / "catalog")
    each = -(-files // COMMITS)
    for commit in range(COMMITS):
        found = duckdb.sql(
            f"SELECT {commit * each * FILE_ROWS} + i AS id, "
            "'customer ' || hash(i, 1) % 100000 AS customer, "
            "DATE '2024-01-01' + CAST(hash(i, 2) % 366 AS INTEGER) AS day, "
            "CAST(hash(i, 3) % 100000 AS DOUBLE) / 100 AS amount, "
            "md5(CAST(i AS VARCHAR)) AS token "
            f"FROM range({each * FILE_ROWS}) r(i)"
        )
        assert found is not None, "a SELECT has rows"
        rows = found.to_arrow_table()
        source = folder / f"source-{commit}"
        source.mkdir()
        for number in range(each):
            some = rows.slice(number * FILE_ROWS, FILE_ROWS)
            pq.write_table(some, source / f"{commit:02}-{number:06}.parquet", compression="zstd")
        with lake.transaction("main", message=f"part {commit}") as tx:
            tx.snapshot("t", str(source), key=["id"], scope="append")


def verify(folder: Path, *, deep: bool) -> None:
    """Verifies the catalog."""
    import catalog

    report = catalog.open(folder / "catalog").fsck(deep=deep)
    assert report.is_whole, report.findings


def measured(arguments: list[str]) -> dict[str, float]:
    """Runs a program; returns its CPU seconds, and the peak of its memory in MB."""
    program = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(program.pid, 0)
    assert status == 0, arguments
    return {"cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}


def main() -> None:
    """Builds a catalog and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--folder", type=Path, help="a catalog that was built before, or where to")
    parser.add_argument("--run", choices=("build", "shallow", "deep"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run == "build":
        build(given.folder, given.files)
        return
    if given.run:
        verify(given.folder, deep=given.run == "deep")
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        if not (folder / "catalog").exists():
            build_it = [sys.executable, __file__, "--folder", str(folder), "--run", "build"]
            subprocess.run([*build_it, "--files", str(given.files)], check=True)
        own = [sys.executable, __file__, "--folder", str(folder), "--run"]
        data = [str(path) for path in sorted((folder / "catalog/data").rglob("*.parquet"))]
        listed = folder / "listed"
        listed.write_text("\0".join(data))
        found: dict[str, object] = {
            "files": len(data),
            "mb": round(sum(Path(path).stat().st_size for path in data) / 1e6),
            "fsck": measured([*own, "shallow"]),
            "fsck --deep": measured([*own, "deep"]),
            "sha256sum": measured(["xargs", "-0", "-a", str(listed), "sha256sum"]),
        }
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
