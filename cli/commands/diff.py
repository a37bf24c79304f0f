"""``diff``: what changed between two refs."""

from typing import TYPE_CHECKING

import typer

from catalog.dataclasses import replace
from catalog.model.ref_expressions import split_range
from cli.diff import options
from cli.diff.request import Form, Request
from cli.diff.request_options import with_request
from cli.diff.writing import write_diff
from cli.exit_codes import ExitCode
from cli.opening import DEFAULT_REF, opened
from cli.output import stderr
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.diff.result import Diff


@with_request
def diff(
    context: typer.Context,
    *,
    from_ref: options.From,
    to_ref: options.To = None,
    tables: options.Tables = None,
    request: Request,
    exit_code: options.ExitCodes = False,
) -> None:
    """Show what changed between two refs: tables, rows, columns, to the cell.

    Examples:
      parquetry diff main~1
      parquetry diff main~1 -t orders --rows --change updated
      parquetry diff main...backfill/2024-03 --format markdown -o changes.md
      parquetry diff v1.0 main --exit-code --tolerance amount=0.01
      parquetry diff main~1 --query "SELECT region, sum(amount) FROM orders GROUP BY 1" --key region
    """
    request = replace(request, tables=tuple(tables or ()))
    differs = _run(opened(context), (from_ref, to_ref), request)
    if exit_code and differs:
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def _run(cat: "Catalog", refs: tuple[str, str | None], request: Request) -> bool:
    """Compares and writes; returns whether there are differences."""
    ends = _ends(cat, *refs)
    if request.form is Form.EXPLAIN:
        from cli.diff.explanation import write_explanation

        found = cat.explain_diff(
            *ends, tables=request.tables or None, key=request.key, columns=request.columns or None
        )
        write_explanation(ends, found, request)
        return False

    return write_diff(_compared(cat, ends, request), request)


def _ends(cat: "Catalog", from_ref: str, to_ref: str | None) -> tuple[str, str]:
    """Returns the two refs to compare, a range taken apart."""
    parts = split_range(from_ref)
    if parts is None:
        return from_ref, to_ref or DEFAULT_REF
    if to_ref is not None:
        raise UsageError(f"{from_ref!r} is already a range: {to_ref!r} is one ref too many")
    before, after, from_base = parts
    before, after = before or DEFAULT_REF, after or DEFAULT_REF
    return (cat.context.parting(before, after) if from_base else before), after


def _compared(cat: "Catalog", ends: tuple[str, str], request: Request) -> "Diff":
    with stderr.Progress("diff:") as progress:
        if request.query is not None:
            return cat.diff_query(
                request.query,
                *ends,
                key=request.key,
                columns=request.columns or None,
                tolerance=request.tolerance or None,
                check_keys=request.check_keys,
                full_stats=request.full_stats,
                explain=request.explained,
                threads=request.threads,
                memory_limit_bytes=request.memory_limit_bytes,
            )
        return cat.diff(
            *ends,
            tables=request.tables or None,
            key=request.key,
            columns=request.columns or None,
            tolerance=request.tolerance or None,
            level=request.form.level,
            check_keys=request.check_keys,
            full_stats=request.full_stats,
            explain=request.explained,
            method=request.method,
            threads=request.threads,
            memory_limit_bytes=request.memory_limit_bytes,
            progress=progress.of_rows,
        )
