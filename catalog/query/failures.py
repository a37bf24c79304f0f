"""Errors of queries: DuckDB's errors as the catalog's, and tables that do not exist."""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import duckdb

from catalog.engine.failures import engine_failure
from catalog.errors import CatalogError, ErrorKind, InvalidInput, NotFound

LISTED_TABLES = 20
"""Tables that a hint lists where no name is similar; a longer list would not help."""

_MISSING_TABLE = re.compile(r"Table with name (.+?) does not exist")

_EXCERPT = re.compile(r"\s*\nLINE \d+: (?P<line>[^\n]*)\n[^\n]*", re.DOTALL)
"""DuckDB's excerpt of the statement, with a mark below."""


def unknown_table(name: str, where: str, names: Sequence[str]) -> NotFound:
    """Returns the error for a table that does not exist ``where`` it was expected: ``at main~1``.

    The hint lists similar names among those that exist there.
    """
    folded = {known.casefold(): known for known in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
    if near:
        hint = f"did you mean {' or '.join(folded[one] for one in near)}?"
    elif names:
        hint = f"its tables are: {', '.join(names[:LISTED_TABLES])}"
    else:
        hint = "it has no tables"
    return NotFound(f"no table {name!r} {where}", kind=ErrorKind.TABLE_NOT_FOUND, hint=hint)


@contextmanager
def translated(
    statement: str = "", *, missing: Callable[[str], CatalogError | None] | None = None
) -> Iterator[None]:
    """Raises DuckDB's errors as the catalog's.

    Args:
        statement: The user's text; an excerpt of anything else is left out of messages.
        missing: Returns a better error for the name of a table that DuckDB did not find.

    Raises:
        InvalidInput: DuckDB refused the statement.
        NotFound: A table does not exist.
        CorruptData: A file is damaged, missing or changed.
        StorageFailure: The machine failed: no memory, no space, too many open files.
    """
    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        own = engine_failure(error)
        if own is not None:
            raise own from error
        found = _MISSING_TABLE.search(str(error))
        better = missing(found[1].strip('"')) if found and missing is not None else None
        message = str(error).strip()
        excerpt = _EXCERPT.search(message)
        if excerpt is not None and excerpt["line"].strip(". ") not in statement:
            message = message[: excerpt.start()] + message[excerpt.end() :]
        raise better or InvalidInput(message.strip(), kind=ErrorKind.SQL_ERROR) from error
