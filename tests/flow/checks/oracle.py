"""What checks must find, in plain Python over rows: no SQL, nothing of the product."""

import datetime
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]

WHERE: dict[str, Callable[[Row], bool]] = {
    "": lambda row: True,
    "p = 1": lambda row: row["p"] == 1,
    "p IN (0, 2) AND k >= 2": lambda row: row["p"] in (0, 2) and _is(row["k"], lambda k: k >= 2),
    "k > 2": lambda row: _is(row["k"], lambda k: k > 2),
    "f > 0": lambda row: _is(row["f"], lambda f: math.isnan(f) or f > 0),
    "f < 1 OR t = 'a'": lambda row: (
        _is(row["f"], lambda f: not math.isnan(f) and f < 1) or row["t"] == "a"
    ),
    "k IS NULL": lambda row: row["k"] is None,
    "d BETWEEN '2024-01-02' AND '2024-01-04'": lambda row: _is(
        row["d"], lambda d: datetime.date(2024, 1, 2) <= d <= datetime.date(2024, 1, 4)
    ),
    "rows.t <> 'b' -- )": lambda row: _is(row["t"], lambda t: t != "b"),
}
"""Conditions, and which rows meet them; NULL does not, and NaN is greater than all numbers."""


def _is(value: Any, test: Callable[[Any], bool]) -> bool:
    return value is not None and test(value)


def failures(check: Mapping[str, Any], rows: Sequence[Row], others: Sequence[Row]) -> int:
    """Returns the number of failures of a check of rows, whose parent is ``others``."""
    seen = [row for row in rows if WHERE[check.get("where", "")](row)]
    names = check["columns"]
    match check["kind"]:
        case "not_null":
            return sum(any(row[name] is None for name in names) for row in seen)
        case "unique":
            return sum(n > 1 for n in Counter(_keys(seen, names)).values())
        case "accepted_values":
            accepted = {_same(value) for value in check["values"]}
            values = {_same(row[names[0]]) for row in seen if row[names[0]] is not None}
            return len(values - accepted)
        case "relationships":
            there = set(_keys(others, check["fields"]))
            return sum(key not in there for key in _keys(seen, names))
        case "range":
            return sum(_is(row[names[0]], lambda v: _is_outside(v, check)) for row in seen)
        case "row_count":
            low, high = check.get("min", 0), check.get("max", math.inf)
            return int(not low <= len(seen) <= high)
    raise AssertionError(check)


def failing_ids(check: Mapping[str, Any], rows: Sequence[Row], others: Sequence[Row]) -> list[int]:
    """Returns the ids of the rows that fail a check, in order; none of ``row_count``."""
    seen = [row for row in rows if WHERE[check.get("where", "")](row)]
    names = check["columns"]
    if check["kind"] == "row_count":
        return []
    if check["kind"] == "unique":
        many = {key for key, n in Counter(_keys(seen, names)).items() if n > 1}
        return sorted(row["id"] for row in seen if many.intersection(_keys([row], names)))
    return sorted(row["id"] for row in seen if failures({**check, "where": ""}, [row], others))


def _keys(rows: Sequence[Row], names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Returns values of columns without those where one is NULL."""
    found = [tuple(_same(row[name]) for name in names) for row in rows]
    return [key for key in found if None not in key]


def _same(value: Any) -> Any:
    """Returns values that are equal for values that are: NaN is, and -0.0 is 0.0."""
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    return value


def _is_outside(value: Any, check: Mapping[str, Any]) -> bool:
    if isinstance(value, float) and math.isnan(value):
        return True
    low, high = (_bound(check.get(name), value) for name in ("min", "max"))
    if check.get("inclusive", True):
        return (low is not None and value < low) or (high is not None and value > high)
    return (low is not None and value <= low) or (high is not None and value >= high)


def _bound(bound: Any, value: Any) -> Any:
    if bound is None or isinstance(value, str):
        return bound
    if isinstance(value, datetime.date):
        return datetime.date.fromisoformat(bound)
    return Decimal(str(bound)) if isinstance(value, int | Decimal) else float(bound)
