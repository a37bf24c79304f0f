"""``sql`` and ``shell``: queries over ``table@ref``, and statements that write on a branch."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import NotFound, StorageFailure
from cli.completion import complete_branch, complete_ref
from cli.exit_codes import ExitCode
from cli.location import running_code
from cli.opening import DEFAULT_REF, opened
from cli.options import (
    ByteOrderMark,
    EscapeFormulas,
    IdempotencyKey,
    Inputs,
    Json,
    Message,
    Null,
    OutputFile,
    Ref,
)
from cli.output.csv_style import NULL, CsvStyle
from cli.output.result_tables import Look
from cli.output.results import ResultFormat
from cli.sql.branch_sql import run_on_branch
from cli.sql.run import run_sql
from cli.sql.statements import split
from cli.usage import UsageError


# long: one parameter for each option
def sql(
    context: typer.Context,
    *,
    query: Annotated[
        str | None, typer.Argument(metavar="[QUERY]", help="DuckDB SQL. Default: stdin.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("-f", "--file", metavar="FILE", help="Read the query from a file."),
    ] = None,
    ref: Annotated[
        str | None,
        typer.Option(
            "--ref",
            help=f"The ref of tables without @ref. Default: {DEFAULT_REF}.",
            autocompletion=complete_ref,
        ),
    ] = None,
    branch: Annotated[
        str | None,
        typer.Option(
            "--branch",
            help="Write on this branch, all statements in one commit.",
            autocompletion=complete_branch,
        ),
    ] = None,
    message: Message = None,
    inputs: Inputs = None,
    idempotency_key: IdempotencyKey = None,
    how: Annotated[ResultFormat, typer.Option("--format", help="How to write the rows.")] = (
        ResultFormat.TABLE
    ),
    json: Json = False,
    null: Null = NULL,
    bom: ByteOrderMark = False,
    escape_formulas: EscapeFormulas = False,
    target: OutputFile = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=-1,
            metavar="N",
            help="Write at most N rows, -1 for all. Default: 1000 in a table, all in a file.",
        ),
    ] = None,
    vertical: Annotated[
        bool, typer.Option("--vertical", help="Write each value of a row in a line of its own.")
    ] = False,
) -> None:
    """Run SQL in which tables may carry a ref: orders@main~1.

    Writes the rows of the last statement. In CSV, NULL is NULL and "NULL" the text.
    With --branch, statements may change tables: INSERT, UPDATE, DELETE, MERGE, TRUNCATE,
    CREATE, ALTER and DROP TABLE, COPY ... FROM.

    Examples:
      parquetry sql "SELECT count(*) FROM orders@main~1"
      parquetry sql "UPDATE orders SET amount = 0 WHERE amount IS NULL" --branch fix -m "no gaps"
      parquetry sql --format csv -o orders.csv "FROM orders"
      parquetry sql -f report.sql --ref v1.0
    """
    how = ResultFormat.JSON if json else ResultFormat.TABLE if how is ResultFormat.TEXT else how
    if branch is not None and ref is not None:
        raise UsageError("--ref and --branch exclude each other", hint="read TABLE@REF instead")
    if branch is None and message is not None:
        raise UsageError(
            "-m is the message of a commit, and a query makes none",
            hint="name the branch: --branch main",
        )
    if branch is None and inputs:
        raise UsageError(
            "--input is recorded in a commit, and a query makes none",
            hint="name the branch: --branch main",
        )
    if branch is None and idempotency_key is not None:
        raise UsageError(
            "--idempotency-key is that of a commit, and a query makes none",
            hint="name the branch: --branch main",
        )
    style = CsvStyle(null, bom, escape_formulas)
    style.check_format(is_csv=how is ResultFormat.CSV)
    text = _text(query, file)
    cat = opened(context)
    if branch is not None:
        tx = cat.transaction(
            branch,
            message=message,
            idempotency_key=idempotency_key,
            inputs=inputs or [],
            code=running_code(file),
        )
        run_on_branch(tx, text, how=how, target=target, style=style)
        return
    with cat.connect(ref or DEFAULT_REF) as session:
        look = Look(limit=limit, vertical=vertical)
        run_sql(session, text, how=how, target=target, style=style, look=look)


def shell(context: typer.Context, ref: Ref = DEFAULT_REF) -> None:
    """Run SQL interactively; .help lists the commands.

    Statements end with a semicolon. Without a terminal, statements are read from stdin: all
    of them run, and the exit code is 1 if any fails.
    """
    from cli.sql.repl import run_shell

    if not run_shell(opened(context), ref):
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def _text(query: str | None, file: Path | None) -> str:
    """Returns the text of the query: the argument, the file or stdin."""
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
