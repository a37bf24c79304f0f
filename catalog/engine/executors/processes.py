"""Processes of this machine that run tasks, each a Python of its own.

They are no children of ``multiprocessing``: they import Parquetry alone, and never the script or
notebook that asked for them, which therefore needs no guard of its main part.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from catalog.engine.executor import Task
from catalog.engine.executors.boot import BOOT, STOP
from catalog.errors import ErrorKind, InvalidInput, StorageFailure
from catalog.interruption import check
from catalog.storage.failures import temporary_folder

Result = TypeVar("Result")

LEAST_BYTES = 64 << 20
"""Bytes to be read by all tasks together from which on processes are used: below, starting them,
a second of processor time each, takes longer than what they save."""

KILL_AFTER_S = 0.7
"""How long workers may take to stop before they are killed: Ctrl-C is to take no second."""

LOOK_S = 0.1
"""How often who waits looks whether an interrupt was asked for."""


class _Worker:
    """A process that runs one task at a time.

    Attributes:
        results: Gives the outcomes of its tasks.
        folder: Its directory for temporary files, which goes with it however it ends.
    """

    def __init__(self) -> None:
        self.folder = temporary_folder()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", BOOT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "TMPDIR": self.folder},
                start_new_session=True,
            )
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise StorageFailure(
                f"cannot start a process to run tasks in: {error.strerror}",
                kind=ErrorKind.MACHINE_LIMIT,
            ) from error
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None, "they are pipes"
        self._tasks: Connection[bytes, bytes] = Connection(os.dup(stdin.fileno()), readable=False)
        self.results: Connection[bytes, bytes] = Connection(os.dup(stdout.fileno()), writable=False)
        stdin.close()
        stdout.close()
        self.send(json.dumps(sys.path).encode())

    def send(self, data: bytes) -> bool:
        """Sends a task; returns whether it could be sent."""
        try:
            self._tasks.send_bytes(data)
        except OSError:
            return False
        return True

    def end(self, until: float) -> None:
        """Waits for the process to end, and kills it if it has not by then; frees what it took."""
        self._tasks.close()
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.results.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def died(self) -> StorageFailure:
        """Returns the error for a process that ended while it had a task."""
        self.end(time.monotonic() + KILL_AFTER_S)
        code = self.process.returncode
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        memory = ": there may have been too little memory" if code == -signal.SIGKILL else ""
        return StorageFailure(
            f"a worker process ended {how} while it ran a task{memory}",
            kind=ErrorKind.WORKER_DIED,
            hint="look at what it wrote to stderr, or use fewer workers",
        )


class ProcessExecutor:
    """Runs tasks in processes of this machine, which stay for later tasks until it is closed.

    Credentials of buckets are found by each process in the environment, which it inherits.

    Attributes:
        workers: Processes at most.
        least_bytes: Bytes to be read from which on processes are used; less is read by threads.
    """

    def __init__(self, workers: int | None = None, *, least_bytes: int = LEAST_BYTES) -> None:
        """Takes how many processes run at most; None is one for each core.

        Raises:
            InvalidInput: There is no such number of processes.
        """
        if workers is None:
            workers = os.cpu_count() or 1
        if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
            raise InvalidInput(f"workers must be a whole number from 1, not {workers!r}")
        self.workers = workers
        self.least_bytes = least_bytes
        self._idle: list[_Worker] = []
        self._owner = os.getpid()
        self._lock = threading.Lock()
        weakref.finalize(self, _end_idle, self._idle, self._owner)

    def __repr__(self) -> str:
        return f"ProcessExecutor({self.workers})"

    def __enter__(self) -> "ProcessExecutor":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the processes; tasks that come later start others."""
        with self._lock:
            _end_idle(self._idle, self._owner)

    def takes(self, size_bytes: int) -> bool:
        """Returns whether processes are used to read so much."""
        return size_bytes >= self.least_bytes

    def run(
        self,
        tasks: Sequence[Task[Result]],
        *,
        done: Callable[[int, Result], None] = lambda number, result: None,
    ) -> list[Result]:
        """Runs tasks; see ``Executor.run``. Those that must be run in this process are last.

        Raises:
            StorageFailure: A process died.
        """
        from catalog.engine.executors.packing import run_here, travelling

        packed = travelling(tasks, least_bytes=self.least_bytes)
        found: dict[int, Result] = {}
        with self._lock:
            if self._owner != os.getpid():  # after a fork: those are the parent's
                self._idle, self._owner = [], os.getpid()
            self._run_packed(packed, found, done)
        found |= run_here(tasks, packed, done)
        return [found[number] for number in range(len(tasks))]

    def _run_packed(
        self,
        packed: Sequence[Task[object] | None],
        found: dict[int, Any],
        done: Callable[[int, Any], None],
    ) -> None:
        from catalog.engine.executors.packing import pack, result_of

        waiting = deque(number for number, one in enumerate(packed) if one is not None)
        share = min(self.workers, len(waiting))
        busy: dict[Connection[bytes, bytes], tuple[_Worker, int]] = {}
        try:
            while waiting or busy:
                while waiting and len(busy) < self.workers:
                    task = packed[waiting[0]]
                    assert task is not None, "those are not waiting"
                    worker = self._begin(pack(task, share=share))
                    busy[worker.results] = worker, waiting.popleft()
                check()
                for results in wait(list(busy), LOOK_S):
                    assert isinstance(results, Connection), "nothing else is waited for"
                    worker, number = busy[results]
                    try:
                        data = results.recv_bytes()
                    except (EOFError, OSError):
                        del busy[results]
                        raise worker.died() from None
                    del busy[results]
                    self._idle.append(worker)
                    found[number] = result_of(data)
                    done(number, found[number])
        finally:
            _end(worker for worker, _ in busy.values())

    def _begin(self, data: bytes) -> _Worker:
        """Has a process begin with a task; one that is gone is no loss as long as it was idle."""
        while self._idle:
            worker = self._idle.pop()
            if worker.process.poll() is None and worker.send(data):
                return worker
            _end([worker])
        worker = _Worker()
        worker.send(data)
        return worker


def _end(workers: Iterable[_Worker]) -> None:
    """Ends processes, at the same time."""
    ending = list(workers)
    for worker in ending:
        worker.send(STOP)
    until = time.monotonic() + KILL_AFTER_S
    for worker in ending:
        worker.end(until)


def _end_idle(idle: list[_Worker], owner: int) -> None:
    if owner == os.getpid():
        ending = list(idle)
        idle.clear()
        _end(ending)
