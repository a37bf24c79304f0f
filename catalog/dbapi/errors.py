"""The exceptions of PEP 249, and which of them stands for an error of the catalog."""

import builtins
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from catalog.errors import (
    AlreadyExists,
    CatalogError,
    ErrorKind,
    GateRefused,
    InvalidInput,
    NotFound,
    Unsupported,
)


class Warning(builtins.Warning):  # noqa: A001 - PEP 249 names it so
    """What to know about something that was done, such as keys that occur twice now."""


class Error(Exception):
    """Base class of the errors.

    Attributes:
        message: What failed, and why.
        kind: A stable word for programs, as that of ``catalog.CatalogError``.
        hint: What helps; empty if nothing does.
    """

    def __init__(self, message: str, *, kind: ErrorKind = ErrorKind.ERROR, hint: str = "") -> None:
        super().__init__(f"{message}\nhint: {hint}" if hint else message)
        self.message = message
        self.kind = kind
        self.hint = hint


class InterfaceError(Error):
    """A connection or a cursor was used wrongly, such as after it was closed."""


class DatabaseError(Error):
    """Something is wrong with the catalog, or with what was asked of it."""


class DataError(DatabaseError):
    """A value is not one of its type, or out of its range."""


class OperationalError(DatabaseError):
    """Storage failed, stored data are damaged, or somebody else's change is in the way."""


class IntegrityError(DatabaseError):
    """Rows would share a key, or a check or a contract does not let a commit through."""


class InternalError(DatabaseError):
    """DuckDB failed inside."""


class ProgrammingError(DatabaseError):
    """The SQL is not valid, or what it names does not exist."""


class NotSupportedError(DatabaseError):
    """It cannot be done, such as writing on a connection that reads."""


_BY_KIND: dict[ErrorKind, type[DatabaseError]] = {
    ErrorKind.CATALOG_NOT_FOUND: OperationalError,
    ErrorKind.BUCKET_NOT_FOUND: OperationalError,
    ErrorKind.OBJECT_NOT_FOUND: OperationalError,
    ErrorKind.DUPLICATE_KEY: IntegrityError,
    ErrorKind.BAD_DATA: DataError,
    ErrorKind.PARTITION_VALUE: DataError,
    ErrorKind.UNWRITABLE_VALUE: DataError,
}

_BY_CATEGORY: tuple[tuple[type[CatalogError], type[DatabaseError]], ...] = (
    (Unsupported, NotSupportedError),
    (GateRefused, IntegrityError),
    (InvalidInput, ProgrammingError),
    (NotFound, ProgrammingError),
    (AlreadyExists, ProgrammingError),
)
"""What else there is, conflicts, storage and damage, is the ``OperationalError``."""

_BY_ENGINE: tuple[tuple[type[duckdb.Error], type[DatabaseError]], ...] = (
    (duckdb.DataError, DataError),
    (duckdb.IntegrityError, IntegrityError),
    (duckdb.NotSupportedError, NotSupportedError),
    (duckdb.InternalError, InternalError),
    (duckdb.ProgrammingError, ProgrammingError),
)

_HINTS = {
    ErrorKind.READ_ONLY: "connect(…, branch='main') makes a connection that writes, "
    "or make a CREATE TEMP TABLE",
    ErrorKind.IN_TRANSACTION: "call commit() or rollback() of the connection instead",
}
"""What helps here where a session of the catalog would be told something else."""


@contextmanager
def translated() -> Iterator[None]:
    """Raises errors of the catalog and of DuckDB as those of PEP 249."""
    try:
        yield
    except (CatalogError, duckdb.Error) as error:
        raise database_error(error) from error


def database_error(error: CatalogError | duckdb.Error) -> DatabaseError:
    """Returns what PEP 249 has for an error, with the message, kind and hint of the catalog's."""
    if isinstance(error, duckdb.InterruptException):
        return OperationalError("the statement was interrupted")
    if isinstance(error, duckdb.Error):
        return _engine_error(error)(str(error))
    hint = error.hint
    if error.kind in _HINTS and (error.kind != ErrorKind.READ_ONLY or type(error) is Unsupported):
        hint = _HINTS[error.kind]
    return _class(error)(error.message, kind=error.kind, hint=hint)


def _class(error: CatalogError) -> type[DatabaseError]:
    if error.kind == ErrorKind.SQL_ERROR and isinstance(error.__cause__, duckdb.Error):
        return _engine_error(error.__cause__)
    if error.kind in _BY_KIND:
        return _BY_KIND[error.kind]
    for category, found in _BY_CATEGORY:
        if isinstance(error, category):
            return found
    return OperationalError


def _engine_error(error: duckdb.Error) -> type[DatabaseError]:
    for category, found in _BY_ENGINE:
        if isinstance(error, category):
            return found
    return OperationalError
