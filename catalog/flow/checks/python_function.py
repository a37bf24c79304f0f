"""Calls a Python check: finds the function, and reads what it returns, whatever that is."""

import contextlib
import copy
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.messages import shown
from catalog.model.check_functions import CheckFunction, CheckFunctions
from catalog.model.check_rules import FUNCTION

GROUP = "parquetry.checks"
"""The group of entry points in which packages offer Python checks."""

LONGEST_REASON = 1000
"""Characters that are shown of what a function raises."""

_INDEX = "__index_level_"
"""How columns begin that pandas makes of an index that has no name."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a Python check found.

    Attributes:
        failures: How many rows fail.
        rows: Some of the rows that fail, as far as it returned rows.
    """

    failures: int
    rows: pa.Table | None = None


def find_function(name: str, functions: CheckFunctions) -> CheckFunction:
    """Returns the function of a Python check: one of this process, or an entry point.

    That a package offers it is not enough: what a catalog names runs only if the user says so.

    Raises:
        InvalidInput: It may not run here, or there is none.
    """
    given = functions.given.get(name)
    if given is not None:
        return given
    if not functions.everything and name not in functions.allowed:
        reservation = f" ({functions.reservation})" if functions.reservation else ""
        raise InvalidInput(
            f"nobody has allowed the Python check {name!r} to run{reservation}",
            kind=ErrorKind.COMMAND_REFUSED,
            hint="look at what it does; then let it run by its name: in python_checks of your own "
            "parquetry.toml, or in check_functions of catalog.open",
        )
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        raise InvalidInput(
            f"no installed package offers the Python check {name!r}",
            kind=ErrorKind.BAD_CHECK,
            hint=f"install one that has it in its entry points {GROUP}",
        )
    if len({one.value for one in found}) > 1:
        offered = ", ".join(sorted(f"{_package(one)} as {one.value}" for one in found))
        raise InvalidInput(
            f"several installed packages offer the Python check {name!r}: {offered}",
            kind=ErrorKind.BAD_CHECK,
        )
    try:
        function = found[0].load()
    except (Exception, SystemExit) as error:  # importing runs code of the package
        raise InvalidInput(
            f"the Python check {name!r} cannot be imported from {found[0].value}: "
            f"{reason_of(error)}",
            kind=ErrorKind.BAD_CHECK,
        ) from error
    if not callable(function):
        raise InvalidInput(
            f"the Python check {name!r}, {found[0].value}, is not a function",
            kind=ErrorKind.BAD_CHECK,
        )
    offered_function: CheckFunction = function
    return offered_function


def _package(one: EntryPoint) -> str:
    return one.dist.name if one.dist is not None else "one"


def call(
    function: CheckFunction,
    rows: pa.RecordBatchReader,
    parameters: Mapping[str, Any],
    *,
    most_rows: int | None,
) -> Answer:
    """Calls a Python check, and reads what it returns; what it prints goes to stderr.

    Args:
        function: The function.
        rows: The rows of the table.
        parameters: The parameters of the check; it gets a copy.
        most_rows: How many of the rows that fail to keep; None for all.

    Raises:
        InvalidInput: It fails, or returns something that says nothing about rows.
    """
    config = copy.deepcopy({k: v for k, v in parameters.items() if k != FUNCTION})
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return _answer(function(rows, config), most_rows)
    except InvalidInput:
        raise
    except (Exception, SystemExit) as error:
        raise InvalidInput(reason_of(error), kind=ErrorKind.BAD_CHECK) from error


def reason_of(error: BaseException) -> str:
    """Returns what an error of somebody's code says, shortened."""
    text = shown(f"{type(error).__name__}: {error}".strip())
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"


def _answer(value: object, most_rows: int | None) -> Answer:
    """Reads what a Python check returns.

    Raises:
        InvalidInput: It says nothing about rows.
    """
    if not hasattr(value, "__arrow_c_stream__") and getattr(value, "ndim", None) == 0:
        value = value.item()  # type: ignore[attr-defined] # a scalar of numpy
    if value is None or value is True:
        return Answer(0)
    if value is False:
        return Answer(1)
    if isinstance(value, int):
        if value < 0:
            raise _nonsense(f"{value}, which is no number of rows")
        return Answer(value)
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if isinstance(value, list | tuple):
        if not all(isinstance(one, Mapping) for one in value):
            raise _nonsense("a list of something else than dictionaries")
        rows = pa.Table.from_pylist([dict(one) for one in value]) if value else pa.table({})
        return _counted(rows.to_reader(), most_rows)
    if isinstance(value, pa.RecordBatchReader):
        return _counted(value, most_rows)
    if hasattr(value, "__arrow_c_stream__"):
        return _counted(pa.RecordBatchReader.from_stream(value), most_rows)
    raise _nonsense(f"a {type(value).__name__}, which is neither rows nor a number of them")


def _nonsense(what: str) -> InvalidInput:
    return InvalidInput(
        f"it returned {what}",
        kind=ErrorKind.BAD_CHECK,
        hint="return the rows that fail, their number, or None if none do",
    )


def _counted(reader: pa.RecordBatchReader, most_rows: int | None) -> Answer:
    """Counts rows, and keeps the first of them."""
    count = kept_rows = 0
    kept: list[pa.RecordBatch] = []
    for batch in reader:
        count += batch.num_rows
        room = batch.num_rows if most_rows is None else most_rows - kept_rows
        if room > 0 and batch.num_rows:
            kept.append(batch.slice(0, room))
            kept_rows += kept[-1].num_rows
    rows = pa.Table.from_batches(kept, reader.schema)
    names = [name for name in rows.column_names if not name.startswith(_INDEX)]
    if len(names) < len(rows.column_names):
        rows = rows.select(names)
    return Answer(count, rows)
