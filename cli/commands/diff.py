"""``diff``: what changed between two refs."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.model.ref_expressions import split_range
from cli.completion import complete_ref, complete_table
from cli.diff.explanation import write_explanation
from cli.diff.request import Request, memory_bytes, tolerances
from cli.opening import DEFAULT_REF, opened
from cli.options import Json, OutputFile
from cli.output import stderr
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.diff.result import Diff


class DiffFormat(StrEnum):
    """How a diff is written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    MARKDOWN = "markdown"


class Method(StrEnum):
    """How files are compared."""

    AUTO = "auto"
    JOIN = "join"


class Change(StrEnum):
    """What can happen to a row."""

    INSERTED = "inserted"
    DELETED = "deleted"
    UPDATED = "updated"


Tables = Annotated[
    list[str] | None,
    typer.Option(
        "-t",
        "--table",
        metavar="TABLE",
        help="Compare this table; may be repeated. Default: all that changed.",
        autocompletion=complete_table,
        show_default=False,
    ),
]


def diff(
    context: typer.Context,
    from_ref: Annotated[
        str,
        typer.Argument(
            metavar="FROM",
            help="The older state, or a range A..B, or A...B from the merge base.",
            autocompletion=complete_ref,
        ),
    ],
    to_ref: Annotated[
        str | None,
        typer.Argument(
            metavar="[TO]",
            help="The newer state. Default: main.",
            autocompletion=complete_ref,
            show_default=False,
        ),
    ] = None,
    tables: Tables = None,
    stat: Annotated[bool, typer.Option("--stat", help="Metadata only: open no data file.")] = False,
    rows: Annotated[bool, typer.Option("--rows", help="List the changed rows.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="List the schema changes.")] = False,
    files: Annotated[bool, typer.Option("--files", help="List the data files.")] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Tell what would be read, by which path; read nothing."),
    ] = False,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="COL,COL",
            help="Match rows by these columns. Default: the table's key.",
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="COL",
            help="Compare only this column; may be repeated.",
            show_default=False,
        ),
    ] = None,
    change: Annotated[
        Change | None,
        typer.Option("--change", help="List only such rows.", show_default=False),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            metavar="EXPR",
            help='List only rows for which this SQL holds, e.g. "_to.amount > 100".',
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=-1,
            metavar="N",
            help="List so many rows of a table, -1 for all. Default: 20 in text, else all.",
            show_default=False,
        ),
    ] = None,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            "--tolerance",
            metavar="COL=X",
            help="Take numbers closer than X, or X%, as equal; may be repeated.",
            show_default=False,
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            "--query", metavar="SQL", help="Compare what a query returns.", show_default=False
        ),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if there are differences.")
    ] = False,
    check_keys: Annotated[
        bool, typer.Option("--check-keys", help="Look for NULL and duplicate keys in all rows.")
    ] = False,
    full_stats: Annotated[
        bool, typer.Option("--full-stats", help="Statistics of all rows, not of changed files.")
    ] = False,
    method: Annotated[
        Method,
        typer.Option(
            "--method", help="auto takes the fastest path; join reads all files that differ."
        ),
    ] = Method.AUTO,
    narrow: Annotated[
        bool,
        typer.Option("--narrow", help="Rows with their key and only the columns that changed."),
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads", min=1, metavar="N", help="Threads. Default: all.", show_default=False
        ),
    ] = None,
    memory_limit: Annotated[
        str | None,
        typer.Option(
            "--memory-limit", metavar="SIZE", help="Memory, e.g. 2GB.", show_default=False
        ),
    ] = None,
    how: Annotated[
        DiffFormat,
        typer.Option("--format", help="How to write it; csv and parquet hold the rows."),
    ] = DiffFormat.TEXT,
    json: Json = False,
    target: OutputFile = None,
) -> None:
    """Show what changed between two refs: tables, rows, columns, to the cell.

    Examples:
      parquetry diff main~1
      parquetry diff main~1 -t orders --rows --change updated
      parquetry diff main...backfill/2024-03 --format markdown -o changes.md
      parquetry diff v1.0 main --exit-code --tolerance amount=0.01
      parquetry diff main~1 --query "SELECT region, sum(amount) FROM orders GROUP BY 1" --key region
    """
    how = DiffFormat.JSON if json else how
    request = Request(
        tables=tuple(tables or ()),
        key=None if key is None else tuple(part.strip() for part in key.split(",")),
        columns=tuple(columns or ()),
        tolerance=tolerances(tolerance or []),
        change=change.value if change else None,
        where=where,
        limit=limit,
        check_keys=check_keys,
        full_stats=full_stats,
        method=method.value,
        narrow=narrow,
        threads=threads,
        memory_limit_bytes=None if memory_limit is None else memory_bytes(memory_limit),
    )
    named = {"stat": stat, "rows": rows, "schema": schema, "files": files, "explain": explain}
    what = _what(named, how)
    if what != "rows" and (change or where is not None or limit is not None or narrow):
        raise UsageError(
            "--change, --where, --limit and --narrow are about rows to list", hint="add --rows"
        )
    if query is not None and (tables or what not in ("cells", "rows")):
        raise UsageError(
            "--query compares rows: -t, --stat, --schema, --files and --explain do not go with it"
        )
    cat = opened(context)
    ends = _ends(cat, from_ref, to_ref)
    if what == "explain":
        write_explanation(cat, ends, request, target, as_json=how is DiffFormat.JSON)
        return
    result = _compared(cat, ends, request, what, query)
    differs = _written(cat, result, request, what, how, target)
    if exit_code and differs:
        raise typer.Exit(1)


