"""``upgrade``."""

from typing import Annotated

import typer

from cli.opening import opened
from cli.options import Json
from cli.output.listing import show_outcome


def upgrade(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Give the catalog the newest format, which earlier releases do not open.

    Make sure before that no earlier release writes to it.
    """
    report = opened(context).upgrade(dry_run=dry_run)
    was, said = ("has", "would have") if dry_run else ("had", "now has")
    text = (
        f"the catalog {was} format {report.before}, and {said} format {report.after}"
        if report.is_changed
        else f"the catalog has format {report.after} already"
    )
    outcome = {"before": report.before, "after": report.after, "dry_run": dry_run}
    show_outcome(outcome, text, json=json)
