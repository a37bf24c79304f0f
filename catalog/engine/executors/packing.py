"""Tasks and their outcomes as bytes: what travels between a process and its workers.

A packed task is a pickle of values: where the catalog is, what of it is read, and what is wanted.
Its outcome is the result or the error, and what was logged meanwhile, which is logged here again.
"""

import logging
import pickle
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.engine.executor import Task, ThreadExecutor, Travels
from catalog.engine.workspace import share_machine
from catalog.errors import CatalogError, ErrorKind, InvalidInput, Unsupported
from catalog.interruption import check

Result = TypeVar("Result")

Log = tuple[str, int, str]
"""A message that was logged: the logger, the level, the text."""


@cache
def releases() -> tuple[str, ...]:
    """Returns the releases that must be the same where a task runs, or results might differ."""
    try:
        own = version("parquetry")
    except PackageNotFoundError:
        own = "unknown"
    python = ".".join(map(str, sys.version_info[:2]))
    return (
        f"parquetry {own}",
        f"Python {python}",
        f"duckdb {duckdb.__version__}",
        f"pyarrow {pa.__version__}",
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task.

    Attributes:
        value: Its result, pickled; None if it failed.
        error: Its error, pickled; None if it did not.
        trace: Where that was raised.
        logs: What was logged meanwhile.
    """

    value: bytes | None = None
    error: bytes | None = None
    trace: str = ""
    logs: tuple[Log, ...] = ()


def pack(task: Task[Any], *, share: int) -> bytes:
    """Returns a task as bytes.

    Args:
        task: The task.
        share: How many workers share the machine that it will run on.

    Raises:
        InvalidInput: It cannot be pickled.
    """
    try:
        inner = pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise InvalidInput(
            f"a task cannot be sent to another process: {error}",
            hint="run it on threads, or give what it uses a name in a module that can be imported",
        ) from error
    return pickle.dumps((releases(), share, inner))


def run_packed(data: bytes, begun: Callable[[Task[Any]], None] = lambda task: None) -> bytes:
    """Runs a packed task and returns its outcome as bytes.

    Args:
        data: The task.
        begun: Called with the task before it runs.
    """
    logs: list[Log] = []
    try:
        with _noted(logs):
            theirs, share, inner = pickle.loads(data)
            _check_releases(theirs)
            share_machine(share)
            task: Task[Any] = pickle.loads(inner)
            begun(task)
            value = pickle.dumps(task.run(), protocol=pickle.HIGHEST_PROTOCOL)
        return pickle.dumps(Outcome(value, logs=tuple(logs)))
    except Exception as error:  # noqa: BLE001 # it is raised by who sent the task
        trace = "".join(traceback.format_exception(error))
        return pickle.dumps(Outcome(None, _pickled(error), trace, tuple(logs)))


def result_of(data: bytes) -> Any:
    """Returns the result of a task from its outcome.

    Raises:
        CatalogError: The task failed; or whatever else it failed with.
    """
    outcome = pickle.loads(data)
    assert isinstance(outcome, Outcome), "nothing else is sent"
    for name, level, message in outcome.logs:
        logging.getLogger(name).log(level, "%s", message)
    if outcome.error is None:
        assert outcome.value is not None, "it did not fail"
        return pickle.loads(outcome.value)
    error = pickle.loads(outcome.error)
    if not isinstance(error, CatalogError):
        error.add_note(f"in a worker:\n{outcome.trace}")
    raise error


def collected(
    sent: Mapping[Any, int],
    *,
    wait: Callable[[list[Any]], tuple[Sequence[Any], list[Any]]],
    outcome: Callable[[Any], bytes],
    done: Callable[[int, Result], None],
) -> dict[int, Result]:
    """Returns the results of tasks that run elsewhere, by their numbers, as they end.

    Args:
        sent: The number of each task, by what stands for it there.
        wait: Waits a moment, and returns which of some tasks have ended, and the others.
        outcome: Returns the outcome of a task that has ended.
        done: Called with each number and its result.

    Raises:
        CatalogError: A task failed; or whatever else it failed with.
    """
    found: dict[int, Result] = {}
    waiting = list(sent)
    while waiting:
        check()
        ended, waiting = wait(waiting)
        for one in ended:
            found[sent[one]] = result_of(outcome(one))
            done(sent[one], found[sent[one]])
    return found


def travelling(tasks: Sequence[Task[Result]], *, least_bytes: int) -> list[Task[object] | None]:
    """Returns those tasks packed that are to travel, None in place of the others.

    None travels if there is so little to read that starting would take longer.
    """
    if len(tasks) < 2:
        return [None] * len(tasks)
    size = sum(task.size_bytes for task in tasks if isinstance(task, Travels))
    if size < least_bytes:
        return [None] * len(tasks)
    return [task.packed() if isinstance(task, Travels) else None for task in tasks]


def run_here(
    tasks: Sequence[Task[Result]],
    packed: Sequence[Task[object] | None],
    done: Callable[[int, Result], None],
) -> dict[int, Result]:
    """Runs those tasks on threads of this process that do not travel, and returns the results."""
    numbers = [number for number, one in enumerate(packed) if one is None]
    results = ThreadExecutor().run(
        [tasks[number] for number in numbers],
        done=lambda place, result: done(numbers[place], result),
    )
    return dict(zip(numbers, results, strict=True))


def _check_releases(theirs: Sequence[str]) -> None:
    """Checks that who sent a task has the same releases.

    Raises:
        Unsupported: It has not.
    """
    pairs = zip(releases(), theirs, strict=True)
    differing = [f"{own} instead of {other}" for own, other in pairs if own != other]
    if differing:
        raise Unsupported(
            f"a worker has {', '.join(differing)}",
            kind=ErrorKind.WORKER_DIFFERS,
            hint="install the same releases wherever tasks run",
        )


def _pickled(error: Exception) -> bytes:
    """Returns an error as bytes, one like it if it cannot be pickled."""
    try:
        data = pickle.dumps(error)
        pickle.loads(data)
    except Exception:  # noqa: BLE001 # whatever somebody's error does when it is pickled
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return data


class _Notes(logging.Handler):
    """Keeps what is logged; in a process of many threads, what its own thread logs."""

    def __init__(self, logs: list[Log]) -> None:
        super().__init__()
        self._logs = logs
        is_main = threading.current_thread() is threading.main_thread()
        self._thread = None if is_main else threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a message."""
        if self._thread is None or record.thread == self._thread:
            self._logs.append((record.name, record.levelno, record.getMessage()))


@contextmanager
def _noted(logs: list[Log]) -> Iterator[None]:
    handler, logger = _Notes(logs), logging.getLogger("catalog")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
