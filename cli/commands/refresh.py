"""``refresh``: computes derived tables that are stale."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.completion import complete_table
from cli.interruption import passed_on
from cli.location import running_code
from cli.opening import DEFAULT_REF, opened
from cli.options import AllowCommands, Branch, Json, Message, Workers
from cli.output import stderr
from cli.output.derived import (
    closing_line,
    explanation_json,
    explanation_lines,
    refresh_json,
    refresh_lines,
)
from cli.output.listing import show_outcome
from cli.steps import command_runs

if TYPE_CHECKING:
    from catalog import Catalog

Tables = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TABLE]...",
        help="Derived tables, which are refreshed with those that they are computed from. "
        "Default: all.",
        autocompletion=complete_table,
    ),
]
DownstreamOf = Annotated[
    list[str] | None,
    typer.Option(
        "--downstream-of",
        metavar="TABLE",
        help="Refresh what is derived from this table, directly or by others.",
        autocompletion=complete_table,
    ),
]
Full = Annotated[
    bool, typer.Option("--full", help="Compute tables in full, also those that are up to date.")
]
Explain = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Say for each table whether parts of it suffice, and what forbids it; write nothing.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be computed, write nothing.")
]


# long: one parameter for each option
def refresh(
    context: typer.Context,
    *,
    tables: Tables = None,
    downstream_of: DownstreamOf = None,
    branch: Branch = DEFAULT_REF,
    full: Full = False,
    explain: Explain = False,
    dry_run: DryRun = False,
    allow_commands: AllowCommands = False,
    workers: Workers = None,
    message: Message = None,
    json: Json = False,
) -> None:
    """Compute the derived tables that are stale, each after its inputs: all in one commit.

    Only partitions whose inputs have changed are computed where the SQL proves that this gives
    the same, and only rows that differ are written.

    Examples:
      parquetry refresh
      parquetry refresh --downstream-of orders --branch fix
      parquetry refresh daily --explain
    """
    cat = opened(context, workers=workers)
    if explain:
        _explain(cat, tables or [], downstream_of or [], branch=branch, full=full, json=json)
        return
    from catalog.operations.flow.refresh import refresh as run

    with stderr.Progress("refresh:") as progress:
        report = run(
            cat.context,
            branch,
            tables=tables or None,
            downstream_of=downstream_of or (),
            full=full,
            dry_run=dry_run,
            message=message,
            progress=lambda table, done, total: progress(done, total, table),
            runs=command_runs(allow=allow_commands),
            watch=passed_on,
            code=running_code(),
        )
    outcome = {
        "branch": report.branch,
        "commit": report.commit.id if report.commit else None,
        "as_of": report.as_of,
        "dry_run": report.dry_run,
        "tables": [refresh_json(one) for one in report.tables],
    }
    last = "nothing is stale, no commit"
    if dry_run:
        last = "dry run: nothing was written" if report.tables else "nothing is stale"
    elif report.tables:
        last = "no row differs, no commit"
    show_outcome(
        outcome,
        *refresh_lines(report.tables, dry_run=dry_run),
        closing_line(report.branch, report.commit, nothing=last),
        json=json,
    )


def _explain(
    cat: "Catalog",
    tables: list[str],
    downstream_of: list[str],
    *,
    branch: str,
    full: bool,
    json: bool,
) -> None:
    found = cat.explain_refresh(*tables, branch=branch, downstream_of=downstream_of, full=full)
    outcome = {"branch": branch, "tables": [explanation_json(one) for one in found]}
    lines = explanation_lines(found) or [f"no derived tables on {branch}"]
    show_outcome(outcome, *lines, json=json)
