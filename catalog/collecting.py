"""Python's search for garbage in cycles, put off while many objects are made that stay.

It goes through the young objects whenever some hundred more were made than went away, and through
all that there are once a quarter has been added. Where dozens of objects come with each of many
files, and stay, that takes a quarter of the time and finds nothing.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = 50_000
"""Objects that are added before young ones are gone through: some megabytes of them."""

_lock = threading.Lock()
_inside = 0
_before = _meanwhile = (0, 0, 0)


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Puts off the search for garbage, in the whole process, until all that are inside have left.

    What somebody sets meanwhile stays, and where it is turned off it stays off.
    """
    global _inside, _before, _meanwhile
    with _lock:
        _inside += 1
        if _inside == 1:
            _before = _meanwhile = gc.get_threshold()
            if _before[0]:
                _meanwhile = max(_before[0], RARELY), *_before[1:]
                gc.set_threshold(*_meanwhile)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and gc.get_threshold() == _meanwhile:
                gc.set_threshold(*_before)
