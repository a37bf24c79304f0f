"""Progress on a terminal: it fits the width, names its phase, and is gone before the output."""

import fcntl
import os
import pty
import struct
import termios
import threading
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.report.figures import columns_of
from cli.main import run
from cli.output import stderr
from tests.cli.terminals import bare


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Is a catalog with a table of 40 columns, all of which change."""
    root = tmp_path_factory.mktemp("progress")
    cat = catalog.create(str(root / "lake"))
    names = [f"feature_{n:02d}" for n in range(40)]
    for step in (0, 1):
        rows = {name: [float(n * step + i) for i in range(50)] for n, name in enumerate(names, 1)}
        with cat.transaction("main") as tx:
            mode = "upsert" if step else "append"
            tx.write("wide", pa.table({"id": list(range(50)), **rows}), mode=mode, key=["id"])
    return root


def told(*words: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns the lines of progress of a command, as they follow each other in one place."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    parts: list[bytes] = []

    def read() -> None:
        try:
            while part := os.read(ours, 65536):
                parts.append(part)
        except OSError:  # what Linux answers at the end
            pass

    reader = threading.Thread(target=read)
    reader.start()
    with open(theirs, "w", encoding="utf-8") as opened, monkeypatch.context() as patch:
        patch.setattr("sys.stderr", opened)
        patch.setattr(stderr, "FIRST_SHOWN_AFTER_S", 0.0)
        patch.setattr(stderr, "REDRAW_AFTER_S", 0.0)
        assert run(words) == 0
    reader.join()
    os.close(ours)
    text = b"".join(parts).decode()
    shown, wiped, note = text.rpartition("\r\x1b[K")
    assert wiped
    assert not note or note.startswith("wrote ")
    assert "\n" not in shown.partition("wrote ")[0]
    return [line for line in bare(shown).split("\r") if line.strip()]


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_progress_of_a_diff_fits_the_terminal_and_names_its_phase(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    words = ("-C", str(lake / "lake"), "diff", "main~1", "--rows", "-o", str(tmp_path / "rows"))
    lines = told(*words, columns=columns, monkeypatch=monkeypatch)
    assert max(columns_of(line) for line in lines) < columns
    for phase in ("reading fingerprints", "comparing", "examples: 0 of 40 columns", "writing"):
        assert any(line.startswith(f"diff: {phase}") for line in lines), (phase, lines)


def test_a_query_tells_how_long_it_has_been_running(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("-C", str(lake / "lake"), "sql", "FROM range(100000)", "--format", "csv")
    lines = told(*words, "-o", str(tmp_path / "rows"), columns=60, monkeypatch=monkeypatch)
    assert lines[0].startswith("sql: running, 0 s")
    assert any(line.startswith("sql: writing, 100,000 rows") for line in lines)


def test_what_matters_least_is_left_out_first() -> None:
    parts = [(0, "comparing"), (1, "3 of 5 tasks"), (3, "400,000 rows"), (2, "about 5 s left")]
    assert stderr.fitting_line("diff:", parts, 80) == (
        "diff: comparing, 3 of 5 tasks, 400,000 rows, about 5 s left"
    )
    assert stderr.fitting_line("diff:", parts, 50) == (
        "diff: comparing, 3 of 5 tasks, about 5 s left"
    )
    assert stderr.fitting_line("diff:", parts, 30) == "diff: comparing, 3 of 5 tasks"
    assert stderr.fitting_line("diff:", parts, 10) == "diff: com…"
    wide = stderr.fitting_line("refresh:", [(0, "表" * 30), (2, "5 s")], 40)
    assert columns_of(wide) <= 40
    assert "\x1b" not in stderr.fitting_line("diff:", [(0, "\x1b[2Jx")], 40)


def test_a_function_is_told_the_phase_if_it_takes_one(lake: Path) -> None:
    cat = catalog.open(str(lake / "lake"))
    three: list[tuple[int, int, int]] = []
    four: list[tuple[int, str]] = []
    cat.diff("main~1", level="rows", progress=lambda *counts: three.append(counts))

    def told_phase(done: int, total: int, rows: int, phase: str) -> None:
        four.append((done, phase))

    cat.diff("main~1", level="rows", progress=told_phase)
    assert three == [(1, 1, 100)]
    assert four[0] == (0, "reading fingerprints")
    assert {phase for _, phase in four} >= {"comparing", "explaining", "examples: 0 of 40 columns"}
