"""``export`` and ``views``: tables for other tools."""

from typing import Annotated, Literal

import typer

from catalog.report.figures import counted
from cli.opening import DEFAULT_REF, opened, table_at
from cli.options import Json, Ref, TableAt
from cli.output.listing import show_outcome


def export(
    context: typer.Context,
    *,
    table: TableAt,
    destination: Annotated[
        str, typer.Argument(metavar="DEST", help="A new directory (parquet) or a new file (csv).")
    ],
    how: Annotated[
        Literal["parquet", "csv"], typer.Option("--format", help="What to write.")
    ] = "parquet",
    json: Json = False,
) -> None:
    """Write a table at a ref as plain files.

    Examples:
      parquetry export orders@v1.0 published/orders
      parquetry export orders orders.csv --format csv
    """
    name, ref = table_at(table)
    rows = opened(context).export(name, destination, ref=ref, format=how)
    outcome = {"table": name, "ref": ref, "destination": destination, "rows": rows}
    show_outcome(outcome, f"wrote {counted(rows, 'row')} of {table} to {destination}", json=json)


def views(
    context: typer.Context,
    *,
    path: Annotated[str, typer.Argument(metavar="FILE.duckdb", help="The database to write.")],
    ref: Ref = DEFAULT_REF,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an existing file.")] = False,
    json: Json = False,
) -> None:
    """Write a DuckDB database with views of the tables at a ref; the views never change.

    Examples:
      parquetry views lake.duckdb --ref v1.0
    """
    names = opened(context).write_views(path, ref=ref, replace=replace)
    text = f"wrote {path}: {', '.join(names) or 'no tables'} at {ref}"
    show_outcome({"file": path, "ref": ref, "tables": names}, text, json=json)
