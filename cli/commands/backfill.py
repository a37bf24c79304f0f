"""``backfill``: a fix on a branch of its own, judged and merged; its list, and its undo."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.errors import CatalogError, ErrorKind, InvalidInput, NotFound
from cli.completion import complete_backfill, complete_branch, complete_ref
from cli.exit_codes import ExitCode
from cli.gate import allowed_failures, contracts_in
from cli.interruption import passed_on
from cli.location import running_code
from cli.model_files import read_sql, sql_text
from cli.opening import opened
from cli.options import (
    AllowCommands,
    AllowFailing,
    ContractFiles,
    Format,
    Json,
    Message,
    Reasons,
    Refresh,
    Sides,
    chosen,
)
from cli.output import stderr
from cli.output.backfill import backfill_json, show_backfill_report
from cli.output.listing import Cell, ListFormat, Listing, show, show_json
from cli.output.merge import Names, watched_merge
from cli.specs import pair, sides
from cli.steps import command_runs
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.model.fix import Fix

STOPPED = (
    ErrorKind.BACKFILL_FAILED,
    ErrorKind.BACKFILL_EMPTY,
    ErrorKind.BACKFILL_BROKEN,
    ErrorKind.MERGE_UNDER_WAY,
)
"""Errors of a backfill that is there, of which JSON says how far it came."""

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The backfill, whose branch is backfill/NAME.",
        autocompletion=complete_backfill,
    ),
]
Command = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[-- COMMAND...]",
        help="A command that is the fix. It gets PARQUETRY_CATALOG, PARQUETRY_BRANCH and "
        "PARQUETRY_BACKFILL in its environment.",
    ),
]
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "-f",
        "--file",
        metavar="FILE",
        help="A file of SQL that is the fix; - is stdin. Repeatable: one commit for all.",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="REF",
        help="The commit to begin from; an earlier one is rebased before the merge. "
        "Default: where the target is.",
        autocompletion=complete_ref,
    ),
]
Into = Annotated[
    str | None,
    typer.Option(
        "--into",
        metavar="BRANCH",
        help="The branch that is to be backfilled. Default: main.",
        autocompletion=complete_branch,
    ),
]
Merge = Annotated[bool, typer.Option("--merge", help="Merge it if it passes.")]
Restart = Annotated[
    bool, typer.Option("--restart", help="Drop what is on its branch, and begin again.")
]
AllowEmpty = Annotated[bool, typer.Option("--allow-empty", help="Let the fix change nothing.")]
ForEach = Annotated[
    list[str] | None,
    typer.Option(
        "--for-each",
        metavar="NAME=VALUES",
        help="Run the fix for each value, as $NAME: a range A..B, a list A,B or a query. One "
        "commit each.",
    ),
]
Jobs = Annotated[
    int, typer.Option("--jobs", metavar="N", min=1, help="How many runs go side by side.")
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        metavar="TABLE=PATH",
        help="Where the command leaves a table, whose snapshot is taken. Repeatable.",
    ),
]
AllowStatements = Annotated[
    bool,
    typer.Option(
        "--allow-statements",
        help="Go on with the SQL that the catalog stores, though no file of yours has it.",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout", metavar="SECONDS", min=0.001, help="Stop a run of the command after so long."
    ),
]


# long: one parameter for each option
def backfill(
    context: typer.Context,
    *,
    name: Name,
    command: Command = None,
    files: Files = None,
    from_ref: From = None,
    into: Into = None,
    for_each: ForEach = None,
    jobs: Jobs = 1,
    outputs: Outputs = None,
    contract: ContractFiles = None,
    refresh: Refresh = True,
    merge: Merge = False,
    resolve: Sides = None,
    allow_failing: AllowFailing = None,
    reason: Reasons = None,
    restart: Restart = False,
    allow_empty: AllowEmpty = False,
    allow_statements: AllowStatements = False,
    allow_commands: AllowCommands = False,
    timeout_s: Timeout = None,
    message: Message = None,
    json: Json = False,
) -> None:
    """Run a fix on a branch of its own, see what it changes, have it judged, and merge it.

    Computes derived tables again, runs the checks and contracts that the merge has to pass, and
    prints what readers of the target will see change. Then it stops, or merges with --merge.
    The same command again goes on where it stopped, and does no step twice. Exits with 1 if the
    gate says no.

    Examples:
      parquetry backfill 2024-03 -f fix.sql --contract late_weather.toml
      parquetry backfill 2024-03 --merge
      parquetry backfill speeds -f speeds.sql --for-each 'month=2024-01..2024-06'
      parquetry backfill speeds --output flights=out -- python speeds.py
    """
    from catalog.model.backfill import contract_text
    from catalog.operations.backfill.run import Surroundings, run_backfill
    from catalog.operations.backfill.start import BackfillRequest
    from catalog.operations.fixes.commands import CommandPlace
    from catalog.operations.gate.options import gate_options

    fix = _fix(
        files or [], command or [], outputs or [], for_each=for_each or [], timeout_s=timeout_s
    )
    cat = opened(context)
    request = BackfillRequest(
        name=name,
        fix=fix,
        from_ref=from_ref,
        into=into,
        contract=contract_text(contracts_in(contract)) if contract else None,
        refresh=refresh,
        merge=merge,
        restart=restart,
        allow_empty=allow_empty,
        allow_statements=allow_statements,
        jobs=jobs,
        resolve=sides(resolve or []),
        message=message,
        gate=gate_options((), allowed_failures(allow_failing or (), reason or ())),
    )
    about: Names = {"operation": "backfill", "name": name}
    try:
        with watched_merge(about, json=json) as merging, stderr.Progress("backfill:") as progress:
            around = Surroundings(
                steps=lambda step, done, total: progress(done, total, step),
                merges=merging,
                watch=passed_on,
                runs=command_runs(allow=allow_commands),
                code=running_code(None if not files or len(files) > 1 else files[0]),
                place=CommandPlace(environment=os.environ, timeout_s=timeout_s),
            )
            report = run_backfill(cat.context, request, around)
    except CatalogError as error:
        if json and (error.kind in STOPPED or isinstance(error, InvalidInput)):
            _show_stopped(cat, name)
        raise
    show_backfill_report(report, json=json)
    if report.state == "refused":
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def backfill_list(
    context: typer.Context, *, how: Format = ListFormat.TEXT, json: Json = False
) -> None:
    """List the backfills and how far they are, the one that began last first.

    Also those that were merged, undone or abandoned.
    """
    how = chosen(how, json)
    columns = ("backfill", "state", "steps", "into", "from", "begun")
    more = () if how is ListFormat.TEXT else ("branch", "head", "merge", "undo", "reason")
    rows = []
    for one in opened(context).backfills():
        steps = f"{one.steps_done}/{len(one.steps)}"
        base = one.backfill.base[:8] if how is ListFormat.TEXT else one.backfill.base
        row: tuple[Cell, ...] = (
            *(one.backfill.name, one.state, steps, one.backfill.into, base, one.begun),
            *(
                one.branch,
                one.head,
                one.commit.id if one.commit else None,
                one.undo.id if one.undo else None,
            ),
            one.reason or None,
        )
        rows.append(row[: len(columns) + len(more)])
    show(Listing("backfills", (*columns, *more), tuple(rows), empty="no backfills"), how)


def backfill_show(context: typer.Context, *, name: Name, json: Json = False) -> None:
    """Show how far a backfill is, what it changes, and what the gate says of it.

    Examples:
      parquetry backfill show 2024-03
    """
    show_backfill_report(opened(context).show_backfill(name), json=json)


def backfill_abandon(context: typer.Context, *, name: Name, json: Json = False) -> None:
    """Delete the branch of a backfill that was not merged; its commits and reflog stay.

    Examples:
      parquetry backfill abandon 2024-03
    """
    show_backfill_report(opened(context).abandon_backfill(name), json=json)


def backfill_undo(
    context: typer.Context,
    *,
    name: Name,
    resolve: Sides = None,
    refresh: Refresh = True,
    message: Message = None,
    json: Json = False,
) -> None:
    """Take back what a merged backfill did, by rows and cells: later corrections stay.

    Computes derived tables again in the same commit. The gate of the target judges it.

    Examples:
      parquetry backfill undo 2024-03
    """
    from catalog.operations.backfill.ending import undo

    about: Names = {"operation": "undo", "name": name}
    with watched_merge(about, json=json) as progress:
        report = undo(
            opened(context).context,
            name,
            resolve=sides(resolve or []),
            refresh=refresh,
            message=message,
            progress=progress,
        )
    show_backfill_report(report, json=json)


def _fix(
    files: list[Path],
    command: list[str],
    outputs: list[str],
    *,
    for_each: list[str],
    timeout_s: float | None,
) -> "Fix | None":
    """Returns the fix that is written, None if none is.

    Raises:
        UsageError: It is both SQL and a command, or something is missing.
        InvalidInput: A value is not valid.
    """
    from catalog.model.fix import Fix, Output, SqlText
    from catalog.model.for_each import for_each as read_for_each

    if files and command:
        raise UsageError("-f and COMMAND exclude each other: a fix is the one or the other")
    if timeout_s is not None and files:
        raise UsageError("--timeout is how long a COMMAND may run", hint="SQL has no time limit")
    if outputs and not command:
        raise UsageError("--output is where a COMMAND leaves a table", hint="SQL writes itself")
    if not files and not command:
        if for_each:
            raise UsageError("--for-each needs the fix that is repeated", hint="-f or a command")
        return None
    return Fix(
        sql=tuple(SqlText(str(one), _sql(one)) for one in files),
        command=tuple(command),
        outputs=tuple(Output(*pair(one, "TABLE=PATH", "orders=out")) for one in outputs),
        variables=tuple(map(read_for_each, for_each)),
    )


def _sql(file: Path) -> str:
    """Returns the SQL in a file, or that on stdin.

    Raises:
        UsageError: There is none.
        NotFound: There is no such file.
    """
    if str(file) != "-" and not file.exists():
        raise NotFound(f"no file {file}", kind=ErrorKind.SOURCE_NOT_FOUND)
    text = (
        sql_text(sys.stdin.buffer.read(), "stdin")
        if str(file) == "-"
        else read_sql(file, str(file))
    )
    if not text.strip():
        raise UsageError(f"{file} is empty: the fix has no SQL")
    return text


def _show_stopped(cat: "Catalog", name: str) -> None:
    """Prints how far a backfill came that failed, if it was begun."""
    from catalog.model.backfill import checked_name

    name = checked_name(name)
    found = next((one for one in cat.backfills() if one.backfill.name == name), None)
    if found is not None:
        show_json(backfill_json(found))
