"""The library that reads Delta, and what its errors mean."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from catalog.errors import CorruptData, ErrorKind, NotFound, Unsupported
from catalog.messages import masked

if TYPE_CHECKING:
    from deltalake import DeltaTable


def open_version(path: str, version: int, *, shown: str) -> "DeltaTable":
    """Opens a version of a table in a directory, which errors call as ``shown``.

    Raises:
        Unsupported: The library is not installed, or does not know a feature of the table.
        CorruptData: The log is damaged.
        NotFound: There is no table.
    """
    try:
        from deltalake import DeltaTable
    except ImportError as error:
        raise not_installed() from error
    with delta_errors(shown):
        return DeltaTable(path, version=version)


def as_table(found: Any) -> pa.Table:
    """Returns a table of the library as Arrow's; ``pa.table`` would import pandas for that."""
    return pa.RecordBatchReader.from_stream(found).read_all()


def not_installed() -> Unsupported:
    """Returns the error for a table that cannot be read since the library is missing."""
    return Unsupported(
        "the library that reads tables of Delta is not installed: deltalake",
        kind=ErrorKind.EXTRA_NOT_INSTALLED,
        hint="pip install 'parquetry[delta]'",
    )


@contextmanager
def delta_errors(uri: str) -> Iterator[None]:
    """Raises the catalog's errors for those of the library.

    Raises:
        Unsupported: The table has a feature that the library does not know.
        CorruptData: The log is damaged.
        NotFound: There is no table.
    """
    from deltalake.exceptions import DeltaError, DeltaProtocolError, TableNotFoundError

    try:
        yield
    except TableNotFoundError as error:
        raise NotFound(
            f"there is no table of Delta at {uri}: {_reason(error)}",
            kind=ErrorKind.SOURCE_NOT_FOUND,
        ) from error
    except DeltaProtocolError as error:
        raise _unknown(uri, _reason(error)) from error
    except (DeltaError, OSError, ValueError) as error:
        reason = _reason(error)
        if "empty schema" in reason:
            raise Unsupported(
                f"{uri} is a table of Delta without columns",
                kind=ErrorKind.UNSUPPORTED_FEATURE,
                hint="take a version that has some",
            ) from error
        if "nsupported" in reason or "not supported" in reason:
            raise _unknown(uri, reason) from error
        raise CorruptData(
            f"the log of {uri} cannot be read: {reason}",
            kind=ErrorKind.LOG_DAMAGED,
            hint="restore the log, or take an older version that can still be read",
        ) from error


def _unknown(uri: str, reason: str) -> Unsupported:
    return Unsupported(
        f"{uri} is a table of Delta with a feature that is not supported: {reason}",
        kind=ErrorKind.UNSUPPORTED_FEATURE,
        hint="write its current rows to plain Parquet with a reader that knows it",
    )


_TRACE = re.compile(r"\s+0: .*\b1: .*")
"""The places in the library's code that some of its errors end with."""


def _reason(error: BaseException) -> str:
    said = _TRACE.sub("", " ".join(str(error).split()))
    return masked(said.removeprefix("Kernel error: "))[:500]
