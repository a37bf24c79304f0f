"""``compact``: puts small files together."""

from typing import Annotated

import typer

from cli.completion import complete_table
from cli.opening import DEFAULT_REF, opened
from cli.options import Branch, Json, Message
from cli.output import stderr
from cli.output.files import compact_json, compact_lines
from cli.output.listing import show_outcome
from cli.sizes import TargetSize, target_bytes

Tables = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TABLE]...",
        help="The tables. Default: all but file sets.",
        autocompletion=complete_table,
    ),
]
Partitions = Annotated[
    list[str] | None,
    typer.Option(
        "--partitions",
        metavar="WHERE",
        help="Only partitions that meet a condition, or have these values: day=2024-01-01. "
        "Repeatable.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be put together, write nothing.")
]


def compact(
    context: typer.Context,
    *,
    tables: Tables = None,
    target_size: TargetSize = None,
    partitions: Partitions = None,
    branch: Branch = DEFAULT_REF,
    dry_run: DryRun = False,
    message: Message = None,
    json: Json = False,
) -> None:
    """Put small files together, in one commit of the same rows.

    Where a partition has several files of less than half of the size, they are written again as
    few, sorted by the table's key. History keeps the files of before.

    Examples:
      parquetry compact
      parquetry compact orders --target-size 256MB
      parquetry compact orders --partitions "day < '2024-06-01'" --dry-run
    """
    with stderr.Progress("compact:") as progress:
        report = opened(context).compact(
            tables or None,
            branch=branch,
            target_bytes=target_bytes(target_size),
            partitions=partitions or (),
            dry_run=dry_run,
            message=message,
            progress=lambda table, done, total: progress(done, total, table),
        )
    show_outcome(compact_json(report), *compact_lines(report), json=json)
