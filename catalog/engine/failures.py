"""DuckDB's failures as the catalog's errors: out of memory or space, unreadable data."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from catalog.errors import CatalogError, CorruptData, ErrorKind, StorageFailure, Unsupported
from catalog.storage.failures import machine_failure

_GONE = "No files found"

_DAMAGED = (
    (r"[Ff]ailed to read (?:Parquet )?file [\"'](?P<file>[^\"']+)[\"'][:\s]*(?P<why>[^\n]*)"),
    r"(?P<why>No magic bytes found at end) of file '(?P<file>[^']+)'",
    (  # a file of the catalog, by its name
        rf"(?P<why>{_GONE}) that match the pattern "
        r"\"(?P<file>[^\"*?]*[/\\][0-9a-f]{64}(?:-[0-9a-f]+)*\.parquet)\""
    ),
    r"(?P<why>Footer length error) in file '(?P<file>[^']+)'",
    r"(?P<why>Invalid footer length) provided for file '(?P<file>[^']+)'",
    r"File '(?P<file>[^']+)' (?P<why>too small to be a Parquet file)",
    r"(?P<file>Parquet file) is (?P<why>corrupt: [^\n]*)",
    r"(?P<why>Could not read enough bytes) from file \"(?P<file>[^\"]+)\"",
    r"(?P<why>Invalid string encoding) found in Parquet file \"(?P<file>[^\"]+)\"",
    r"Parquet file \((?P<file>[^)]+)\) (?P<why>corrupted: [^\n]*)",
    r"(?P<why>Prefetch registered for bytes outside file): (?P<file>[^,]+),",
    r"(?P<file>Parquet file) has (?P<why>invalid block sizes[^\n]*)",
)

_DAMAGED_SOMEWHERE = (
    r"Error: (?:Int96 timestamp is out of range|Invalid TIME value|DELTA_\w+ - |DECIMAL requires"
    r"|MAP_KEY_VALUE|Geoparquet column|Unsupported converted type|Mismatch in parquet read"
    r"|\w+ converted type can only be set|Perfect hash aggregate: )"
)
"""How errors of reading begin that name no file. Aggregation over values beyond the bounds in a
file's statistics is one of them."""

_UNKNOWN_TO_PARQUET = r"Can't convert VARIANT of type '(\w+)'"

_OWN = {kind.__name__: kind for kind in (CorruptData, StorageFailure, Unsupported)}
"""Errors of ours that reading a file may raise, by name."""

_RAISED = rf"(?m)^({'|'.join(_OWN)}): "
"""Begins the text of such an error at the end of a traceback."""


@contextmanager
def engine_errors() -> Iterator[None]:
    """Raises DuckDB's failures as the catalog's errors.

    Arrow passes on only the text of those that end a stream of batches.

    Raises:
        CorruptData: A data file is damaged or missing.
        StorageFailure: Memory or disk space ran out.
        Unsupported: A value cannot be handed over.
    """
    try:
        yield
    except OSError as error:
        passed_on = error.errno is None
        failure: CatalogError | None = machine_failure(error) if passed_on else None
        if passed_on and failure is None:
            failure = engine_failure(duckdb.DataError(str(error)))
        if failure is None:
            raise
        raise failure from error
    except duckdb.Error as error:
        own = engine_failure(error)
        if own is not None:
            raise own from error
        if isinstance(error, duckdb.IOException):
            raise StorageFailure(f"reading or spilling failed: {_first_line(error)}") from error
        raise


def engine_failure(error: duckdb.Error) -> CatalogError | None:
    """Returns the catalog's error where the machine or a file fails DuckDB; None for others."""
    failure = machine_failure(error)
    if failure is not None and failure.kind == ErrorKind.OUT_OF_MEMORY:
        return StorageFailure(
            f"out of memory: {_first_line(error)}",
            kind=ErrorKind.OUT_OF_MEMORY,
            hint="raise the memory limit, or use fewer threads",
        )
    variant = re.search(_UNKNOWN_TO_PARQUET, str(error))
    if variant is not None:
        return Unsupported(
            f"a VARIANT value of type {variant[1]} cannot be handed over",
            kind=ErrorKind.UNWRITABLE_VALUE,
            hint="cast the column to VARCHAR, or leave it out",
        )
    return failure or file_error(error)


def file_error(error: duckdb.Error) -> CatalogError | None:
    """Returns the catalog's error for a file that DuckDB could not read; None for other errors.

    If our own code raised while it read for DuckDB, DuckDB keeps only the text of that error, at
    the end of a traceback, and may add the place in the SQL. A damaged page inside a file ends in
    a plain ``duckdb.Error`` that does not name the file.
    """
    if "Traceback" in str(error):
        *_, raised = None, *re.finditer(_RAISED, str(error))
        if raised is None:
            return None
        return _OWN[raised[1]](str(error)[raised.end() :].partition("\n\nLINE ")[0].strip())
    texts = (re.search(pattern, str(error)) for pattern in _DAMAGED)
    found = next((match for match in texts if match is not None), None)
    named = found is not None or re.search(_DAMAGED_SOMEWHERE, str(error)) is not None
    if not named and type(error) is not duckdb.Error:
        return None
    if found is not None and found["why"] == _GONE:
        try:
            os.stat(found["file"])
        except OSError as cause:  # DuckDB finds no files in what it may not look into
            failure = machine_failure(cause, f"cannot look at {found['file']}")
            if failure is not None:
                return failure
        else:
            return StorageFailure(
                f"{found['file']} was not found, though it is there now",
                hint="check the disk or the network file system, then run it again",
            )
    file, why = (found["file"], found["why"]) if found else ("a data file", _first_line(error))
    return CorruptData(
        f"{file} cannot be read: {why.strip()}",
        kind=ErrorKind.FILE_CHANGED if why == _GONE else ErrorKind.DAMAGED_PARQUET,
        hint="restore the file from a backup, or snapshot the table again",
    )


def _first_line(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0]
