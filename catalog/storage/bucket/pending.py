"""Writes under way: sent in parallel with those that follow, and waited for before a ref moves.

A commit's data files, fingerprints and pack do not depend on each other in a store: nothing
points to them before the branch is swapped. So a small commit takes two rounds, not four.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from catalog.errors import CatalogError

THREADS = 16
"""Writes under way at a time: they wait for answers, not for the line."""


class PendingWrites:
    """Writes that run in the background; a failure is raised where the write is needed."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._running: dict[str, Future[None]] = {}
        self._lock = threading.Lock()

    def start(self, path: str, write: Callable[[], None]) -> None:
        """Starts a write once an earlier one of the same path has ended; its outcome counts then.

        Two side by side could arrive in either order. The earlier is ahead in the queue, so
        that waiting for it comes to an end.
        """
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="upload")
            earlier = self._running.get(path)

            def after() -> None:
                if earlier is not None:
                    earlier.exception()
                write()

            self._running[path] = self._pool.submit(after)

    def wait(self, path: str) -> None:
        """Waits for the write of a path, if one is under way.

        Raises:
            CatalogError: It failed.
        """
        with self._lock:
            running = self._running.get(path)
        if running is None:
            return
        failed = running.exception()
        if failed is None:
            with self._lock:
                if self._running.get(path) is running:
                    del self._running[path]
        elif isinstance(failed, CatalogError):
            raise type(failed)(failed.message, kind=failed.kind, hint=failed.advice) from failed
        else:
            raise failed

    def settle(self) -> None:
        """Waits for all writes. A failure is raised again until the write is repeated.

        Raises:
            CatalogError: One of them failed, now or before.
        """
        with self._lock:
            paths = list(self._running)
        for path in paths:
            self.wait(path)
