"""Ctrl-C for what it does not reach by itself: engines at work, and threads of the catalog.

Python raises ``KeyboardInterrupt`` in the main thread alone, and only between two steps of
Python's: a library at work goes on, and so do other threads, for which the main thread then waits.
Whoever hears of an interrupt calls ``ask``; everything else here makes that end what is going on.
"""

import threading
import weakref
from contextlib import suppress
from typing import Protocol


class Interruptible(Protocol):
    """What can be at work for long, and be told to end."""

    def interrupt(self) -> None:
        """Ends what is going on, soon; called by another thread, at any time."""


_asked = threading.Event()
_lock = threading.Lock()
_working: "weakref.WeakSet[Interruptible]" = weakref.WeakSet()
"""What is told of an interrupt, as long as somebody refers to it."""


def register(working: Interruptible) -> None:
    """Has something be told of interrupts as long as somebody refers to it."""
    with _lock:
        _working.add(working)


def ask() -> None:
    """Ends what is going on: engines at once, threads at their next check.

    An engine that is between two statements does not notice it, so it is worth asking again until
    the main thread has raised ``KeyboardInterrupt``.
    """
    _asked.set()
    with _lock:
        told = list(_working)
    for one in told:
        with suppress(Exception):  # it may have been closed meanwhile; the others must hear of it
            one.interrupt()


def withdraw() -> None:
    """Lets work go on that begins from now on."""
    _asked.clear()


def check() -> None:
    """Ends the work of a thread if that was asked for; called within loops that take long.

    The main thread is interrupted by Python itself.

    Raises:
        KeyboardInterrupt: It was asked for.
    """
    if _asked.is_set() and threading.current_thread() is not threading.main_thread():
        raise KeyboardInterrupt


def is_asked() -> bool:
    """Returns whether what is going on is to end."""
    return _asked.is_set()
