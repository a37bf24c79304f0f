"""Executors: what runs independent tasks, here side by side on threads of one process."""

import os
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import Generic, Protocol, TypeVar

from catalog.dataclasses import dataclass
from catalog.threads import Threads

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
        with Threads(self.workers) as pool:
            futures: list[Future[Result]] = []
            failed: list[Future[Result]] = []
            try:
                for task in tasks:
                    futures.append(pool.submit(task.run))
                ended, _ = wait(futures, return_when=FIRST_EXCEPTION)
                failed = [f for f in futures if f in ended and f.exception() is not None]
            finally:
                if failed or not all(future.done() for future in futures):
                    _stop(futures, tasks)
        for future in failed:  # not those that failed because they were stopped
            future.result()
        return [future.result() for future in futures]


def _stop(futures: "Sequence[Future[Result]]", tasks: Sequence[Task[Result]]) -> None:
    """Stops tasks; those without a future were not begun."""
    for future, task in zip(futures, tasks, strict=False):
        if not future.done() and not future.cancel():
            task.cancel()
