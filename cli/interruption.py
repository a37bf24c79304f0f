"""Ctrl-C: passed on to a library at work, and recognised among its errors afterwards."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = "Query interrupted"
"""What DuckDB says while its rows are read through Arrow, in an error of no particular type."""


@contextmanager
def passed_on(interrupt: Callable[[], None]) -> Iterator[None]:
    """Calls a function at once when Ctrl-C is pressed, whatever the main thread is waiting for.

    Python itself waits until a library returns, and DuckDB does not always look while its rows
    are read one batch after the other: a query that was interrupted would run to its end.
    The function is called by another thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reader, interrupt), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        watcher.join()
        os.close(reader)


def _watch(reader: int, interrupt: Callable[[], None]) -> None:
    while signals := os.read(reader, 16):
        if any(number in signals for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)):
            interrupt()


def is_interruption(error: BaseException) -> bool:
    """Returns whether an error, or one that led to it, comes from Ctrl-C."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if isinstance(current, KeyboardInterrupt):
            return True
        if type(current).__name__ == "InterruptException":  # duckdb's; not imported for it
            return True
        if isinstance(current, RuntimeError) and INTERRUPTED in str(current):
            return True
        hidden = current.__suppress_context__
        current = current.__cause__ or (None if hidden else current.__context__)
    return False
