"""By which columns of its result a query groups, where no two rows surely agree."""

from collections.abc import Iterable

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError


def grouping_places(query: str) -> tuple[int, ...]:
    """Returns the places of the columns of a result by which a query groups; none if in doubt.

    Columns, their aliases and their numbers are understood, and whole expressions that are written
    alike; ``GROUP BY ALL`` too. A name that could mean two things is not.

    >>> grouping_places("SELECT sum(amount), region FROM orders GROUP BY region")
    (1,)
    >>> grouping_places("SELECT region FROM orders")
    ()
    """
    try:
        statements = parse(query, dialect="duckdb")
    except (SqlglotError, RecursionError):
        return ()
    select = statements[0] if len(statements) == 1 else None
    if not isinstance(select, exp.Select):
        return ()
    group = select.args.get("group")
    outputs = select.expressions
    if group is None or not _is_plain(outputs):
        return ()
    several = ("grouping_sets", "cube", "rollup", "totals")
    if any(group.args.get(name) for name in several):
        return ()
    if group.args.get("all"):
        return _of_all(outputs)
    places = [_place(one, outputs) for one in group.expressions]
    if not places or None in places:
        return ()
    return tuple(dict.fromkeys(place for place in places if place is not None))


def _is_plain(outputs: Iterable[exp.Expression]) -> bool:
    """Returns whether there is one column for each expression, and one row for each group."""
    many = (exp.Star, exp.Columns, exp.Unnest, exp.Explode, exp.Lambda)
    return not any(one.find(*many) and not _counts_rows(one) for one in outputs)


def _counts_rows(output: exp.Expression) -> bool:
    """Returns whether the only star of an expression is that of ``count(*)``."""
    stars = list(output.find_all(exp.Star))
    others = output.find(exp.Columns, exp.Unnest, exp.Explode, exp.Lambda)
    return not others and bool(stars) and all(isinstance(s.parent, exp.Count) for s in stars)


def _place(group: exp.Expression, outputs: list[exp.Expression]) -> int | None:
    """Returns the place of the column that shows what is grouped by; None if none surely does."""
    if isinstance(group, exp.Literal):
        number = int(group.this) if group.is_int else 0
        return number - 1 if 1 <= number <= len(outputs) and _varies(outputs[number - 1]) else None
    if isinstance(group, (exp.Tuple, exp.Cube, exp.Rollup, exp.GroupingSets)):
        return None
    same = [n for n, one in enumerate(outputs) if _same(one.unalias(), group)]
    if not isinstance(group, exp.Column):
        return same[0] if same else None
    named = [n for n, one in enumerate(outputs) if _is_alias(one, group)]
    if same:
        return same[0] if all(n in same for n in named) else None
    if len(named) != 1:
        return None
    inner = outputs[named[0]].unalias()
    own = {column.name.casefold() for column in inner.find_all(exp.Column)}
    is_certain = own and group.name.casefold() not in own and _varies(outputs[named[0]])
    return named[0] if is_certain else None


def _same(left: exp.Expr, right: exp.Expr) -> bool:
    if isinstance(left, exp.Column) and isinstance(right, exp.Column):
        tables = {left.table.casefold(), right.table.casefold()} - {""}
        return left.name.casefold() == right.name.casefold() and len(tables) < 2
    return left == right


def _is_alias(output: exp.Expression, group: exp.Column) -> bool:
    is_bare = not group.table and isinstance(output, exp.Alias)
    return bool(is_bare and output.alias.casefold() == group.name.casefold())


def _varies(output: exp.Expression) -> bool:
    """Returns whether a column surely is what groups have in common: no aggregate of theirs."""
    unsure = (exp.AggFunc, exp.Anonymous, exp.AnonymousAggFunc, exp.Window, exp.Subquery)
    return output.find(*unsure) is None


_SCALARS = frozenset(
    {
        *("Cast", "TryCast", "Case", "If", "Coalesce", "Nullif", "Not", "And", "Or", "Replace"),
        *("Lower", "Upper", "Trim", "Substring", "Left", "Right", "Concat", "Round", "Floor"),
        *("Ceil", "Abs", "DateTrunc", "TimestampTrunc", "Year", "Month", "Day", "Quarter", "Week"),
        *("Date", "Extract", "TimeToStr", "StrToTime", "StrToDate", "TsOrDsToDate"),
    }
)
"""Functions that surely work on one row, as the parser calls them."""


def _of_all(outputs: list[exp.Expression]) -> tuple[int, ...]:
    """Returns the places of what ``GROUP BY ALL`` groups by: all that is no aggregate."""
    unsure = (exp.Anonymous, exp.AnonymousAggFunc, exp.Window, exp.Subquery)
    if any(one.find(*unsure) for one in outputs):
        return ()
    places = tuple(n for n, one in enumerate(outputs) if one.find(exp.AggFunc) is None)
    functions = (call for n in places for call in outputs[n].find_all(exp.Func))
    return places if all(type(call).__name__ in _SCALARS for call in functions) else ()
