"""The key that a definition gives its table: what it groups by, or keeps one row of each of."""

from collections.abc import Collection, Sequence

from sqlglot import exp

from catalog.query.parse.dialect import NotUnderstoodError, parse

_MULTIPLIES = (exp.Explode, exp.Unnest, exp.Posexplode)
"""What makes several rows of one in a select list."""

_UNCLEAR = (exp.Anonymous, exp.AnonymousAggFunc, exp.Star, exp.Window)
"""What may or may not aggregate."""


def result_key(
    sql: str, names: Sequence[str], *, input_columns: Collection[str] = ()
) -> tuple[str, ...]:
    """Returns the columns that no two rows of a result share, if its SQL says so by itself.

    They are those of GROUP BY (unless it has several grouping sets) or DISTINCT ON of the outer
    SELECT, if all of them are columns of the result.

    Args:
        sql: The SELECT.
        names: The names of the columns of its result, in order.
        input_columns: The names of the columns of all tables that it reads: a name in GROUP BY
            means such a column before it means one of the result.

    Returns:
        Names of the result; none if the SQL does not say.
    """
    try:
        tree = parse(sql)
    except NotUnderstoodError:
        return ()
    while isinstance(tree, exp.Subquery) and not tree.args.get("alias"):
        tree = tree.this
    if not isinstance(tree, exp.Select) or len(tree.expressions) != len(names):
        return ()
    if any(column.find(*_MULTIPLIES) for column in tree.expressions):
        return ()
    taken = {name.casefold() for name in input_columns} | _inner_names(tree)
    key: dict[str, None] = {}
    for one in _wanted(tree):
        place = _place(one, tree.expressions, taken)
        if place is None:
            return ()
        key[names[place]] = None
    return tuple(key)


def _inner_names(select: exp.Select) -> set[str]:
    """Returns the names that subqueries give to their columns, folded."""
    own = {id(column) for column in select.expressions}
    inner = (one for one in select.find_all(exp.Select) if one is not select)
    return {
        column.alias_or_name.casefold()
        for one in inner
        for column in one.expressions
        if id(column) not in own
    }


def _wanted(select: exp.Select) -> Sequence[exp.Expr]:
    distinct = select.args.get("distinct")
    on = None if distinct is None else distinct.args.get("on")
    if on is not None:
        return list(on.expressions) if isinstance(on, exp.Tuple) else [on]
    group = select.args.get("group")
    if group is None or distinct is not None:
        return ()
    if any(group.args.get(kind) for kind in ("grouping_sets", "cube", "rollup", "totals")):
        return ()
    if not group.args.get("all"):
        return list(group.expressions)
    if any(column.find(*_UNCLEAR) for column in select.expressions if not _is_count(column)):
        return ()
    return [column.unalias() for column in select.expressions if not column.find(exp.AggFunc)]


def _is_count(column: exp.Expr) -> bool:
    return isinstance(column.unalias(), exp.Count)


def _place(wanted: exp.Expr, columns: Sequence[exp.Expr], taken: Collection[str]) -> int | None:
    """Returns the place of a grouped expression among the columns of a result.

    A number is a place; else it is the same expression, or the name of one that nothing else has.
    """
    if isinstance(wanted, exp.Literal) and not wanted.is_string:
        place = int(wanted.this) - 1 if str(wanted.this).isdigit() else -1
        return place if 0 <= place < len(columns) else None
    for place, column in enumerate(columns):
        if column.unalias() == wanted:
            return place
    if not isinstance(wanted, exp.Column):
        return None
    name = wanted.name.casefold()
    for place, column in enumerate(columns):
        inner = column.unalias()
        if not isinstance(inner, exp.Column) or inner.name.casefold() != name:
            continue
        if not (wanted.table and inner.table) or wanted.table == inner.table:
            return place
    for place, column in enumerate(columns):
        if column.alias_or_name.casefold() == name and not wanted.table and name not in taken:
            return place
    return None
