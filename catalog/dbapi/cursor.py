"""Cursors: one statement after another, and the rows of the last."""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from catalog.dbapi.batches import batches
from catalog.dbapi.errors import InterfaceError, ProgrammingError, Warning
from catalog.dbapi.parameters import Parameters
from catalog.engine.frames import pandas_frame, polars_frame
from catalog.errors import ErrorKind
from catalog.query.results import Outcome, RowStream

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

T = TypeVar("T")

Description: TypeAlias = tuple[str, str, None, None, int | None, int | None, None]
"""A column: its name, its type in DuckDB, and the precision and scale of a decimal."""

_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


class Owner(Protocol):
    """What a cursor needs of its connection."""

    def run(self, operation: str, parameters: Parameters) -> Outcome:
        """Runs statements."""

    def read(self, fetch: Callable[[], T]) -> T:
        """Fetches rows while nobody else uses the connection."""

    def drop(self, rows: RowStream) -> None:
        """Gives up rows while nobody else uses the connection."""

    def check_open(self) -> None:
        """Raises an error if the connection was closed."""


class Cursor:
    """Runs statements, and fetches the rows of the last.

    Rows are read as they are fetched. What is left of them is read into memory when another
    cursor of the connection runs a statement.

    Attributes:
        arraysize: How many rows ``fetchmany`` returns unless it is told.
        connection: The connection.
        description: The columns of the last result; None if it has none.
        rowcount: How many rows the last statement changed; -1 if it did not, or it is not known.
    """

    def __init__(self, connection: Owner) -> None:
        """Takes the connection; see ``Connection.cursor``."""
        self.connection = connection
        self.arraysize = 1
        self.description: list[Description] | None = None
        self.rowcount = -1
        self._rows: RowStream | None = None
        self._is_closed = False

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives up the rows that were not fetched; nothing can be run any longer."""
        self._forget()
        self._is_closed = True

    def execute(self, operation: str, parameters: Parameters = None) -> "Cursor":
        """Runs statements, separated by semicolons.

        Args:
            operation: SQL in which tables may carry ``@ref``.
            parameters: Values of the last statement's parameters: a list for ``?``, a mapping
                for ``$name``.

        Returns:
            The cursor.

        Raises:
            ProgrammingError: The SQL is not valid, or what it names does not exist.
            NotSupportedError: It writes to a table of the catalog, and the connection does not.
        """
        outcome = self._run(operation, parameters)
        self._rows = outcome.rows
        self.rowcount = -1 if outcome.changed is None else outcome.changed
        if outcome.rows is not None:
            self.description = [_described(*column) for column in outcome.rows.columns]
        return self

    def executemany(self, operation: str, seq_of_parameters: Iterable[Parameters]) -> "Cursor":
        """Runs a statement that writes once for each of several lists of parameters.

        An ``INSERT … VALUES (?, …)`` is run for many rows at a time.

        Args:
            operation: SQL; its last statement is the one that takes the parameters.
            seq_of_parameters: Values, as for ``execute``.

        Raises:
            ProgrammingError: The SQL is not valid, or it is a query.
        """
        self._check_open()
        self._forget()
        changed = 0
        for text, parameters in batches(_text(operation), seq_of_parameters):
            outcome = self._run(text, parameters)
            if outcome.rows is not None:
                self.connection.drop(outcome.rows)
                raise ProgrammingError(
                    "executemany() is for statements that write, and this one has a result",
                    kind=ErrorKind.SQL_ERROR,
                    hint="run it by execute() for each list of parameters",
                )
            changed += outcome.changed or 0
        self.rowcount = changed
        return self

    def fetchone(self) -> tuple[object, ...] | None:
        """Returns the next row, None after the last.

        Raises:
            ProgrammingError: There is no result to fetch from.
        """
        found = self._fetch(1)
        return found[0] if found else None

    def fetchmany(self, size: int | None = None) -> list[tuple[object, ...]]:
        """Returns the next rows, none after the last; no more than these are read into memory.

        Args:
            size: How many at most; None means ``arraysize``.

        Raises:
            ProgrammingError: There is no result to fetch from, or the size is not one.
        """
        wanted = self.arraysize if size is None else size
        if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 0:
            raise ProgrammingError(f"cannot fetch {wanted!r} rows", kind=ErrorKind.INVALID_INPUT)
        return self._fetch(wanted)

    def fetchall(self) -> list[tuple[object, ...]]:
        """Returns all rows that were not fetched yet.

        Raises:
            ProgrammingError: There is no result to fetch from.
        """
        return self._fetch(None)

    def fetch_arrow_table(self) -> "pa.Table":
        """Returns the rows that were not fetched yet as an Arrow table.

        Raises:
            ProgrammingError: There is no result to fetch from.
            NotSupportedError: Another cursor's statement made values of Python of them, of a type
                that Arrow has more precisely.
        """
        rows = self._open_rows()
        return self.connection.read(rows.to_arrow)

    def fetch_df(self) -> "pd.DataFrame":
        """Returns the rows that were not fetched yet as a pandas frame.

        Raises:
            ProgrammingError: There is no result to fetch from.
            NotSupportedError: pandas is not installed, or as for ``fetch_arrow_table``.
        """
        rows = self._open_rows()
        return self.connection.read(lambda: pandas_frame(rows.to_arrow))

    df = fetch_df

    def pl(self) -> "pl.DataFrame":
        """Returns the rows that were not fetched yet as a Polars frame.

        Raises:
            ProgrammingError: There is no result to fetch from.
            NotSupportedError: Polars is not installed, or as for ``fetch_arrow_table``.
        """
        rows = self._open_rows()
        return self.connection.read(lambda: polars_frame(rows.to_arrow))

    def setinputsizes(self, sizes: Sequence[object]) -> None:
        """Does nothing: values have the types that Python gives them."""
        self._check_open()

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Does nothing: values are never cut."""
        self._check_open()

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        return self

    def __next__(self) -> tuple[object, ...]:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def _run(self, operation: str, parameters: Parameters) -> Outcome:
        self._check_open()
        self._forget()
        if isinstance(parameters, str | bytes) or not isinstance(
            parameters, Sequence | Mapping | None
        ):
            raise ProgrammingError(
                f"parameters must be a list or a mapping of values, not {parameters!r}",
                kind=ErrorKind.SQL_ERROR,
                hint=f"execute(…, [{parameters!r}])",
            )
        outcome = self.connection.run(_text(operation), parameters or None)
        for text in (text for one in outcome.written for text in one.warnings):
            warnings.warn(text, Warning, stacklevel=4)
        return outcome

    def _fetch(self, count: int | None) -> list[tuple[object, ...]]:
        rows = self._open_rows()
        return self.connection.read(lambda: rows.fetch(count))

    def _open_rows(self) -> RowStream:
        self._check_open()
        if self._rows is None:
            raise ProgrammingError(
                "there are no results to fetch", hint="run a query first: cursor.execute(…)"
            )
        return self._rows

    def _check_open(self) -> None:
        if self._is_closed:
            raise InterfaceError("the cursor is closed", hint="make another: connection.cursor()")
        self.connection.check_open()

    def _forget(self) -> None:
        if self._rows is not None:
            self.connection.drop(self._rows)
        self._rows = None
        self.description = None
        self.rowcount = -1


def _text(operation: object) -> str:
    if not isinstance(operation, str):
        raise ProgrammingError(f"SQL must be text, not {operation!r}", kind=ErrorKind.NOT_TEXT)
    return operation


def _described(name: str, kind: str) -> Description:
    decimal = _DECIMAL.fullmatch(kind)
    precision, scale = (int(decimal[1]), int(decimal[2])) if decimal else (None, None)
    return name, kind, None, None, precision, scale, None
