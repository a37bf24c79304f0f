"""The machine fails at any operation on files: nothing is lost, and it is told as what it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.effort import effort

ROOT = Path(__file__).parents[2]
COMPILER = shutil.which("cc") or shutil.which("gcc")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    if COMPILER is None or not sys.platform.startswith("linux"):
        pytest.skip("needs Linux and a C compiler: its faults are injected below the libraries")
    target = tmp_path / "faults.so"
    source = Path(__file__).with_name("machine_faults.c")
    words = [COMPILER, "-O1", "-w", "-shared", "-fPIC", "-o", str(target), str(source), "-ldl"]
    subprocess.run(words, check=True)
    return target


@pytest.mark.invariant("Errors of the machine lose nothing, and are told as such")
def test_whatever_fails_is_told_and_nothing_is_lost(library: Path, tmp_path: Path) -> None:
    every = str(effort(37, 5))
    done = subprocess.run(
        [sys.executable, "-m", "tests.write.machine_faults", str(tmp_path / "work"), every],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LD_PRELOAD": str(library)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    *problems, met = done.stdout.splitlines() or [""]
    assert (problems, done.returncode) == ([], 0), done.stderr
    assert int(met.split()[1]) > 10
