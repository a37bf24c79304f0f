"""``derive``: defines derived tables, and makes them plain ones again."""

import sys
from collections.abc import Sequence
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.report.figures import counted, plain
from cli.completion import complete_table
from cli.interruption import passed_on
from cli.location import running_code
from cli.model_files import (
    configured_models,
    derivations,
    model_of,
    read_models,
    read_sql,
    required_models,
    sql_text,
)
from cli.opening import DEFAULT_REF, opened
from cli.options import AllowCommands, Branch, Json, Message
from cli.output import stderr
from cli.output.derived import closing_line, refresh_json, refresh_lines
from cli.output.listing import show_outcome
from cli.specs import columns_of, typed_columns
from cli.steps import command_runs
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.operations.flow.definition import Derivation
    from catalog.operations.flow.derive import DeriveReport

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="The table.", autocompletion=complete_table),
]
Sql = Annotated[
    str | None,
    typer.Option(
        "--sql",
        metavar="SELECT",
        help="One SELECT over tables of the branch. Default: NAME's model file.",
    ),
]
SqlFile = Annotated[
    Path | None,
    typer.Option("-f", "--file", metavar="FILE", help="Read the SELECT from a file; - is stdin."),
]
Command = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[-- COMMAND...]",
        help="A command that computes the table from --input tables, and leaves it in --output.",
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="TABLE",
        help="A table that the command reads.",
        autocompletion=complete_table,
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        metavar="PATH",
        help="Where the command leaves the table as Parquet, relative to where it runs.",
    ),
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
All = Annotated[
    bool, typer.Option("--all", help="Take all model files over that differ from the branch.")
]
Prune = Annotated[
    bool,
    typer.Option(
        "--prune", help="With --all: make derived tables plain ones that have no model file."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check the definitions, and show which would change.")
]


# long: one parameter for each option
def derive(
    context: typer.Context,
    *,
    name: Name = None,
    command: Command = None,
    sql: Sql = None,
    file: SqlFile = None,
    inputs: Inputs = None,
    output: Output = None,
    key: Key = None,
    partition_by: PartitionColumns = None,
    every: All = False,
    prune: Prune = False,
    branch: Branch = DEFAULT_REF,
    message: Message = None,
    replace: Replace = False,
    no_refresh: NoRefresh = False,
    allow_commands: AllowCommands = False,
    drop: Drop = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Define tables as the results of SELECTs, and compute them: all in one commit.

    From then on only refresh writes their rows. The SELECT is written, or read from a file, or
    from the directory of models that parquetry.toml names.

    Examples:
      parquetry derive daily --sql "SELECT day, sum(amount) AS total FROM orders GROUP BY day"
      parquetry derive daily -f daily.sql --partition-by day:DATE --branch fix
      parquetry derive --all --dry-run
      parquetry derive scored --input orders --output out -- python score.py
      parquetry derive --drop daily
    """
    given = {
        "--sql": sql is not None,
        "-f": file is not None,
        "COMMAND": bool(command),
        "--input": bool(inputs),
        "--output": output is not None,
        "--key": key is not None,
        "--partition-by": partition_by is not None,
    }
    if drop:
        given |= {"--all": every, "--prune": prune, "--replace": replace}
        given |= {"--no-refresh": no_refresh, "--dry-run": dry_run}
        _refuse(given, with_option="--drop")
        _drop(context, _required(name), branch=branch, message=message, json=json)
        return
    if every:
        _refuse({"NAME": name is not None, **given}, with_option="--all")
    elif prune:
        raise UsageError("--prune is for --all")
    cat = opened(context)
    if every:
        wanted, rest = _all_models(cat, branch)
    else:
        table, rest = _required(name), []
        if command or inputs or output is not None:
            _refuse({"--sql": sql is not None, "-f": file is not None}, with_option="COMMAND")
            one = _external(table, command or [], inputs or [], output=output)
        else:
            one = _one(cat, table, sql, file, branch=branch)
        wanted = [_with_options(one, key, partition_by)]
    with stderr.Progress("derive:") as progress:
        from catalog.operations.flow.derive import derive as define

        report = define(
            cat.context,
            branch,
            wanted,
            replace_tables=replace,
            compute=not no_refresh,
            drop=rest if prune else (),
            dry_run=dry_run,
            message=message,
            progress=lambda table, done, total: progress(done, total, table),
            runs=command_runs(allow=allow_commands),
            watch=passed_on,
            code=running_code(),
        )
    _show(report, wanted, without=[] if prune else rest, json=json)


def _refuse(given: dict[str, bool], *, with_option: str) -> None:
    for option, is_given in given.items():
        if is_given:
            raise UsageError(f"{with_option} and {option} exclude each other")


def _required(name: str | None) -> str:
    if name is None:
        raise UsageError("no NAME of a table", hint="parquetry derive NAME --sql SELECT")
    return name


def _drop(
    context: typer.Context, name: str, *, branch: str, message: str | None, json: bool
) -> None:
    commit = opened(context).drop_definition(name, branch=branch, message=message)
    outcome: dict[str, object] = {"branch": branch, "commit": commit.id, "dropped": [name]}
    show_outcome(outcome, closing_line(branch, commit, nothing=""), json=json)


def _all_models(cat: "Catalog", branch: str) -> "tuple[list[Derivation], list[str]]":
    """Returns what all model files define, and the derived tables without one."""
    from catalog.operations.flow.model_status import definition_status

    wanted = derivations(cat, branch, read_models(required_models()))
    found = definition_status(cat.context, branch, wanted)
    return wanted, [one.table for one in found if one.state == "without a file"]


def _external(
    table: str, command: list[str], inputs: list[str], *, output: str | None
) -> "Derivation":
    """Returns a table that a command computes.

    Raises:
        UsageError: The command, or where it leaves the table, is missing.
    """
    from catalog.model.derived import Definition
    from catalog.operations.flow.definition import Derivation

    if not command:
        raise UsageError("no COMMAND", hint="write it behind --: … -- python score.py")
    if not output:
        raise UsageError("no --output", hint="name what the command writes: --output out")
    definition = Definition(command=tuple(command), inputs=tuple(inputs), output=output)
    return Derivation(table, definition)


def _one(
    cat: "Catalog", name: str, sql: str | None, file: Path | None, *, branch: str
) -> "Derivation":
    """Returns what is written about a table, in words of the command or in a file.

    Raises:
        UsageError: It is written in two places.
    """
    from catalog.model.derived import Definition
    from catalog.operations.flow.definition import Derivation

    if sql is not None and file is not None:
        raise UsageError("--sql and -f exclude each other")
    if sql is not None:
        return Derivation(name, Definition(sql=sql))
    if file is not None:
        is_stdin = str(file) == "-"
        text = sql_text(sys.stdin.buffer.read(), "stdin") if is_stdin else read_sql(file, str(file))
        return Derivation(name, Definition(sql=text), origin="" if is_stdin else str(file))
    if configured_models() is None:
        raise UsageError("no SELECT", hint="write it: --sql SELECT, or name a file: -f FILE")
    folder = required_models()
    models = read_models(folder, only=name)
    (found,) = derivations(cat, branch, models, wanted=model_of(name, models, folder))
    return found


def _with_options(one: "Derivation", key: str | None, partition_by: str | None) -> "Derivation":
    if key is not None:
        one = replace_fields(one, key=columns_of(key, "--key") if key else ())
    if partition_by is not None:
        columns = typed_columns(partition_by, "--partition-by") if partition_by else {}
        one = replace_fields(one, partition_by=tuple(columns.items()))
    return one


def _show(
    report: "DeriveReport", wanted: "Sequence[Derivation]", *, without: Sequence[str], json: bool
) -> None:
    outcome: dict[str, object] = {
        "branch": report.branch,
        "commit": report.commit.id if report.commit else None,
        "dry_run": report.dry_run,
        "defined": list(report.defined),
        "dropped": list(report.dropped),
        "without_file": list(without),
        "tables": [refresh_json(one) for one in report.tables],
    }
    lines = refresh_lines(report.tables)
    if report.dry_run or not report.tables:
        lines = [f"{plain(name)}  would be defined" for name in report.defined]
        if not report.dry_run:
            lines = [f"{plain(name)}  defined, and stale" for name in report.defined]
    would = "would be" if report.dry_run else "is now"
    lines += [f"{plain(name)}  {would} a plain table" for name in report.dropped]
    lines += [f"{plain(name)}  has no model file" for name in without]
    last = "all is defined so already, no commit"
    if len(wanted) == 1:
        last = f"{plain(wanted[0].table)} is defined so already, no commit"
    if report.dry_run:
        changed = counted(len(report.defined), "definition")
        last = f"dry run: {changed} would change, nothing was written"
    show_outcome(
        outcome, *lines, closing_line(report.branch, report.commit, nothing=last), json=json
    )
