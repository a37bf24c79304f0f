"""Ctrl-C, and streams that are closed before the start."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import InvalidInput
from cli.interruption import is_interruption, passed_on
from tests.cli.conftest import REPOSITORY, Runner

ENDLESS = "SELECT count(*) FROM range(10000000000000) AS t(a) WHERE a % 7 = 3"

INTERRUPT_ONCE_IT_RUNS = """
import os, signal, sys, threading
import duckdb
from cli.main import run

reading = duckdb.DuckDBPyRelation.to_arrow_reader

def started(relation, *arguments):
    threading.Timer({delay_s}, os.kill, (os.getpid(), signal.SIGINT)).start()
    return reading(relation, *arguments)

duckdb.DuckDBPyRelation.to_arrow_reader = started
raise SystemExit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize("delay_s", [0.01, 0.05, 0.1])
def test_an_interrupted_query_ends_at_once_without_a_word(lake: Path, delay_s: float) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPT_ONCE_IT_RUNS.format(delay_s=delay_s), "sql", ENDLESS],
        cwd=lake.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


INTERRUPT_AT_THE_END = """
import atexit, os, signal
from cli.main import main
atexit.register(os.kill, os.getpid(), signal.SIGINT)
main()
"""


def test_an_interrupt_once_all_is_done_changes_no_exit_code(lake: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPT_AT_THE_END, "branch", "create", "late"],
        cwd=lake.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PARQUETRY_CATALOG": str(lake)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("created branch late")


def test_an_interrupt_is_passed_on_and_the_next_is_pythons_own() -> None:
    heard: list[str] = []
    with pytest.raises(KeyboardInterrupt), passed_on(lambda: heard.append("interrupt")):
        os.kill(os.getpid(), signal.SIGINT)
    assert heard == ["interrupt"]
    assert signal.set_wakeup_fd(-1) == -1


def test_an_interrupt_is_known_behind_other_errors() -> None:
    plain, wrapped = InvalidInput("no"), InvalidInput("the query fails")
    wrapped.__cause__ = RuntimeError("Query interrupted")
    assert is_interruption(wrapped)
    assert is_interruption(KeyboardInterrupt())
    assert not is_interruption(plain)
    assert not is_interruption(RuntimeError("out of ideas"))


def test_an_error_that_leads_to_itself_is_none() -> None:
    error = InvalidInput("no")
    error.__context__ = InvalidInput("other")
    error.__context__.__context__ = error
    assert not is_interruption(error)


@pytest.mark.parametrize(
    ("redirection", "code"), [("tables >&-", 0), ("nosuch 2>&-", 2), ("tables >&- 2>&-", 0)]
)
def test_closed_streams_are_streams_that_nobody_reads(
    lake: Path, redirection: str, code: int
) -> None:
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m cli.main {redirection}'],
        cwd=lake.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_a_catalog_option_without_a_value_is_no_default(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("-C", "", "log")
    assert outcome.code == 2
    assert "its value is empty" in outcome.err


def test_usage_lines_show_arguments_as_they_are_described(parquetry: Runner) -> None:
    assert parquetry("diff", "--help").out.startswith("Usage: parquetry diff [OPTIONS] FROM [TO]\n")


INTERRUPT_A_STEP = """
import os, signal, sys, threading
from catalog.flow.refresh import step
from cli.main import run

computing = step.Step._landed

def started(self, *arguments):
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    return computing(self, *arguments)

step.Step._landed = started
raise SystemExit(run(sys.argv[1:]))
"""


def test_an_interrupted_refresh_ends_at_once_and_changes_nothing(lake: Path) -> None:
    words = ("derive", "endless", "--sql", ENDLESS.replace("count(*)", "count(*) AS n"))
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPT_A_STEP, *words],
        cwd=lake.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
