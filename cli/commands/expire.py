"""``expire``: gives up the data of old commits."""

from typing import Annotated

import typer

from cli.opening import opened
from cli.options import Json
from cli.output.expiry import expiry_json, expiry_lines
from cli.output.listing import show_outcome
from cli.usage import UsageError


def expire(
    context: typer.Context,
    *,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep",
            metavar="AGE",
            show_default=False,
            help="Keep the data of commits younger than this, such as 90d; a day at least.",
        ),
    ] = None,
    keep_last: Annotated[
        int,
        typer.Option("--keep-last", metavar="N", help="Keep the N newest commits of each branch."),
    ] = 1,
    keep_tags: Annotated[
        bool, typer.Option("--keep-tags/--no-keep-tags", help="Keep the commits that have a tag.")
    ] = True,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", "-t", metavar="T", help="Give up data of this table alone."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would expire and be freed, and record nothing."),
    ] = False,
    json: Json = False,
) -> None:
    """Give up the data of old commits, so that the next gc can drop it; history stays.

    log, show, tables, lineage and diff --stat answer as before; reading rows that are gone is an
    error that names the nearest commit with data. Branches, what they were in the last 30 days,
    where they parted, and what is under way always keep their data.

    Examples:
      parquetry expire --keep 90d --dry-run
      parquetry expire --keep 90d --keep-last 10
      parquetry expire --keep 30d --table events
    """
    if keep is None:
        raise UsageError("--keep is missing", hint="such as --keep 90d")
    found = opened(context).expire(
        keep, keep_last=keep_last, keep_tags=keep_tags, tables=table or None, dry_run=dry_run
    )
    show_outcome(expiry_json(found), *expiry_lines(found), json=json)
