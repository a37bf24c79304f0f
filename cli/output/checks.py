"""Checks: what they state, and what they found, as lines and as JSON."""

import json as json_library
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.report.figures import count, counted, plain
from catalog.report.judgement import check_lines
from catalog.report.layout import aligned
from cli.output import stdout
from cli.output.listing import FORMAT_VERSION, Cell
from cli.output.values import dumped, json_text, unique_names

if TYPE_CHECKING:
    from catalog.model.checks import Check, TableCheck
    from catalog.model.judgement import CheckResult
    from catalog.operations.checks.report import CheckReport

TEXT_LIMIT = 20
"""Failing rows of a check that text lists: a screen of them; JSON has all."""

WORDS = {"passed": "passed", "warned": "warning", "failed": "failed", "broken": "broken"}


def rule(check: "Check") -> str:
    """Returns what a check states, in a line: ``range amount from 0 where status = 'paid'``."""
    parts = [str(check.kind), ", ".join(check.columns), *_parameters(check)]
    if check.where:
        parts.append(f"where {' '.join(check.where.split())}")
    for name, text in (("error if", check.error_if), ("warn if", check.warn_if)):
        if text != "!= 0":
            parts.append(f"{name} {text}")
    return " ".join(filter(None, parts))


def _parameters(check: "Check") -> Iterator[str]:
    parameters = dict(check.parameters)
    if "values" in parameters:
        values = parameters.pop("values")
        texts = list(map(str, values)) if isinstance(values, list) else [str(values)]
        yield f"({', '.join(texts)})"
    if "to" in parameters:
        fields = parameters.pop("field", "")
        shown = ", ".join(map(str, fields)) if isinstance(fields, list) else fields
        yield f"to {parameters.pop('to')}.{shown}"
    if "sql" in parameters:
        yield " ".join(str(parameters.pop("sql")).split())
    for name in sorted(parameters, key=lambda name: (name == "max", name)):
        value = parameters[name]
        text = value if isinstance(value, str) else json_library.dumps(value, ensure_ascii=False)
        yield f"{name.replace('_', ' ')} {text}"


def definition_cells(one: "TableCheck") -> tuple[Cell, ...]:
    """Returns what a check states, for listings that programs read."""
    check = one.check
    if check is None:
        return one.table, one.name, None, (), None, None, None, None, {}, None, one.problem
    return (
        one.table,
        one.name,
        str(check.kind),
        check.columns,
        check.where or None,
        str(check.severity),
        check.error_if,
        check.warn_if,
        _cells(check.parameters),
        check.source or None,
        None,
    )


def _cells(parameters: Mapping[str, object]) -> Mapping[str, Cell]:
    return dict(parameters)  # type: ignore[arg-type]


def show_report(
    report: "CheckReport",
    tables: Sequence[str],
    *,
    rows: bool,
    limit: int | None,
    json: bool,
) -> None:
    """Prints what checks found.

    Args:
        report: What they found.
        tables: The tables that were asked for.
        rows: Whether to list the rows that fail.
        limit: Most rows of a check; -1 for all, None for the default.
        json: Whether as JSON.
    """
    if json:
        _show_json(report, rows=rows, limit=limit)
        return
    if not report.results:
        named = f" of {', '.join(map(plain, tables))}" if tables else ""
        stdout.line(f"no checks{named} at {plain(report.ref)}")
        return
    cells = [_cells_of(one) for one in report]
    stdout.lines(aligned(cells, right=[False, False, True, True, False]))
    for one in report:
        if one.status == "passed":
            continue
        stdout.line()
        if rows and one.status != "broken":
            _show_rows(report, one, TEXT_LIMIT if limit is None else limit)
        else:
            stdout.lines(check_lines(one))
    counts = ", ".join(
        f"{number:,} {WORDS[status]}{'s' * (status == 'warned' and number != 1)}"
        for status, number in report.counts.items()
        if number
    )
    stdout.line()
    stdout.line(f"{counted(len(report), 'check')} at {plain(report.ref)}: {counts}")


def _cells_of(one: "CheckResult") -> tuple[str, ...]:
    """Returns the cells of a check's line: status, name, failures, rows, kind and columns."""
    failures = "" if one.failures is None else f"{counted(one.failures, 'failure')}"
    rows = "" if one.rows is None else f"{counted(one.rows, 'row')}"
    what = f"{one.kind} {', '.join(one.columns)}".strip()
    return WORDS[one.status], plain(one.name), failures, rows, plain(what)


def _show_rows(report: "CheckReport", one: "CheckResult", limit: int) -> None:
    """Prints the rows that fail a check, a line each."""
    from catalog.report.column_text import texts

    headline, *_ = check_lines(one)
    stdout.line(headline)
    found = report.failing_rows(one.name, limit=None if limit < 0 else limit + 1)
    names = found.column_names
    listed = found if limit < 0 else found.slice(0, limit)
    for batch in listed.to_batches():
        columns = (texts(column).fill_null("NULL").to_pylist() for column in batch.columns)
        for row in zip(*columns, strict=True):
            cells = (f"{name}={value}" for name, value in zip(names, row, strict=True))
            stdout.line(f"  {plain(', '.join(cells))}")
    if listed.num_rows < found.num_rows:
        stdout.line(f"  (the first {count(limit)}; --limit -1 lists all)")


def _show_json(report: "CheckReport", *, rows: bool, limit: int | None) -> None:
    """Prints a report as one JSON object; with failing rows, a row a line."""
    whole = {"format_version": FORMAT_VERSION, **report.to_dict()}
    if not rows:
        stdout.line(dumped(whole, indent=2))
        return
    from cli.output.text_rows import json_form, write_rows

    checks = whole.pop("checks")
    assert isinstance(checks, list), "it is a list of checks"
    stdout.write(f'{json_text(whole)[:-1]}, "checks": [')
    separator = "\n"
    for one, stored in zip(report, checks, strict=True):
        stdout.write(f'{separator}{json_text(stored)[:-1]}, "failing_rows": [')
        separator = ",\n"
        if one.status in ("failed", "warned"):
            most = None if limit is None or limit < 0 else limit
            found = report.failing_rows(one.name, limit=most)
            stdout.write("\n" if found.num_rows else "")
            form = json_form(unique_names(found.column_names))
            write_rows(found.to_batches(), form, stdout.data_bytes)
        stdout.write("]}")
    stdout.write("\n]}\n")
