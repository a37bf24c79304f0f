"""The types of columns, as PEP 249 groups them, and the constructors of values."""

import datetime
import re

_PLAIN = re.compile(r"(?P<name>[A-Z0-9_]+(?: WITH TIME ZONE)?)(?:\(.*\))?", re.DOTALL)
"""A type that is not a list: ``DECIMAL(10,2)``, ``ENUM('a', 'b')``."""


class TypeObject:
    """A group of types; it equals the ``type_code`` of a column of one of them.

    A type code is the name of a type in DuckDB, as text.
    """

    def __init__(self, name: str, *types: str) -> None:
        """Takes the group's name, and its types without what they have in parentheses."""
        self.name = name
        self.types = frozenset(types)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            found = _PLAIN.fullmatch(other)
            return found is not None and found["name"] in self.types
        return self is other

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return self.name


STRING = TypeObject("STRING", "VARCHAR", "JSON", "ENUM", "UUID", "BIT")
"""Types whose values are texts, and UUIDs."""

BINARY = TypeObject("BINARY", "BLOB")
"""The type whose values are bytes."""

NUMBER = TypeObject(
    "NUMBER",
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "BIGNUM"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
    *("DECIMAL", "FLOAT", "DOUBLE"),
)
"""Numbers."""

DATETIME = TypeObject(
    "DATETIME",
    *("DATE", "TIME", "TIME_NS", "TIME WITH TIME ZONE"),
    *("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
)
"""Days, times of day, and moments."""

ROWID = TypeObject("ROWID")
"""No column is of this type."""

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:  # noqa: N802 - PEP 249 names it so
    """Returns the local day of a number of seconds since 1970."""
    return datetime.date.fromtimestamp(ticks)


def TimeFromTicks(ticks: float) -> datetime.time:  # noqa: N802 - PEP 249 names it so
    """Returns the local time of day of a number of seconds since 1970."""
    return datetime.datetime.fromtimestamp(ticks).time()


def TimestampFromTicks(ticks: float) -> datetime.datetime:  # noqa: N802 - PEP 249 names it so
    """Returns the local time of a number of seconds since 1970, without its zone."""
    return datetime.datetime.fromtimestamp(ticks)
