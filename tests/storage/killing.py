"""A store that ends at one of its operations, as a process that is killed does."""

from typing import Any

from catalog.catalog import Catalog
from catalog.repository import repository as stored
from tests.storage.wrappers import WrapperStore

WRITES = frozenset({"create", "swap", "put", "stage", "take_over", "publish", "adopt"})


class Killed(BaseException):
    """The process is no more."""


class KillingStore(WrapperStore):
    """Ends at one of its operations: from then on nothing reaches the store any more.

    Attributes:
        calls: The operations so far.
        at: The number of the operation at which it ends; 0 means never.
        after: Whether that operation is still done.
    """

    def __init__(self, inner: Any, *, at: int = 0, after: bool = True) -> None:
        super().__init__(inner)
        self.at, self.after = at, after
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if not callable(method):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            number = len(self.calls)
            if self.at and (number > self.at or (number == self.at and not self.after)):
                raise Killed
            answer = method(*args, **kwargs)
            if number == self.at:
                raise Killed
            return answer

        return call


def opened(store: Any) -> Catalog:
    return Catalog("lake", stored.open_existing(store), author="tester")
