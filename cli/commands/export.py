"""``export``, ``cat`` and ``views``: tables and files for other tools."""

import shutil
from pathlib import PurePath
from typing import Annotated, BinaryIO, Literal

import typer

from catalog.report.figures import counted
from cli.opening import DEFAULT_REF, opened, table_at
from cli.options import Json, Ref, TableAt
from cli.output import stderr, stdout
from cli.output.listing import show_outcome
from cli.usage import UsageError

COPY_BYTES = 1 << 20
"""Bytes of a file that are printed at a time, and of a text that is shown on a terminal."""


def export(
    context: typer.Context,
    *,
    table: TableAt,
    destination: Annotated[
        str, typer.Argument(metavar="DEST", help="A new directory, or a new file (csv).")
    ],
    how: Annotated[
        Literal["parquet", "csv", "files", "delta", "iceberg"],
        typer.Option("--format", help="What to write; files are those of a file set."),
    ] = "parquet",
    json: Json = False,
) -> None:
    """Write a table at a ref as files for other tools, or restore the files of a file set.

    A table of Delta or Iceberg shares the files that its readers read as they are, by hard links.

    Examples:
      parquetry export orders@v1.0 published/orders
      parquetry export orders orders.csv --format csv
      parquetry export orders@v1.0 published/orders --format delta
      parquetry export orders@v1.0 published/orders --format iceberg
      parquetry export photos@v1.0 restored --format files
    """
    name, ref = table_at(table)
    with stderr.Progress("export:") as progress:
        progress(what=f"writing {table}")
        rows = opened(context).export(name, destination, ref=ref, format=how)
    outcome = {"table": name, "ref": ref, "destination": destination, "rows": rows}
    written = counted(rows, "file" if how == "files" else "row")
    show_outcome(outcome, f"wrote {written} of {table} to {destination}", json=json)


def cat(
    context: typer.Context,
    *,
    table: TableAt,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="The file, as the column path has it.")
    ],
) -> None:
    """Print a file of a file set at a ref, on a terminal if it is text.

    Examples:
      parquetry cat photos@v1.0 2024/dawn.jpg > dawn.jpg
    """
    name, ref = table_at(table)
    with opened(context).open_file(f"{name}@{ref}", path) as file:
        if stdout.is_terminal():
            _show(file, path)
            return
        with stdout.binary() as out:
            shutil.copyfileobj(file, out, COPY_BYTES)


def _show(file: BinaryIO, path: str) -> None:
    """Shows a text on a terminal.

    Raises:
        UsageError: It is none, or too long to be read there.
    """
    content = file.read(COPY_BYTES + 1)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or len(content) > COPY_BYTES:
        raise UsageError(
            f"{path} is not a text to be read on a terminal", hint="send it to a file: > FILE"
        )
    stdout.data(text)


FOREIGN = (".sqlite", ".sqlite3", ".parquet", ".csv", ".json", ".mdb", ".accdb", ".xlsx")
"""Endings of names that stand for other formats than DuckDB's."""


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
    if PurePath(path).suffix.casefold() in FOREIGN:
        stderr.warning(
            f"{path} is a database of DuckDB, whatever its name says: only DuckDB reads it"
        )
    text = f"wrote {path}: {', '.join(names) or 'no tables'} at {ref}"
    show_outcome({"file": path, "ref": ref, "tables": names}, text, json=json)
