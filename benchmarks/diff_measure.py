"""One measurement of the diff benchmark, in a process of its own.

Reads a job as JSON from standard input and writes what was measured as JSON. CPU seconds are
user and system of this process after imports and after a first connection was opened; memory
is the most that was resident, imports and all.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

Counts = dict[str, int]


PYTHON_BYTES = 400_000_000
"""Memory left to Python, Arrow and the Parquet writer where a process may take only so much."""

DUCKDB_BYTES = 200_000_000
"""Memory left to the rest of the process where only DuckDB works."""


@dataclass(frozen=True, slots=True)
class Job:
    """Says what is measured.

    Attributes:
        kind: ``diff``, ``snapshot``, ``join``, ``except`` or ``scan``.
        lake: The catalog.
        level: How far a diff goes.
        explain: Whether it looks for what explains the changes.
        drop: Fingerprints to remove before a diff: those of the paths in this file.
        source: The directory that a snapshot is taken of.
        fingerprints: When the snapshot takes them.
        before: Files of the older state.
        after: Files of the newer state.
        columns: The columns compared by hand, or scanned.
        shown: The columns of the changed rows that are written by hand.
        narrow: Whether a diff writes just the columns in which a cell changed.
        key: The key columns.
        tolerance: A column and its tolerance, or nothing.
        content: Whether to hash what was written, to compare sides by it; not measured.
        partition: The partition column and its type.
        output: The file that changed rows are written to.
        threads: Threads.
        memory_bytes: Memory allowed to the whole process; 0 means the program's own choice.
    """

    kind: str
    lake: str = ""
    level: str = "rows"
    explain: bool = False
    drop: str = ""
    source: str = ""
    fingerprints: str = "now"
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    narrow: bool = False
    key: tuple[str, ...] = ()
    tolerance: tuple[str, ...] = ()
    content: bool = False
    partition: tuple[str, str] = ("p", "INTEGER")
    output: str = ""
    threads: int = 2
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """Holds what was measured.

    Attributes:
        cpu_s: CPU seconds.
        elapsed_s: Seconds.
        memory_bytes: The most memory resident.
        counts: Rows inserted, deleted, updated, moved, written; ``changed.<column>`` of cells;
            ``content``, a hash of the rows that were written.
        bytes_read: Sizes of the data files that were opened; -1 means unknown.
        write_s: Of the CPU seconds, those that writing the changed rows took.
    """

    cpu_s: float
    elapsed_s: float
    memory_bytes: int
    counts: Counts = field(default_factory=dict)
    bytes_read: int = -1
    write_s: float = 0.0


class Clock:
    """Measures from its making to its end."""

    def __init__(self) -> None:
        self._elapsed, self._cpu = time.perf_counter(), cpu_seconds()

    def measured(
        self, counts: Counts | None = None, *, bytes_read: int = -1, write_s: float = 0.0
    ) -> Measured:
        """Returns what was spent so far."""
        return Measured(
            cpu_seconds() - self._cpu,
            time.perf_counter() - self._elapsed,
            peak_bytes(),
            counts or {},
            bytes_read,
            write_s,
        )


def cpu_seconds() -> float:
    """Returns the CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_bytes() -> int:
    """Returns the most memory that was resident."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure_diff(job: Job) -> Measured:
    """Compares two commits, and writes the changed rows if they are asked for."""
    import duckdb

    import catalog
    import catalog.operations.diff
    import catalog.write.files.encodings

    duckdb.connect().close()
    for path in Path(job.drop).read_text().splitlines() if job.drop else ():
        Path(job.lake, path).unlink(missing_ok=True)
    lake = catalog.open(job.lake)
    limit = job.memory_bytes - PYTHON_BYTES if job.memory_bytes else None
    clock = Clock()
    with lake.diff(
        "main~1",
        "main",
        tables=["t"],
        tolerance=dict([job.tolerance]) if job.tolerance else None,
        level=job.level,
        explain=job.explain,
        threads=job.threads,
        memory_limit_bytes=limit,
    ) as diff:
        found = diff["t"]
        compared_s = cpu_seconds()
        written: Counts = {}
        if job.level == "rows":
            reader = found.changes(columns="changed" if job.narrow else "all")
            written["written"] = write_rows(reader, job.output)
        write_s = cpu_seconds() - compared_s
        rows = found.rows
        counts = {
            "inserted": rows.inserted or 0,
            "deleted": rows.deleted or 0,
            "updated": rows.updated or 0,
            "moved": rows.moved or 0,
            **written,
        }
        counts |= {f"changed.{name}": one.changed or 0 for name, one in found.columns.items()}
        opened = found.to_dict()["files"]["bytes_read"]
    taken = clock.measured(counts, bytes_read=opened or 0, write_s=write_s)
    return with_content(taken, job, ('_from."{}"', '_to."{}"'))


def write_rows(reader: Any, output: str) -> int:
    """Writes changed rows as Parquet with pyarrow, compressed by snappy, DuckDB's default too.

    Columns are encoded as the command line encodes them.
    """
    import pyarrow.parquet as pq

    from catalog.write.files.encodings import row_encodings

    batches = (batch for batch in reader if batch.num_rows)
    first = next(batches, None)
    if first is None:
        pq.write_table(reader.schema.empty_table(), output)
        return 0
    encodings = row_encodings(first)
    count = 0
    with pq.ParquetWriter(
        output,
        reader.schema,
        use_dictionary=encodings.dictionary,
        column_encoding=encodings.other,
    ) as writer:
        for batch in chain([first], batches):
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def with_content(taken: Measured, job: Job, forms: tuple[str, str]) -> Measured:
    """Adds a hash of the rows that were written, both sides as text, in any order.

    Args:
        taken: What was measured.
        job: The job.
        forms: What a column is called in the older and in the newer row.
    """
    import duckdb

    if not job.content:
        return taken
    texts = ", ".join(f"({form.format(name)})::VARCHAR" for form in forms for name in job.shown)
    query = f"SELECT sum(hash({texts})::HUGEINT) % 1000000007 FROM '{_quoted(job.output)}'"
    (found,) = duckdb.connect().sql(query).fetchall()[0]
    return replace(taken, counts={**taken.counts, "content": int(found or 0)})


def measure_snapshot(job: Job) -> Measured:
    """Commits a directory."""
    import duckdb

    import catalog
    import catalog.operations.diff
    import catalog.operations.transaction

    duckdb.connect().close()
    lake = catalog.open(job.lake)
    clock = Clock()
    with lake.transaction("main", message="newer") as tx:
        tx.snapshot("t", job.source, mode="link", fingerprints=job.fingerprints)
    return clock.measured()


def measure_join(job: Job) -> Measured:
    """Compares two lists of files by the join that one would write by hand."""
    connection, clock = _connected(job)
    before, after = _read(job, job.before), _read(job, job.after)
    values = [name for name in job.columns if name not in job.key]
    listed = ", ".join(f'{side}."{n}" AS "{side}_{n}"' for side in "ft" for n in job.shown)
    on = " AND ".join(f'f."{name}" = t."{name}"' for name in job.key)
    lead, part = job.key[0], job.partition[0]
    differ = " OR ".join(_unlike(job, name) for name in values)
    connection.execute(
        f"COPY (SELECT {listed} FROM {before} f FULL OUTER JOIN {after} t ON {on} "
        f'WHERE f."{lead}" IS NULL OR t."{lead}" IS NULL OR {differ}) '
        f"TO '{_quoted(job.output)}' (FORMAT parquet)"
    )
    here, there = f'"f_{lead}" IS NOT NULL', f'"t_{lead}" IS NOT NULL'
    counted = [
        f"count(*) FILTER (NOT ({here})) AS inserted",
        f"count(*) FILTER (NOT ({there})) AS deleted",
        f"count(*) FILTER ({here} AND {there}) AS updated",
        "count(*) AS written",
        *(
            [f'count(*) FILTER ({here} AND {there} AND "f_{part}" <> "t_{part}") AS moved']
            if part in job.shown
            else []
        ),
        *(
            f'count(*) FILTER ({here} AND {there} AND "f_{n}" IS DISTINCT FROM "t_{n}") '
            f'AS "changed.{n}"'
            for n in values
            if n in job.shown
        ),
    ]
    found = connection.sql(f"SELECT {', '.join(counted)} FROM '{_quoted(job.output)}'")
    taken = clock.measured(dict(zip(found.columns, found.fetchall()[0], strict=True)))
    return with_content(taken, job, ('"f_{}"', '"t_{}"'))


def _unlike(job: Job, name: str) -> str:
    """Returns SQL of whether a column differs in two rows, by more than its tolerance."""
    differs = f'f."{name}" IS DISTINCT FROM t."{name}"'
    if name not in job.tolerance[:1]:
        return differs
    return f'{differs} AND coalesce(abs(f."{name}" - t."{name}") > {job.tolerance[1]}, true)'


def measure_except(job: Job) -> Measured:
    """Compares two lists of files row by whole row, with ``EXCEPT ALL`` both ways."""
    connection, clock = _connected(job)
    before, after = _read(job, job.before), _read(job, job.after)
    connection.execute(
        f"COPY (SELECT 'deleted' AS change, * FROM (FROM {before} EXCEPT ALL FROM {after}) "
        f"UNION ALL SELECT 'inserted', * FROM (FROM {after} EXCEPT ALL FROM {before})) "
        f"TO '{_quoted(job.output)}' (FORMAT parquet)"
    )
    rows = connection.sql(
        f"SELECT change, count(*) FROM '{_quoted(job.output)}' GROUP BY change"
    ).fetchall()
    counts = {"inserted": 0, "deleted": 0, "updated": 0, **dict(rows)}
    return clock.measured({**counts, "written": sum(counts.values())})


def measure_scan(job: Job) -> Measured:
    """Reads columns, and does the least with them."""
    connection, clock = _connected(job)
    listed = ", ".join(f'bit_xor(hash("{name}"))' for name in job.columns)
    connection.sql(f"SELECT {listed} FROM {_read(job, (*job.before, *job.after))}").fetchall()
    return clock.measured()


def _connected(job: Job) -> tuple[Any, Clock]:
    """Returns a connection, and a clock that starts after it."""
    import duckdb

    connection = duckdb.connect(config={"threads": job.threads})
    spill = Path(job.output or job.before[0]).parent / "spill"
    connection.execute(f"SET temp_directory = '{_quoted(str(spill))}'")
    if job.memory_bytes:
        limit = job.memory_bytes - DUCKDB_BYTES
        connection.execute(f"SET memory_limit = '{limit // 1_000_000}MB'")
    return connection, Clock()


def _read(job: Job, files: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{_quoted(path)}'" for path in files)
    name, kind = job.partition
    return f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{'{name}': {kind}}})"


def _quoted(text: str) -> str:
    return text.replace("'", "''")


KINDS: dict[str, Callable[[Job], Measured]] = {
    "diff": measure_diff,
    "snapshot": measure_snapshot,
    "join": measure_join,
    "except": measure_except,
    "scan": measure_scan,
}


def main() -> int:
    """Measures what standard input asks for."""
    read = json.load(sys.stdin)
    job = Job(**{k: tuple(v) if isinstance(v, list) else v for k, v in read.items()})
    measured = KINDS[job.kind](job)
    print(json.dumps(asdict(measured)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
