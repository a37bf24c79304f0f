"""What commands take to start: CPU seconds of whole processes, beside those of bare imports.

The catalog of ``parquetry demo`` is made in a temporary directory, where bytecode is kept too, so
that nothing is compiled. Each command runs in turn with the imports that it is compared with.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

LIGHT = "import typer, pydantic"
HEAVY = "import typer, pydantic, duckdb, pyarrow"


@dataclass(frozen=True)
class Case:
    """A command, the imports that it is compared with, and how many times theirs is the aim."""

    words: str
    imports: str
    aim: float | None = None


CASES = (
    Case("--help", LIGHT),
    Case("log", LIGHT, 1.3),
    Case("show", LIGHT),
    Case("branch list", LIGHT),
    Case("status", HEAVY),
    Case("diff main~1 --stat", HEAVY),
    Case("diff main~1", HEAVY, 1.25),
    Case("diff main~3 main~2", HEAVY, 1.25),
    Case("merge backfill/late-weather", HEAVY),
    Case("sql SELECT(1)", HEAVY),
)

FIRST_DIFF = """
import catalog, pyarrow, sys, time
cat = catalog.open(sys.argv[1])
for _ in range(2):
    start = time.process_time()
    assert not cat.diff("main~1", "main").view.differs
    print(time.process_time() - start)
"""
"""The first diff of a process, and the next, where files were rewritten and no row changed."""

REWRITTEN = """
import catalog, duckdb, sys
cat = catalog.create(sys.argv[1])
rows = "SELECT i AS id, 'v' || i % 97 AS s, i / 7.0 AS x, i // 20000 AS p FROM range(60000) r(i)"
for codec in ("zstd", "snappy"):
    folder = f"{sys.argv[1]}-{codec}"
    duckdb.sql(f"COPY ({rows}) TO '{folder}' (FORMAT parquet, PARTITION_BY (p), CODEC '{codec}')")
    with cat.transaction("main") as tx:
        tx.snapshot("t", folder, key=["id"])
"""


class Machine:
    """Runs Python in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._settings = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'cli/install'}",
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        }

    def cpu_s(self, *words: str) -> float:
        """Returns user and system time of a process."""
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=self.folder / "demo",
            env=self._settings,
            stdin=quiet,
            stdout=quiet,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        said = process.stderr.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(words)} ended with {process.returncode}: {said}")
        return used.ru_utime + used.ru_stime

    def output(self, *words: str, folder: Path | None = None) -> str:
        """Returns what a process prints."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=folder or self.folder,
            env=self._settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
            encoding="utf-8",
        )
        return done.stdout


def measured(machine: Machine, case: Case, runs: int) -> tuple[float, float]:
    """Returns the medians of a command and of its imports; the first run of each is not counted."""
    command = ["-m", "parquetry", *case.words.split()]
    imports = ["-c", case.imports]
    pairs = [(machine.cpu_s(*command), machine.cpu_s(*imports)) for _ in range(runs + 1)][1:]
    ours, bare = (statistics.median(one) for one in zip(*pairs, strict=True))
    return ours, bare


def first_diff(machine: Machine, runs: int) -> tuple[float, float]:
    """Returns the medians of the first diff of a process and of the next."""
    lake = str(machine.folder / "rewritten")
    machine.output("-c", REWRITTEN, lake)
    found = [machine.output("-c", FIRST_DIFF, lake).split() for _ in range(runs + 1)][1:]
    first, next_one = (statistics.median(map(float, one)) for one in zip(*found, strict=True))
    return first, next_one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--only", help="commands that begin so")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        machine.output("-m", "parquetry", "demo", "demo")
        print("| command | CPU s | compared with | CPU s | times | aim |")
        print("|---|---:|---|---:|---:|---:|")
        for case in CASES:
            if options.only and not case.words.startswith(options.only):
                continue
            ours, bare = measured(machine, case, options.runs)
            aim = "" if case.aim is None else f"{case.aim:g}"
            print(
                f"| `parquetry {case.words}` | {ours:.2f} | `{case.imports}` | {bare:.2f} | "
                f"{ours / bare:.2f} | {aim} |",
                flush=True,
            )
        if not options.only:
            first, next_one = first_diff(machine, options.runs)
            print("\n| nothing changed, pyarrow imported | CPU s |\n|---|---:|")
            print(f"| first diff of a process | {first:.3f} |\n| the next | {next_one:.3f} |")


if __name__ == "__main__":
    main()
