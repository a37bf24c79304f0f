"""SQL functions for the rare comparisons that DuckDB's arithmetic cannot make exactly."""

from decimal import Decimal

import duckdb

from catalog.diff.compare.tolerances import exact_function
from catalog.diff.forms import EXACT_TEXT
from catalog.diff.plan import ColumnPair, TablePlan
from catalog.engine.instances import add_function
from catalog.model.values import float_text


def register_functions(con: duckdb.DuckDBPyConnection, plan: TablePlan) -> None:
    """Registers the functions that a plan's SQL may call."""
    if any(pair.before.type != pair.after.type for pair in plan.pairs):
        add_function(con, EXACT_TEXT, exact_text, parameters=["DOUBLE"], returned="VARCHAR")
    for pair in plan.pairs:
        register_tolerance(con, pair)


def register_exact_text(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Registers the function that SQL of compared forms may call, if it does."""
    if EXACT_TEXT in sql:
        add_function(con, EXACT_TEXT, exact_text, parameters=["DOUBLE"], returned="VARCHAR")


def register_tolerance(con: duckdb.DuckDBPyConnection, pair: ColumnPair) -> None:
    """Registers the function that the condition of a pair's tolerance may call."""
    function = exact_function(pair)
    if function is not None:
        add_function(
            con,
            function.name,
            function.compare,
            parameters=function.parameters,
            returned="BOOLEAN",
            on_arrays=True,
        )


def exact_text(value: float) -> str:
    """Returns a double as the decimal number it exactly is, without trailing zeros."""
    if value != value or value in (float("inf"), float("-inf")):
        return float_text(value)
    if value == 0:
        return "0"
    text = format(Decimal(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
