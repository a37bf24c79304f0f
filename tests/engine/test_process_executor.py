"""Processes that run tasks: results, errors, death, Ctrl-C, and what is left behind."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.engine.executors.processes import ProcessExecutor
from catalog.errors import InvalidInput, NotFound, StorageFailure
from tests.engine.executor_tasks import (
    Bug,
    Calls,
    Counts,
    Ends,
    Here,
    NotThere,
    Square,
    Waits,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shared() -> Iterator[ProcessExecutor]:
    with ProcessExecutor(2, least_bytes=0) as executor:
        yield executor


def test_results_are_in_order_from_other_processes_which_stay(
    shared: ProcessExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[int] = []
    with caplog.at_level(logging.WARNING):
        results = shared.run([Square(n) for n in range(6)], done=lambda n, _: told.append(n))
    assert [number for number, _ in results] == [0, 1, 4, 9, 16, 25]
    workers = {process for _, process in results}
    assert os.getpid() not in workers
    assert sorted(told) == list(range(6))
    assert sorted(caplog.messages) == [f"square of {n}" for n in range(6)]
    assert {process for _, process in shared.run([Square(1), Square(2)])} <= workers


def test_tasks_that_cannot_travel_run_here(shared: ProcessExecutor) -> None:
    results = shared.run([Here(), Square(3), Here()])
    assert [number for number, _ in results] == [-1, 9, -1]
    assert results[0][1] == results[2][1] == os.getpid() != results[1][1]


def test_little_is_read_by_this_process() -> None:
    executor = ProcessExecutor(2)
    assert {process for _, process in executor.run([Square(1), Square(2)])} == {os.getpid()}


def test_an_error_travels_with_its_kind_and_hint(shared: ProcessExecutor) -> None:
    with pytest.raises(NotFound, match="no such thing") as caught:
        shared.run([Waits(), NotThere()])
    assert (caught.value.kind, caught.value.hint) == (
        "ref-not-found",
        "merge it: cat.merge('fix')",
    )


def test_an_error_that_cannot_be_pickled_is_told_with_its_trace(shared: ProcessExecutor) -> None:
    with pytest.raises(RuntimeError, match="TwoPartsError: 1 and 2") as caught:
        shared.run([Bug(), Square(1)])
    assert "executor_tasks.py" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("end", "how"),
    [(Ends(signal=signal.SIGKILL), "by SIGKILL.*too little memory"), (Ends(code=3), "code 3")],
)
def test_a_worker_that_dies_is_a_clear_error_and_others_are_stopped(
    shared: ProcessExecutor, end: Ends, how: str
) -> None:
    started = time.monotonic()
    with pytest.raises(StorageFailure, match=how) as caught:
        shared.run([Waits(), end])
    assert caught.value.kind == "worker-died"
    assert time.monotonic() - started < 20
    assert [number for number, _ in shared.run([Square(1), Square(2)])] == [1, 4]


def test_a_task_that_cannot_be_pickled_is_a_clear_error(shared: ProcessExecutor) -> None:
    with pytest.raises(InvalidInput, match=r"cannot be sent to another process.*lambda"):
        shared.run([Calls(lambda: 1), Calls(lambda: 2)])


@pytest.mark.parametrize("workers", [0, -1, True, 1.5])
def test_a_number_of_workers_that_is_none_is_refused(workers: int) -> None:
    with pytest.raises(InvalidInput, match="whole number from 1"):
        ProcessExecutor(workers)


def test_ctrl_c_ends_engines_at_work_within_a_second_and_leaves_nothing(tmp_path: Path) -> None:
    marks = [tmp_path / "one", tmp_path / "two"]
    executor = ProcessExecutor(2, least_bytes=0)
    took: list[float] = []

    def press() -> None:
        while not all(mark.exists() and mark.read_text() for mark in marks):
            time.sleep(0.02)
        took.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        executor.run([Counts(str(mark)) for mark in marks])
    took.append(time.monotonic())
    thread.join()
    assert took[1] - took[0] < 5  # a second where nobody else uses the cores
    for mark in marks:
        with pytest.raises(ProcessLookupError):
            os.kill(int(mark.read_text()), 0)
    executor.close()


SCRIPT = """
import sys, time
from catalog import ProcessExecutor
from tests.engine.executor_tasks import Counts, Square
executor = ProcessExecutor(2, least_bytes=0)
print([number for number, _ in executor.run([Square(2), Square(3)])], flush=True)
if len(sys.argv) > 1:
    executor.run([Counts(sys.argv[1]), Counts(sys.argv[1])])
"""


def test_a_script_needs_no_guard_of_its_main_part(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "[4, 9]\n")


def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(mark)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until(lambda: mark.exists() and bool(mark.read_text()))
        worker = int(mark.read_text())
    finally:
        process.kill()
        process.wait()
    _until(lambda: not _is_running(worker))


def _until(condition: "object") -> None:
    assert callable(condition)
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def _is_running(process: int) -> bool:
    """Returns whether a process runs; a zombie that its new parent has not noticed does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
