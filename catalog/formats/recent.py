"""What was made of footers of late, up to some bytes of them: copies of files share theirs."""

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

KEPT_BYTES = 1 << 21
"""Bytes of footers: those of a hundred files or more. What is made of them takes several times as
much."""

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Recent(Generic[_Key, _Value]):
    """Values that never change, by key; the oldest go first. Threads may share it."""

    def __init__(self) -> None:
        self._values: dict[_Key, tuple[_Value, int]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: _Key) -> _Value | None:
        """Returns a value, None if it is not kept."""
        found = self._values.get(key)
        return None if found is None else found[0]

    def put(self, key: _Key, value: _Value, *, size_bytes: int) -> None:
        """Keeps a value that was made of a footer of some size, unless that is too large."""
        if size_bytes > KEPT_BYTES // 16:
            return
        with self._lock:
            if key in self._values:
                return
            self._values[key] = value, size_bytes
            self._bytes += size_bytes
            while self._bytes > KEPT_BYTES:
                _, freed = self._values.pop(next(iter(self._values)))
                self._bytes -= freed
