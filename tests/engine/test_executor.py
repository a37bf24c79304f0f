"""Executors: which error is raised where several tasks end at once."""

import threading

import pytest

from catalog.engine.executor import ThreadExecutor


class Waits:
    """A task that runs until it is stopped, and then fails, as a query that is interrupted."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def run(self) -> None:
        assert self.stopped.wait(10)
        raise InterruptedError("it was stopped")

    def cancel(self) -> None:
        self.stopped.set()


class Fails:
    """A task that fails at once."""

    def run(self) -> None:
        raise ValueError("the cause")

    def cancel(self) -> None:
        raise AssertionError("it has ended")


@pytest.mark.parametrize("workers", [2, 3])
def test_the_error_is_that_of_the_task_that_failed_not_of_those_it_stopped(workers: int) -> None:
    waits = [Waits(), Waits()]
    with pytest.raises(ValueError, match="the cause"):
        ThreadExecutor(workers).run([waits[0], Fails(), waits[1]])
    assert waits[0].stopped.is_set()
