"""Measures writes of rows against a plain DuckDB COPY or rewrite of the same rows.

A table of 20 columns in 16 partitions, sorted by key. Ours hashes and fingerprints files, syncs
them to disk and commits; DuckDB by hand only writes them. Each side runs in turn, so that a busy
machine slows both; the ratio is that of the medians of CPU seconds of this process.
``--rows`` sets its size. Last comes what fingerprints of rows that are at hand take, against
DuckDB's scan of their files, ``bit_xor(hash(c))`` of all columns.
"""

import argparse
import resource
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.catalog import Catalog
from catalog.diff.fingerprints.compute import Fingerprinter
from catalog.diff.fingerprints.stored_bytes import stored_digests
from catalog.operations.tables import stored_table
from catalog.repository.datafiles import locate
from catalog.repository.tables import data_files
from catalog.write.files.writer import ROW_GROUP_ROWS
from catalog.write.rows.target_schema import WriteMode

PARTITIONS = 16
COLUMNS = ", ".join(
    [f"(i * {n + 3}) % 1000 AS n{n}" for n in range(8)]
    + [f"i / {n + 7}.0 AS d{n}" for n in range(5)]
    + [f"'text ' || (i % {10 ** (n + 2)}) AS s{n}" for n in range(5)]
)
OPTIONS = "(FORMAT parquet, COMPRESSION zstd)"

SCANS, SCANS_AIM = 0.45, 0.3
"""Full scans that fingerprints of rows at hand, with their digests, may take and are to take."""


def cpu_s(work: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Bench:
    """Holds a table in a catalog and the same rows in plain files."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.con = duckdb.connect()
        self.rows = rows
        self.plain = folder / "plain"
        self.cat = Catalog.create(str(folder / "lake"))
        self.next_copy = 0
        self.write("append", self.data(0, rows))
        self.copy(self.data(0, rows), self.plain)

    def data(self, start: int, end: int, where: str = "true", bump: int = 0) -> pa.Table:
        return self.con.sql(
            f"SELECT i AS id, i % {PARTITIONS} AS p, * EXCLUDE (i) REPLACE (n0 + {bump} AS n0) "
            f"FROM (SELECT i, {COLUMNS} FROM range({start}, {end}) AS r(i) WHERE {where})"
        ).to_arrow_table()

    def write(self, mode: WriteMode, data: pa.Table) -> None:
        new = not self.cat.tables()
        with self.cat.transaction("main") as tx:
            if new:
                tx.write("t", data, mode=mode, key=["id"], partition_by=["p"])
            else:
                tx.write("t", data, mode=mode)

    def copy(self, data: pa.Table, target: Path) -> None:
        self.con.register("given", data)
        self.con.execute(
            f"COPY (SELECT * FROM given ORDER BY p, id) TO '{target}' "
            f"{OPTIONS[:-1]}, PARTITION_BY (p), OVERWRITE_OR_IGNORE)"
        )
        self.con.unregister("given")

    def rewrite(self, data: pa.Table, touched: list[int]) -> None:
        """Replaces rows of some partitions by key, as one would by hand."""
        self.con.register("given", data)
        for p in touched:
            old = f"read_parquet('{self.plain}/p={p}/*.parquet', hive_partitioning = false)"
            self.con.execute(
                f"COPY (SELECT * FROM {old} WHERE id NOT IN (SELECT id FROM given) UNION ALL "
                f"SELECT * EXCLUDE (p) FROM given WHERE p = {p} ORDER BY id) "
                f"TO '{self.fresh()}' {OPTIONS}"
            )
        self.con.unregister("given")

    def fresh(self) -> Path:
        self.next_copy += 1
        return self.plain.with_name(f"copy-{self.next_copy}")

    def prints(self) -> tuple[float, float]:
        """Measures fingerprints of all rows that are at hand, and a scan of their files."""
        repository = self.cat.repository
        table = stored_table(repository, "t", self.cat.resolve("main"))
        own = 0.0
        files = list(data_files(repository.commits, table))
        for file in files:
            columns = table.snapshot.file_schemas[file.file_schema].columns
            path = locate(repository.store, file)
            with pq.ParquetFile(path) as parquet:
                rows = parquet.read().combine_chunks()

            def taken() -> None:
                maker = Fingerprinter(columns, table.snapshot.key)  # noqa: B023
                for start in range(0, rows.num_rows, ROW_GROUP_ROWS):  # noqa: B023
                    maker.add(rows.slice(start, ROW_GROUP_ROWS))  # noqa: B023
                stored_digests(path, columns, pq.read_metadata(path))  # noqa: B023
                maker.finish(table.snapshot, file)  # noqa: B023

            own += cpu_s(taken)
        listed = [locate(repository.store, file) for file in files]
        hashed = ", ".join(f"bit_xor(hash({name}))" for name in rows.column_names)
        query = f"SELECT {hashed} FROM read_parquet({listed!r})"
        return own, cpu_s(lambda: self.con.sql(query).fetchall())

    def cases(self, run: int) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
        """Returns per operation our way and the one by hand, with rows that differ per run."""
        some = self.rows // 10
        new = self.data(self.rows + run * some, self.rows + (run + 1) * some)
        few = self.data(0, self.rows, f"i % {max(1, self.rows // 1000)} = 0", run + 1)
        spread = self.data(0, self.rows, f"i % {max(1, self.rows // 1000) + 1} = 0", run + 1)
        one = self.data(0, self.rows, f"i % {PARTITIONS} = 3", run + 1)
        parts = {name: sorted(set(t["p"].to_pylist())) for name, t in (("f", few), ("s", spread))}
        return {
            f"append {some:,} rows": (
                lambda: self.write("append", new),
                lambda: self.copy(new, self.fresh()),
            ),
            f"upsert 1,000 rows in {len(parts['f'])} partitions": (
                lambda: self.write("upsert", few),
                lambda: self.rewrite(few, parts["f"]),
            ),
            f"upsert 1,000 rows in {len(parts['s'])} partitions": (
                lambda: self.write("upsert", spread),
                lambda: self.rewrite(spread, parts["s"]),
            ),
            "overwrite 1 partition": (
                lambda: self.write("overwrite_partitions", one),
                lambda: self.copy(one, self.fresh()),
            ),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="parquetry-bench-"))
    taken: dict[str, list[tuple[float, float]]] = {}
    try:
        bench = Bench(folder, options.rows)
        for run in range(options.runs):
            for name, (ours, by_hand) in bench.cases(run).items():
                taken.setdefault(name, []).append((cpu_s(ours), cpu_s(by_hand)))
        prints = [bench.prints() for _ in range(options.runs)]
    finally:
        shutil.rmtree(folder)
    print(f"{options.rows:,} rows, 20 columns, {PARTITIONS} partitions; CPU seconds")
    print(f"{'':40}{'ours':>8}{'by hand':>9}{'ratio':>7}")
    for name, pairs in taken.items():
        ours, hand = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(f"{name:40}{ours:8.2f}{hand:9.2f}{ours / hand:7.2f}")
    own, scan = (statistics.median(side) for side in zip(*prints, strict=True))
    bounds = f"(a scan; at most {SCANS}, aim {SCANS_AIM})"
    print(
        f"{'fingerprints of rows on their way':40}{own:8.2f}{scan:9.2f}{own / scan:7.2f}  {bounds}"
    )


if __name__ == "__main__":
    main()
