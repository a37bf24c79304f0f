"""``blame`` and ``history``: the past of one row."""

from typing import Annotated

import typer

from cli.key_values import key_values
from cli.opening import opened, table_at
from cli.options import Format, Json, Limit, TableAt, chosen
from cli.output import stdout
from cli.output.listing import ListFormat, show

TEXT_LIMIT = 20
"""States that text lists: a screen of them or two; the other formats list all."""

KeyValues = Annotated[
    list[str],
    typer.Option(
        "--key",
        metavar="COLUMN=VALUE",
        help="The row: a value for each column of the key. NULL is NULL, and 'NULL' a text.",
    ),
]


def blame(
    context: typer.Context,
    *,
    table: TableAt,
    key: KeyValues,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="COLUMN", help="Ask about this cell alone. Repeatable."),
    ] = None,
    how: Format = ListFormat.TEXT,
    json: Json = False,
) -> None:
    """Show which commits last changed a row, and each of its cells.

    Examples:
      parquetry blame orders --key order_id=5
      parquetry blame order_lines@main~1 --key order_id=5 --key line=2 --column amount
    """
    from cli.output.row_past import blame_json, blame_lines, blame_listing

    name, ref = table_at(table)
    found = opened(context).blame(name, ref, key=key_values(key), columns=columns)
    how = chosen(how, json)
    if how is ListFormat.JSON:
        stdout.line(blame_json(found))
    elif how is ListFormat.TEXT:
        stdout.lines(blame_lines(found))
    else:
        show(blame_listing(found), how)


def history(
    context: typer.Context,
    *,
    table: TableAt,
    key: KeyValues,
    limit: Limit = None,
    how: Format = ListFormat.TEXT,
    json: Json = False,
) -> None:
    """List every state of a row, newest first, with the commits that made it so.

    Examples:
      parquetry history orders --key order_id=5
      parquetry history orders@v1.0 --key order_id=5 --limit 3 --json
    """
    from cli.output.row_past import history_json, history_lines, history_listing

    name, ref = table_at(table)
    how = chosen(how, json)
    most = limit if limit is not None else TEXT_LIMIT if how is ListFormat.TEXT else -1
    found = opened(context).history(
        name, ref, key=key_values(key), limit=None if most < 0 else most
    )
    if how is ListFormat.JSON:
        stdout.line(history_json(found))
    elif how is ListFormat.TEXT:
        stdout.lines(history_lines(found))
    else:
        show(history_listing(found), how)
