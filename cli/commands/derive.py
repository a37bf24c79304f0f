"""``derive``: defines derived tables, and makes them plain ones again."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import ErrorKind, InvalidInput, StorageFailure
from catalog.report.figures import plain, short
from cli.completion import complete_table
from cli.opening import DEFAULT_REF, opened
from cli.options import Branch, Json, Message
from cli.output import stderr
from cli.output.derived import closing_line, refresh_json, refresh_lines
from cli.output.listing import show_outcome
from cli.specs import columns_of, typed_columns
from cli.usage import UsageError

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="The table.", autocompletion=complete_table),
]
Sql = Annotated[
    str | None,
    typer.Option("--sql", metavar="SELECT", help="One SELECT over tables of the branch."),
]
SqlFile = Annotated[
    Path | None,
    typer.Option("-f", "--file", metavar="FILE", help="Read the SELECT from a file; - is stdin."),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="COL,COL",
        help="Key columns, empty for none. Default: what the SELECT groups by, or is DISTINCT ON.",
    ),
]
PartitionColumns = Annotated[
    str | None,
    typer.Option(
        "--partition-by",
        metavar="COL[:TYPE],...",
        help="Partition columns, empty for none. Default: those that the table has.",
    ),
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Replace a table of that name that is not derived.")
]
NoRefresh = Annotated[
    bool, typer.Option("--no-refresh", help="Leave the table stale until it is refreshed.")
]
Drop = Annotated[
    bool, typer.Option("--drop", help="Make NAME a plain table; its rows stay as they are.")
]


# long: one parameter for each option
def derive(
    context: typer.Context,
    *,
    name: Name = None,
    sql: Sql = None,
    file: SqlFile = None,
    key: Key = None,
    partition_by: PartitionColumns = None,
    branch: Branch = DEFAULT_REF,
    message: Message = None,
    replace: Replace = False,
    no_refresh: NoRefresh = False,
    drop: Drop = False,
    json: Json = False,
) -> None:
    """Define a table as the result of a SELECT, and compute it: both in one commit.

    From then on only refresh writes its rows.

    Examples:
      parquetry derive daily --sql "SELECT day, sum(amount) AS total FROM orders GROUP BY day"
      parquetry derive daily -f models/daily.sql --partition-by day:DATE --branch fix
      parquetry derive --drop daily
    """
    cat = opened(context)
    if name is None:
        raise UsageError("no NAME of a table", hint="parquetry derive NAME --sql SELECT")
    if drop:
        others = {
            "--sql": sql is not None,
            "-f": file is not None,
            "--key": key is not None,
            "--partition-by": partition_by is not None,
            "--replace": replace,
            "--no-refresh": no_refresh,
        }
        for option, is_given in others.items():
            if is_given:
                raise UsageError(f"--drop and {option} exclude each other")
        commit = cat.drop_definition(name, branch=branch, message=message)
        outcome: dict[str, object] = {
            "branch": branch,
            "commit": commit.id,
            "dropped": [name],
        }
        lines = [f"{plain(branch)} is now {short(commit.id)}: {plain(commit.message)}"]
        show_outcome(outcome, *lines, json=json)
        return
    with stderr.Progress("derive:") as progress:
        report = cat.derive(
            name,
            _sql(sql, file),
            branch=branch,
            key=columns_of(key, "--key") if key else None if key is None else (),
            partition_by=typed_columns(partition_by)
            if partition_by
            else None
            if partition_by is None
            else (),
            replace=replace,
            refresh=not no_refresh,
            message=message,
            progress=lambda table, done, total: progress(done, total, table),
        )
    outcome = {
        "branch": report.branch,
        "commit": report.commit.id if report.commit else None,
        "defined": list(report.defined),
        "tables": [refresh_json(one) for one in report.tables],
    }
    last = f"{plain(name)} is defined so already, no commit"
    show_outcome(
        outcome,
        *refresh_lines(report.tables),
        closing_line(report.branch, report.commit, nothing=last),
        json=json,
    )


def _sql(text: str | None, file: Path | None) -> str:
    """Returns the SELECT that was written, or that is in a file.

    Raises:
        UsageError: There is none, or there are two.
    """
    if text is not None and file is not None:
        raise UsageError("--sql and -f exclude each other")
    if file is not None:
        return read_sql(file)
    if text is None:
        raise UsageError("no SELECT", hint="write it: --sql SELECT, or name a file: -f FILE")
    return text


def read_sql(file: Path) -> str:
    """Returns the SQL in a file, whose lines end alike on every machine.

    Raises:
        InvalidInput: It is not text in UTF-8.
        StorageFailure: It cannot be read.
    """
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise StorageFailure(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{file} is not text in UTF-8: {error.reason} at byte {error.start}",
            kind=ErrorKind.BAD_DEFINITION,
        ) from error
    return text.replace("\r\n", "\n")
