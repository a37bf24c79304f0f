"""``check``: runs the checks of tables, lists, adds and drops them."""

import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.report.figures import plain
from cli.completion import complete_branch, complete_ref, complete_table
from cli.exit_codes import ExitCode
from cli.opening import DEFAULT_REF, opened
from cli.options import Branch, Format, Json, Message, Workers, chosen
from cli.output import stderr
from cli.output.checks import definition_cells, rule, show_report
from cli.output.derived import closing_line
from cli.output.listing import Cell, ListFormat, Listing, show, show_outcome
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog.model.checks import TableCheck

Tables = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TABLE]...",
        help="The tables. Default: all that have checks.",
        autocompletion=complete_table,
    ),
]
AtRef = Annotated[
    str | None,
    typer.Option(
        "--ref", metavar="REF", help="The state. Default: main.", autocompletion=complete_ref
    ),
]
OnBranch = Annotated[
    str | None,
    typer.Option(
        "--branch",
        metavar="BRANCH",
        help="The same, for a branch.",
        autocompletion=complete_branch,
    ),
]
ShowFailures = Annotated[
    bool, typer.Option("--show-failures", help="List the rows that fail, with their key.")
]
FailureLimit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=-1,
        metavar="N",
        help="With --show-failures: at most N rows of a check, -1 for all. Default: 20 in text, "
        "else all.",
    ),
]
Now = Annotated[
    str | None,
    typer.Option(
        "--now",
        metavar="TIME",
        help="The moment that freshness is relative to, in UTC unless it says otherwise. "
        "Default: now.",
    ),
]
AllowPython = Annotated[
    bool,
    typer.Option(
        "--allow-commands",
        help="Run the Python checks of installed packages though no configuration of yours names "
        "them.",
    ),
]
Table = Annotated[
    str, typer.Argument(metavar="TABLE", help="The table.", autocompletion=complete_table)
]
Kind = Annotated[
    str,
    typer.Argument(
        metavar="KIND",
        help="not_null, unique, accepted_values, relationships, range, row_count, freshness, sql "
        "or python.",
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Argument(metavar="[COLUMN]...", help="The columns; a field of a struct as address.city."),
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Its name. Default: the kind and the columns."),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The check.")]
Where = Annotated[
    str | None,
    typer.Option("--where", metavar="CONDITION", help="Look only at rows that meet it, in SQL."),
]
SeverityOption = Annotated[
    str, typer.Option("--severity", metavar="error|warn", help="What failures mean.")
]
ErrorIf = Annotated[
    str,
    typer.Option("--error-if", metavar="CONDITION", help="How many failures are an error."),
]
WarnIf = Annotated[
    str,
    typer.Option("--warn-if", metavar="CONDITION", help="How many failures are a warning."),
]
Minimum = Annotated[
    str | None,
    typer.Option("--min", metavar="VALUE", help="range, row_count: the least that is allowed."),
]
Maximum = Annotated[
    str | None,
    typer.Option("--max", metavar="VALUE", help="range, row_count: the most that is allowed."),
]
Exclusive = Annotated[
    bool, typer.Option("--exclusive", help="range: the bounds themselves are outside.")
]
Values = Annotated[
    list[str] | None,
    typer.Option("--value", metavar="VALUE", help="accepted_values: one of them. Repeatable."),
]
To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="TABLE",
        help="relationships: the table that has every value.",
        autocompletion=complete_table,
    ),
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="COLUMN",
        help="relationships: its column. Repeatable, one for each COLUMN.",
    ),
]
MaxAge = Annotated[
    str | None,
    typer.Option(
        "--max-age", metavar="AGE", help="freshness: of the newest value, e.g. 90m, 36h or 7d."
    ),
]
Sql = Annotated[
    str | None,
    typer.Option("--sql", metavar="SELECT", help="sql: its rows are failures."),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--param", metavar="NAME=VALUE", help="python: what the check is given. Repeatable."
    ),
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Replace a check of that name that means something else.")
]


def check(
    context: typer.Context,
    *,
    tables: Tables = None,
    ref: AtRef = None,
    branch: OnBranch = None,
    show_failures: ShowFailures = False,
    limit: FailureLimit = None,
    now: Now = None,
    workers: Workers = None,
    allow_commands: AllowPython = False,
    json: Json = False,
) -> None:
    """Run the checks of tables, all of a table in as few scans as possible.

    The exit code is 1 if a check failed, or could not be run; warnings do not count.

    Examples:
      parquetry check
      parquetry check orders customers --branch fix
      parquetry check orders --show-failures --limit 5
    """
    if ref is not None and branch is not None:
        raise UsageError("--ref and --branch exclude each other")
    if limit is not None and not show_failures:
        raise UsageError("--limit is for --show-failures")
    moment = None if now is None else _moment(now)
    cat = opened(context, allow_commands=allow_commands, workers=workers)
    with stderr.Progress("check:") as progress:
        from catalog.operations.checks.report import check_tables

        report = check_tables(
            cat.context,
            ref or branch or DEFAULT_REF,
            tables=tables or None,
            now=moment,
            progress=lambda done, total, name: progress(done, total, name),
        )
    show_report(report, tables or [], rows=show_failures, limit=limit, json=json)
    if not report.passed:
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def _moment(text: str) -> datetime.datetime:
    try:
        found = datetime.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(
            f"--now {text}: not a time", hint="for example: --now 2024-05-01T12:00"
        ) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=datetime.UTC)


