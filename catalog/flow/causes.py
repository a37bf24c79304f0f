"""Why a query may give other rows when it runs again over the same tables."""

from collections.abc import Iterable, Iterator

from sqlglot import exp

from catalog.flow.functions import (
    CLOCK,
    ORDERED_AGGREGATES,
    ORDERED_WINDOW_ONLY,
    UNSTABLE_AGGREGATES,
    VOLATILE,
)
from catalog.flow.refresh.plan import ENGINE
from catalog.model.table import TableSnapshot
from catalog.model.types import has_float
from catalog.query.parse.dialect import NotUnderstoodError, parse

_AMONG_EQUALS = UNSTABLE_AGGREGATES - {"approx_quantile", "reservoir_quantile"}
"""Aggregates that choose among rows that are equal to them."""

_ESTIMATES = frozenset(("approx_quantile", "reservoir_quantile", "approx_count_distinct"))
"""Aggregates whose estimates depend on the order in which rows come."""

_RANKS = ORDERED_WINDOW_ONLY | ORDERED_AGGREGATES
"""Window functions that tell rows of equal order apart."""

_SUM_NAMES = """
avg corr covar_pop covar_samp favg fsum geomean mean product regr_intercept regr_r2 regr_slope
stddev stddev_pop stddev_samp sum var_pop var_samp variance weighted_avg
"""
_SUMS = frozenset(_SUM_NAMES.split())
"""Aggregates that add floats up, in the order in which threads come to them."""

_MAKE_FLOATS = (exp.Div, exp.Cast, exp.TryCast, exp.Func)
"""What may make a float of what is none."""

_NAMES = {"listagg": "string_agg", "array_agg": "list", "rand": "random"}
"""What functions are called that have several names."""


def likely_causes(
    sql: str,
    table: TableSnapshot,
    *,
    engine: str | None,
    inputs: Iterable[TableSnapshot] | None = None,
) -> tuple[str, ...]:
    """Returns what may make the rows of a query differ from run to run, the likeliest first.

    Args:
        sql: The query, or a statement with one in it.
        table: What it yields.
        engine: What ran it, with its version; None if that is not known.
        inputs: The tables that it reads; None if they are not known.
    """
    other = engine is not None and engine != ENGINE
    found = [f"it was computed by {engine}, and this is {ENGINE}"] if other else []
    try:
        tree = parse(sql)
    except (NotUnderstoodError, RecursionError):
        return tuple(found)
    by_place = dict.fromkeys(_of_functions(tree))
    by_place |= dict.fromkeys(_of_clauses(tree))
    found += sorted(by_place, key=_rank)
    given = inputs is None or any(map(_has_floats, inputs))
    if _has_floats(table) and (summed := _sum_of_floats(tree, given=given)):
        found.append(
            f"{summed}() of floats depends on the order in which they are added: results that "
            "differ in the 13th digit differ in more once they are subtracted, rounded or compared"
        )
    return tuple(found)


def _has_floats(table: TableSnapshot) -> bool:
    return any(has_float(field.type) for field in table.schema.fields)


def _sum_of_floats(tree: exp.Expr, *, given: bool) -> str:
    """Returns the name of an aggregate that may add floats up; empty if there is none.

    Args:
        tree: The query.
        given: Whether the tables that it reads have floats; if not, a division or the like makes
            them.
    """
    for node in tree.find_all(exp.Func):
        name = _name(node)
        if name in _SUMS and (given or any(one.find(*_MAKE_FLOATS) for one in _arguments(node))):
            return name
    return ""


def _rank(text: str) -> int:
    """Returns the place of a cause: chance and the clock come first."""
    return 0 if "each run" in text else 1


def _of_functions(tree: exp.Expr) -> Iterator[str]:
    for node in tree.find_all(exp.Func):
        name = _name(node)
        window = _window(node)
        if name in VOLATILE:
            yield f"{name}() gives other values in each run"
        elif name in CLOCK or (name == "age" and len(_arguments(node)) < 2):
            yield f"{name}() reads the clock, which differs in each run"
        elif window is not None and name in _RANKS:
            order = "among rows of equal order" if window.args.get("order") else "without ORDER BY"
            yield f"{name}() OVER (…) chooses by chance {order}"
        elif window is None and name in ORDERED_AGGREGATES and not _is_ordered(node):
            yield f"{name}() depends on the order of rows, and has no ORDER BY"
        elif name in _AMONG_EQUALS:
            yield f"{name}() chooses by chance among rows that are equal to it"
        elif name in _ESTIMATES:
            yield f"{name}() is an estimate, which depends on the order of rows"


def _of_clauses(tree: exp.Expr) -> Iterator[str]:
    for select in tree.find_all(exp.Select, exp.SetOperation, exp.Subquery):
        order = select.args.get("order")
        if select.args.get("limit") or select.args.get("offset"):
            yield (
                "LIMIT chooses by chance among rows of equal order"
                if order
                else "LIMIT without ORDER BY takes any rows"
            )
        distinct = select.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            yield (
                "DISTINCT ON chooses by chance among rows of equal order"
                if order
                else "DISTINCT ON without ORDER BY takes any row"
            )
    if tree.find(exp.TableSample):
        yield "a sample takes other rows in each run"


def _name(node: exp.Func) -> str:
    """Returns the name of a function in lower case, as DuckDB has it."""
    text = node.name if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) else ""
    name = (text or node.sql("duckdb").partition("(")[0]).strip().casefold()
    return _NAMES.get(name, name)


def _arguments(node: exp.Func) -> list[exp.Expr]:
    every = (node.args.get("this"), *node.expressions)
    return [one for one in every if isinstance(one, exp.Expr)]


def _window(node: exp.Expr) -> exp.Window | None:
    """Returns the window that a function runs over, if it does."""
    parent = node.parent
    while isinstance(parent, exp.IgnoreNulls | exp.RespectNulls | exp.Filter | exp.WithinGroup):
        parent = parent.parent
    return parent if isinstance(parent, exp.Window) else None


def _is_ordered(node: exp.Func) -> bool:
    """Returns whether an aggregate has an ORDER BY of its own."""
    if isinstance(node.parent, exp.WithinGroup):
        return True
    inner = node.args.get("this")
    while isinstance(inner, exp.Expression):
        if isinstance(inner, exp.Order):
            return True
        if not isinstance(inner, exp.Distinct | exp.IgnoreNulls | exp.RespectNulls):
            break
        inner = inner.args.get("this") or next(iter(inner.expressions), None)
    return any(isinstance(one, exp.Order) for one in node.args.values())
