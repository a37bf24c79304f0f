"""SQL functions for the rare comparisons that DuckDB's arithmetic cannot make exactly."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import duckdb

from catalog.diff.compare.sql_columns import tolerance_function
from catalog.diff.forms import EXACT_TEXT
from catalog.diff.options import Tolerance
from catalog.diff.plan import TablePlan
from catalog.engine.instances import add_function
from catalog.model.schema import Field
from catalog.model.types import is_float
from catalog.model.values import float_text


def register_functions(con: duckdb.DuckDBPyConnection, plan: TablePlan) -> None:
    """Registers the functions that a plan's SQL may call."""
    functions: dict[str, tuple[Callable[..., str | bool], list[str], str]] = {}
    if any(pair.before.type != pair.after.type for pair in plan.pairs):
        functions[EXACT_TEXT] = exact_text, ["DOUBLE"], "VARCHAR"
    for pair in plan.pairs:
        if pair.tolerance is not None:
            within = _within(pair.tolerance, pair.before, pair.after)
            functions[tolerance_function(plan, pair)] = within, ["VARCHAR", "VARCHAR"], "BOOLEAN"
    for name, (function, parameters, returned) in functions.items():
        add_function(con, name, function, parameters=parameters, returned=returned)


def exact_text(value: float) -> str:
    """Returns a double as the decimal number it exactly is, without trailing zeros."""
    if value != value or value in (float("inf"), float("-inf")):
        return float_text(value)
    if value == 0:
        return "0"
    text = format(Decimal(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _within(tolerance: Tolerance, before: Field, after: Field) -> Callable[[str, str], bool]:
    def within(old: str, new: str) -> bool:
        left, right = _number(old, before), _number(new, after)
        if left is None or right is None:
            return False
        allowed = tolerance.amount * abs(left) if tolerance.relative else tolerance.amount
        return abs(right - left) <= allowed

    return within


def _number(text: str, field: Field) -> Fraction | None:
    if not is_float(field.type):
        return Fraction(text)
    value = float(text)
    return None if value != value or abs(value) == float("inf") else Fraction(value)
