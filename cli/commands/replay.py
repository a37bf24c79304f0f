"""``rebase``, ``cherry-pick`` and ``revert``: changes applied elsewhere, or undone."""

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.report.figures import counted, listed, named_values, plain, short
from cli.completion import complete_ref, complete_table
from cli.gate import allowed_failures, contracts_in
from cli.opening import DEFAULT_REF, opened
from cli.options import (
    AllowFailing,
    Branch,
    BranchArgument,
    ContractFiles,
    DryRun,
    Json,
    Message,
    Reasons,
    Refresh,
    Sides,
)
from cli.output.derived import derived_lines, derived_tables_json
from cli.output.listing import show_outcome
from cli.output.merge import rows_json, rows_lines, show_report, watched_merge
from cli.specs import sides

if TYPE_CHECKING:
    from catalog.operations.rebase import RebaseReport

PARTITIONS_SHOWN = 12
"""Partitions of a table that text names: a line or two of them."""

Mainline = Annotated[
    int,
    typer.Option(
        "--mainline", metavar="N", min=1, help="The parent of a merge to compare it with."
    ),
]


def rebase(
    context: typer.Context,
    *,
    branch: BranchArgument,
    onto: Annotated[
        str,
        typer.Option("--onto", metavar="REF", help="The new base.", autocompletion=complete_ref),
    ] = DEFAULT_REF,
    resolve: Sides = None,
    refresh: Refresh = True,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show which commits and partitions, without reading rows."),
    ] = False,
    json: Json = False,
) -> None:
    """Move the commits of a branch onto another base, by rows and cells.

    Also lists the partitions that were added or changed on the new base since the branch left
    it: they may need the same reprocessing. In a conflict, ours is the new base. Derived tables
    that are stale then are computed in one more commit at the end.

    Examples:
      parquetry rebase backfill/2024-03
      parquetry rebase fix --onto staging --dry-run
    """
    about = {"operation": "rebase", "branch": branch, "onto": onto}
    with watched_merge(about, json=json) as progress:
        found = opened(context).rebase(
            branch,
            onto=onto,
            resolve=sides(resolve or []),
            refresh=refresh,
            dry_run=dry_run,
            progress=progress,
        )
    outcome = _rebase_json(found, onto, dry_run=dry_run)
    show_outcome(outcome, *_rebase_lines(found, onto, dry_run=dry_run), json=json)


def cherry_pick(
    context: typer.Context,
    *,
    ref: Annotated[
        str, typer.Argument(metavar="REF", help="The commit.", autocompletion=complete_ref)
    ],
    branch: Branch = DEFAULT_REF,
    mainline: Mainline = 1,
    resolve: Sides = None,
    refresh: Refresh = True,
    contract: ContractFiles = None,
    allow_failing: AllowFailing = None,
    reason: Reasons = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Apply the changes of one commit to a branch, by rows and cells.

    Examples:
      parquetry cherry-pick a1b2c3d4
      parquetry cherry-pick fix~1 --branch staging --dry-run
    """
    may_fail = allowed_failures(allow_failing or (), reason or ())
    about = {"operation": "cherry-pick", "branch": branch, "refs": [ref]}
    with watched_merge(about, json=json) as progress:
        report = opened(context).cherry_pick(
            ref,
            branch=branch,
            resolve=sides(resolve or []),
            mainline=mainline,
            refresh=refresh,
            contracts=contracts_in(contract or ()),
            allow_failing=may_fail,
            dry_run=dry_run,
            progress=progress,
        )
    show_report(report, about, json=json, dry_run=dry_run)


def revert(
    context: typer.Context,
    *,
    refs: Annotated[
        list[str],
        typer.Argument(
            metavar="REF...", help="Commits, or ranges A..B.", autocompletion=complete_ref
        ),
    ],
    branch: Branch = DEFAULT_REF,
    tables: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--table",
            help="Revert only this table; needs --allow-partial if the commit changed others.",
            autocompletion=complete_table,
        ),
    ] = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Revert fewer tables than the commit changed.")
    ] = False,
    message: Message = None,
    mainline: Mainline = 1,
    resolve: Sides = None,
    refresh: Refresh = True,
    contract: ContractFiles = None,
    allow_failing: AllowFailing = None,
    reason: Reasons = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Undo what commits did, by rows and cells: later corrections stay.

    Makes one commit. Cells that have changed again since are in conflict.

    Examples:
      parquetry revert a1b2c3d4
      parquetry revert main~3..main~1 -m "the backfill of March was wrong"
      parquetry revert main -t orders --allow-partial --dry-run
    """
    may_fail = allowed_failures(allow_failing or (), reason or ())
    about = {"operation": "revert", "branch": branch, "refs": list(refs)}
    with watched_merge(about, json=json) as progress:
        report = opened(context).revert(
            *refs,
            branch=branch,
            tables=tables or None,
            allow_partial=allow_partial,
            message=message,
            resolve=sides(resolve or []),
            mainline=mainline,
            refresh=refresh,
            contracts=contracts_in(contract or ()),
            allow_failing=may_fail,
            dry_run=dry_run,
            progress=progress,
        )
    show_report(report, about, json=json, dry_run=dry_run)


def _rebase_lines(found: "RebaseReport", onto: str, *, dry_run: bool) -> Iterator[str]:
    base = f"{onto} ({short(found.onto)})"
    if found.is_up_to_date:
        yield f"{found.branch} is already on {base}"
        return
    verb = "would be moved onto" if dry_run else "moved onto"
    yield f"{counted(len(found.commits), 'commit')} {verb} {base}"
    for commit in found.commits:
        yield f"  {short(commit.id)} {plain(commit.message.partition(chr(10))[0])}"
    yield from rows_lines(found.rows)
    yield from derived_lines(found.derived, dry_run=dry_run)
    if found.arrived:
        yield f"on {onto} since {found.branch} left it; may need the same reprocessing:"
        wide = max(len(plain(table)) for table in found.arrived)
        for table, partitions in found.arrived.items():
            names = [named_values(one) or "the whole table" for one in partitions]
            yield f"  {plain(table):<{wide}}  {listed(names, PARTITIONS_SHOWN)}"
    if found.after is None:
        yield "dry run: nothing was moved"
        return
    yield f"{found.branch} is now {short(found.after)}"
    back = f"parquetry reset {shlex.quote(found.branch)} --to {short(found.before)}"
    yield f"to undo: {back}"


def _rebase_json(found: "RebaseReport", onto: str, *, dry_run: bool) -> dict[str, object]:
    return {
        "operation": "rebase",
        "branch": found.branch,
        "onto": onto,
        "base": found.base,
        "onto_commit": found.onto,
        "before": found.before,
        "after": found.after,
        "dry_run": dry_run,
        "commits": [{"commit": c.id, "message": c.message} for c in found.commits],
        "tables": [{"table": t, "rows": rows_json(rows)} for t, rows in found.rows.items()],
        **derived_tables_json(found.derived),
        **({} if found.refresh is None else {"refresh_commit": found.refresh.id}),
        "arrived": [
            {"table": table, "partitions": [dict(one) for one in partitions]}
            for table, partitions in found.arrived.items()
        ],
        "conflicts": [],
    }
