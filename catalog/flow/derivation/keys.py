"""The key that a definition gives its table: what it groups by, or keeps one row of each of."""

from collections.abc import Collection, Iterable, Sequence

from sqlglot import exp

from catalog.query.parse.dialect import NotUnderstoodError, parse

_MULTIPLIES = (exp.Explode, exp.Unnest, exp.Posexplode)
"""What makes several rows of one in a select list."""

_MULTIPLYING_MACROS = ("generate_subscripts", "regexp_split_to_table")
"""Macros of the engine that do so too."""

_UNCLEAR = (exp.Anonymous, exp.AnonymousAggFunc, exp.Star, exp.Window, exp.Query)
"""What may or may not aggregate; a subquery may aggregate by itself, and is grouped by then."""


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
    if not isinstance(tree, exp.Select) or any(map(_multiplies, tree.expressions)):
        return ()
    taken = {name.casefold() for name in input_columns} | _inner_names(tree)
    has_stars = any(_expands(column) for column in tree.expressions)
    find = _place_of_distinct if tree.args.get("distinct") else _place
    key: dict[str, None] = {}
    for one in _wanted(tree):
        if has_stars:
            name = _starred(one, tree.expressions, names)
        elif len(tree.expressions) == len(names):
            place = find(one, tree.expressions, taken, _tables(tree, taken))
            name = None if place is None else names[place]
        else:
            name = None
        if name is None:
            return ()
        key[name] = None
    return tuple(key)


def _multiplies(column: exp.Expr) -> bool:
    macros = (one.name.casefold() for one in column.find_all(exp.Anonymous))
    return column.find(*_MULTIPLIES) is not None or any(m in _MULTIPLYING_MACROS for m in macros)


def _expands(column: exp.Expr) -> bool:
    """Returns whether an expression of a select list may stand for any number of columns."""
    inner = column.unalias()
    return inner.is_star or inner.find(exp.Columns) is not None


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


def _starred(wanted: exp.Expr, columns: Sequence[exp.Expr], names: Sequence[str]) -> str | None:
    """Returns the column of a result of ``SELECT *`` that is meant by a name.

    A bare ``*`` has all columns that a name may mean. Of ``t.*`` only ``t.name`` is sure to be one:
    in an outer join USING, ``name`` may be that of the other side.
    """
    if not isinstance(wanted, exp.Column):
        return None
    stars = [column for column in columns if column.is_star]
    others = [column.alias_or_name.casefold() for column in columns if not column.is_star]
    name = wanted.name.casefold()
    same = [one for one in names if one.casefold() == name]
    if len(stars) != 1 or len(same) != 1 or name in others:
        return None
    star = stars[0]
    is_plain = not any((star if isinstance(star, exp.Star) else star.this).args.values())
    if not is_plain or any(column.find(exp.Columns) for column in columns):
        return None
    of = star.args.get("table") if isinstance(star, exp.Column) else None
    return same[0] if of == wanted.args.get("table") else None


def _wanted(select: exp.Select) -> Sequence[exp.Expr]:
    distinct = select.args.get("distinct")
    on = None if distinct is None else distinct.args.get("on")
    if on is not None:
        return [one.unnest() for one in (on.expressions if isinstance(on, exp.Tuple) else [on])]
    group = select.args.get("group")
    if group is None or distinct is not None:
        return ()
    if any(group.args.get(kind) for kind in ("grouping_sets", "cube", "rollup", "totals")):
        return ()
    if not group.args.get("all"):
        return _flat(group.expressions)
    unclear = (one for column in select.expressions for one in column.find_all(*_UNCLEAR))
    if any(not isinstance(one.parent, exp.Count) for one in unclear):  # as in count(*)
        return ()
    grouped = [column.unalias() for column in select.expressions if not column.find(exp.AggFunc)]
    if not any(column.find(exp.Column) for column in grouped):  # constants alone group nothing
        return ()
    return grouped


def _flat(wanted: Iterable[exp.Expr]) -> list[exp.Expr]:
    """Returns expressions, those in brackets one by one: ``(a, (b))`` is ``a, b``."""
    found: list[exp.Expr] = []
    for one in wanted:
        inner = one.unnest()
        found += _flat(inner.expressions) if isinstance(inner, exp.Tuple) else [inner]
    return found


def _place(
    wanted: exp.Expr, columns: Sequence[exp.Expr], taken: Collection[str], tables: Collection[str]
) -> int | None:
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
    parts = _parts(wanted)
    for place, column in enumerate(columns):
        inner = column.unalias()
        if isinstance(inner, exp.Column) and _are_one(parts, _parts(inner), tables):
            return place
    for place, column in enumerate(columns):
        if parts == [column.alias.casefold()] and parts[0] not in taken:
            return place
    return None


def _place_of_distinct(
    wanted: exp.Expr, columns: Sequence[exp.Expr], taken: Collection[str], tables: Collection[str]
) -> int | None:
    """Returns the same for DISTINCT ON, where a name means an alias first."""
    named = [column.alias.casefold() for column in columns]
    inner = [_parts(column) for column in wanted.find_all(exp.Column)]
    shadowed = [parts[0] for parts in inner if len(parts) == 1 and parts[0] in named]
    if not shadowed:
        return _place(wanted, columns, taken, tables)
    if isinstance(wanted, exp.Column) and named.count(shadowed[0]) == 1:
        return named.index(shadowed[0])
    return None


def _parts(column: exp.Column) -> list[str]:
    return [part.name.casefold() for part in column.parts]


def _are_one(one: Sequence[str], other: Sequence[str], tables: Collection[str]) -> bool:
    """Returns whether two names surely mean one column: ``a`` and ``t.a``, of a table ``t``."""
    short, long = sorted((one, other), key=len)
    if len(short) == len(long):
        return short == long
    return len(long) == 2 and [long[1]] == short and long[0] in tables


def _tables(select: exp.Select, taken: Collection[str]) -> set[str]:
    """Returns the tables of a SELECT of whose columns the bare names mean the same, folded.

    Joins USING give a bare name to one of two columns. A name that columns have too may mean one:
    ``s.a`` may be a field of ``s``.
    """
    joins = select.args.get("joins") or []
    if any(join.args.get("using") or join.args.get("method") for join in joins):
        return set()
    sources = [one for one in (select.args.get("from_"), *joins) if one is not None]
    return {source.this.alias_or_name.casefold() for source in sources} - {*taken, ""}
