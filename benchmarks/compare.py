"""What a comparison costs without a catalog: CPU seconds, beside the SQL or the calls by hand.

Places: two directories of ``--partitions`` partitions; in one of them, one column was changed in
one row of 50. The newer directory holds copies of the other files (``copied``), or the same rows
written again by another writer (``rewritten``). By hand is the full join, in DuckDB, of the one
partition that whoever wrote it knows to have changed; ``all`` is that of all partitions. Each side
is a process of its own, start-up included, and both count alike.

Frames: a million rows, read and a part of them compared before the clock starts, so that libraries
are loaded; in a process for each tool that is there:
ours, a full join by Polars, and datacompy, which may be in another Python (``--peer``).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

COLUMNS = (
    "i AS id, i % 1000 AS customer, (i * 7 % 100003) / 7.0::DOUBLE AS amount, "
    "CASE WHEN i % 11 > 0 THEN (i % 97) * 0.5::DOUBLE END AS discount, "
    "['web', 'app', 'phone', 'store'][1 + i % 4] AS channel, 'note ' || (i * 31 % 50000) AS note, "
    "md5(i::VARCHAR) AS token, i % 5 AS quantity, i % 3 = 0 AS paid, "
    "TIMESTAMP '2023-01-01' + INTERVAL (i) SECOND AS at"
)
CHANGED = "CASE WHEN id % 50 = 3 THEN amount * 1.19 ELSE amount END AS amount"

MAKE = """
import duckdb, os, shutil, sys
folder, rows, parts, columns, changed = sys.argv[1:]
rows, parts, con = int(rows), int(parts), duckdb.connect()
def write(name, codec, one=None):
    for part in range(parts):
        if one is not None and part != one:
            continue
        target = f"{folder}/{name}/part={part}"
        os.makedirs(target, exist_ok=True)
        numbers = f"range({rows // parts * part}, {rows // parts * (part + 1)}) AS r(i)"
        query = f"SELECT {columns} FROM {numbers}"
        if part == parts // 2 and name != "old":
            query = f"SELECT * REPLACE ({changed}) FROM ({query})"
        con.execute(f"COPY ({query}) TO '{target}/data.parquet' (FORMAT parquet, CODEC '{codec}')")
