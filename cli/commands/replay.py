"""``rebase``, ``cherry-pick`` and ``revert``: changes made again elsewhere, or taken back."""

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.report.figures import counted, named_values, plain, short
from cli.completion import complete_branch, complete_ref, complete_table
from cli.opening import DEFAULT_REF, opened
from cli.options import Branch, Json, Sides
from cli.output import stderr, stdout
from cli.output.listing import show_json
from cli.output.merge import conflicts_told, rows_told, show_report
from cli.specs import sides

if TYPE_CHECKING:
    from catalog.operations.rebase import RebaseReport

PARTITIONS_SHOWN = 12
"""Partitions of a table that text names: a line or two of them."""

Mainline = Annotated[
    int,
    typer.Option(
        "--mainline", metavar="N", min=1, help="The parent of a merge that it is relative to."
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Tell, but write nothing; conflicts end with 4 here too."),
]


def rebase(
    context: typer.Context,
    branch: Annotated[
        str, typer.Argument(metavar="BRANCH", help="The branch.", autocompletion=complete_branch)
    ],
    onto: Annotated[
        str,
        typer.Option("--onto", metavar="REF", help="The new base.", autocompletion=complete_ref),
    ] = DEFAULT_REF,
    resolve: Sides = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell which commits and partitions; look at no rows.")
    ] = False,
    json: Json = False,
) -> None:
    """Make the commits of a branch again on another base, by rows and cells.

    Also tells which partitions came or changed on the new base since the branch left it: they
    may still need what the branch did. In a conflict, ours is the new base.

    Examples:
      parquetry rebase backfill/2024-03
      parquetry rebase fix --onto staging --dry-run
    """
    about = {"operation": "rebase", "branch": branch, "onto": onto}
    with conflicts_told(about, json=json), stderr.Progress("rebase:") as progress:
        found = opened(context).rebase(
            branch,
            onto=onto,
            resolve=sides(resolve or []),
            dry_run=dry_run,
            progress=rows_told(progress),
        )
    if json:
        show_json(_rebase_json(found, onto, dry_run=dry_run))
    else:
        stdout.lines(_rebase_lines(found, onto, dry_run=dry_run))


def cherry_pick(
    context: typer.Context,
    ref: Annotated[
        str, typer.Argument(metavar="REF", help="The commit.", autocompletion=complete_ref)
    ],
    branch: Branch = DEFAULT_REF,
    mainline: Mainline = 1,
    resolve: Sides = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Make on a branch what one commit did, by rows and cells.

    Examples:
      parquetry cherry-pick a1b2c3d4
      parquetry cherry-pick fix~1 --branch staging --dry-run
    """
    about = {"operation": "cherry-pick", "branch": branch, "refs": [ref]}
    with conflicts_told(about, json=json), stderr.Progress("cherry-pick:") as progress:
        report = opened(context).cherry_pick(
            ref,
            branch=branch,
            resolve=sides(resolve or []),
            mainline=mainline,
            dry_run=dry_run,
            progress=rows_told(progress),
        )
    show_report(report, about, json=json, dry_run=dry_run)


def revert(
    context: typer.Context,
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
            help="Only this table; needs --allow-partial if the commit changed others.",
            autocompletion=complete_table,
            show_default=False,
        ),
    ] = None,
    allow_partial: Annotated[
        bool,
        typer.Option("--allow-partial", help="Take back fewer tables than the commit changed."),
    ] = False,
    message: Annotated[
        str | None,
        typer.Option("-m", "--message", help="What the commit is about.", show_default=False),
    ] = None,
    mainline: Mainline = 1,
    resolve: Sides = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take back what commits did, by rows and cells: what was corrected later stays.

    Makes one commit. Cells that were changed again since are in conflict.

    Examples:
      parquetry revert a1b2c3d4
      parquetry revert main~3..main~1 -m "the backfill of March was wrong"
      parquetry revert main -t orders --allow-partial --dry-run
    """
    about = {"operation": "revert", "branch": branch, "refs": list(refs)}
    with conflicts_told(about, json=json), stderr.Progress("revert:") as progress:
        report = opened(context).revert(
            *refs,
            branch=branch,
            tables=tables or None,
            allow_partial=allow_partial,
            message=message,
            resolve=sides(resolve or []),
            mainline=mainline,
            dry_run=dry_run,
            progress=rows_told(progress),
        )
    show_report(report, about, json=json, dry_run=dry_run)


def _rebase_lines(found: "RebaseReport", onto: str, *, dry_run: bool) -> Iterator[str]:
    base = f"{onto} ({short(found.onto)})"
    if found.is_up_to_date:
        yield f"{found.branch} stands on {base} already"
        return
    verb = "would be made again" if dry_run else "made again"
    yield f"{counted(len(found.commits), 'commit')} {verb} on {base}"
    for commit in found.commits:
        yield f"  {short(commit.id)} {plain(commit.message.partition(chr(10))[0])}"
    if found.arrived:
        yield f"on {onto} since {found.branch} left it; may need the same reprocessing:"
        wide = max(len(plain(table)) for table in found.arrived)
        for table, partitions in found.arrived.items():
            first = partitions[:PARTITIONS_SHOWN]
            shown = ", ".join(named_values(one) or "the whole table" for one in first)
            more = len(partitions) - PARTITIONS_SHOWN
            rest = f" and {more:,} more" if more > 0 else ""
            yield f"  {plain(table):<{wide}}  {shown}{rest}"
    if found.after is None:
        yield "dry run: nothing was moved"
        return
    yield f"{found.branch} is now {short(found.after)}"
    back = f"parquetry reset {shlex.quote(found.branch)} --to {short(found.before)}"
    yield f"to take it back: {back}"


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
        "arrived": [
            {"table": table, "partitions": [dict(one) for one in partitions]}
            for table, partitions in found.arrived.items()
        ],
        "conflicts": [],
    }
