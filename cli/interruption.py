"""Ctrl-C: passed on to a library at work, and recognised among its errors afterwards."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TypeAlias

from catalog import interruption

Handler: TypeAlias = Callable[[int, FrameType | None], object]

INTERRUPTED = "Query interrupted"
"""What DuckDB says while its rows are read through Arrow, in an error of no particular type."""


REPEAT_S = 0.05
"""How soon an interrupt is passed on again, until the main thread has heard of it: one that falls
between two statements of an engine has no effect."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def passed_on(interrupt: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Ends what the catalog does as soon as Ctrl-C is pressed, whatever the main thread waits for.

    Python itself waits until a library returns, and DuckDB does not always look while its rows
    are read one batch after the other: a query that was interrupted would run to its end. Neither
    do other threads hear of it. So another thread listens, and tells the catalog
    (``catalog.interruption``), and the function that is given, if any.

    Signals that somebody else handles meanwhile, such as a server, are left to them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    listener = _Listener(interrupt)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    handlers = listener.installed()
    watcher = threading.Thread(target=listener.listen, args=(reader,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        listener.is_over = True
        watcher.join()
        os.close(reader)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if listener.was_asked:
            interruption.withdraw()


class _Listener:
    """Passes signals on until the main thread has heard of them.

    Attributes:
        is_over: Whether the main thread has heard of the signal, or waits for none any more. It is
            no ``Event``: a signal handler must not wait for a lock that its own thread may hold.
        was_asked: Whether the catalog was told.
    """

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.is_over = False
        self.was_asked = False
        self._interrupt = interrupt
        self._own: dict[int, Callable[[int, FrameType | None], None]] = {}

    def installed(self) -> dict[int, Handler]:
        """Puts handlers before those there are, which they call, and returns the latter."""
        before: dict[int, Handler] = {}
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if not callable(handler):
                continue
            before[number] = handler
            self._own[number] = partial(self._noted, handler)
            signal.signal(number, self._own[number])
        return before

    def _noted(self, handler: Handler, number: int, frame: FrameType | None) -> None:
        self.is_over = True
        handler(number, frame)

    def listen(self, reader: int) -> None:
        """Waits for signals, until the pipe they are written to is closed."""
        while numbers := os.read(reader, 16):
            if not any(signal.getsignal(n) is self._own.get(n, self) for n in numbers):
                continue  # another handler has taken their place
            self.was_asked = True
            while True:
                interruption.ask()
                self._interrupt()
                if self.is_over:
                    break
                time.sleep(REPEAT_S)


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
