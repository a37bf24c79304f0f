"""A store that fails by plan: before a write, after it, by sending it twice.

``FaultyStore`` in ``wrappers`` fails the next calls of a method; here a plan decides for
every write, by its path, from a script or from a seed.
"""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from catalog.errors import StorageFailure
from catalog.storage.store import OutcomeUnknown

from .wrappers import WrapperStore

Fault = Literal["lost-before", "lost-after", "twice", "refused", "failed-after"]
"""What happens to a write.

- ``lost-before``: it never reached the store, and there is no answer.
- ``lost-after``: it landed, and there is no answer.
- ``twice``: it was sent twice, as network libraries do; the second answer counts.
- ``refused``: the store said no, and nothing landed.
- ``failed-after``: it landed, and then the store failed.
"""

FAULTS: tuple[Fault, ...] = ("lost-before", "lost-after", "twice", "refused", "failed-after")


@dataclass(frozen=True, slots=True)
class Around:
    """Is what others do around a write, instead of a fault: no test sleeps.

    Attributes:
        before: Runs before the write is sent.
        after: Runs once it has landed, before its answer.
    """

    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None


Event: TypeAlias = Fault | Around | None
Plan = Callable[[str, str], Event]
"""Given a method (``create`` or ``swap``) and a path, says what happens."""


def nothing(method: str, path: str) -> Event:
    """Is the plan by which all goes well."""
    return None


def scripted(*events: Event, method: str = "", prefix: str = "") -> Plan:
    """Returns a plan for the next writes that match, one event each; then all goes well.

    Args:
        events: What happens, in order.
        method: ``create`` or ``swap``; empty means both.
        prefix: How the path begins.
    """
    pending = list(events)
    lock = threading.Lock()

    def plan(called: str, path: str) -> Event:
        with lock:
            if not pending or (method and called != method) or not path.startswith(prefix):
                return None
            return pending.pop(0)

    return plan


def seeded(seed: int, share: float, among: Sequence[Fault] = FAULTS) -> Plan:
    """Returns a plan by which a share of all writes fails, the same for the same seed."""
    draw = random.Random(seed)
    lock = threading.Lock()

    def plan(method: str, path: str) -> Event:
        with lock:
            return draw.choice(among) if draw.random() < share else None

    return plan


class PlannedStore(WrapperStore):
    """Passes everything on to another store, but for what its plan says of a write.

    Attributes:
        plan: What happens to the writes to come.
        happened: Method, path and fault of the writes that failed.
    """

    def __init__(self, inner: Any, plan: Plan = nothing) -> None:
        super().__init__(inner)
        self.plan = plan
        self.happened: list[tuple[str, str, Fault]] = []

    def create(self, path: str, data: bytes) -> str:
        return self._write("create", path, lambda: str(self.inner.create(path, data)))

    def swap(self, path: str, data: bytes, *, version: str) -> str:
        return self._write("swap", path, lambda: str(self.inner.swap(path, data, version=version)))

    def _write(self, method: str, path: str, send: Callable[[], str]) -> str:
        event = self.plan(method, path)
        if isinstance(event, Around):
            if event.before is not None:
                event.before()
            answer = send()
            if event.after is not None:
                event.after()
            return answer
        if event is None:
            return send()
        self.happened.append((method, path, event))
        match event:
            case "lost-before":
                raise OutcomeUnknown("the connection broke")
            case "lost-after":
                send()
                raise OutcomeUnknown("the connection broke")
            case "refused":
                raise StorageFailure("the store is out of order")
            case "failed-after":
                send()
                raise StorageFailure("the store is out of order")
            case "twice":
                send()
                return send()
