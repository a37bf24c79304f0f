"""Tasks on a cluster of Dask."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from catalog.engine.executor import Task
from catalog.engine.executors.packing import collected, pack, run_here, run_packed, travelling
from catalog.errors import ErrorKind, StorageFailure, Unsupported

if TYPE_CHECKING:
    from distributed import Client

Result = TypeVar("Result")

LOOK_S = 0.1
"""How often one looks whether to stop."""


class DaskExecutor:
    """Runs tasks on the workers of a cluster of Dask.

    They need the same releases of Parquetry, DuckDB and pyarrow, and access to the catalog's place
    with credentials of their own.
    """

    def __init__(self, client: "Client | str") -> None:
        """Takes a client of the cluster, or the address of its scheduler.

        Raises:
            Unsupported: Dask is not installed.
        """
        library = _library()
        self._client: Any = library.Client(client) if isinstance(client, str) else client

    def __repr__(self) -> str:
        return f"DaskExecutor({self._client!r})"

    @property
    def workers(self) -> int:
        """Returns how many tasks run at a time: the threads of all workers."""
        return max(1, int(sum(self._client.nthreads().values())))

    def takes(self, size_bytes: int) -> bool:
        """Returns true: the cluster is there already."""
        return True

    def run(
        self,
        tasks: Sequence[Task[Result]],
        *,
        done: Callable[[int, Result], None] = lambda number, result: None,
    ) -> list[Result]:
        """Runs tasks; see ``Executor.run``. Those that must be run in this process are last.

        Raises:
            StorageFailure: A worker died.
            Unsupported: A worker lacks Parquetry, or has another release.
        """
        packed = travelling(tasks, least_bytes=0)
        share = self._per_machine()
        client, sent = self._client, dict[Any, int]()
        for number, task in enumerate(packed):
            if task is not None:
                data = pack(task, share=share)
                sent[client.submit(_work, data, pure=False, retries=0)] = number
        try:
            found = collected(sent, wait=_ended, outcome=_outcome, done=done)
        finally:
            client.cancel(list(sent), force=True)
        found |= run_here(tasks, packed, done)
        return [found[number] for number in range(len(tasks))]

    def _per_machine(self) -> int:
        """Returns how many tasks run at a time on the machine that runs most."""
        hosts: dict[str, int] = {}
        for address, threads in self._client.nthreads().items():
            host = address.rpartition(":")[0]
            hosts[host] = hosts.get(host, 0) + threads
        return max(hosts.values(), default=1)


def _library() -> Any:
    """Returns the library that reaches clusters of Dask.

    Raises:
        Unsupported: It is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        raise Unsupported(
            "the library that reaches clusters of Dask is not installed: distributed",
            kind=ErrorKind.EXTRA_NOT_INSTALLED,
            hint="pip install 'parquetry[dask]'",
        ) from error
    return distributed


def _ended(waiting: list[Any]) -> tuple[list[Any], list[Any]]:
    """Waits a moment for tasks; returns those that have ended, and the others."""
    first = "FIRST_COMPLETED"
    try:
        found = _library().wait(waiting, timeout=LOOK_S, return_when=first)
    except TimeoutError:
        return [], waiting
    return list(found.done), list(found.not_done)


def _outcome(future: Any) -> bytes:
    """Returns the outcome of a task that has ended.

    Raises:
        StorageFailure: Its worker died, or it was cancelled by others.
        Unsupported: Its worker lacks Parquetry.
    """
    if future.status == "cancelled":
        raise StorageFailure("the cluster of Dask has cancelled a task", kind=ErrorKind.WORKER_DIED)
    error = future.exception()
    if error is None:
        data = future.result()
        assert isinstance(data, bytes), "it is an outcome"
        return data
    if isinstance(error, _library().KilledWorker):
        raise StorageFailure(
            "workers of Dask died while they ran a task: there may have been too little memory",
            kind=ErrorKind.WORKER_DIED,
            hint="look at the logs of the workers",
        ) from error
    if isinstance(error, ImportError):
        raise Unsupported(
            f"a worker of Dask lacks what tasks need: {error}",
            kind=ErrorKind.WORKER_DIFFERS,
            hint="install parquetry there, of the same release",
        ) from error
    raise error


def _work(data: bytes) -> bytes:
    """Runs a packed task in a worker."""
    with _until_cancelled() as begun:
        return run_packed(data, begun)


@contextmanager
def _until_cancelled() -> Iterator[Callable[[Task[Any]], None]]:
    """Yields what is to be told of the task, and cancels that if the scheduler has."""
    worker = _library().get_worker()
    key: Any = worker.get_current_task()
    running: list[Task[Any]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            state = worker.state.tasks.get(key)
            if state is None or state.state == "cancelled":
                for task in running:
                    task.cancel()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield running.append
    finally:
        over.set()
        watcher.join()
