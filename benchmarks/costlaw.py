"""Measures the cost law: a commit costs what it changes, whatever the size of the table.

A table of references with 8 columns, 10 files a partition, once with 1,000 files and once
with 100,000. In a process that has the catalog open, one file is replaced and committed:
CPU time (user and system), bytes of the pack and of the branch object. ``--small`` takes a
tenth of the files.
"""

import argparse
import dataclasses
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.catalog import Catalog
from catalog.model.values import sort_key
from catalog.operations.tables import stored_table
from catalog.repository import repository as stored
from catalog.repository.branches import Stamp
from catalog.repository.clock import utc_now
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.tables import root_of, rows_of
from catalog.repository.tree import TreeReader
from catalog.storage.local import LocalStore

PER_PARTITION = 10
CONTENTS = 1000
REPEATS = 41


class MeasuringStore(LocalStore):
    """Counts the bytes of packs and branches that are written."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.pack_bytes = 0
        self.branch_bytes = 0

    def create(self, path: str, data: bytes) -> str:
        self.pack_bytes += len(data)
        return super().create(path, data)

    def swap(self, path: str, data: bytes, *, version: str) -> str:
        self.branch_bytes += len(data)
        return super().swap(path, data, version=version)


@dataclasses.dataclass(frozen=True)
class Cost:
    """Is what one kind of commit costs at one size of the table, in medians."""

    what: str
    files: int
    cpu_ms: float
    pack_bytes: int
    branch_bytes: int


def content(number: int) -> pa.Table:
    draw = random.Random(number)
    columns: dict[str, object] = {
        f"n{i}": pa.array([draw.randrange(1 << 40), draw.randrange(1 << 40)]) for i in range(3)
    }
    columns |= {f"x{i}": pa.array([draw.random(), draw.random()]) for i in range(2)}
    columns |= {f"s{i}": pa.array([f"{draw.random()}", f"{draw.random()}"]) for i in range(3)}
    return pa.table(columns)


def build(source: Path, files: int) -> None:
    """Writes the source: hard links to some distinct contents, all distinct in a partition."""
    contents = source.parent / f"{source.name}-contents"
    contents.mkdir()
    for n in range(min(CONTENTS, files)):
        pq.write_table(content(n), contents / f"{n}.parquet", store_schema=False)
    for p in range(files // PER_PARTITION):
        folder = source / f"p={p}"
        folder.mkdir(parents=True)
        for k in range(PER_PARTITION):
            n = (p * PER_PARTITION + k) % CONTENTS
            os.link(contents / f"{n}.parquet", folder / f"part-{k:05d}.parquet")


class Bench:
    """Holds an open catalog whose table has some number of files."""

    def __init__(self, folder: Path, files: int) -> None:
        self.files = files
        self.source = folder / f"source-{files}"
        build(self.source, files)
        self.store = MeasuringStore(str(folder / f"lake-{files}"))
        repository = stored.create(self.store, author="bench", now=utc_now())
        self.cat = Catalog("lake", repository, author="bench")
        self.draw = random.Random(files)
        self.serial = 10_000_000
        started = time.process_time()
        with self.cat.transaction("main") as tx:
            tx.snapshot("t", str(self.source), mode="reference")
        self.first_s = time.process_time() - started

    def measure(self, what: str, prepare: Callable[[], Callable[[], None]]) -> Cost:
        cpu, pack, branch = [], [], []
        for _ in range(REPEATS):
            commit = prepare()
            self.store.pack_bytes = self.store.branch_bytes = 0
            started = time.process_time()
            commit()
            cpu.append((time.process_time() - started) * 1000)
            pack.append(self.store.pack_bytes)
            branch.append(self.store.branch_bytes)
        return Cost(
            what,
            self.files,
            statistics.median(cpu),
            int(statistics.median(pack)),
            int(statistics.median(branch)),
        )

    def new_file(self, path: Path) -> None:
        self.serial += 1
        aside = path.with_name(".aside")
        pq.write_table(content(self.serial), aside, store_schema=False)
        os.replace(aside, path)

    def partition(self) -> Path:
        return self.source / f"p={self.draw.randrange(self.files // PER_PARTITION)}"

    def replaced(self) -> Callable[[], None]:
        """Prepares a snapshot of one partition in which one file was replaced."""
        folder = self.partition()
        self.new_file(folder / f"part-{self.draw.randrange(PER_PARTITION):05d}.parquet")
        return lambda: self.snapshot(folder, "partitions")

    def appended(self) -> Callable[[], None]:
        """Prepares an append of one file."""
        path = self.partition() / f"more-{self.serial}.parquet"
        self.new_file(path)
        return lambda: self.snapshot(path, "append")

    def snapshot(self, source: Path, scope: str) -> None:
        with self.cat.transaction("main") as tx:
            tx.snapshot("t", str(source), mode="reference", scope=scope)  # type: ignore[arg-type]
        assert tx.commit is not None

    def written(self) -> Callable[[], None]:
        """Prepares the commit alone: one entry of the manifest replaced, one swap."""
        repository = self.cat.repository
        base = stored_table(repository, "t", self.cat.resolve("main"))
        value = self.draw.randrange(self.files // PER_PARTITION)
        partition = ((value + (1 << 63)).to_bytes(8, "big"),)
        reader = TreeReader(rows_of(base), repository.nodes)
        old = next(reader.scan(root_of(base), sort_key(partition, "")))
        self.serial += 1
        new = dataclasses.replace(old, token=f"stat:900+{self.serial}+77")

        def commit() -> None:
            held = repository.branches.held("main")
            assert held is not None
            assert held.branch.commit_id is not None
            now = utc_now()
            update = TableUpdate("t", base, base.snapshot, (old,), (new,))
            about = Description("bench", now, "one file")
            made = repository.writer().write([held.branch.commit_id], [update], about)
            repository.branches.move(held, made, Stamp("bench", now, "commit: one file"))

        return commit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the files")
    sizes = (100, 10_000) if parser.parse_args().small else (1_000, 100_000)
    with tempfile.TemporaryDirectory() as folder:
        benches = [Bench(Path(folder), files) for files in sizes]
        found: list[tuple[Cost, Cost]] = []
        for what in ("written", "replaced", "appended"):
            small, large = (bench.measure(what, getattr(bench, what)) for bench in benches)
            found.append((small, large))
    titles = {
        "written": "commit of one replaced entry and swap",
        "replaced": "snapshot of one partition, one file replaced",
        "appended": "snapshot that appends one file",
    }
    print(f"Medians of {REPEATS} commits in an open process; 8 columns, references.\n")
    print("| commit | files | CPU ms | ratio | pack, bytes | branch, bytes |")
    print("|---|---:|---:|---:|---:|---:|")
    for small, large in found:
        for cost, ratio in ((small, ""), (large, f"{large.cpu_ms / small.cpu_ms:.2f}")):
            print(
                f"| {titles[cost.what]} | {cost.files:,} | {cost.cpu_ms:.1f} | {ratio} "
                f"| {cost.pack_bytes:,} | {cost.branch_bytes:,} |"
            )
    print()
    for bench in benches:
        print(f"First snapshot of {bench.files:,} references: {bench.first_s:.1f} s of CPU.")


if __name__ == "__main__":
    main()
