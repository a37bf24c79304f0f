"""Measures what it costs to write answers as text, beside ``export`` and DuckDB's own COPY.

The table has 11 columns: numbers, texts with quotes, blanks and NULLs, dates, times, decimals. In a
second state a third of its rows are corrected. Each line is a process of its own that writes all
rows to a file; CPU time is user and system, memory is its peak, and the first line what a process
takes for one row. ``--small`` takes a tenth of the rows.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

ROWS = """
SELECT i AS order_id, 'customer-' || (hash(i) % 100000) AS customer,
       ['open', 'paid', 'sent', 'gone'][1 + i % 4] AS status,
       DATE '2024-01-01' + (i % 365)::INTEGER AS day,
       TIMESTAMP '2024-01-01' + to_microseconds((hash(i) % 31536000)::BIGINT * 1000000
           + CASE WHEN i % 3 = 0 THEN 123456 ELSE 0 END) AS moment,
       (hash(i * 7) % 1000000 / 100.0)::DECIMAL(12, 2) AS amount,
       (hash(i + 1) % 1000000007) / 7 AS score, (hash(i) % 1000)::DOUBLE / 8 AS price,
       i % 7 = 0 AS late,
       CASE WHEN i % 5 > 0 THEN (hash(i * 3) % 1000)::INTEGER END AS quantity,
       CASE WHEN i % 50 = 0 THEN 'said "no", twice'
            WHEN i % 9 > 0 THEN 'note number ' || i ELSE '' END AS note
FROM range({rows}) AS t(i)
"""

CORRECTED = "SELECT * REPLACE (amount + (order_id % 3 = 0)::INTEGER AS amount) FROM '{source}'"

COPY = """
import sys, duckdb
con = duckdb.connect()
con.execute("SET enable_progress_bar = false")
con.execute(sys.argv[1])
"""

COMMAND = [sys.executable, "-m", "cli.main", "-C"]


def build(folder: Path, rows: int) -> str:
    """Writes both states of the table into a catalog, and returns where that is."""
    lake = str(folder / "lake")
    first, second = folder / "first/part.parquet", folder / "second/part.parquet"
    parquetry(lake, "init")
    for path, query in ((first, ROWS.format(rows=rows)), (second, CORRECTED.format(source=first))):
        path.parent.mkdir()
        copied = f"COPY ({query}) TO '{path}' (COMPRESSION zstd)"
        subprocess.run([sys.executable, "-c", COPY, copied], check=True)
        parquetry(lake, "snapshot", f"orders={path.parent}", "--key", "orders=order_id")
    return lake


def parquetry(lake: str, *words: str) -> None:
    subprocess.run([*COMMAND, lake, *words], cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)


def ways(lake: str, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yields names of ways to write rows, and the command of each."""
    out = str(folder / "out")
    query = "FROM orders"
    yield "one row, `sql`", [*COMMAND, lake, "sql", f"{query} LIMIT 1", "--format", "csv"]
    yield "`export`, parquet", [*COMMAND, lake, "export", "orders", out]
    yield "`export`, csv", [*COMMAND, lake, "export", "orders", out, "--format", "csv"]
    for how in ("csv", "json"):
        copied = f"COPY (FROM '{folder}/second/part.parquet') TO '{out}' (FORMAT {how})"
        yield f"DuckDB's COPY, {how}", [sys.executable, "-c", COPY, copied]
    for how in ("parquet", "csv", "json", "table", "markdown"):
        yield f"`sql`, {how}", [*COMMAND, lake, "sql", query, "--format", how, "-o", out]
    for how in ("parquet", "csv", "json"):
        rows = ["diff", "main~1", "main", "--rows", "--format", how, "-o", out]
        yield f"`diff --rows`, {how}", [*COMMAND, lake, *rows]


def measure(command: list[str]) -> tuple[float, float]:
    """Runs a command, and returns its seconds of CPU and its peak of memory in MB."""
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--runs", type=int, default=3, help="how often each way is measured")
    options = parser.parse_args()
    rows = 300_000 if options.small else 3_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake = build(folder, rows)
        lines = []
        for what, command in ways(lake, folder):
            runs = []
            for _ in range(options.runs):
                shutil.rmtree(folder / "out", ignore_errors=True)
                (folder / "out").unlink(missing_ok=True)
                runs.append(measure(command))
            seconds, memory = (statistics.median(one) for one in zip(*runs, strict=True))
            lines.append((what, seconds, size_mb(folder / "out"), memory))
        print(f"{rows:,} rows of 11 columns, {rows // 3:,} of them corrected;", end=" ")
        print(f"medians of {options.runs}.\n")
        print("| | CPU s | times `export`, csv | output, MB | memory, MB |")
        print("|---|---:|---:|---:|---:|")
        (export,) = (seconds for what, seconds, *_ in lines if what == "`export`, csv")
        for what, seconds, size, memory in lines:
            ratio = seconds / export
            print(f"| {what} | {seconds:.2f} | {ratio:.1f} | {size:,.0f} | {memory:,.0f} |")


def size_mb(place: Path) -> float:
    files = [place] if place.is_file() else list(place.rglob("*.parquet"))
    return sum(file.stat().st_size for file in files) / 1e6


if __name__ == "__main__":
    main()
