"""DuckDB's failures as the catalog's errors: no memory, no space, data that cannot be read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from catalog.errors import CatalogError, CorruptData, StorageFailure, Unsupported

_UNREADABLE = re.compile(r"[Ff]ailed to read (?:Parquet )?file \"([^\"]+)\"[:\s]*(.*)", re.DOTALL)


_OWN = re.compile(r"^(\w+): (.*)\Z", re.DOTALL | re.MULTILINE)


def from_filesystem(error: duckdb.Error) -> CatalogError | None:
    """Returns the catalog's error that reading a file raised inside of DuckDB; None if none did.

    DuckDB passes on its text only, as the last line of a traceback.
    """
    text = str(error)
    if "Traceback" not in text:
        return None
    found = _OWN.search(text, text.rfind("\n") + 1)
    kinds = {kind.__name__: kind for kind in (CorruptData, StorageFailure, Unsupported)}
    return kinds[found[1]](found[2]) if found is not None and found[1] in kinds else None


@contextmanager
def engine_errors() -> Iterator[None]:
    """Raises the catalog's errors for what DuckDB could not do.

    Raises:
        CorruptData: A data file is damaged, or gone.
        StorageFailure: Memory or disk did not suffice.
    """
    try:
        with _filesystem_errors():
            yield
    except duckdb.OutOfMemoryException as error:
        raise StorageFailure(
            f"the memory does not suffice: {_first_line(error)}",
            kind="out-of-memory",
            hint="allow more with --memory-limit, or fewer --threads",
        ) from error
    except (duckdb.InvalidInputException, duckdb.IOException) as error:
        found = _UNREADABLE.search(str(error))
        if found is not None:
            reason = found[2].strip().partition("\n")[0]
            raise CorruptData(
                f"{found[1]} cannot be read: {reason}",
                kind="damaged-parquet",
                hint="restore the file from a backup, or snapshot the table again",
            ) from error
        if isinstance(error, duckdb.IOException):
            raise StorageFailure(f"reading or spilling failed: {_first_line(error)}") from error
        raise
    except duckdb.Error as error:
        if "TProtocolException" not in str(error):
            raise
        raise CorruptData(
            f"a data file cannot be read: {_first_line(error)}",
            kind="damaged-parquet",
            hint="restore the file from a backup, or snapshot the table again",
        ) from error


@contextmanager
def _filesystem_errors() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        own = from_filesystem(error)
        if own is not None:
            raise own from error
        raise


def _first_line(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0]
