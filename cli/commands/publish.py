"""``publish``: a copy of a branch in another format, kept current."""

from typing import TYPE_CHECKING, Annotated

import typer

from catalog.model.published import PUBLICATION_FORMATS, PublicationFormat
from catalog.report.figures import counted, plain, short
from cli.opening import opened
from cli.options import BranchArgument, Json
from cli.output import stderr
from cli.output.listing import picked, show_outcome
from cli.usage import UsageError, nearest

if TYPE_CHECKING:
    from catalog.operations.publication.report import PublishedTable, PublishReport

REPORTED = (
    *("table", "location", "versions", "version", "commit", "rows"),
    *("files_shared", "files_rewritten", "passed_over"),
)
"""What JSON says of a table."""


def publish(
    context: typer.Context,
    *,
    branch: BranchArgument,
    target: Annotated[
        str,
        typer.Argument(
            metavar="DIR",
            help="A directory, or s3://BUCKET/PREFIX: new, or from an earlier run; a file for "
            "duckdb.",
        ),
    ],
    form: Annotated[
        str,
        typer.Option("--format", metavar="delta|iceberg|duckdb", help="The format of the copy."),
    ] = "delta",
    tables: Annotated[
        list[str] | None,
        typer.Option("-t", "--table", metavar="TABLE", help="Publish only this one. Repeatable."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Make the tables anew from the commits.")
    ] = False,
    json: Json = False,
) -> None:
    """Keep a copy of a branch in another format: a version for each commit, with its time and id.

    Data files are shared by hard links, or copied by the server of a bucket; those that readers
    would not read rightly are written anew. As duckdb, it is a database of views that is replaced
    whole. Run it again after commits, or name the copy in parquetry.toml, [[publish]].

    Examples:
      parquetry publish main published --format delta
      parquetry publish main lake --format iceberg
      parquetry publish main lake.duckdb --format duckdb
      parquetry publish main published --table orders --again
    """
    chosen = publication_format(form)
    with stderr.Progress("publish:") as progress:
        report = opened(context).publish(
            branch, target, format=chosen, tables=tables, again=again, progress=progress
        )
    for text in passed_over(report):
        stderr.warning(text)
    outcome = {
        "branch": report.branch,
        "commit": report.commit,
        "format": report.format,
        "target": report.target,
        "tables": [picked(one, *REPORTED) for one in report.tables],
    }
    lines = [_line(one, report, target) for one in report.tables] or [f"{branch} has no tables yet"]
    if report.format == "duckdb":
        lines = [_database_line(report, target)]
    show_outcome(outcome, *lines, json=json)


def passed_over(report: "PublishReport") -> list[str]:
    """Returns which commits have no version in a copy, and why."""
    texts = []
    for one in report.tables:
        for commit, why in list(one.passed_over.items())[:1]:
            others = len(one.passed_over) - 1
            more = f"; neither have {counted(others, 'other commit')}" if others else ""
            texts.append(f"{plain(one.table)}: commit {short(commit)} has no version: {why}{more}")
    return texts


def publication_format(text: str) -> PublicationFormat:
    """Returns a format that was written out.

    Raises:
        UsageError: There is no such format of publications.
    """
    for known in PUBLICATION_FORMATS:
        if text == known:
            return known
    raise UsageError(
        f"unknown format of a publication: {text!r}",
        hint=nearest(text, PUBLICATION_FORMATS) or f"use {', '.join(PUBLICATION_FORMATS)}",
    )


def _line(one: "PublishedTable", report: "PublishReport", target: str) -> str:
    """Returns what was done for a table, which is below the target as the user wrote it."""
    place = target.rstrip("/") + one.location.removeprefix(report.target)
    shown = f"{counted(one.rows, 'row')} of {short(one.commit)} in {plain(place)}"
    if not one.versions:
        return f"{plain(one.table)}: up to date, {shown}"
    anew = f", {counted(one.files_rewritten, 'file')} written anew" if one.files_rewritten else ""
    shared = counted(one.files_shared, "file")
    versions = counted(one.versions, "version")
    return f"{plain(one.table)}: {versions} added, {shown}; {shared} shared{anew}"


def _database_line(report: "PublishReport", target: str) -> str:
    is_new = any(one.versions for one in report.tables)
    shown = f"{counted(len(report.tables), 'table')} of {short(report.commit)}"
    return f"{plain(target)}: {'now shows' if is_new else 'up to date,'} {shown}"
