"""Executors: what runs independent tasks, here side by side on threads of one process."""

import os
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Result_co = TypeVar("Result_co", covariant=True)
Result = TypeVar("Result")


class Task(Protocol, Generic[Result_co]):
    """Work that needs nothing from other tasks."""

    def run(self) -> Result_co:
        """Does the work; called once, by any thread."""

    def cancel(self) -> None:
        """Stops the work soon, which then fails; called by another thread, at any time."""


class Executor(Protocol):
    """What runs tasks."""

    def run(self, tasks: Sequence[Task[Result]]) -> list[Result]:
        """Runs tasks and returns their results in the same order.

        If one fails, the others are cancelled, and its error is raised once all have ended.
        """


@dataclass(frozen=True, slots=True)
class ThreadExecutor:
    """Runs tasks on threads of this process.

    Attributes:
        workers: Tasks that run at a time.
    """

    workers: int = max(1, (os.cpu_count() or 1) // 2)

    def run(self, tasks: Sequence[Task[Result]]) -> list[Result]:
        """Runs tasks; see ``Executor.run``."""
        if len(tasks) < 2 or self.workers < 2:
            return [task.run() for task in tasks]
        with ThreadPoolExecutor(self.workers) as pool:
            futures = [pool.submit(task.run) for task in tasks]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                if any(_failed(future) for future in futures):
                    _stop(futures, tasks)
        failed = next((f for f in futures if _failed(f) and f.exception() is not None), None)
        if failed is not None:
            failed.result()
        return [future.result() for future in futures]


def _failed(future: "Future[Result]") -> bool:
    return not future.done() or future.cancelled() or future.exception() is not None


def _stop(futures: "Sequence[Future[Result]]", tasks: Sequence[Task[Result]]) -> None:
    for future, task in zip(futures, tasks, strict=True):
        if not future.done() and not future.cancel():
            task.cancel()
