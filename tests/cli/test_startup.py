"""Start-up: help and log load no heavy library, and none of the rooms where the work is done."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import catalog
from tests.cli.conftest import REPOSITORY

HEAVY = frozenset({"duckdb", "pyarrow", "sqlglot", "boto3", "numpy", "prompt_toolkit", "rich"})

FOR_HELP = frozenset({"dataclasses", "errors", "hints", "messages", "model", "report", "storage"})
"""The parts of the catalog that options and their help are made of."""

FOR_HISTORY = FOR_HELP | {
    "backfiller",
    "catalog",
    "checker",
    "merger",
    "operations",
    "reader",
    "repository",
}
"""The parts that read history too."""

COMMANDS = {
    "--help": FOR_HELP,
    "snapshot --help": FOR_HELP,
    "merge --help": FOR_HELP,
    "-C lake log": FOR_HISTORY,
    "-C lake log --json": FOR_HISTORY,
    "-C lake show": FOR_HISTORY,
    "-C lake tables": FOR_HISTORY,
    "-C lake branch list": FOR_HISTORY,
    "-C lake reflog": FOR_HISTORY,
}
"""By command what it may load; what one of them loads, those after it may load, too."""

PROGRAM = """
import json, sys
from cli.main import run
for line in sys.argv[1:]:
    code = run(line.split())
    print(json.dumps([line, code, sorted(sys.modules)]), file=sys.stderr)
"""


@pytest.mark.invariant("Help and history load no heavy library")
def test_light_commands_load_little(tmp_path: Path) -> None:
    catalog.create(str(tmp_path / "lake"))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *COMMANDS],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    answers = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line, code) for line, code, _ in answers] == [(line, 0) for line in COMMANDS]
    for line, _, modules in answers:
        parts = {name.split(".")[1] for name in modules if name.startswith("catalog.")}
        assert (line, parts - COMMANDS[line], HEAVY & set(modules)) == (line, set(), set())
