"""The options that commands which compare have in common, and the request that they make."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, get_type_hints

from cli.diff import options
from cli.diff.request import (
    DiffFormat,
    Form,
    Request,
    chosen_form,
    column_names,
    key_columns,
    memory_bytes,
    tolerances,
)
from cli.options import ByteOrderMark, EscapeFormulas, Json, Limit, Null
from cli.output.csv_style import NULL, CsvStyle


# long: one parameter for each option
def request_of(
    *,
    stat: options.Stat = False,
    rows: options.Rows = False,
    schema: options.Schema = False,
    files: options.Files = False,
    explain: options.Explain = False,
    partitions: options.Partitions = False,
    everything: options.All = False,
    key: options.Key = None,
    columns: options.Columns = None,
    change: options.OnlyChange = None,
    where: options.Where = None,
    limit: Limit = None,
    tolerance: options.Tolerance = None,
    ignore: options.Ignore = None,
    exact: options.Exact = False,
    no_metrics: options.NoMetrics = False,
    query: options.Query = None,
    check_keys: options.CheckKeys = False,
    full_stats: options.FullStats = False,
    no_explain: options.NoExplain = False,
    illustrate: options.Illustrate = False,
    method: options.How = "auto",
    narrow: options.Narrow = False,
    beside: options.Context = None,
    shown: options.Shown = None,
    vertical: options.Vertical = False,
    flat: options.Flat = False,
    threads: options.Threads = None,
    memory_limit: options.MemoryLimit = None,
    how: options.Format = DiffFormat.TEXT,
    json: Json = False,
    format_version: options.FormatVersion = 2,
    null: Null = NULL,
    bom: ByteOrderMark = False,
    escape_formulas: EscapeFormulas = False,
    target: options.Target = None,
) -> Request:
    """Returns what is asked for by options.

    Raises:
        UsageError: Some of them exclude each other.
    """
    how = DiffFormat.JSON if json else DiffFormat.TEXT if how is DiffFormat.TABLE else how
    given = (stat, rows, schema, files, explain, partitions)
    asked = dict(zip(tuple(Form)[1:], given, strict=True))
    return Request(
        form=chosen_form(asked, how),
        how=how,
        target=None if target is None else Path(target),
        each_table=target is not None and (target.endswith("/") or Path(target).is_dir()),
        everything=everything,
        style=CsvStyle(null, bom, escape_formulas),
        query=query,
        key=None if key is None else key_columns(key),
        columns=tuple(columns or ()),
        tolerance=tolerances(tolerance or []),
        ignore=tuple(ignore or ()),
        exact=exact,
        no_metrics=no_metrics,
        change=change,
        where=where,
        limit=limit,
        narrow=narrow,
        context=() if beside is None else column_names(beside),
        shown=None if shown is None else column_names(shown),
        flat=flat,
        vertical=vertical,
        check_keys=check_keys,
        full_stats=full_stats,
        no_explain=no_explain,
        illustrate=illustrate,
        format_version=format_version,
        method=method,
        threads=threads,
        memory_limit_bytes=None if memory_limit is None else memory_bytes(memory_limit),
    )


def with_request(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of ``request_of`` in the place of its parameter ``request``."""
    shared = inspect.signature(request_of).parameters
    own = inspect.signature(command)
    parameters: list[inspect.Parameter] = []
    for parameter in own.parameters.values():
        parameters += shared.values() if parameter.name == "request" else [parameter]

    @wraps(command)
    def called(**values: Any) -> None:
        request = request_of(**{name: values.pop(name) for name in shared})
        command(**values, request=request)

    hints = get_type_hints(command, include_extras=True)
    called.__annotations__ = {**hints, **get_type_hints(request_of, include_extras=True)}
    called.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return called
