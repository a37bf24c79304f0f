"""Metrics: named queries, run at both ends of a diff."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

import duckdb

from catalog.dataclasses import dataclass
from catalog.diff.view import End, Metric, MetricRow
from catalog.engine.failures import engine_failure
from catalog.errors import CatalogError, InvalidInput
from catalog.messages import shown
from catalog.model.texts import check_texts
from catalog.query.grouping import grouping_places
from catalog.query.session import Session

MOST_ROWS = 1_000
"""Rows of a metric: more than anybody reads in a report."""

FLOAT_DIGITS = 12
"""Significant digits of a float: the last ones of a sum depend on the order of its rows."""

MOST_FLOAT = 1e21
"""Floats below it are written without an exponent, as far as they are not small."""

_KIND = re.compile(r"^\w+ Error: ")
"""What the engine puts before its messages."""

OpenEnd: TypeAlias = Callable[[End], Session]
"""Opens a session in which a query runs at an end."""

_Cells: TypeAlias = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class _Result:
    """What a metric returns at an end, as texts."""

    names: tuple[str, ...]
    rows: tuple[_Cells, ...]


def run_metrics(
    metrics: Mapping[str, str], ends: tuple[End, End], open_end: OpenEnd
) -> tuple[Metric, ...]:
    """Runs queries at both ends; one that fails says so, and the others run all the same."""
    check_texts(metrics, "metrics")
    return tuple(_metric(name, query, ends, open_end) for name, query in metrics.items())


def _metric(name: str, query: str, ends: tuple[End, End], open_end: OpenEnd) -> Metric:
    results = []
    for end in ends:
        try:
            with open_end(end) as session:
                results.append(_result(session, query))
        except CatalogError as error:
            fault = _KIND.sub("", error.message.splitlines()[0])
            return Metric(name, query, error=f"at {end.ref}: {shown(fault)}")
    try:
        rows = _paired(query, *results)
    except InvalidInput as error:
        return Metric(name, query, error=error.message)
    return Metric(name, query, rows)


def _result(session: Session, query: str) -> _Result:
    """Runs a query, and returns its rows as texts.

    Raises:
        InvalidInput: It fails, is more than a query, or returns too many rows.
    """
    _check_reads(query)
    relation = session.sql(query)
    floats = [str(kind) in ("DOUBLE", "FLOAT") for kind in relation.types]
    names = tuple(relation.columns)
    places = [f"c{n}" for n in range(len(names))]
    cells = (
        place if is_float else f"CAST({place} AS VARCHAR)"
        for place, is_float in zip(places, floats, strict=True)
    )
    text = f"SELECT {', '.join(cells)} FROM metric AS m({', '.join(places)})"
    try:
        listed = relation.query("metric", f"{text} LIMIT {MOST_ROWS + 1}")
        found = [] if listed is None else listed.fetchall()
    except duckdb.Error as error:
        raise engine_failure(error) or InvalidInput(str(error).splitlines()[0]) from error
    rows = tuple(tuple(map(_text, row)) for row in found)
    if len(rows) > MOST_ROWS:
        raise InvalidInput(f"it returns more than {MOST_ROWS:,} rows: group them by less")
    return _Result(names, rows)


def _text(value: object) -> str | None:
    """Returns a value as text, a float with as many digits as do not depend on chance."""
    if not isinstance(value, float):
        return None if value is None else str(value)
    text = f"{value:.{FLOAT_DIGITS}g}"
    return format(Decimal(text), "f") if "e" in text and abs(value) < MOST_FLOAT else text


def _check_reads(query: str) -> None:
    """Checks that a metric is one query, which reads and does nothing else.

    Raises:
        InvalidInput: It is not.
    """
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise InvalidInput(str(error).splitlines()[0]) from error
    kinds = [str(one.type).rpartition(".")[2] for one in statements]
    if kinds not in (["SELECT"], ["SELECT_STATEMENT"]):
        raise InvalidInput("a metric is one SELECT")


def _paired(query: str, before: _Result, after: _Result) -> tuple[MetricRow, ...]:
    """Pairs the rows of both ends by what the query groups by.

    Raises:
        InvalidInput: It is not certain which rows belong together.
    """
    sides = (before, after)
    key = grouping_places(query)
    if not key and any(len(side.rows) > 1 for side in sides):
        rows = max(len(side.rows) for side in sides)
        raise InvalidInput(
            f"it returns {rows:,} rows, and which of them belong together is not certain: "
            "GROUP BY columns say so"
        )
    by_key = [
        {tuple(row[n] for n in key): _figures(side, row, key) for row in side.rows}
        for side in sides
    ]
    order = dict.fromkeys((*by_key[1], *by_key[0]))
    named = after.names if after.rows else before.names
    return tuple(
        MetricRow(
            dict(zip((named[n] for n in key), values, strict=True)),
            by_key[0].get(values),
            by_key[1].get(values),
        )
        for values in sorted(order, key=_in_order)
    )


def _figures(side: _Result, row: _Cells, key: Sequence[int]) -> Mapping[str, str | None]:
    return {name: row[n] for n, name in enumerate(side.names) if n not in key}


def _in_order(values: _Cells) -> list[tuple[int, float, str]]:
    return [(0, 0.0, "") if value is None else (1, _number(value), value) for value in values]


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if number == number else 0.0
