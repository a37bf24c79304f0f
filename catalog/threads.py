"""Threads that Ctrl-C reaches: whoever waits for them does not wait for all they have to do."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

from catalog.interruption import check, is_asked

Result = TypeVar("Result")


class Threads(ThreadPoolExecutor):
    """Threads whose tasks are not begun any more once an interrupt was asked for.

    Used as a context, it leaves out tasks that have not begun if it is left by an error. What is
    started after an interrupt cleans up, and runs as ever.
    """

    def __init__(self, most: int) -> None:
        super().__init__(max_workers=most)
        self._is_cleanup = is_asked()

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> "Future[Result]":
        """See ``ThreadPoolExecutor``."""

        def task() -> Result:
            if not self._is_cleanup:
                check()
            return fn(*args, **kwargs)

        return super().submit(task)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Waits for the tasks; after an error only for those that have begun."""
        self.shutdown(wait=True, cancel_futures=error is not None)
