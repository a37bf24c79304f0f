"""``import``: the past of a table of another format, as commits on a branch of its own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from catalog.report.figures import counted, moment, plain, short
from cli.completion import complete_branch
from cli.opening import opened
from cli.options import Json
from cli.output import stderr
from cli.output.listing import picked, show_outcome
from cli.specs import FileMode

if TYPE_CHECKING:
    from catalog.operations.table_history.run import ImportReport

SHOWN = 10
"""Commits that text lists; JSON lists all."""


# long: one parameter for each option
def import_history(
    context: typer.Context,
    *,
    source_format: Annotated[
        Literal["delta", "iceberg"],
        typer.Argument(metavar="delta|iceberg", help="The format of the table."),
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="PATH", help="The table: its directory, a URI, or a name in a catalog."
        ),
    ],
    table: Annotated[str, typer.Option("--table", help="The table here.")],
    branch: Annotated[
        str | None,
        typer.Option(
            "--branch",
            help="The branch that gets the versions. Default: import/TABLE.",
            autocompletion=complete_branch,
        ),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="VERSION",
            help="The version to begin from: its number, a time or a tag. Default: the oldest that "
            "the log still has, or the one after the last that was imported.",
        ),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="VERSION", help="The version to end with. Default: the newest."
        ),
    ] = None,
    mode: Annotated[
        FileMode,
        typer.Option(
            "--mode",
            help="Leave the files in place, link to them, or copy them. A vacuum of the table "
            "deletes files of old versions that were left in place.",
        ),
    ] = "reference",
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="COL,COL", help="Key columns. Default: the table's own."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a commit of each version that a table's log still has, on a branch of its own.

    The commits have the times, authors and messages of the log. The same command again takes
    the versions that came since. The branch begins by itself: merge it to bring the table to
    main.

    Examples:
      parquetry import delta warehouse/orders --table orders --key order_id
      parquetry diff import/orders~1 import/orders
      parquetry merge import/orders
    """
    keys = None if key is None else [name.strip() for name in key.split(",")]
    with stderr.Progress("import:") as progress:
        report = opened(context).import_history(
            source,
            table=table,
            format=source_format,
            branch=branch,
            from_version=first,
            to_version=last,
            mode=mode,
            key=keys,
            progress=progress,
        )
    for text in report.warnings:
        stderr.warning(text)
    commits = [
        {"version": version, "commit": commit.id}
        for version, commit in zip(report.versions, report.commits, strict=True)
    ]
    outcome = {
        **picked(report, "table", "branch", "source", "format", "last", "began"),
        "commits": commits,
        "warnings": list(report.warnings),
    }
    show_outcome(outcome, *_lines(report), json=json)


def _lines(report: "ImportReport") -> Iterator[str]:
    branch = plain(report.branch)
    if report.is_up_to_date:
        yield f"{branch} is up to date, at version {report.last}"
        return
    yield f"{counted(len(report.versions), 'version')} of {plain(report.table)} on {branch}"
    left_out = len(report.commits) - SHOWN
    if left_out > 0:
        yield f"  … {counted(left_out, 'older one')}"
    for commit in report.commits[-SHOWN:]:
        title = plain(commit.message.partition("\n")[0])
        yield f"  {short(commit.id)} {moment(commit.time)[:16]} {title}"
