"""``reproduce``: computes a table again from what is recorded of it."""

from typing import Annotated

import typer

from cli.exit_codes import ExitCode
from cli.opening import opened, table_at
from cli.options import AllowCommands, Json, TableAt
from cli.output import stdout
from cli.steps import command_runs

AllowStatements = Annotated[
    bool,
    typer.Option(
        "--allow-statements",
        help="Run recorded SQL that does more than fill the table by a SELECT.",
    ),
]


def reproduce(
    context: typer.Context,
    *,
    table: TableAt,
    allow_statements: AllowStatements = False,
    allow_commands: AllowCommands = False,
    json: Json = False,
) -> None:
    """Compute a table again from its recorded inputs, and compare row by row.

    Nothing of it stays in the catalog. The exit code is 1 if rows differ; floats that agree in
    12 digits do not.

    Examples:
      parquetry reproduce daily
      parquetry reproduce daily@main~3 --json
    """
    from catalog.operations.flow.reproduce import reproduce as run
    from cli.output.reproduction import reproduction_json, reproduction_lines

    name, ref = table_at(table)
    found = run(
        opened(context).context,
        name,
        ref,
        allow_statements=allow_statements,
        runs=command_runs(allow=allow_commands),
    )
    if json:
        stdout.line(reproduction_json(found, ref))
    else:
        stdout.lines(reproduction_lines(found))
    if not found.is_same:
        raise typer.Exit(ExitCode.ANSWER_IS_NO)
