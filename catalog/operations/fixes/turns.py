"""Turns: steps that run side by side end one after the other, in their order."""

from threading import Condition


class StoppedError(Exception):
    """What runs is to stop: what it did so far does not count."""


class Turns:
    """Gives one of several tasks the turn: the first that has not ended."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._first = 0
        self._ended: set[int] = set()
        self._stopped = False

    @property
    def is_stopped(self) -> bool:
        """Returns whether nobody gets a turn any more."""
        return self._stopped

    def wait(self, number: int) -> None:
        """Waits until all tasks of lower numbers have ended.

        Raises:
            StoppedError: Nobody gets a turn any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._first >= number)
            if self._stopped:
                raise StoppedError

    def end(self, number: int) -> None:
        """Notes that a task has ended, whether it had its turn or not."""
        with self._changed:
            self._ended.add(number)
            while self._first in self._ended:
                self._first += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Gives nobody a turn any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