# long: one parameter for each option
def check_add(
    context: typer.Context,
    *,
    table: Table,
    kind: Kind,
    columns: Columns = None,
    name: NameOption = None,
    where: Where = None,
    severity: SeverityOption = "error",
    error_if: ErrorIf = "!= 0",
    warn_if: WarnIf = "!= 0",
    minimum: Minimum = None,
    maximum: Maximum = None,
    exclusive: Exclusive = False,
    values: Values = None,
    to: To = None,
    fields: Fields = None,
    max_age: MaxAge = None,
    sql: Sql = None,
    parameters: Parameters = None,
    replace: Replace = False,
    branch: Branch = DEFAULT_REF,
    message: Message = None,
    json: Json = False,
) -> None:
    """Store a check with a table, in a commit; it must be possible to run it.

    Examples:
      parquetry check add orders not_null order_id customer_id
      parquetry check add orders unique order_id --where "status <> 'draft'"
      parquetry check add orders accepted_values status --value paid --value open
      parquetry check add orders range amount --min 0 --severity warn
      parquetry check add orders relationships customer_id --to customers --field id
      parquetry check add orders freshness ordered_at --max-age 36h
      parquetry check add orders sql --name no_refunds --sql "SELECT * FROM orders WHERE amount < 0"
    """
    from catalog.operations.checks.change import change_checks, named_check
    from catalog.operations.gate.gate import Gate

    named = fields or []
    one = named_check(
        table,
        kind.replace("-", "_"),
        columns or [],
        name=name,
        where=where or "",
        severity=severity,
        error_if=error_if,
        warn_if=warn_if,
        parameters={
            **_parameters(parameters or []),
            "min": minimum,
            "max": maximum,
            "inclusive": False if exclusive else None,
            "values": values,
            "to": to,
            "field": named[0] if len(named) == 1 else named or None,
            "max_age": max_age,
            "sql": sql,
        },
    )
    cat = opened(context)
    judge = Gate(cat.context, "this change of checks", direct=True).judge
    commit = change_checks(
        cat.context, branch, add=[one], replace=replace, message=message, judge=judge
    )
    nothing = f"{plain(table)} has that check already, no commit"
    outcome: dict[str, object] = {
        "branch": branch,
        "commit": None if commit is None else commit.id,
        "table": table,
        "check": one.name,
    }
    show_outcome(outcome, closing_line(branch, commit, nothing=nothing), json=json)


def _parameters(texts: list[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--param {text}: not of the form NAME=VALUE")
        found[name] = value
    return found


def check_drop(
    context: typer.Context,
    *,
    table: Table,
    name: NameArgument,
    branch: Branch = DEFAULT_REF,
    message: Message = None,
    json: Json = False,
) -> None:
    """Drop a check of a table, in a commit.

    Examples:
      parquetry check drop orders not_null_order_id
    """
    commit = opened(context).drop_check(table, name, branch=branch, message=message)
    outcome: dict[str, object] = {
        "branch": branch,
        "commit": commit.id,
        "table": table,
        "check": name,
    }
    show_outcome(outcome, closing_line(branch, commit, nothing=""), json=json)


def check_list(
    context: typer.Context,
    *,
    tables: Tables = None,
    ref: AtRef = None,
    branch: OnBranch = None,
    how: Format = ListFormat.TEXT,
    json: Json = False,
) -> None:
    """List the checks that are stored with tables.

    Examples:
      parquetry check list
      parquetry check list orders --branch fix --json
    """
    if ref is not None and branch is not None:
        raise UsageError("--ref and --branch exclude each other")
    at, how = ref or branch or DEFAULT_REF, chosen(how, json)
    found = opened(context).checks(at, tables=tables or None)
    if how is ListFormat.TEXT:
        columns: tuple[str, ...] = ("table", "check", "what", "severity", "source")
        rows: tuple[tuple[Cell, ...], ...] = tuple(_described(one) for one in found)
    else:
        columns = ("table", "check", "kind", "columns", "where", "severity", "error_if")
        columns += ("warn_if", "parameters", "source", "problem")
        rows = tuple(definition_cells(one) for one in found)
    listing = Listing("checks", columns, rows, about={"ref": at}, empty=f"no checks at {at}")
    show(listing, how)


def _described(one: "TableCheck") -> tuple[str, ...]:
    if one.check is None:
        return one.table, one.name, one.problem, "", ""
    return one.table, one.name, rule(one.check), str(one.check.severity), one.check.source
