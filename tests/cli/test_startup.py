"""Start-up: help and log load no heavy library, and answer quickly."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import catalog
from tests.cli.conftest import REPOSITORY

HEAVY = ("duckdb", "pyarrow", "sqlglot", "boto3", "numpy", "prompt_toolkit", "rich")

MOST_TIMES = 4.5
"""CPU time of a light command over that of importing the library it parses arguments with."""

PROBE = """
import json, sys
from cli.main import run
code = run(sys.argv[1:])
print(json.dumps([code, [m for m in {heavy!r} if m in sys.modules]]))
"""


@pytest.fixture
def empty_lake(tmp_path: Path) -> Path:
    catalog.create(str(tmp_path / "lake"))
    return tmp_path


COMMANDS = [
    ("--help",),
    ("snapshot", "--help"),
    ("merge", "--help"),
    ("-C", "lake", "log"),
    ("-C", "lake", "log", "--json"),
    ("-C", "lake", "show"),
    ("-C", "lake", "tables"),
    ("-C", "lake", "branch", "list"),
    ("-C", "lake", "reflog"),
]


@pytest.mark.invariant("Help and history load no heavy library")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_light_commands_load_no_heavy_library(empty_lake: Path, words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(heavy=HEAVY), *words],
        cwd=empty_lake,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]


@pytest.mark.parametrize("words", [("--help",), ("-C", "lake", "log")], ids=" ".join)
def test_light_commands_take_little_cpu(empty_lake: Path, words: tuple[str, ...]) -> None:
    """Both are measured in turn: how fast a machine is just now counts for both alike."""

    def cpu_s(*arguments: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *arguments],
            cwd=empty_lake,
            env={"PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    runs = [(cpu_s("-m", "cli.main", *words), cpu_s("-c", "import typer")) for _ in range(5)]
    ours, least = (min(taken) for taken in zip(*runs, strict=True))
    assert ours < MOST_TIMES * least
