"""Tasks on a cluster of Ray."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from catalog.engine.executor import Task
from catalog.engine.executors.packing import collected, pack, run_here, run_packed, travelling
from catalog.errors import ErrorKind, StorageFailure, Unsupported

Result = TypeVar("Result")

LOOK_S = 0.1
"""How often who waits looks whether an interrupt was asked for."""


class RayExecutor:
    """Runs tasks on the workers of a cluster of Ray.

    They need the same releases of Parquetry, DuckDB and pyarrow, and access to the catalog's place
    with credentials of their own.
    """

    def __init__(self, address: str | None = None) -> None:
        """Takes the address of a cluster; None is the one that this process is connected to.

        If it is connected to none, Ray is started on this machine.

        Raises:
            Unsupported: Ray is not installed.
        """
        self._ray: Any = _library()
        if not self._ray.is_initialized():
            self._ray.init(address, log_to_driver=False)
        self._work = self._ray.remote(max_retries=0)(run_packed)

    def __repr__(self) -> str:
        return "RayExecutor()"

    @property
    def workers(self) -> int:
        """Returns how many tasks run at a time: the cores of the cluster."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

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
        sent = {
            self._work.remote(pack(task, share=share)): number
            for number, task in enumerate(packed)
            if task is not None
        }
        try:
            found = collected(sent, wait=self._ended, outcome=self._outcome, done=done)
        finally:
            for ref in sent:  # those that have ended stay as they are
                with suppress(self._ray.exceptions.RayError, ValueError):
                    self._ray.cancel(ref, force=True)
        found |= run_here(tasks, packed, done)
        return [found[number] for number in range(len(tasks))]

    def _per_machine(self) -> int:
        """Returns how many tasks run at a time on the machine that runs most."""
        cores = (node["Resources"].get("CPU", 1) for node in self._ray.nodes() if node["Alive"])
        return max(1, int(max(cores, default=1)))

    def _ended(self, waiting: list[Any]) -> tuple[list[Any], list[Any]]:
        ended, others = self._ray.wait(waiting, timeout=LOOK_S)
        return ended, others

    def _outcome(self, ref: Any) -> bytes:
        """Returns the outcome of a task that has ended.

        Raises:
            StorageFailure: Its worker died.
            Unsupported: Its worker lacks Parquetry.
        """
        known = self._ray.exceptions
        try:
            data = self._ray.get(ref)
        except (known.WorkerCrashedError, known.OutOfMemoryError, known.NodeDiedError) as error:
            raise StorageFailure(
                "a worker of Ray died while it ran a task: there may have been too little memory",
                kind=ErrorKind.WORKER_DIED,
                hint="look at the logs of the cluster",
            ) from error
        except known.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            if isinstance(cause, ImportError) or "ModuleNotFoundError" in str(error):
                raise Unsupported(
                    f"a worker of Ray lacks what tasks need: {cause}",
                    kind=ErrorKind.WORKER_DIFFERS,
                    hint="install parquetry there, of the same release",
                ) from error
            raise cause from error
        assert isinstance(data, bytes), "it is an outcome"
        return data


def _library() -> Any:
    """Returns Ray.

    Raises:
        Unsupported: It is not installed.
    """
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise Unsupported(
            "the library that reaches clusters of Ray is not installed: ray",
            kind=ErrorKind.EXTRA_NOT_INSTALLED,
            hint="pip install 'parquetry[ray]'",
        ) from error
    return ray
