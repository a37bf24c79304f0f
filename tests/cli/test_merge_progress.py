"""Merges and their like tell on a terminal how far they are, and Ctrl-C ends them."""

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import catalog
from tests.cli.conftest import REPOSITORY, Runner

AT_ONCE = """
import os, signal, sys
from cli.output import stderr
from cli.main import run

stderr.FIRST_SHOWN_AFTER_S = stderr.REDRAW_AFTER_S = 0.0
if {interrupted}:
    stderr.Progress.__call__ = lambda self, *told: os.kill(os.getpid(), signal.SIGINT)
raise SystemExit(run(sys.argv[1:]))
"""


@pytest.fixture
def parted(lake: Path) -> Path:
    """Has a branch ``work`` that changed other cells of the rows that main changed."""
    cat = catalog.open(str(lake))
    cat.branches.create("work")
    for branch, column in (("work", "amount = 1"), ("main", "note = 'n'")):
        with cat.transaction(branch) as tx:
            tx.sql(f"UPDATE orders SET {column}")
    return lake


COMMANDS = (("merge", "work"), ("rebase", "work"), ("cherry-pick", "work"), ("revert", "main~1"))


def merged(
    lake: Path,
    tmp_path: Path,
    stderr: int,
    *,
    command: Sequence[str] = COMMANDS[0],
    interrupted: bool = False,
) -> int:
    folder = tmp_path / "temporary"
    folder.mkdir()
    script = AT_ONCE.format(interrupted=interrupted)
    done = subprocess.run(
        [sys.executable, "-c", script, *command],
        cwd=lake.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        check=False,
    )
    assert list(folder.iterdir()) == []
    return done.returncode


@pytest.fixture(params=COMMANDS, ids=lambda command: command[0])
def command(parted: Path, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Is a command that brings together cells of the same rows."""
    if request.param[0] == "revert":
        with catalog.open(str(parted)).transaction("main") as tx:
            tx.sql("UPDATE orders SET amount = 2")
    found: tuple[str, str] = request.param
    return found


def test_progress_is_shown_on_a_terminal_and_wiped(
    parted: Path, tmp_path: Path, command: tuple[str, str]
) -> None:
    ours, theirs = pty.openpty()
    try:
        assert merged(parted, tmp_path, theirs, command=command) == 0
        shown = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert f"{command[0]}: orders: " in shown
    assert shown.endswith("\r\x1b[K")


def test_no_progress_is_shown_elsewhere(
    parted: Path, tmp_path: Path, command: tuple[str, str]
) -> None:
    with open(tmp_path / "stderr", "w+", encoding="utf-8") as file:
        assert merged(parted, tmp_path, file.fileno(), command=command) == 0
        file.seek(0)
        assert file.read() == ""


def test_what_is_interrupted_moves_nothing(
    parted: Path, tmp_path: Path, command: tuple[str, str]
) -> None:
    cat = catalog.open(str(parted))
    before = [(b.name, b.commit_id) for b in cat.branches.list()]
    stopped = merged(parted, tmp_path, subprocess.DEVNULL, command=command, interrupted=True)
    assert stopped == 130
    assert [(b.name, b.commit_id) for b in cat.branches.list()] == before
    assert list((parted / "tmp").iterdir()) == []


def test_an_interrupted_merge_can_be_made_again(
    parted: Path, tmp_path: Path, parquetry: Runner
) -> None:
    cat = catalog.open(str(parted))
    assert merged(parted, tmp_path, subprocess.DEVNULL, interrupted=True) == 130
    assert parquetry("merge", "work").code == 0
    assert cat.sql("SELECT DISTINCT amount, note FROM orders", ref="main").fetchall() == [
        (1.0, "n")
    ]
