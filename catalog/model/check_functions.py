"""Python checks: functions that look at the rows of a table, and which of them may run here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from catalog.dataclasses import dataclass, field
from catalog.errors import InvalidInput

CheckFunction: TypeAlias = Callable[[Any, Mapping[str, Any]], object]
"""A Python check: it takes the rows of a table, as a ``pyarrow.RecordBatchReader``, and the
parameters of the check, and returns the rows that fail it.

Rows are anything that Arrow reads: a table, a data frame of polars or pandas, a relation of DuckDB,
a list of dictionaries. None and True mean that no row fails, False that it is failed, and a whole
number how many rows fail."""


@dataclass(frozen=True, slots=True)
class CheckFunctions:
    """The Python checks that may run here.

    Attributes:
        given: Functions of this process, by the names by which checks name them.
        allowed: Names of entry points of installed packages that may run.
        everything: Whether any entry point may run.
        reservation: Why those of a configuration do not count, for messages; may be empty.
    """

    given: Mapping[str, CheckFunction] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    everything: bool = False
    reservation: str = ""


NO_FUNCTIONS = CheckFunctions()


def no_functions() -> CheckFunctions:
    """Returns that no Python check may run."""
    return NO_FUNCTIONS


GivenFunctions: TypeAlias = (
    "Mapping[str, CheckFunction] | Sequence[str] | Callable[[], CheckFunctions] | None"
)
"""Python checks as a program gives them: functions by name, or names of entry points."""


def given_functions(given: GivenFunctions) -> Callable[[], CheckFunctions]:
    """Returns what returns the Python checks that a program lets run.

    Raises:
        InvalidInput: One is neither a function nor a name.
    """
    if given is None:
        return no_functions
    if isinstance(given, Mapping):
        for name, one in given.items():
            if not callable(one):
                raise InvalidInput(f"Python check {name!r} must be a function, not {one!r}")
        functions = CheckFunctions(given=dict(given))
        return lambda: functions
    if callable(given):
        return given
    if isinstance(given, str) or not all(isinstance(name, str) for name in given):
        raise InvalidInput(
            f"Python checks are functions by name, or a list of names, not {given!r}"
        )
    allowed = CheckFunctions(allowed=frozenset(given))
    return lambda: allowed
