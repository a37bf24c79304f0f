"""``sql`` and ``shell``: queries over ``table@ref``, and statements that write on a branch."""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.errors import CatalogError, ErrorKind, InvalidInput, NotFound, StorageFailure
from cli.completion import complete_branch, complete_ref
from cli.interruption import is_interruption, passed_on
from cli.opening import DEFAULT_REF, opened
from cli.options import Json, OutputFile, Ref
from cli.output import stderr
from cli.output.results import ResultFormat, write_result
from cli.sql.statements import split
from cli.usage import UsageError, nearest

if TYPE_CHECKING:
    from catalog.query.session import Session

NO_RESULT = ["Success"]
"""The only column of what DuckDB answers to a statement that has no rows."""

_MISSING_TABLE = re.compile(r"Table with name (.+) does not exist")


def sql(
    context: typer.Context,
    query: Annotated[
        str | None,
        typer.Argument(metavar="[QUERY]", help="DuckDB SQL. Default: stdin.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "-f", "--file", metavar="FILE", help="Read the query from a file.", show_default=False
        ),
    ] = None,
    ref: Annotated[
        str | None,
        typer.Option(
            "--ref",
            help=f"What a table without @ref means. Default: {DEFAULT_REF}.",
            autocompletion=complete_ref,
            show_default=False,
        ),
    ] = None,
    branch: Annotated[
        str | None,
        typer.Option(
            "--branch",
            help="Write on this branch: all statements become one commit.",
            autocompletion=complete_branch,
            show_default=False,
        ),
    ] = None,
    message: Annotated[
        str | None,
        typer.Option("-m", "--message", help="What the commit is about.", show_default=False),
    ] = None,
    how: Annotated[
        ResultFormat, typer.Option("--format", help="How to write the rows.")
    ] = ResultFormat.TABLE,
    json: Json = False,
    target: OutputFile = None,
) -> None:
    """Run SQL in which any table that is read may carry a ref: orders@main~1.

    Of several statements, the last one's rows are written. In CSV, NULL stands for NULL and
    "NULL" for the text. With --branch, statements may change tables: INSERT, UPDATE, DELETE,
    MERGE, TRUNCATE, CREATE, ALTER and DROP TABLE, COPY ... FROM.

    Examples:
      parquetry sql "SELECT count(*) FROM orders@main~1"
      parquetry sql "UPDATE orders SET amount = 0 WHERE amount IS NULL" --branch fix -m "no gaps"
      parquetry sql --format csv -o orders.csv "FROM orders"
      parquetry sql -f report.sql --ref v1.0
    """
    how = ResultFormat.JSON if json else how
    if branch is not None and ref is not None:
        raise UsageError(
            "--ref and --branch exclude each other", hint="tables that are read may carry @ref"
        )
    if branch is None and message is not None:
        raise UsageError("-m belongs to a commit", hint="name the branch: --branch main")
    text = _text(query, file)
    cat = opened(context)
    if branch is not None:
        from cli.sql.branch_sql import run_on_branch

        run_on_branch(cat, text, branch, message=message, how=how, target=target)
        return
    ref = ref or DEFAULT_REF
    with cat.connect(ref) as session:
        run_sql(session, text, how, target, tables=lambda: [t.name for t in cat.tables(ref)])


def shell(context: typer.Context, ref: Ref = DEFAULT_REF) -> None:
    """Ask queries one after the other; .help lists the commands.

    Statements end with a semicolon. Without a terminal, statements are read from stdin: all of
    them are run, and the exit code is 1 if any failed.
    """
    from cli.sql.repl import run_shell

    if not run_shell(opened(context), ref):
        raise typer.Exit(1)


def run_sql(
    session: "Session",
    query: str,
    how: ResultFormat = ResultFormat.TABLE,
    target: Path | None = None,
    *,
    tables: Callable[[], Iterable[str]],
) -> None:
    """Runs statements and writes the rows of the last.

    Args:
        session: The session.
        query: The statements.
        how: How to write the rows.
        target: The file; None is stdout.
        tables: Asked for the catalog's tables when one was not found.

    Raises:
        CatalogError: A statement is not right, or failed.
    """
    import duckdb

    from catalog.engine.failures import file_error

    try:
        with passed_on(session.connection.interrupt):
            relation = session.sql(query)
            if relation.columns == NO_RESULT and target is None:
                return
            rows = write_result(relation.to_arrow_reader(), how, target)
    except (CatalogError, duckdb.Error, RuntimeError) as error:
        if is_interruption(error):
            raise KeyboardInterrupt from error
        if isinstance(error, CatalogError):
            raise _with_hint(error, tables) from error
        if isinstance(error, duckdb.Error):
            failed = InvalidInput(f"the query failed: {error}", kind=ErrorKind.SQL_ERROR)
            raise file_error(error) or failed from error
        raise
    if target is not None:
        stderr.note(f"wrote {rows:,} rows to {target}")


def _with_hint(error: CatalogError, tables: Callable[[], Iterable[str]]) -> CatalogError:
    """Returns an error with what helps on the command line: the tables, or how to write."""
    if error.kind == ErrorKind.READ_ONLY:
        hint = 'name a branch to write on: parquetry sql "..." --branch B -m TEXT'
        return type(error)(error.message, kind=error.kind, hint=hint)
    missing = _MISSING_TABLE.search(error.message)
    if missing is None:
        return error
    message = f"no table {missing[1]!r}"
    return NotFound(message, kind=ErrorKind.TABLE_NOT_FOUND, hint=nearest(missing[1], tables()))


def _text(query: str | None, file: Path | None) -> str:
    """Returns the text of the query, from wherever it comes.

    Raises:
        UsageError: There is none.
        NotFound: The file does not exist.
        StorageFailure: The file cannot be read.
    """
    if query is not None and file is not None:
        raise UsageError("a query and -f FILE exclude each other")
    if file is not None:
        try:
            query = file.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise NotFound(f"no file {file}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise StorageFailure(f"cannot read {file}: {error}") from error
    elif query is None:
        if sys.stdin.isatty():
            raise UsageError("no query", hint='parquetry sql "FROM orders", or: parquetry shell')
        query = sys.stdin.read()
    cut = split(query)
    if not (cut.statements or cut.rest):
        raise UsageError("the query is empty", hint='e.g. parquetry sql "FROM orders"')
    return query
