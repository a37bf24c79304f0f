"""Many rows of parameters for one INSERT, as few statements.

Each statement on a branch writes a data file, so a thousand rows inserted one by one are a thousand
files. Rows whose values are of the same types become one statement over lists:

    INSERT INTO t (a, b) VALUES (?, ?)         [(1, 'x'), (2, None)]
    INSERT INTO t (a, b) SELECT unnest(?), unnest(?)     [[1, 2], ['x', None]]

Values of different types are never put into one list, where DuckDB would give them one type, which
may hold some of them less exactly. What is stored is the same but for one thing: as text, a decimal
below 1 is 0.5, where DuckDB by itself makes .5 of it.
"""

import datetime
import decimal
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence

from catalog.dbapi.parameters import Parameters

BATCH_ROWS = 10_000
"""Rows of a statement: few enough to be held as Python's values, many for a data file."""

_INSERT = re.compile(
    r"""(?P<head>\s*INSERT\s+INTO\s+(?:"(?:[^"]|"")*"|[\w.])+\s*(?:\([^()?;]*\)\s*)?)
    VALUES\s*\((?P<values>\s*\?\s*(?:,\s*\?\s*)*)\)\s*;?\s*""",
    re.IGNORECASE | re.VERBOSE,
)
"""An INSERT of one row that is all parameters."""

_WHOLE = range(-(1 << 63), 1 << 63)

_PLAIN = (bool, float, str, bytes, datetime.date, datetime.timedelta, uuid.UUID)


def batches(
    operation: str, seq_of_parameters: Iterable[Parameters]
) -> Iterator[tuple[str, Parameters]]:
    """Yields what to run, in order, for a statement and many lists of parameters."""
    insert = _INSERT.fullmatch(operation)
    if insert is None:
        yield from ((operation, parameters) for parameters in seq_of_parameters)
        return
    width = insert["values"].count("?")
    rows: list[Sequence[object]] = []
    kinds: list[object] = []
    for parameters in seq_of_parameters:
        found = _kinds(parameters, width)
        joined = None if found is None else _joined(kinds, found) if rows else found
        if joined is None or len(rows) == BATCH_ROWS:
            yield from _statements(operation, insert["head"], rows)
            rows, joined = [], found
        if joined is None or not isinstance(parameters, Sequence):
            yield operation, parameters
        else:
            rows.append(parameters)
            kinds = joined
    yield from _statements(operation, insert["head"], rows)


def _statements(
    operation: str, head: str, rows: Sequence[Sequence[object]]
) -> Iterator[tuple[str, Parameters]]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    known = [any(value is not None for value in column) for column in columns]
    if len(rows) < 2 or not any(known):
        yield from ((operation, row) for row in rows)
        return
    items = ", ".join("unnest(?)" if is_known else "NULL" for is_known in known)
    yield (
        f"{head} SELECT {items}",
        [column for column, is_known in zip(columns, known, strict=True) if is_known],
    )


def _joined(kinds: Sequence[object], others: Sequence[object]) -> list[object] | None:
    """Returns the kinds of values of both rows, None if they differ; those of NULL are None."""
    pairs = list(zip(kinds, others, strict=True))
    if any(one != other for one, other in pairs if one is not None and other is not None):
        return None
    return [other if one is None else one for one, other in pairs]


def _kinds(parameters: Parameters, width: int) -> list[object] | None:
    """Returns the kinds of the values of a row; None if it must be inserted by itself."""
    if not isinstance(parameters, list | tuple) or len(parameters) != width:
        return None
    kinds = [_kind(value) for value in parameters]
    return None if "other" in kinds else kinds


def _kind(value: object) -> object:
    if value is None:
        return None
    kind = type(value)
    if kind is int:
        return kind if value in _WHOLE else "other"
    if isinstance(value, decimal.Decimal):
        _, digits, exponent = value.as_tuple()
        fits = isinstance(exponent, int) and -18 <= exponent <= 0 and len(digits) <= 18
        return (kind, exponent) if fits else "other"
    if isinstance(value, datetime.datetime | datetime.time) and kind.__module__ == "datetime":
        return kind, value.tzinfo is None
    return kind if kind in _PLAIN else "other"
