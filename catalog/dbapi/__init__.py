"""Python's interface for databases (PEP 249), so that ``table@ref`` works in tools that use it.

>>> import catalog.dbapi
>>> connection = catalog.dbapi.connect("lake")  # doctest: +SKIP
>>> cursor = connection.execute("SELECT count(*) FROM orders@main~1")  # doctest: +SKIP
>>> cursor.fetchone()  # doctest: +SKIP
(166088,)
"""

from catalog.dbapi.connection import Connection, connect
from catalog.dbapi.cursor import Cursor
from catalog.dbapi.errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)
from catalog.dbapi.types import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
)

apilevel = "2.0"
"""The version of PEP 249."""

threadsafety = 2
"""Threads may share the module and connections, which then work in turn, but not cursors."""

paramstyle = "qmark"
"""Parameters are written ``?``; ``$name`` works too, with a mapping of values."""

__all__ = [
    "apilevel",
    "threadsafety",
    "paramstyle",
    "connect",
    "Connection",
    "Cursor",
    "Warning",
    "Error",
    "InterfaceError",
    "DatabaseError",
    "DataError",
    "OperationalError",
    "IntegrityError",
    "InternalError",
    "ProgrammingError",
    "NotSupportedError",
    "STRING",
    "BINARY",
    "NUMBER",
    "DATETIME",
    "ROWID",
    "Date",
    "Time",
    "Timestamp",
    "Binary",
    "DateFromTicks",
    "TimeFromTicks",
    "TimestampFromTicks",
]
