"""Checks of files that others can change, made once they were read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

Check: TypeAlias = Callable[[], None]
"""Raises ``CorruptData`` if a file that was read is not what it was before."""


@contextmanager
def checked(checks: Sequence[Check]) -> Iterator[None]:
    """Runs checks after something was read, also if it failed: that may be why.

    Raises:
        CorruptData: A file was changed while it was read.
    """
    try:
        yield
    except Exception:  # whatever it is, it passes on, unless a check knows why; not an interrupt
        for check in checks:
            check()
        raise
    for check in checks:
        check()
