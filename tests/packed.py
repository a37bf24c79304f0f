"""An executor for tests: tasks travel as bytes, and run in this process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from catalog.engine.executor import Task, Travels
from catalog.engine.executors.packing import pack, result_of, run_packed

Result = TypeVar("Result")


@dataclass
class PackedExecutor:
    """Runs tasks as those of other processes are run, one after another.

    ``ran`` has the names of the classes of those that travelled.
    """

    workers: int = 2
    ran: list[str] = field(default_factory=list)

    def takes(self, size_bytes: int) -> bool:
        return True

    def run(
        self,
        tasks: Sequence[Task[Result]],
        *,
        done: Callable[[int, Result], None] = lambda number, result: None,
    ) -> list[Result]:
        results: list[Any] = []
        for number, task in enumerate(tasks):
            packed = task.packed() if isinstance(task, Travels) else None
            if packed is None:
                results.append(task.run())
            else:
                self.ran.append(type(packed).__name__)
                results.append(result_of(run_packed(pack(packed, share=1))))
            done(number, results[-1])
        return results
