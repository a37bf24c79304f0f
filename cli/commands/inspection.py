"""``tables``, ``schema``, ``partitions``, ``files``: the contents of a ref."""

import typer

from catalog.model.derived import definition_of, definition_text
from catalog.model.listings import column_infos
from cli.opening import DEFAULT_REF, opened, table_at
from cli.options import Format, Json, RefArgument, TableAt, chosen
from cli.output import stdout
from cli.output.definitions import definition_json, definition_lines
from cli.output.listing import Cell, ListFormat, Listing, show


def tables(
    context: typer.Context,
    *,
    ref: RefArgument = DEFAULT_REF,
    how: Format = ListFormat.TEXT,
    json: Json = False,
) -> None:
    """List the tables with their rows, sizes and files.

    Examples:
      parquetry tables
      parquetry tables v1.0 --json
    """
    cat = opened(context)
    resolved = cat.resolve(ref)
    found, how = cat.tables(ref), chosen(how, json)
    columns: tuple[str, ...] = ("table", "rows", "size_bytes", "files")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (t.name, t.rows, t.size_bytes, t.files) for t in found
    )
    # readers of CSV find the four columns that they know, as long as no table is derived
    if how is ListFormat.JSON or any(t.derived for t in found):
        columns += ("derived",)
        rows = tuple((*row, t.derived) for row, t in zip(rows, found, strict=True))
    listing = Listing(
        "tables",
        columns,
        rows,
        about={"ref": ref, "commit": resolved.commit_id},
        empty=f"no tables at {ref}",
    )
    show(listing, how)


def schema(
    context: typer.Context, *, table: TableAt, how: Format = ListFormat.TEXT, json: Json = False
) -> None:
    """List the columns of a table with their types, and what a derived table is computed by.

    Examples:
      parquetry schema orders
      parquetry schema orders@main~1 --json
    """
    name, ref = table_at(table)
    found, how = opened(context).table(name, ref), chosen(how, json)
    rows = tuple((c.name, c.type, c.key, c.partition, c.field_id) for c in column_infos(found))
    columns = ("column", "type", "key", "partition", "field_id")
    definition = definition_of(found.properties)
    about = {"table": name, "ref": ref, "definition": definition_json(definition)}
    show(Listing("columns", columns, rows, about=about), how)
    if definition is not None and how is ListFormat.TEXT:
        stdout.line()
        stdout.lines(definition_lines(definition_text(found.properties), "derived table"))


def partitions(
    context: typer.Context, *, table: TableAt, how: Format = ListFormat.TEXT, json: Json = False
) -> None:
    """List the partitions of a table: rows, files and sizes."""
    name, ref = table_at(table)
    found = opened(context).partitions(name, ref)
    rows = tuple((dict(p.values), p.rows, p.files, p.size_bytes) for p in found)
    columns = ("partition", "rows", "files", "size_bytes")
    listing = Listing(
        "partitions", columns, rows, about={"table": name, "ref": ref}, empty=f"no rows in {table}"
    )
    show(listing, chosen(how, json))


def files(
    context: typer.Context, *, table: TableAt, how: Format = ListFormat.TEXT, json: Json = False
) -> None:
    """List the data files of a table: plain Parquet that any tool can read.

    Examples:
      parquetry files orders@main~1
      parquetry files orders --json | jq -r '.files[].uri'
    """
    name, ref = table_at(table)
    full = chosen(how, json) is not ListFormat.TEXT
    columns: tuple[str, ...] = ("path", "rows", "size_bytes")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (f.path, f.rows, f.size_bytes) + ((dict(f.partition), f.uri, f.token) if full else ())
        for f in opened(context).files(name, ref)
    )
    if full:
        columns += ("partition", "uri", "token")
    listing = Listing(
        "files", columns, rows, about={"table": name, "ref": ref}, empty=f"no files in {table}"
    )
    show(listing, chosen(how, json))
