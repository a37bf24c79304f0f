"""One peer of the diff benchmark, run in an environment of its own that has only the peer.

``prepare`` brings two states of a table to where the peer wants them; ``measure`` asks it what
changed and writes CPU seconds, peak memory and its counts as JSON.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any, Protocol

Counts = dict[str, int]


class Peer(Protocol):
    """Is a tool that can be asked what changed."""

    def prepare(self, before: Path, after: Path, work: Path) -> None:
        """Brings both states to where they are compared; not measured."""

    def load(self) -> None:
        """Imports what is needed; not measured."""

    def measure(self, before: Path, after: Path, work: Path) -> Counts:
        """Counts rows inserted, deleted and updated."""


class Datacompy:
    """Joins two Polars frames."""

    def prepare(self, before: Path, after: Path, work: Path) -> None:
        """Does nothing: files are read as they are."""

    def load(self) -> None:
        import datacompy
        import polars  # noqa: F401

        self._compare = datacompy.PolarsCompare

    def measure(self, before: Path, after: Path, work: Path) -> Counts:
        import polars

        frames = [
            polars.read_parquet(f"{root}/*/*.parquet", hive_partitioning=True)
            for root in (before, after)
        ]
        found = self._compare(*frames, join_columns=["id"])
        return {
            "inserted": found.df2_unq_rows.height,
            "deleted": found.df1_unq_rows.height,
            "updated": found.all_mismatch().height,
        }


class Reladiff:
    """Joins two tables of one DuckDB database."""

    def prepare(self, before: Path, after: Path, work: Path) -> None:
        import duckdb

        with duckdb.connect(str(work / "tables.duckdb")) as con:
            for name, root in (("older", before), ("newer", after)):
                con.execute(f"CREATE TABLE {name} AS FROM {hive(root)}")

    def load(self) -> None:
        import reladiff

        self._reladiff = reladiff

    def measure(self, before: Path, after: Path, work: Path) -> Counts:
        tool = self._reladiff
        place = tool.connect({"driver": "duckdb", "filepath": str(work / "tables.duckdb")})
        names = [name for name in column_names(before) if name != "id"]
        tables = [
            tool.connect_to_table(place, name, "id", extra_columns=tuple(names))
            for name in ("older", "newer")
        ]
        kinds: dict[str, str] = {}
        for sign, row in tool.diff_tables(*tables, algorithm=tool.Algorithm.JOINDIFF):
            kinds[row[0]] = kinds.get(row[0], "") + sign
        signs = list(kinds.values())
        return {
            "inserted": signs.count("+"),
            "deleted": signs.count("-"),
            "updated": len(signs) - signs.count("+") - signs.count("-"),
        }


class Delta:
    """Reads the change feed of a table that was overwritten."""

    def prepare(self, before: Path, after: Path, work: Path) -> None:
        import deltalake
        import pyarrow.dataset as ds

        for root, version in ((before, 0), (after, 1)):
            deltalake.write_deltalake(
                str(work / "delta"),
                ds.dataset(root, partitioning="hive").to_table(),
                mode="overwrite" if version else "error",
                partition_by=["p"],
                configuration=None if version else {"delta.enableChangeDataFeed": "true"},
            )

    def load(self) -> None:
        import deltalake
        import pyarrow.compute  # noqa: F401

        self._deltalake = deltalake

    def measure(self, before: Path, after: Path, work: Path) -> Counts:
        import pyarrow as pa

        feed = self._deltalake.DeltaTable(str(work / "delta")).load_cdf(starting_version=1)
        counts: dict[str, int] = {}
        for batch in pa.RecordBatchReader.from_stream(feed):
            for one in batch.column("_change_type").value_counts().to_pylist():
                counts[one["values"]] = counts.get(one["values"], 0) + one["counts"]
        return feed_counts(counts, "update_postimage")


class DuckLake:
    """Asks for the changes between two snapshots."""

    def prepare(self, before: Path, after: Path, work: Path) -> None:
        con = self._attached(work)
        con.execute(f"CREATE TABLE lake.t AS FROM {hive(before)}")
        con.execute("ALTER TABLE lake.t SET PARTITIONED BY (p)")
        con.execute("BEGIN")
        con.execute("DELETE FROM lake.t")
        con.execute(f"INSERT INTO lake.t FROM {hive(after)}")
        con.execute("COMMIT")
        con.close()

    def load(self) -> None:
        import duckdb
        import duckdb_extension_ducklake  # noqa: F401

        duckdb.connect().close()

    def measure(self, before: Path, after: Path, work: Path) -> Counts:
        con = self._attached(work)
        latest = "(SELECT max(snapshot_id) FROM lake.snapshots())"
        number = con.execute(f"SELECT {latest}").fetchall()[0][0]
        rows = con.execute(
            "SELECT change_type, count(*) FROM "
            f"(SELECT * FROM lake.table_changes('t', {number}, {number})) GROUP BY ALL"
        ).fetchall()
        return feed_counts(dict(rows), "update_postimage")

    def _attached(self, work: Path) -> Any:
        import duckdb
        import duckdb_extension_ducklake as extension

        root = Path(extension.__file__).parent
        binary = next(root.rglob("ducklake.duckdb_extension"))
        con = duckdb.connect(config={"threads": 2, "allow_unsigned_extensions": "true"})
        con.execute(f"LOAD '{binary}'")
        con.execute(f"ATTACH 'ducklake:{work}/meta.ducklake' AS lake (DATA_PATH '{work}/lake')")
        return con


PEERS: dict[str, type[Peer]] = {
    "datacompy": Datacompy,
    "reladiff": Reladiff,
    "delta": Delta,
    "ducklake": DuckLake,
}


def feed_counts(counts: Counts, update: str) -> Counts:
    """Returns what a feed of changes reports, row by row."""
    return {
        "inserted": counts.get("insert", 0),
        "deleted": counts.get("delete", 0),
        "updated": counts.get(update, 0),
    }


def hive(root: Path) -> str:
    """Returns SQL of the rows of a directory."""
    return (
        f"read_parquet('{root}/*/*.parquet', hive_partitioning = true, "
        "hive_types = {'p': INTEGER})"
    )


def column_names(root: Path) -> list[str]:
    """Returns the columns of a directory."""
    import duckdb

    return list(duckdb.connect().sql(f"FROM {hive(root)} LIMIT 0").columns)


def used() -> tuple[float, int]:
    """Returns the CPU seconds and the peak memory of this process."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    scale = 1 if sys.platform == "darwin" else 1024
    return own.ru_utime + own.ru_stime, own.ru_maxrss * scale


def main() -> int:
    """Runs one step of one peer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("step", choices=("prepare", "measure"))
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("work", type=Path)
    chosen = parser.parse_args()
    peer = PEERS[chosen.peer]()
    if chosen.step == "prepare":
        peer.prepare(chosen.before, chosen.after, chosen.work)
        return 0
    peer.load()
    (began, _), elapsed = used(), time.perf_counter()
    counts = peer.measure(chosen.before, chosen.after, chosen.work)
    ended, memory = used()
    print(
        json.dumps(
            {
                "cpu_s": ended - began,
                "elapsed_s": time.perf_counter() - elapsed,
                "memory_bytes": memory,
                "counts": counts,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
