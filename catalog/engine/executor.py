"""Executors: what runs independent tasks, here side by side on threads of one process."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Generic, Protocol, TypeVar, runtime_checkable

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


@runtime_checkable
class Travels(Protocol):
    """A task that another process may run."""

    @property
    def size_bytes(self) -> int:
        """Returns how much it may have to read, about."""

    def packed(self) -> "Task[object] | None":
        """Returns the same task as a value that can be pickled; None if it must be run here.

        What it needs, it opens where it runs: stores and engines are not part of it.
        """


class Executor(Protocol):
    """What runs tasks."""

    @property
    def workers(self) -> int:
        """Returns how many tasks run at a time."""

    def takes(self, size_bytes: int) -> bool:
        """Returns whether it is worth its start if there is so much to read."""

    def run(
        self,
        tasks: Sequence[Task[Result]],
        *,
        done: Callable[[int, Result], None] = lambda number, result: None,
    ) -> list[Result]:
        """Runs tasks and returns their results in the same order.

        If one fails, the others are cancelled, and its error is raised once all have ended.

        Args:
            tasks: The tasks.
            done: Called with the number of each task that has ended, and its result, by the
                thread that called this.
        """


@dataclass(frozen=True, slots=True)
class ThreadExecutor:
    """Runs tasks on threads of this process.

    Attributes:
        workers: Tasks that run at a time.
    """

    workers: int = max(1, (os.cpu_count() or 1) // 2)

    def takes(self, size_bytes: int) -> bool:
        """Returns true: threads start at once."""
        return True

    def run(
        self,
        tasks: Sequence[Task[Result]],
        *,
        done: Callable[[int, Result], None] = lambda number, result: None,
    ) -> list[Result]:
        """Runs tasks; see ``Executor.run``."""
        if len(tasks) < 2 or self.workers < 2:
            return [_alone(task, number, done) for number, task in enumerate(tasks)]
        with Threads(self.workers) as pool:
            futures: list[Future[Result]] = []
            failed: list[Future[Result]] = []
            try:
                for task in tasks:
                    futures.append(pool.submit(task.run))
                failed = _first_failures(futures, done)
            finally:
                if failed or not all(future.done() for future in futures):
                    _stop(futures, tasks)
        for future in failed:  # not those that failed because they were stopped
            future.result()
        return [future.result() for future in futures]


def _alone(task: Task[Result], number: int, done: Callable[[int, Result], None]) -> Result:
    result = task.run()
    done(number, result)
    return result


def _first_failures(
    futures: "Sequence[Future[Result]]", done: Callable[[int, Result], None]
) -> "list[Future[Result]]":
    """Waits for all tasks, or until some fail, and returns these."""
    numbers = {future: number for number, future in enumerate(futures)}
    waiting = set(futures)
    while waiting:
        ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        failed = [one for one in futures if one in ended and one.exception() is not None]
        if failed:
            return failed
        for future in ended:
            done(numbers[future], future.result())
    return []


def _stop(futures: "Sequence[Future[Result]]", tasks: Sequence[Task[Result]]) -> None:
    """Stops tasks; those without a future were not begun."""
    for future, task in zip(futures, tasks, strict=False):
        if not future.done() and not future.cancel():
            task.cancel()