def _what(named: Mapping[str, bool], how: DiffFormat) -> str:
    """Returns which of the forms of a diff was asked for.

    Raises:
        UsageError: Several were, or one that the format cannot hold.
    """
    asked = [name for name, wanted in named.items() if wanted]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(f'--{name}' for name in asked)} exclude each other")
    only_rows = how in (DiffFormat.CSV, DiffFormat.PARQUET)
    if only_rows and asked not in ([], ["rows"]):
        raise UsageError(f"--format {how.value} holds rows, not --{asked[0]}", hint="--format json")
    if how is DiffFormat.MARKDOWN and asked not in ([], ["stat"]):
        raise UsageError(f"--format markdown does not hold --{asked[0]}", hint="--format json")
    return "rows" if only_rows else asked[0] if asked else "cells"


def _ends(cat: "Catalog", from_ref: str, to_ref: str | None) -> tuple[str, str]:
    """Returns the two refs to compare, a range taken apart."""
    found = split_range(from_ref)
    if found is None:
        return from_ref, to_ref or DEFAULT_REF
    if to_ref is not None:
        raise UsageError(f"{from_ref!r} is a range already: {to_ref!r} is one ref too many")
    before, after, from_base = found
    before, after = before or DEFAULT_REF, after or DEFAULT_REF
    return (cat.merge_base(before, after) if from_base else before), after


def _compared(
    cat: "Catalog", ends: tuple[str, str], request: Request, what: str, query: str | None
) -> "Diff":
    with stderr.Progress("diff:") as progress:
        if query is not None:
            return cat.diff_query(query, *ends, key=request.key)
        return cat.diff(
            *ends,
            tables=request.tables or None,
            key=request.key,
            columns=request.columns or None,
            tolerance=request.tolerance or None,
            level="rows" if what == "rows" else "cells" if what == "cells" else "stat",
            check_keys=request.check_keys,
            full_stats=request.full_stats,
            method="join" if request.method == "join" else "auto",
            threads=request.threads,
            memory_limit_bytes=request.memory_limit_bytes,
            progress=lambda done, total, rows: progress(
                done, total, f"tasks, {rows:,} rows, {rows / progress.elapsed_s:,.0f} rows/s"
            ),
        )


def _written(
    cat: "Catalog",
    result: "Diff",
    request: Request,
    what: str,
    how: DiffFormat,
    target: Path | None,
) -> bool:
    """Writes a diff in the form asked for, and tells whether there are differences."""
    from catalog.report.view import view_of
    from cli.diff import comparison, row_listing

    view = view_of(result)
    match what, how:
        case "rows", DiffFormat.CSV:
            row_listing.write_rows_csv(result, view, request, target)
        case "rows", DiffFormat.PARQUET:
            row_listing.write_rows_parquet(result, view, request, target)
        case "rows", DiffFormat.JSON:
            row_listing.write_rows_json(result, view, request, target)
        case "rows", _:
            row_listing.write_rows_text(result, view, request, target)
        case "files", _:
            comparison.write_files(cat, view, target, as_json=how is DiffFormat.JSON)
        case _, DiffFormat.JSON:
            comparison.write_json(result, target)
        case _, DiffFormat.MARKDOWN:
            comparison.write_markdown(view, target)
        case "schema", _:
            comparison.write_schema(view, target)
        case _:
            comparison.write_picture(view, target)
    return view.differs
