"""``diff``: what changed between two refs."""

import shlex
from typing import TYPE_CHECKING

import typer

from catalog.dataclasses import replace
from catalog.model.ref_expressions import own_change, parse_ref, split_range
from catalog.report.figures import plain
from cli.diff import options
from cli.diff.request import DiffFormat, Form, Request
from cli.diff.request_options import with_request
from cli.diff.writing import write_diff
from cli.exit_codes import ExitCode
from cli.location import configured_metrics, table_defaults
from cli.opening import DEFAULT_REF, opened
from cli.options import Workers
from cli.output import stderr
from cli.usage import UsageError

if TYPE_CHECKING:
    from catalog import Catalog
    from catalog.diff.result import Diff


@with_request
def diff(
    context: typer.Context,
    *,
    from_ref: options.From = None,
    to_ref: options.To = None,
    commit: options.Commit = None,
    tables: options.Tables = None,
    request: Request,
    workers: Workers = None,
    exit_code: options.ExitCodes = False,
) -> None:
    """Show what changed between two refs: tables, rows, columns, to the cell.

    Examples:
      parquetry diff main~1
      parquetry diff main~1 -t orders --rows --change updated
      parquetry diff --commit main~3
      parquetry diff main...backfill/2024-03 --format markdown -o changes.md
      parquetry diff v1.0 main --exit-code --tolerance amount=0.01
      parquetry diff main~1 --query "SELECT region, sum(amount) FROM orders GROUP BY 1" --key region
    """
    request = _configured(context, replace(request, tables=tuple(tables or ())))
    first = _first(from_ref, to_ref, commit)
    differs = _run(opened(context, workers=workers), (first, to_ref), request)
    if exit_code and differs:
        if request.form is Form.STAT:
            stderr.note("hint: --stat compares files, which may hold the same rows; see without it")
        raise typer.Exit(ExitCode.ANSWER_IS_NO)


def _configured(context: typer.Context, request: Request) -> Request:
    """Adds what the configuration says of diffs to what is asked for."""
    if request.query is not None:
        return request
    if not request.exact:
        request = replace(request, defaults=table_defaults(context))
    draws_figures = request.form is Form.CELLS and not request.no_metrics
    return replace(request, metrics=configured_metrics(context)) if draws_figures else request


def _run(cat: "Catalog", refs: tuple[str, str | None], request: Request) -> bool:
    """Compares and writes; returns whether there are differences."""
    ends = _ends(cat, *refs)
    if refs[1] is None and request.how is DiffFormat.TEXT and request.target is None:
        hint = _other_reading(cat, refs[0], ends)
        if hint:
            stderr.note(f"hint: {hint}")
    if request.form is Form.EXPLAIN:
        from cli.diff.explanation import write_explanation

        found = cat.explain_diff(
            *ends,
            tables=request.tables or None,
            key=request.key,
            columns=request.columns or None,
            ignore=request.ignore or None,
            defaults=request.defaults,
        )
        write_explanation(ends, found, request)
        return False

    with stderr.Progress("diff:") as progress:
        result = _compared(cat, ends, request, progress=progress)
        progress(what="writing")
        return write_diff(result, request)


def _first(from_ref: str | None, to_ref: str | None, commit: str | None) -> str:
    """Returns the first ref or range.

    Raises:
        UsageError: There is none, or two ways to say it were used.
    """
    if commit is None:
        if from_ref is None:
            raise UsageError(
                "nothing to compare is named", hint="name the older state: parquetry diff main~1"
            )
        return from_ref
    if from_ref is not None or to_ref is not None:
        raise UsageError("--commit names both ends: it excludes FROM and TO")
    if own_change(commit) is not None or split_range(commit) is not None:
        raise UsageError(f"--commit takes one commit, not {commit!r}")
    return f"{commit}^!"


def _other_reading(cat: "Catalog", text: str, ends: tuple[str, str]) -> str:
    """Returns what else one ref may have been meant to ask for; empty if it is plain enough.

    ``main~3`` says from where to ``main``. The name of a commit or branch may be meant as what it
    changed.
    """
    if ends[0] != text or parse_ref(text).name is None:
        return ""
    shown = plain(text)
    if text == DEFAULT_REF:
        itself = f"this compares {shown} with itself; for what its newest commit changed"
        return f"{itself}: parquetry diff --commit {shown}"
    if parse_ref(text).name == DEFAULT_REF:
        return ""
    found = cat.resolve(text)
    reading = f"this compares {shown} → {DEFAULT_REF}; for what {shown} itself changed"
    if found.branch is not None:
        return f"{reading}: parquetry diff {shlex.quote(f'{DEFAULT_REF}...{text}')}"
    return f"{reading}: parquetry diff --commit {shlex.quote(text)}"


def _ends(cat: "Catalog", from_ref: str, to_ref: str | None) -> tuple[str, str]:
    """Returns the two refs to compare, a range taken apart."""
    from catalog.operations.diff import range_ends

    ends = range_ends(cat.context, from_ref)
    if ends is None:
        return from_ref, to_ref or DEFAULT_REF
    if to_ref is not None:
        raise UsageError(f"{from_ref!r} is already a range: {to_ref!r} is one ref too many")
    return ends


def _compared(
    cat: "Catalog", ends: tuple[str, str], request: Request, *, progress: stderr.Progress
) -> "Diff":
    progress(what="comparing")
    if request.query is not None:
        return cat.diff_query(
            request.query,
            *ends,
            key=request.key,
            columns=request.columns or None,
            tolerance=request.tolerance or None,
            ignore=request.ignore or None,
            where=request.where,
            check_keys=request.check_keys,
            full_stats=request.full_stats,
            explain=request.explained,
            distributions=request.illustrated,
            threads=request.threads,
            memory_limit_bytes=request.memory_limit_bytes,
        )
    return cat.diff(
        *ends,
        tables=request.tables or None,
        key=request.key,
        columns=request.columns or None,
        tolerance=request.tolerance or None,
        ignore=request.ignore or None,
        defaults=request.defaults,
        where=request.where,
        metrics=request.metrics,
        level=request.level,
        check_keys=request.check_keys,
        full_stats=request.full_stats,
        explain=request.explained,
        distributions=request.illustrated,
        method=request.method,
        threads=request.threads,
        memory_limit_bytes=request.memory_limit_bytes,
        progress=progress.of_rows,
    )
