"""Start-up: a command loads the libraries and the parts of the catalog that it uses, no others."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

import catalog
from tests.cli.conftest import REPOSITORY

LIBRARIES = frozenset(
    {
        "asyncio",
        "boto3",
        "duckdb",
        "fsspec",
        "http",
        "numpy",
        "prompt_toolkit",
        "pyarrow",
        "pydantic",
        "rich",
        "sqlglot",
        "xxhash",
    }
)
"""Libraries that take long to import."""

FOR_HELP = frozenset(
    {
        "dataclasses",
        "errors",
        "hints",
        "interruption",
        "messages",
        "model",
        "report",
        "storage",
    }
)
"""The parts of the catalog that options and their help are made of."""

FOR_HISTORY = FOR_HELP | {
    "backfiller",
    "catalog",
    "checker",
    "comparer",
    "exporter",
    "keeper",
    "merger",
    "operations",
    "reader",
    "repository",
    "threads",
}
"""The parts that read history too."""

HISTORY = {
    "--help": FOR_HELP,
    "snapshot --help": FOR_HELP,
    "merge --help": FOR_HELP,
    "-C lake log": FOR_HISTORY,
    "-C lake log --json": FOR_HISTORY,
    "-C lake log -n 1 --graph": FOR_HISTORY,
    "-C lake show": FOR_HISTORY,
    "-C lake tables": FOR_HISTORY,
    "-C lake branch list": FOR_HISTORY,
    "-C lake tag list": FOR_HISTORY,
    "-C lake reflog": FOR_HISTORY,
}
"""By command which parts it may load; what one of them loads, those after it may load, too."""

READING = frozenset({"numpy", "pyarrow"})
COMPARING = READING | {"duckdb", "pyarrow.compute", "xxhash"}

WORK = {
    "-C lake log": frozenset(),
    "-C lake diff main~1 --stat": READING,
    "-C lake diff rewritten~1 rewritten": READING,  # no row differs
    "-C lake diff main~1": READING | {"xxhash"},  # few rows differ
    "-C lake diff main~1 --rows --json": COMPARING,
    "-C lake status t=changed": COMPARING,
    "-C lake merge side": COMPARING,
    "-C lake merge other --dry-run": COMPARING,
    "-C lake sql SELECT(1)": COMPARING | {"sqlglot"},
}
"""By command which libraries it may load; what one of them loads, those after it may load, too."""

PROGRAM = """
import json, sys
from cli.main import run
for line in sys.argv[1:]:
    code = run(line.split())
    print(json.dumps([line, code, sorted(sys.modules)]), file=sys.stderr)
"""


def loaded(folder: Path, lines: Mapping[str, object]) -> dict[str, set[str]]:
    """Returns the modules that are loaded after each of some commands that succeed."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *lines],
        cwd=folder,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    told = [line for line in done.stderr.splitlines() if line.startswith("[")]
    answers = [json.loads(line) for line in told]
    assert [(line, code) for line, code, _ in answers] == [(line, 0) for line in lines], done.stderr
    return {line: set(modules) for line, _, modules in answers}


@pytest.mark.invariant("Help and history load no heavy library")
def test_light_commands_load_little(tmp_path: Path) -> None:
    catalog.create(str(tmp_path / "lake"))
    for line, modules in loaded(tmp_path, HISTORY).items():
        parts = {name.split(".")[1] for name in modules if name.startswith("catalog.")}
        assert (line, parts - HISTORY[line], LIBRARIES & modules) == (line, set(), set())


@pytest.mark.invariant("Commands load only the libraries that they use")
def test_commands_load_the_libraries_that_they_use(tmp_path: Path) -> None:
    prepare(tmp_path)
    for line, modules in loaded(tmp_path, WORK).items():
        assert (line, LIBRARIES & modules - WORK[line]) == (line, set())


def prepare(folder: Path) -> None:
    """Makes a catalog with a change, files that were only rewritten, and branches to merge."""
    rows = "SELECT i AS id, 'v' || i % 7 AS name, i / 3.0 AS x, i // 500 AS p FROM range(2000) r(i)"
    changed = f"SELECT * REPLACE (x + 1 AS x) FROM ({rows}) WHERE id <> 7"
    for name, query, codec in (
        ("first", rows, "zstd"),
        ("again", rows, "snappy"),
        ("changed", changed, "zstd"),
    ):
        options = f"FORMAT parquet, PARTITION_BY (p), CODEC '{codec}'"
        duckdb.sql(f"COPY ({query}) TO '{folder / name}' ({options})")
    cat = catalog.create(str(folder / "lake"))
    with cat.transaction("main") as tx:
        tx.snapshot("t", str(folder / "first"), key=["id"])
    for branch in ("rewritten", "side", "other"):
        cat.branches.create(branch, at="main")
    with cat.transaction("rewritten") as tx:
        tx.snapshot("t", str(folder / "again"))
    for branch, value in (("main", 5), ("side", 6), ("other", 7)):
        with cat.transaction(branch) as tx:
            tx.sql(f"UPDATE t SET x = {value} WHERE id % 100 = {value}")
