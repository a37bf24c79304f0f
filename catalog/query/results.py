"""What statements of a session leave: relations, rows that are still to be fetched, counts."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import duckdb

from catalog.dataclasses import dataclass
from catalog.engine.checked_reads import checked_relation
from catalog.engine.checks import Check, checked
from catalog.engine.frames import Relation, table_of_rows
from catalog.errors import CatalogError, ErrorKind, InvalidInput
from catalog.query.backend import Params
from catalog.query.failures import translated
from catalog.query.pending_write import WriteResult

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")

Column: TypeAlias = tuple[str, str]
"""A column of an answer: its name, and its type as DuckDB names it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of statements that were run one after another.

    Attributes:
        written: What those did that write tables of the catalog.
        rows: The rows of the last, if it has a result.
        changed: How many rows the last changed; None if it cannot be said.
    """

    written: tuple[WriteResult, ...] = ()
    rows: "RowStream | None" = None
    changed: int | None = None


class RowStream:
    """The rows of one statement, read as they are fetched.

    They are on their way through the session's connection, which can do nothing else until they
    are read to the end, kept or dropped; the session sees to that.

    Attributes:
        columns: Names and types.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection | None,
        columns: Sequence[Column],
        *,
        checks: Sequence[Check] = (),
        kept: Sequence[tuple[object, ...]] = (),
    ) -> None:
        self.columns = tuple(columns)
        self._connection = connection
        self._checks = tuple(checks)
        self._kept = list(kept)
        self._given = 0
        self._failure: Exception | None = None

    def fetch(self, count: int | None = None) -> list[tuple[object, ...]]:
        """Returns the next rows, as many as there are.

        Args:
            count: How many at most; None means all that are left.

        Raises:
            InvalidInput: The statement failed at one of the rows.
            CorruptData: A file that others can change was changed while it was read.
        """
        if self._failure is not None:
            raise self._failure
        if self._connection is None:
            end = len(self._kept) if count is None else self._given + count
            found = self._kept[self._given : end]
            self._given += len(found)
            if self._given >= len(self._kept):
                self._kept, self._given = [], 0
            return found
        if count is None:
            return self._ended(self._connection.fetchall)
        found = []
        while len(found) < count:
            try:
                batch = self._connection.fetchmany(count - len(found))
            except duckdb.Error:  # a context for each row would take longer than the row
                with translated():
                    raise
            if not batch:
                self._ended(list)
                break
            found += batch
        return found

    def keep(self) -> None:
        """Reads into memory what has not been fetched, so that the connection is free.

        If that fails, it is whoever fetches the rows who is told.
        """
        if self._connection is not None:
            try:
                self._kept = self._ended(self._connection.fetchall)
            except (CatalogError, duckdb.Error) as error:
                self._failure = error

    def drop(self) -> None:
        """Gives up what has not been fetched."""
        self._connection, self._kept, self._given = None, [], 0

    def to_arrow(self) -> "pa.Table":
        """Returns the rows that have not been fetched, as an Arrow table.

        Raises:
            Unsupported: Rows were kept that Arrow's types cannot be made of again.
        """
        if self._connection is None:
            return table_of_rows(self.fetch(), self.columns)
        connection = self._connection

        def read() -> "pa.Table":
            with warnings.catch_warnings():  # of a copy: nobody knew then that it would be Arrow
                warnings.simplefilter("ignore", UserWarning)
                return connection.to_arrow_table()

        return self._ended(read)

    def _ended(self, read: Callable[[], T]) -> T:
        """Returns what reading all that is left gives, after the checks of the files read."""
        try:
            with translated(), checked(self._checks):
                return read()
        finally:
            self._connection = None


def open_rows(
    connection: duckdb.DuckDBPyConnection, command: duckdb.Statement, checks: Sequence[Check]
) -> Outcome:
    """Returns what became of a statement that a connection has begun to run.

    Args:
        connection: The connection.
        command: The statement, as DuckDB parsed it.
        checks: What checks the files that it reads.
    """
    kinds = command.expected_result_type
    if kinds == [duckdb.ExpectedResultType.NOTHING] or command.type == duckdb.StatementType.CREATE:
        with translated(), checked(checks):
            connection.fetchall()
        return Outcome()
    if duckdb.ExpectedResultType.CHANGED_ROWS in kinds and connection.rowcount >= 0:
        changed = connection.rowcount
        with translated(), checked(checks):
            connection.fetchall()
        return Outcome(changed=changed)
    columns = [(str(name), str(kind)) for name, kind, *_ in connection.description or ()]
    return Outcome(rows=RowStream(connection, columns, checks=checks))


def written_rows(
    connection: duckdb.DuckDBPyConnection, before: Sequence[WriteResult], last: WriteResult
) -> Outcome:
    """Returns what became of statements of which the last wrote a table of the catalog."""
    rows = None
    if last.returned is not None:
        relation = connection.from_arrow(last.returned)
        names = last.returned.column_names
        columns = [(name, str(kind)) for name, kind in zip(names, relation.types, strict=True)]
        rows = RowStream(None, columns, kept=relation.fetchall())
    return Outcome((*before, last), rows, changed=last.rows)


def checked_params(params: Params) -> Params:
    """Returns the values of parameters as DuckDB takes them: as a list or a mapping.

    Raises:
        InvalidInput: They are something else.
    """
    if params is None:
        return None
    if isinstance(params, Mapping):
        return {name: _plain(value) for name, value in params.items()}
    if isinstance(params, str | bytes) or not isinstance(params, Iterable):
        raise InvalidInput(
            f"params must be a list or a dictionary of values, not {params!r}",
            kind=ErrorKind.SQL_ERROR,
            hint=f"params=[{params!r}]",
        )
    return [_plain(value) for value in params]


def _plain(value: object) -> object:
    """Returns a number of numpy's, as data frames give them, as Python's; DuckDB takes no other."""
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        kind, item = getattr(value, "dtype", None), getattr(value, "item", None)
        if getattr(kind, "kind", "") in ("i", "u", "f", "b") and item is not None:
            return item()
    return value


def no_rows(connection: duckdb.DuckDBPyConnection) -> Relation:
    """Returns the relation for a statement without a result."""
    return checked_relation(connection.sql('SELECT NULL AS "Success" WHERE false'))