write("old", "zstd")
shutil.copytree(f"{folder}/old", f"{folder}/copied")
write("copied", "zstd", parts // 2)
"""

REWRITE = """
import pyarrow.parquet as pq, os, sys
folder, name = sys.argv[1:]
for part in sorted(os.listdir(f"{folder}/copied")):
    os.makedirs(f"{folder}/{name}/{part}")
    source, target = f"{folder}/copied/{part}/data.parquet", f"{folder}/{name}/{part}/data.parquet"
    pq.write_table(pq.read_table(source, partitioning=None), target, compression="snappy")
"""

OURS = """
import json, sys
import catalog
found = catalog.compare(*sys.argv[1:3], key=["id"], level="cells", threads=2)
print(json.dumps([found.rows.inserted, found.rows.deleted, found.rows.updated]))
"""

BY_HAND = """
import json, sys
import duckdb
con = duckdb.connect(config={"threads": 2})
con.execute("SET enable_progress_bar = false")
files = (f"'{path}/**/*.parquet', hive_partitioning = false" for path in sys.argv[1:3])
old, new = (f"read_parquet({found})" for found in files)
names = [d[0] for d in con.execute(f"SELECT * FROM {old} LIMIT 0").description if d[0] != "id"]
cells = ", ".join(
    f'count(*) FILTER (both_sides AND o."{n}" IS DISTINCT FROM n."{n}")' for n in names)
changed = " OR ".join(f'o."{n}" IS DISTINCT FROM n."{n}"' for n in names)
print(json.dumps(con.execute(
    f"SELECT count(*) FILTER (o.id IS NULL), count(*) FILTER (n.id IS NULL), "
    f"count(*) FILTER (both_sides AND ({changed})), {cells} FROM (SELECT * FROM {old}) o "
    f"FULL JOIN (SELECT * FROM {new}) n ON o.id = n.id, "
    "LATERAL (SELECT o.id IS NOT NULL AND n.id IS NOT NULL AS both_sides)"
).fetchone()[:3]))
"""

FRAMES = """
import json, resource, sys
import {module} as frames
tool, old, new = sys.argv[1:]
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
def ours(a, b):
    found = catalog.compare(a, b, key=["id"], level="cells", threads=2)
    return [found.rows.inserted, found.rows.deleted, found.rows.updated]
def polars_join(a, b):
    pl = frames
    j = a.join(b, on="id", how="full", suffix="_new", coalesce=False)
    both = pl.col("id").is_not_null() & pl.col("id_new").is_not_null()
    names = [name for name in a.columns if name != "id"]
    cells = [(both & pl.col(c).ne_missing(pl.col(c + "_new"))).alias(c) for c in names]
    found = j.select(
        *[c.sum() for c in cells], pl.any_horizontal(cells).sum().alias("updated"),
        pl.col("id").is_null().sum().alias("inserted"),
        pl.col("id_new").is_null().sum().alias("deleted"))
    return list(found.select("inserted", "deleted", "updated").row(0))
def datacompy_frames(a, b):
    kind = datacompy.PolarsCompare if frames.__name__ == "polars" else datacompy.PandasCompare
    found = kind(a, b, join_columns="id")
    deleted, inserted = len(found.df1_unq_rows), len(found.df2_unq_rows)
    return [inserted, deleted, len(a) - deleted - int(found.count_matching_rows())]
run = {{"ours": ours, "Polars join": polars_join, "datacompy": datacompy_frames}}[tool]
if tool == "ours":
    import catalog
if tool == "datacompy":
    import datacompy
a, b = frames.read_parquet(old), frames.read_parquet(new)
run(a[:60_000], b[:60_000])
start = cpu()
found = run(a, b)
print(json.dumps([cpu() - start, [int(one) for one in found]]))
"""


@dataclass(frozen=True)
class Taken:
    """What one run of a side took, and what it counted."""

    cpu_s: float
    counts: tuple[int, ...]


class Machine:
    """Runs Python with this version of the catalog."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._settings = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
            "PYTHONWARNINGS": "ignore",
        }

    def run(self, *words: str, python: str = sys.executable) -> tuple[float, str]:
        """Runs a program; returns the CPU seconds of its process, and what it printed."""
        process = subprocess.Popen(
            [python, *words], env=self._settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None and process.stderr is not None
        printed = process.stdout.read().decode()
        said = process.stderr.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"a program ended with {process.returncode}: {said}")
        return used.ru_utime + used.ru_stime, printed

    def has(self, module: str, python: str) -> bool:
        """Returns whether a Python has a library."""
        done = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
        return done.returncode == 0


def median(taken: Sequence[Taken], what: str) -> Taken:
    """Returns the median of some runs, which must have counted the same."""
    counts = {one.counts for one in taken}
    if len(counts) > 1:
        raise SystemExit(f"{what} counts differently from run to run: {counts}")
    return Taken(statistics.median(one.cpu_s for one in taken), counts.pop())


def check(results: Mapping[str, Taken]) -> None:
    """Ends the program if tools do not count the same."""
    if len({one.counts for one in results.values()}) > 1:
        raise SystemExit(f"WRONG COUNTS: { {name: one.counts for name, one in results.items()} }")


def places(machine: Machine, options: argparse.Namespace) -> dict[str, dict[str, Taken]]:
    """Measures directories."""
    folder = machine.folder / "places"
    shape = str(options.rows), str(options.partitions)
    machine.run("-c", MAKE, str(folder), *shape, COLUMNS, CHANGED)
    machine.run("-c", REWRITE, str(folder), "rewritten")
    changed = f"part={options.partitions // 2}"
    size = sum(path.stat().st_size for path in (folder / "old").rglob("*.parquet"))
    print(f"{options.rows:,} rows in {options.partitions} files, {size / 1e6:,.0f} MB a side\n")
    print("| newer files | ours | by hand, one partition | times | by hand, all | rows updated |")
    print("|---|---:|---:|---:|---:|---:|")
    found: dict[str, dict[str, Taken]] = {}
    for name in ("copied", "rewritten"):
        old, new = folder / "old", folder / name
        sides = {
            "ours": (OURS, str(old), str(new)),
            "hand": (BY_HAND, str(old / changed), str(new / changed)),
            "all": (BY_HAND, str(old), str(new)),
        }
        runs: dict[str, list[Taken]] = {side: [] for side in sides}
        for number in range(options.runs + 1):
            for side, (program, *arguments) in sides.items():
                if side == "all" and number > 1:
                    continue
                cpu_s, printed = machine.run("-c", program, *arguments)
                if number or side == "all":
                    runs[side].append(Taken(cpu_s, tuple(json.loads(printed))))
        found[name] = one = {side: median(taken, side) for side, taken in runs.items()}
        check(one)
        ours, hand = one["ours"].cpu_s, one["hand"].cpu_s
        print(
            f"| {name} | {ours:.2f} | {hand:.2f} | {ours / hand:.2f} | {one['all'].cpu_s:.2f} | "
            f"{one['ours'].counts[2]:,} |",
            flush=True,
        )
    shutil.rmtree(folder)
    return found


