"""``lineage``: what a table was made from, and what was made from it."""

from enum import StrEnum
from typing import Annotated

import typer

from cli.opening import opened, table_at
from cli.options import Json, TableAt
from cli.output import stdout


class LineageFormat(StrEnum):
    """How lineage is printed."""

    TEXT = "text"
    JSON = "json"
    MERMAID = "mermaid"
    OPENLINEAGE = "openlineage"


def lineage(
    context: typer.Context,
    *,
    table: TableAt,
    column: Annotated[
        str | None,
        typer.Option("--column", metavar="COLUMN", help="Follow this column alone."),
    ] = None,
    downstream: Annotated[
        bool,
        typer.Option(
            "--downstream/--upstream",
            help="Show what was made from the table; or what it was made from, the default.",
        ),
    ] = False,
    how: Annotated[
        LineageFormat,
        typer.Option(
            "--format",
            help="How to print it. openlineage: one event a line, for each commit upstream.",
        ),
    ] = LineageFormat.TEXT,
    json: Json = False,
) -> None:
    """Show which tables a table was made from, in which commits, and which changed since.

    Examples:
      parquetry lineage monthly
      parquetry lineage monthly@v1.0 --column total
      parquetry lineage orders --downstream
      parquetry lineage monthly --format mermaid
    """
    from cli.output.lineage import lineage_json, lineage_lines
    from cli.output.lineage_drawing import mermaid_lines
    from cli.output.listing import show_json
    from cli.output.openlineage import event_lines, load_library

    how = LineageFormat.JSON if json else how
    name, ref = table_at(table)
    library = load_library() if how is LineageFormat.OPENLINEAGE else None
    cat = opened(context)
    found = cat.lineage(
        name, ref, column=column, direction="downstream" if downstream else "upstream"
    )
    if library is not None:
        if found.upstream is None:  # events are about what commits did
            found = cat.lineage(name, ref, column=column)
        stdout.lines(event_lines(found, library, place=cat.uri))
    elif how is LineageFormat.JSON:
        show_json(lineage_json(found))
    elif how is LineageFormat.MERMAID:
        stdout.lines(mermaid_lines(found))
    else:
        stdout.lines(lineage_lines(found))
