"""``diff``: what changed between two refs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import typer

from catalog.model.ref_expressions import split_range
from cli.diff import options
from cli.diff.request import DiffFormat, Form, Request, chosen_form, memory_bytes, tolerances
from cli.exit_codes import ExitCode
from cli.opening import DEFAULT_REF, opened
from cli.options import Json, Limit, OutputFile
from cli.output import stderr
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.diff.result import Diff
    from catalog.diff.view import DiffView

Writer: TypeAlias = "Callable[[Diff, DiffView, Request], None]"


# long: one parameter for each option
def diff(
    context: typer.Context,
    *,
    from_ref: options.From,
    to_ref: options.To = None,
    tables: options.Tables = None,
    stat: options.Stat = False,
    rows: options.Rows = False,
    schema: options.Schema = False,
    files: options.Files = False,
    explain: options.Explain = False,
    key: options.Key = None,
    columns: options.Columns = None,
    change: options.OnlyChange = None,
    where: options.Where = None,
    limit: Limit = None,
    tolerance: options.Tolerance = None,
    query: options.Query = None,
    exit_code: options.ExitCodes = False,
    check_keys: options.CheckKeys = False,
    full_stats: options.FullStats = False,
    method: options.How = "auto",
    narrow: options.Narrow = False,
    threads: options.Threads = None,
    memory_limit: options.MemoryLimit = None,
    how: options.Format = DiffFormat.TEXT,
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
    asked = dict(zip(tuple(Form)[1:], (stat, rows, schema, files, explain), strict=True))
    request = Request(
        form=chosen_form(asked, how),
        how=how,
        target=target,
        query=query,
        tables=tuple(tables or ()),
        key=None if key is None else tuple(part.strip() for part in key.split(",")),
        columns=tuple(columns or ()),
        tolerance=tolerances(tolerance or []),
        change=change,
        where=where,
        limit=limit,
        narrow=narrow,
        check_keys=check_keys,
        full_stats=full_stats,
        method=method,
        threads=threads,
        memory_limit_bytes=None if memory_limit is None else memory_bytes(memory_limit),
    )
    differs = _run(opened(context), (from_ref, to_ref), request)
    if exit_code and differs:
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def _run(cat: "Catalog", refs: tuple[str, str | None], request: Request) -> bool:
    """Compares and writes; returns whether there are differences."""
    ends = _ends(cat, *refs)
    if request.form is Form.EXPLAIN:
        from cli.diff.explanation import write_explanation

        write_explanation(cat, ends, request)
        return False

    result = _compared(cat, ends, request)
    view = result.view
    _writer(request)(result, view, request)
    return view.differs


def _ends(cat: "Catalog", from_ref: str, to_ref: str | None) -> tuple[str, str]:
    """Returns the two refs to compare, a range taken apart."""
    parts = split_range(from_ref)
    if parts is None:
        return from_ref, to_ref or DEFAULT_REF
    if to_ref is not None:
        raise UsageError(f"{from_ref!r} is already a range: {to_ref!r} is one ref too many")
    before, after, from_base = parts
    before, after = before or DEFAULT_REF, after or DEFAULT_REF
    return (cat.merge_base(before, after) if from_base else before), after


def _compared(cat: "Catalog", ends: tuple[str, str], request: Request) -> "Diff":
    with stderr.Progress("diff:") as progress:
        if request.query is not None:
            return cat.diff_query(request.query, *ends, key=request.key)
        return cat.diff(
            *ends,
            tables=request.tables or None,
            key=request.key,
            columns=request.columns or None,
            tolerance=request.tolerance or None,
            level=request.form.level,
            check_keys=request.check_keys,
            full_stats=request.full_stats,
            method=request.method,
            threads=request.threads,
            memory_limit_bytes=request.memory_limit_bytes,
            progress=lambda done, total, rows: progress(
                done, total, f"tasks, {rows:,} rows, {rows / progress.elapsed_s:,.0f} rows/s"
            ),
        )


def _writer(request: Request) -> Writer:
    """Returns what writes a diff in the form and format asked for."""
    from cli.diff import comparison, row_listing

    if request.form is Form.ROWS:
        by_format: dict[DiffFormat, Writer] = {
            DiffFormat.CSV: row_listing.write_rows_csv,
            DiffFormat.PARQUET: row_listing.write_rows_parquet,
            DiffFormat.JSON: row_listing.write_rows_json,
        }
        return by_format.get(request.how, row_listing.write_rows_text)
    if request.form is Form.FILES:
        return comparison.write_files
    if request.as_json:
        return comparison.write_json
    if request.how is DiffFormat.MARKDOWN:
        return comparison.write_markdown
    return comparison.write_schema if request.form is Form.SCHEMA else comparison.write_picture
