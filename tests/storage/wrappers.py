"""Stores that count, fail or interfere, wrapped around a real one."""

from collections.abc import Callable
from typing import Any

from catalog.errors import StorageFailure
from catalog.storage.store import OutcomeUnknown


class WrapperStore:
    """Passes everything on to another store."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class CountingStore(WrapperStore):
    """Counts calls by method and remembers what they were about."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.calls: list[tuple[str, Any]] = []
        self.bytes_created = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if not callable(method):
            return method

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args[0] if args else None))
            if name in ("create", "swap"):
                self.bytes_created += len(args[1])
            return method(*args, **kwargs)

        return counted

    def of(self, *names: str) -> list[Any]:
        """Returns what calls of these methods were about, in order."""
        return [about for name, about in self.calls if name in names]


class FaultyStore(WrapperStore):
    """Answers calls wrongly, as networks and disks do.

    ``faults`` maps a method to what happens at its next calls, one each: ``fail-before``
    (nothing was done), ``fail-after`` (done, but the answer is lost), ``twice`` (the call
    was sent again, and the second answer counts), or a function that runs before the call.
    """

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.faults: dict[str, list[str | Callable[[], object] | None]] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        pending = self.faults.get(name)
        if not pending:
            return method

        def faulty(*args: Any, **kwargs: Any) -> Any:
            fault = pending.pop(0) if pending else None
            if fault == "fail-before":
                raise OutcomeUnknown("connection reset")
            if fault == "refuse":
                raise StorageFailure("the disk is gone")
            if callable(fault):
                fault()
            answer = method(*args, **kwargs)
            if fault == "fail-after":
                raise OutcomeUnknown("connection reset")
            return method(*args, **kwargs) if fault == "twice" else answer

        return faulty
