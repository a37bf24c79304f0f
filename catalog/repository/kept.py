"""What a process keeps of what it read: the latest, up to a weight."""

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """Values by name; those that came first go once all together weigh too much."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, tuple[V, int]] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, name: str) -> V | None:
        """Returns a value, None if it is not kept."""
        found = self._values.get(name)
        return None if found is None else found[0]

    def keep(self, name: str, value: V, weight: int) -> None:
        """Keeps a value, whose weight is in the unit of ``most``; the newest stays in any case."""
        with self._lock:
            before = self._values.pop(name, None)
            self._weight += weight - (0 if before is None else before[1])
            self._values[name] = value, weight
            while self._weight > self._most and len(self._values) > 1:
                self._weight -= self._values.popitem(last=False)[1][1]
