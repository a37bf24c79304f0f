"""Publications that ``parquetry.toml`` names: brought up to date after a command moved a branch.

The command has done its work by then: what fails here is told, and changes neither its outcome nor
its exit code.
"""

import shlex
from typing import TYPE_CHECKING

import typer

from catalog.errors import CatalogError
from catalog.report.figures import counted, plain, short
from cli.config import PublicationEntry
from cli.location import configured_publications
from cli.output import stderr

if TYPE_CHECKING:
    from catalog import Catalog


WITH_TAGS = ("iceberg",)
"""Formats whose tables have the catalog's tags."""


def kept_current(context: typer.Context, opened: "Catalog") -> None:
    """Has publications of the branches that a command moves brought up to date at its end."""
    context.call_on_close(lambda: _bring_up_to_date(context, opened))


def _bring_up_to_date(context: typer.Context, opened: "Catalog") -> None:
    repository = opened.context.repository
    moved, tags = repository.branches.moved, repository.tags.changed
    if not moved and not tags:
        return
    try:
        entries = configured_publications(context)
    except CatalogError as error:
        stderr.warning(f"what is published was not brought up to date: {error.message}")
        return
    for entry in entries:
        if entry.branch in moved or (tags and entry.format in WITH_TAGS):
            _publish(opened, entry)


def _publish(opened: "Catalog", entry: PublicationEntry) -> None:
    try:
        with stderr.Progress("publish:") as progress:
            report = opened.publish(
                entry.branch,
                entry.target,
                format=entry.format,
                tables=entry.tables,
                progress=progress,
            )
    except Exception as error:  # noqa: BLE001 - whatever it is, the commit stands
        said = (
            error.message if isinstance(error, CatalogError) else f"{type(error).__name__}: {error}"
        )
        stderr.warning(
            f"{plain(entry.target)} is not up to date with {plain(entry.branch)}: {said}\n"
            f"hint: the commit stands; publish it once that is settled: {_command(entry)}"
        )
        return
    for one in report.tables:
        for commit, why in one.passed_over.items():
            stderr.warning(f"{plain(one.table)}: commit {short(commit)} has no version: {why}")
    versions = sum(table.versions for table in report.tables)
    if versions:
        added = "" if entry.format == "duckdb" else f": {counted(versions, 'version')}"
        at = f"{plain(entry.branch)} at {short(report.commit)}"
        stderr.note(f"published {at} to {plain(entry.target)}{added}")


def _command(entry: PublicationEntry) -> str:
    words = ["parquetry", "publish", entry.branch, entry.target, "--format", entry.format]
    for table in entry.tables or ():
        words += ["--table", table]
    return shlex.join(words)