def frames(machine: Machine, options: argparse.Namespace) -> dict[str, dict[str, Taken]]:
    """Measures frames."""
    folder = machine.folder / "frames"
    folder.mkdir()
    rows = (
        f'import duckdb; duckdb.sql("COPY (SELECT {COLUMNS} FROM range({options.frame_rows}) AS '
        f"r(i)) TO '{folder}/old.parquet'\"); duckdb.sql(\"CREATE VIEW n AS SELECT * REPLACE "
        f"({CHANGED}) FROM '{folder}/old.parquet' WHERE id % 10000 <> 5 UNION ALL SELECT * REPLACE "
        f"(id + {options.frame_rows} AS id) FROM '{folder}/old.parquet' WHERE id < 100\"); "
        f"duckdb.sql(\"COPY (FROM n ORDER BY id) TO '{folder}/in order.parquet'\"); "
        f"duckdb.sql(\"COPY (FROM n ORDER BY hash(id)) TO '{folder}/in no order.parquet'\")"
    )
    machine.run("-c", rows)
    print(f"\n{options.frame_rows:,} rows in frames\n")
    print("| frames | newer rows | ours | Polars join | datacompy |\n|---|---|---:|---:|---:|")
    found: dict[str, dict[str, Taken]] = {}
    for module in ("polars", "pandas"):
        program = FRAMES.format(module=module)
        for order in ("in order", "in no order"):
            tools = {"ours": sys.executable}
            tools |= {"Polars join": sys.executable} if module == "polars" else {}
            tools |= {"datacompy": options.peer} if machine.has("datacompy", options.peer) else {}
            runs: dict[str, list[Taken]] = {tool: [] for tool in tools}
            for _ in range(options.runs):
                for tool, python in tools.items():
                    files = f"{folder}/old.parquet", f"{folder}/{order}.parquet"
                    printed = machine.run("-c", program, tool, *files, python=python)[1]
                    cpu_s, counts = json.loads(printed)
                    runs[tool].append(Taken(cpu_s, tuple(counts)))
            one = {tool: median(taken, tool) for tool, taken in runs.items()}
            check(one)
            found[f"{module} {order}"] = one
            figures = (
                f"{one[tool].cpu_s:.2f}" if tool in one else ""
                for tool in ("ours", "Polars join", "datacompy")
            )
            print(f"| {module} | {order} | {' | '.join(figures)} |", flush=True)
    shutil.rmtree(folder)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=42_000_000, help="1 GB a side by default")
    parser.add_argument("--partitions", type=int, default=24)
    parser.add_argument("--frame-rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=("places", "frames"))
    parser.add_argument("--peer", default=sys.executable, help="a Python that has datacompy")
    parser.add_argument("--data", type=Path, help="where the data lies; default: a temporary place")
    parser.add_argument("--json", type=Path, help="a file for what was measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.data) as folder:
        machine = Machine(Path(folder))
        found: dict[str, dict[str, Taken]] = {}
        if options.only != "frames":
            found |= places(machine, options)
        if options.only != "places":
            found |= frames(machine, options)
    if options.json is not None:
        written = {
            name: {side: [one.cpu_s, *one.counts] for side, one in sides.items()}
            for name, sides in found.items()
        }
        options.json.write_text(json.dumps(written, indent=2))


if __name__ == "__main__":
    main()
