"""Connections: a session that reads, or transactions on a branch, one after another."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

import catalog
from catalog.dbapi import errors
from catalog.dbapi.cursor import Cursor
from catalog.dbapi.errors import (
    InterfaceError,
    ProgrammingError,
    database_error,
    translated,
)
from catalog.dbapi.parameters import Parameters
from catalog.errors import CatalogError, ErrorKind
from catalog.query.results import Outcome, RowStream

if TYPE_CHECKING:
    from os import PathLike

    from catalog.model.listings import CommitInfo
    from catalog.operations.transaction import CatalogTransaction
    from catalog.query.session import Session

T = TypeVar("T")


def connect(
    uri: "str | PathLike[str] | catalog.Catalog",
    ref: str = "main",
    *,
    branch: str | None = None,
    message: str | None = None,
    author: str | None = None,
    **options: Any,
) -> "Connection":
    """Opens a connection to a catalog, as PEP 249 describes it.

    It reads, and cannot write to tables of the catalog, unless a ``branch`` is given. Then the
    first statement after the connection was opened, or after ``commit`` or ``rollback``, begins a
    transaction on it; ``commit`` makes one commit of all that was changed, and ``rollback`` or
    ``close`` drops it.

    Args:
        uri: A directory, the URI of a bucket, or an open catalog.
        ref: What a table without ``@ref`` means. A branch is followed from one statement to the
            next; a commit id stays.
        branch: The branch that is written; tables without ``@ref`` are then its.
        message: The message of the commits; None makes one up.
        author: Who commits; None is the catalog's author.
        options: Options of ``catalog.open``.

    Raises:
        OperationalError: There is no catalog, or it cannot be read.
        ProgrammingError: There is no such ref or branch, or an argument is not valid.
    """
    with translated():
        if isinstance(uri, catalog.Catalog):
            if options:
                raise ProgrammingError(
                    f"an open catalog takes no options: {', '.join(options)}",
                    kind=ErrorKind.INVALID_INPUT,
                    hint="give them to catalog.open",
                )
            opened = uri
        else:
            opened = catalog.open(uri, **options)
        return Connection(opened, ref, branch=branch, message=message, author=author)


class Connection:
    """A connection to a catalog; see ``connect``.

    Threads may share it: what they do with it is done in turn.

    Attributes:
        catalog: The catalog.
        ref: What a table without ``@ref`` means.
        last_commit: The commit that ``commit`` made last; None if there was nothing to commit.
    """

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    def __init__(
        self,
        cat: "catalog.Catalog",
        ref: str = "main",
        *,
        branch: str | None = None,
        message: str | None = None,
        author: str | None = None,
    ) -> None:
        """Takes an open catalog and what ``connect`` was given."""
        if branch is None and (message is not None or author is not None):
            raise ProgrammingError(
                "a message or an author is for commits, and this connection would make none",
                kind=ErrorKind.INVALID_INPUT,
                hint="connect(…, branch='main')",
            )
        if branch is not None and ref not in ("main", branch):
            raise ProgrammingError(
                f"tables without @ref are either those of ref {ref!r} or of branch {branch!r}",
                kind=ErrorKind.INVALID_INPUT,
                hint="leave the ref out, and write it in the SQL: table@ref",
            )
        self.catalog = cat
        self.ref = ref if branch is None else branch
        self.last_commit: CommitInfo | None = None
        self._branch = branch
        self._message = message
        self._author = author
        self._lock = threading.RLock()
        self._is_closed = False
        self._reader: Session | None = None
        self._transaction: CatalogTransaction | None = None
        if branch is None:
            self._reader = cat.connect(ref)
        else:
            cat.transaction(branch, message=message, author=author, dry_run=True)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Commits, or drops what was changed if there was an error, and closes."""
        try:
            if kind is None and not self._is_closed:
                self.commit()
        finally:
            self.close()

    def cursor(self) -> Cursor:
        """Returns a new cursor.

        Raises:
            InterfaceError: The connection is closed.
        """
        self.check_open()
        return Cursor(self)

    def execute(self, operation: str, parameters: Parameters = None) -> Cursor:
        """Runs statements with a new cursor and returns it; see ``Cursor.execute``."""
        return self.cursor().execute(operation, parameters)

    def commit(self) -> None:
        """Makes one commit of what was changed on the branch; ``last_commit`` describes it.

        A connection that reads has nothing to commit, but ends a ``BEGIN`` of its own.

        Raises:
            OperationalError: Somebody else changed the same meanwhile; nothing was committed.
            IntegrityError: The gate of the branch did not let it through.
            InterfaceError: The connection is closed.
        """
        with self._lock, translated():
            self.check_open()
            if self._reader is not None and self._reader.is_in_transaction:
                self._reader.execute("COMMIT")
            transaction, self._transaction = self._transaction, None
            if transaction is not None:
                transaction.session.free()
                transaction.__exit__(None, None, None)
                self.last_commit = transaction.commit

    def rollback(self) -> None:
        """Drops what was changed since the last commit.

        Raises:
            InterfaceError: The connection is closed.
        """
        with self._lock, translated():
            self.check_open()
            if self._reader is not None and self._reader.is_in_transaction:
                self._reader.execute("ROLLBACK")
            self._drop()

    def close(self) -> None:
        """Drops what was not committed; neither the connection nor its cursors work any longer."""
        with self._lock, translated():
            if self._is_closed:
                return
            self._is_closed = True
            self._drop()
            if self._reader is not None:
                self._reader.close()

    def interrupt(self) -> None:
        """Stops the statement that is running; it may be called by another thread."""
        session = self._reader
        if session is not None and not self._is_closed:
            session.interrupt()
        elif self._transaction is not None:
            self._transaction.interrupt()

    def run(self, operation: str, parameters: Parameters) -> Outcome:
        """Runs statements for a cursor."""
        with self._lock, translated():
            self.check_open()
            return self._session().stream(operation, parameters)

    def read(self, fetch: Callable[[], T]) -> T:
        """Fetches rows for a cursor, while no other uses the connection."""
        with self._lock:
            self.check_open()
            try:
                return fetch()
            except (CatalogError, duckdb.Error) as error:
                raise database_error(error) from error

    def drop(self, rows: RowStream) -> None:
        """Gives up rows of a cursor, while no other uses the connection."""
        with self._lock:
            rows.drop()

    def check_open(self) -> None:
        """Checks that the connection was not closed.

        Raises:
            InterfaceError: It was.
        """
        if self._is_closed:
            raise InterfaceError("the connection is closed", hint="open another: connect(…)")

    def _session(self) -> "Session":
        if self._reader is not None:
            return self._reader
        if self._transaction is None:
            assert self._branch is not None, "a connection that does not read writes a branch"
            begun = self.catalog.transaction(
                self._branch, message=self._message, author=self._author
            )
            begun.__enter__()
            self._transaction = begun
        return self._transaction.session

    def _drop(self) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            transaction.session.free()
            transaction.__exit__(InterfaceError, None, None)
