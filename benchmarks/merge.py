"""Measures a merge of two branches that both changed every partition of a table, row by row.

On each side 1 % of the rows are updated, inserted and deleted each, and 0.1 % moved to another
partition; few keys are shared, and where both clash ours is taken. The merge is compared with
what it cannot do without: the diff of one side (half of what must be known), and a plain
rewrite of the same partitions by DuckDB. CPU seconds are those of a process of its own.

    python benchmarks/merge.py --rows 1000000
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import diff_changes
import diff_data
from diff_measure import cpu_seconds, peak_bytes

SHAPE = diff_data.ORDERS
SIDES = {"ours": 1, "theirs": 2}


def changed_by(side: str, *, shuffled: bool) -> diff_changes.Rows:
    """Returns the rows of a partition as one side has them."""
    salt = SIDES[side]

    def rows(shape: diff_data.Shape, base: Path, number: int) -> str:
        own, before = (
            f"read_parquet('{shape.folder(base, n) / diff_data.BASE}', hive_partitioning = false)"
            for n in (number, (number - 1) % diff_data.PARTITIONS)
        )
        draw, moves = f"hash(id, {salt}) % 100", f"hash(id, {salt}, 'move') % 1000 = 0"
        updates = (
            f"CASE WHEN {draw} = 1 THEN price + 1 ELSE price END AS price, "
            f"CASE WHEN {draw} = 1 THEN '{side}' ELSE city END AS city"
        )
        order = f" ORDER BY hash(id, {salt}, 'order')" if shuffled else ""
        return (
            f"FROM (SELECT * REPLACE ({updates}) FROM {own} WHERE {draw} <> 0 AND NOT ({moves}) "
            f"UNION ALL FROM {before} WHERE {draw} > 1 AND {moves} "
            f"UNION ALL SELECT * REPLACE (id + {salt}000000000 AS id) FROM {own} "
            f"WHERE {draw} = 2){order}"
        )

    return rows


def build(data: Path, rows: int, *, shuffled: bool) -> None:
    """Makes a catalog with a base and two branches that left it."""
    import duckdb

    import catalog

    con = duckdb.connect()
    diff_data.write_base(con, SHAPE, data / "base", rows)
    lake = catalog.create(str(data / "lake"))
    for side in ("base", *SIDES):
        if side in SIDES:
            how = diff_changes.Rewrite(changed_by(side, shuffled=shuffled))
            diff_changes.write_newer(con, SHAPE, data / "base", data / side, how)
            lake.branches.create(side, at="base")
        branch = "main" if side == "base" else side
        with lake.transaction(branch) as tx:
            tx.snapshot("t", str(data / side), key=SHAPE.key)
        if side == "base":
            lake.tags.create("base", at="main")


def merge(data: Path) -> dict[str, object]:
    """Merges theirs into a copy of ours."""
    import catalog

    lake = catalog.open(str(data / "lake"))
    name = f"run-{len(lake.branches.list())}"
    lake.branches.create(name, at="ours")
    before = cpu_seconds()
    report = lake.merge("theirs", into=name, resolve="ours")
    used = cpu_seconds() - before
    (table,) = report.tables
    return {"cpu_s": used, "files": table.files_added}


def diff(data: Path) -> dict[str, object]:
    """Compares one side with the base."""
    import catalog

    lake = catalog.open(str(data / "lake"))
    before = cpu_seconds()
    with lake.diff("base", "theirs", tables=["t"], level="rows") as found:
        rows = found["t"].rows
    counts = {"inserted": rows.inserted, "deleted": rows.deleted, "updated": rows.updated}
    return {"cpu_s": cpu_seconds() - before, **counts}


def rewrite(data: Path) -> dict[str, object]:
    """Copies every partition of one side."""
    import duckdb

    con = duckdb.connect()
    before = cpu_seconds()
    for number in range(diff_data.PARTITIONS):
        source = SHAPE.folder(data / "ours", number) / diff_data.NEWER
        target = data / "rewritten.parquet"
        con.execute(
            f"COPY (SELECT * FROM read_parquet('{source}', hive_partitioning = false)) "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        )
    return {"cpu_s": cpu_seconds() - before}


MEASURED: dict[str, Callable[[Path], dict[str, object]]] = {
    "merge": merge,
    "diff": diff,
    "rewrite": rewrite,
}


def measured(kind: str, data: Path) -> dict[str, float]:
    """Measures in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--data", str(data), "--measure", kind],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, help="where to make the data; default: a new place")
    parser.add_argument("--shuffled", action="store_true", help="the sides' rows are shuffled")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--measure", choices=MEASURED, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        found = MEASURED[options.measure](options.data)
        print(json.dumps({**found, "peak_mb": peak_bytes() / 1e6}))
        return 0
    data = Path(tempfile.mkdtemp(dir=options.data)) if options.data else Path(tempfile.mkdtemp())
    try:
        build(data, options.rows, shuffled=options.shuffled)
        best = {}
        for kind in MEASURED:
            runs = [measured(kind, data) for _ in range(options.runs)]
            best[kind] = min(runs, key=lambda run: run["cpu_s"])
        allowed = 2.5 * best["diff"]["cpu_s"] + 1.2 * best["rewrite"]["cpu_s"]
        print(
            f"{options.rows:,} rows, {len(SHAPE.names)} columns, {diff_data.PARTITIONS} partitions"
        )
        print("| | CPU s | peak MB |")
        print("|---|---|---|")
        for kind, name in (
            ("merge", "merge"),
            ("diff", "diff of one side"),
            ("rewrite", "rewrite by DuckDB"),
        ):
            print(f"| {name} | {best[kind]['cpu_s']:.2f} | {best[kind]['peak_mb']:.0f} |")
        print(f"| 2.5 diffs and 1.2 rewrites | {allowed:.2f} | |")
    finally:
        shutil.rmtree(data)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
