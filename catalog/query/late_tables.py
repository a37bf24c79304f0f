"""Tables that table functions return only once a statement is known to fit them.

A diff can take long. What is wrong with a statement over it, such as a column that it has not, is
found with a table without rows in its place.
"""

from collections.abc import Callable

import duckdb
import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.query.backend import ResolveRef
from catalog.query.parse.statements import FunctionReference


@dataclass(frozen=True, slots=True)
class LateTable:
    """A table that is read later.

    Attributes:
        empty: A table with its columns, and no rows.
        read: Reads it.
    """

    empty: pa.Table
    read: Callable[[], object]


class LateTables:
    """The tables of a statement that are not read yet, by the name they are registered with."""

    def __init__(self) -> None:
        self._waiting: dict[str, LateTable] = {}

    def register(self, con: duckdb.DuckDBPyConnection, name: str, data: object) -> None:
        """Registers what a function returned: of a table that is read later, its columns."""
        if isinstance(data, LateTable):
            self._waiting[name] = data
            data = data.empty
        con.register(name, data)

    def fill(self, con: duckdb.DuckDBPyConnection, query: str = "") -> None:
        """Reads the tables, if a query over them is valid; raises what is wrong with it."""
        waiting, self._waiting = self._waiting, {}
        if waiting and query:
            con.sql(query)
        for name, table in waiting.items():
            con.register(name, table.read())


def called(function: Callable[..., object], call: FunctionReference, resolve: ResolveRef) -> object:
    """Returns what a table function returns for the arguments of a statement.

    Raises:
        InvalidInput: It does not take these arguments.
    """
    try:
        return function(resolve, *call.arguments, **dict(call.keywords))
    except TypeError as error:
        raise InvalidInput(
            f"{call.name}(…) does not take these arguments: {error}", kind=ErrorKind.SQL_ERROR
        ) from error
