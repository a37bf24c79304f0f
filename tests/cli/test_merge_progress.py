"""Merges and their like tell on a terminal how far they are, and Ctrl-C ends them."""

import contextlib
import os
import pty
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import catalog
from cli.main import run
from cli.output import stderr
from tests.cli.conftest import Runner


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
    tmp_path: Path,
    stream: int,
    *,
    command: Sequence[str] = COMMANDS[0],
    interrupted: bool = False,
) -> int:
    """Runs a command whose progress is shown at once; its stderr is a stream of the system."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    with (
        pytest.MonkeyPatch.context() as patch,
        open(stream, "w", encoding="utf-8", closefd=False) as opened,
    ):
        patch.setattr("sys.stderr", opened)
        patch.setattr("tempfile.tempdir", str(folder))
        patch.setattr(stderr, "FIRST_SHOWN_AFTER_S", 0.0)
        patch.setattr(stderr, "REDRAW_AFTER_S", 0.0)
        if interrupted:
            interrupt = lambda self, *told: os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
            patch.setattr(stderr.Progress, "__call__", interrupt)
        code = run(command)
    assert list(folder.iterdir()) == []
    return code


@pytest.fixture
def nowhere() -> Iterator[int]:
    with open(os.devnull, "w", encoding="utf-8") as opened:
        yield opened.fileno()


@pytest.fixture(params=COMMANDS, ids=lambda command: command[0])
def command(parted: Path, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Is a command that brings together cells of the same rows."""
    if request.param[0] == "revert":
        with catalog.open(str(parted)).transaction("main") as tx:
            tx.sql("UPDATE orders SET amount = 2")
    found: tuple[str, str] = request.param
    return found


def read(terminal: int) -> Iterator[str]:
    """Yields what a terminal shows until nobody has it open."""
    with contextlib.suppress(OSError):  # what Linux answers at the end
        while text := os.read(terminal, 4096):
            yield text.decode()


def test_progress_is_shown_on_a_terminal_and_wiped(
    parted: Path, tmp_path: Path, command: tuple[str, str]
) -> None:
    ours, theirs = pty.openpty()
    try:
        try:
            assert merged(tmp_path, theirs, command=command) == 0
        finally:
            os.close(theirs)
        shown = "".join(read(ours))
    finally:
        os.close(ours)
    assert f"{command[0]}: orders: " in shown
    assert shown.endswith("\r\x1b[K")


def test_no_progress_is_shown_elsewhere(
    parted: Path, tmp_path: Path, command: tuple[str, str]
) -> None:
    with open(tmp_path / "stderr", "w+", encoding="utf-8") as file:
        assert merged(tmp_path, file.fileno(), command=command) == 0
        file.seek(0)
        assert file.read() == ""


def test_what_is_interrupted_moves_nothing(
    parted: Path, tmp_path: Path, command: tuple[str, str], nowhere: int
) -> None:
    cat = catalog.open(str(parted))
    before = [(b.name, b.commit_id) for b in cat.branches.list()]
    stopped = merged(tmp_path, nowhere, command=command, interrupted=True)
    assert stopped == 130
    assert [(b.name, b.commit_id) for b in cat.branches.list()] == before
    assert list((parted / "tmp").iterdir()) == []


def test_an_interrupted_merge_can_be_made_again(
    parted: Path, tmp_path: Path, parquetry: Runner, nowhere: int
) -> None:
    cat = catalog.open(str(parted))
    assert merged(tmp_path, nowhere, interrupted=True) == 130
    assert parquetry("merge", "work").code == 0
    assert cat.sql("SELECT DISTINCT amount, note FROM orders", ref="main").fetchall() == [
        (1.0, "n")
    ]
