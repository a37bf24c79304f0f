"""Answers of the Iceberg REST protocol, and errors in its form."""

import json
from collections.abc import Mapping

from catalog.dataclasses import dataclass, field
from catalog.errors import (
    CatalogError,
    Conflict,
    CorruptData,
    ErrorKind,
    InvalidInput,
    NotFound,
    StorageFailure,
    Unsupported,
)
from catalog.messages import shown

NO_NAMESPACE = "NoSuchNamespaceException"
NO_TABLE = "NoSuchTableException"
UNSUPPORTED = "UnsupportedOperationException"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a request.

    Attributes:
        status: The status of HTTP.
        body: JSON in UTF-8; empty if there is none.
        headers: Further headers.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


EMPTY = Answer(204)
"""It exists; that was the question."""


def answered(value: object, **headers: str) -> Answer:
    """Returns the answer that is a JSON value."""
    return Answer(200, json.dumps(value, ensure_ascii=False).encode(), headers)


def refused(
    status: int, kind: str, message: str, *, headers: Mapping[str, str] | None = None
) -> Answer:
    """Returns an error as clients of Iceberg understand it.

    Args:
        status: The status of HTTP.
        kind: The class that Iceberg has for it, e.g. ``NoSuchTableException``.
        message: What is wrong, for people; secrets in it are masked.
        headers: Further headers.
    """
    error = {"message": shown(message), "type": kind, "code": status}
    body = json.dumps({"error": error}).encode()
    return Answer(status, body, {} if headers is None else headers)


def failed(error: CatalogError) -> Answer:
    """Returns an error of the catalog as clients of Iceberg understand it."""
    status, kind = _status(error)
    advice = "" if error.advice.parts else error.hint  # calls are for who writes Python
    return refused(status, kind, f"{error.message}; {advice}" if advice else error.message)


_LASTING = frozenset(
    {
        ErrorKind.NO_CREDENTIALS,
        ErrorKind.NO_SPACE,
        ErrorKind.NOT_PERMITTED,
    }
)
"""Failures of the storage that another attempt meets again."""


def _status(error: CatalogError) -> tuple[int, str]:
    """Returns the status of an error, and the class that Iceberg has for it."""
    match error:
        case NotFound(kind=ErrorKind.TABLE_NOT_FOUND):
            return 404, NO_TABLE
        case NotFound(kind=ErrorKind.REF_NOT_FOUND):
            return 404, NO_NAMESPACE
        case NotFound():
            return 404, "NotFoundException"
        case InvalidInput():
            return 400, "BadRequestException"
        case Unsupported():
            return 501, UNSUPPORTED
        case Conflict():
            return 409, "ConflictException"
        case CorruptData():
            return 500, "CorruptDataException"
        case StorageFailure() if error.kind not in _LASTING:
            return 503, "ServiceUnavailableException"
    return 500, "InternalServerError"
