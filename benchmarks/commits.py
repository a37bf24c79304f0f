"""Measures how many commits a branch takes when many processes commit to it at once.

Processes that have the catalog open commit one after another, each commit adding one entry to
a table: no data file is written, so that what is measured is metadata, locks and fsync.
``tables``: every process has a table of its own; ``append``: all append to one. A commit that
meets a conflict is run again, as a pipeline would; conflicts are counted. At the end the log
is walked: every commit that was acknowledged must be there, once, and nothing else.

The entries come by way of ``Transaction``, the layer below ``cat.transaction``: see ``stage``.
With ``--snapshot`` they come from small files in place, by ``tx.snapshot(…, scope="append")``.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.catalog import Catalog
from catalog.errors import Conflict
from catalog.model.datafile import DataFile
from catalog.model.ids import content_id
from catalog.model.lineage import LineageEntry
from catalog.operations.tables import stored_table
from catalog.operations.transaction import CatalogTransaction
from catalog.repository.commit_writer import TableUpdate
from catalog.write.files.rewrite import FileEdit
from catalog.write.scope import Scope
from catalog.write.working_table import WorkingTable

SHARED = "shared"


@dataclass(frozen=True)
class Share:
    """Is what one process commits.

    Attributes:
        root: The catalog.
        worker: Number of the process.
        table: The table it commits to.
        commits: How many commits it makes.
        source: A directory of small files to take in place; empty to add made-up entries.
    """

    root: str
    worker: int
    table: str
    commits: int
    source: str


def made_up(like: DataFile, number: int) -> DataFile:
    """Returns an entry for a file that nobody reads."""
    token = content_id(b"%d" % number)
    folder = like.path.rpartition("/")[0]
    return replace(like, path=f"{folder}/{token}.parquet", token=f"sha256:{token}", guard=None)


def stage(tx: CatalogTransaction, update: TableUpdate) -> None:
    """Stages an update as it is: what a transaction does once data files are written.

    It is the only place that knows how a transaction keeps what is staged.
    """
    assert update.base is not None, "the tables are there already"
    change = FileEdit(tuple(update.removed), tuple(update.added))
    table = WorkingTable(update.name, update.base, update.base.snapshot)
    lineage = LineageEntry("append")
    tx._transaction.tables.stage(table.then(update.snapshot, change, Scope(), lineage=lineage))


def commit(cat: Catalog, share: Share, number: int, like: DataFile) -> str:
    with cat.transaction("main", message=f"{share.worker}:{number}") as tx:
        if share.source:
            path = f"{share.source}/{share.worker}-{number}.parquet"
            tx.snapshot(share.table, path, mode="reference", scope="append")
        else:
            base = stored_table(cat.repository, share.table, cat.resolve("main"))
            added = made_up(like, share.worker * 1_000_000 + number)
            stage(tx, TableUpdate(share.table, base, base.snapshot, (), (added,)))
    assert tx.commit is not None
    return tx.commit.id


def work(share: Share) -> None:
    """Waits for the start, commits, and prints what it cost; one process of the benchmark.

    It runs already when it starts to commit: what a transaction needs is imported.
    """
    from catalog.repository.tables import data_files

    cat = Catalog.open(share.root, author=f"worker {share.worker}")
    base = stored_table(cat.repository, share.table, cat.resolve("main"))
    like = next(iter(data_files(cat.repository.commits, base)))
    with cat.transaction("main"):
        pass
    print("ready", flush=True)
    sys.stdin.readline()
    conflicts = 0
    cpu_s = time.process_time()
    made: list[str] = []
    for number in range(share.commits):
        while len(made) == number:
            try:
                made.append(commit(cat, share, number, like))
            except Conflict:
                conflicts += 1
    cpu_s = time.process_time() - cpu_s
    print(json.dumps({"made": made, "conflicts": conflicts, "cpu_s": cpu_s}), flush=True)


def prepare(folder: Path, shares: list[Share], files: int) -> Catalog:
    """Creates a catalog whose tables have some files, and sources of one row each."""
    source = folder / "first"
    source.mkdir()
    columns = {name: [1, 2] for name in ("id", "a", "b", "c")}
    for n in range(files):
        pq.write_table(pa.table({**columns, "x": [n, n + 0.5]}), source / f"{n}.parquet")
    cat = Catalog.create(shares[0].root)
    with cat.transaction("main", message="first") as tx:
        for table in sorted({share.table for share in shares}):
            tx.snapshot(table, str(source), mode="reference")
    for share in shares:
        if share.source:
            Path(share.source).mkdir(exist_ok=True)
            for n in range(share.commits):
                path = f"{share.source}/{share.worker}-{n}.parquet"
                pq.write_table(pa.table({**columns, "x": [0.5, share.worker * 1e6 + n]}), path)
    return cat


def lost(cat: Catalog, shares: list[Share], acknowledged: set[str], files: int) -> list[str]:
    """Returns what is wrong with the branch after all have committed."""
    wrong = []
    log = cat.log()
    made = {c.id for c in log if ":" in c.message}
    if made != acknowledged:
        wrong.append(f"{len(acknowledged - made)} commits lost, {len(made - acknowledged)} extra")
    if any(c.parents != (older.id,) for c, older in itertools.pairwise(log)):
        wrong.append("the branch is no line")
    if [move.after for move in cat.reflog()] != [c.id for c in log]:
        wrong.append("the reflog is not the log")
    expected: dict[str, int] = {}
    for share in shares:
        expected[share.table] = expected.get(share.table, files) + share.commits
    if {table.name: table.files for table in cat.tables()} != expected:
        wrong.append("tables lack files, or have more")
    return wrong


def measure(what: str, arguments: argparse.Namespace) -> bool:
    with tempfile.TemporaryDirectory(dir=arguments.dir) as name:
        folder = Path(name)
        shares = [
            Share(
                str(folder / "lake"),
                worker,
                SHARED if what == "append" else f"t{worker}",
                arguments.commits,
                str(folder / "more") if arguments.snapshot else "",
            )
            for worker in range(arguments.processes)
        ]
        prepare(folder, shares, arguments.files)
        workers = [
            subprocess.Popen(
                [sys.executable, __file__, "--worker", json.dumps(vars(share))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for share in shares
        ]
        for one in workers:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        started = time.perf_counter()
        for one in workers:
            assert one.stdin is not None
            one.stdin.write("\n")
            one.stdin.flush()
        reports = [json.loads(one.communicate()[0]) for one in workers]
        elapsed_s = time.perf_counter() - started
        packs = sum(1 for _ in (folder / "lake" / "objects").glob("*/*")) - 2
        acknowledged = {commit_id for one in reports for commit_id in one["made"]}
        wrong = lost(Catalog.open(shares[0].root), shares, acknowledged, arguments.files)
    commits = arguments.processes * arguments.commits
    cpu_ms = 1000 * sum(one["cpu_s"] for one in reports) / commits
    conflicts = sum(one["conflicts"] for one in reports)
    print(
        f"| {what} | {commits:,} | {commits / elapsed_s:.0f} | {elapsed_s:.2f} | {cpu_ms:.1f} "
        f"| {packs / commits:.2f} | {conflicts} | {'; '.join(wrong) or '0'} |",
        flush=True,
    )
    return not wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["tables", "append"], help="one of both")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--commits", type=int, default=25, help="of each process")
    parser.add_argument("--files", type=int, default=100, help="that each table has before")
    parser.add_argument("--snapshot", action="store_true", help="by tx.snapshot, of files in place")
    parser.add_argument("--dir", help="where the catalog is put, e.g. on another disk")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(Share(**json.loads(arguments.worker)))
        return 0
    print(
        f"{arguments.processes} processes, {arguments.commits} commits each, on one branch; "
        f"{os.cpu_count()} cores.\n"
    )
    print("| to | commits | commits/s | elapsed s | CPU ms a commit | packs a commit |", end="")
    print(" conflicts | lost |\n|---|---:|---:|---:|---:|---:|---:|---:|")
    kinds = [arguments.only] if arguments.only else ["tables", "append"]
    right = [measure(what, arguments) for what in kinds]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
