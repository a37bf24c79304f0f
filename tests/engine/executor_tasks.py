"""Tasks that worker processes can import."""

import logging
import os
import time
from dataclasses import dataclass

import duckdb

from catalog.engine.instances import lend
from catalog.errors import ErrorKind, NotFound
from catalog.hints import Call, hint


@dataclass
class Travelling:
    """What tasks have in common that hold values alone; they add what is run."""

    @property
    def size_bytes(self) -> int:
        return 1

    def packed(self) -> "Travelling":
        return self

    def cancel(self) -> None:
        pass


@dataclass
class Square(Travelling):
    number: int

    def run(self) -> tuple[int, int]:
        logging.getLogger("catalog.tests").warning("square of %d", self.number)
        return self.number**2, os.getpid()


@dataclass
class Here(Travelling):
    """One that must not travel."""

    def packed(self) -> None:  # type: ignore[override]
        return None

    def run(self) -> tuple[int, int]:
        return -1, os.getpid()


@dataclass
class NotThere(Travelling):
    def run(self) -> object:
        raise NotFound(
            "no such thing",
            kind=ErrorKind.REF_NOT_FOUND,
            hint=hint("merge it: {}", Call("merge", ("fix",))),
        )


class TwoPartsError(Exception):
    """An error that cannot be pickled."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


@dataclass
class Bug(Travelling):
    def run(self) -> object:
        raise TwoPartsError(1, 2)


@dataclass
class Ends(Travelling):
    """One whose process ends: by a signal, or by an exit code."""

    signal: int = 0
    code: int = 0

    def run(self) -> object:
        if self.signal:
            os.kill(os.getpid(), self.signal)
        os._exit(self.code)


@dataclass
class Counts(Travelling):
    """One that works in an engine for hours, and notes when that has begun."""

    mark: str

    def run(self) -> object:
        with open(self.mark, "w") as file:
            file.write(str(os.getpid()))
        query = "SELECT sum(sin(a * b)) FROM range(1000000) x(a), range(1000000) y(b)"
        try:
            return lend().execute(query).fetchall()
        except duckdb.InterruptException:
            with open(f"{self.mark}.ended", "w"):
                pass
            raise


@dataclass
class Waits(Travelling):
    def run(self) -> object:
        time.sleep(60)
        return None


@dataclass
class Calls(Travelling):
    function: object

    def run(self) -> object:
        return None
