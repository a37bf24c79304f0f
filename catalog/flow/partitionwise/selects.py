"""One SELECT: what is known of its result from what is known of its parts."""

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from catalog.flow.partitionwise.carry import Carry
from catalog.flow.partitionwise.equalities import equalities
from catalog.flow.partitionwise.expressions import (
    Contents,
    carried,
    check,
    conjuncts,
    is_query,
    unwrapped,
)
from catalog.flow.partitionwise.grouping import check_groups
from catalog.flow.partitionwise.projection import Projection, aliases, projection
from catalog.flow.partitionwise.prover import Place, Prover
from catalog.flow.partitionwise.refusal import Refused, refuse_others, shown
from catalog.flow.partitionwise.relation import Relation, Rows
from catalog.flow.partitionwise.scope import Scope
from catalog.flow.partitionwise.sources import from_rows
from catalog.query.parse.keywords import fold

_KNOWN = frozenset(
    {
        "distinct",
        "expressions",
        "from_",
        "group",
        "having",
        "joins",
        "laterals",
        "limit",
        "offset",
        "order",
        "qualify",
        "where",
        "windows",
        "with_",
    }
)


def selected(select: exp.Select, place: Place) -> Relation:
    """Returns what is known of the result of a SELECT, whose WITH was read already.

    Raises:
        Refused: It mixes partitions, or has a construct without a rule.
    """
    refuse_others(select, _KNOWN, "SELECT")
    place.prover.seen.add(id(select))
    where = list(conjuncts(select.args["where"].this if select.args.get("where") else None))
    rows = from_rows(select, place, where)
    inner = _inner(select, place, rows)
    rows = _filtered(where, rows, inner)
    inner = _inner(select, place, rows)
    if not select.expressions:
        raise Refused("SELECT without columns", select)
    result = projection(select.expressions, inner)
    having, qualify = select.args.get("having"), select.args.get("qualify")
    others = [check(clause.this, inner) for clause in (having, qualify) if clause]
    others += _check_order(select, inner)
    every = [*(one.contents for one in result.columns), *others]
    grouped = any(one.aggregate is not None for one in every) or select.args.get("group")
    if grouped or having:
        check_groups(select, result, inner)
    _check_distinct(select, result, inner)
    check_limit(place.prover, select, rows.split)
    columns = tuple(
        one.column if rows.split else replace(one.column, carry=None) for one in result.certain
    )
    return Relation(rows.split, columns, result.wild)


def _inner(select: exp.Select, place: Place, rows: Rows) -> Place:
    windows = {fold(one.name): one for one in select.args.get("windows") or []}
    scope = Scope(rows, place.scope, aliases(select.expressions))
    return replace(place, scope=scope, windows=windows)


def _filtered(where: Sequence[exp.Expr], rows: Rows, place: Place) -> Rows:
    """Returns the rows that meet WHERE: fixed, if it asks for the partition of an outer row.

    Raises:
        Refused: A condition depends on other partitions than its row's.
    """
    for condition in where:
        if not _is_semijoin(condition, place):
            contents = check(condition, place)
            if contents.aggregate is not None:
                raise Refused(f"the aggregate {shown(contents.aggregate)} in WHERE", condition)
    found = equalities(where, place)
    if rows.split and any(map(place.prover.fixes, found.pinned(rows.ids()))):
        return replace(rows.without_carriers(), split=False)
    return found.spread(rows) if rows.split else rows


def _is_semijoin(node: exp.Expr, place: Place) -> bool:
    """Returns whether a condition is ``p IN (SELECT p …)`` on equal partition values.

    Only as a condition that must be true: where it is NULL and where it is false come to the same.
    """
    query = node.args.get("query") if isinstance(node, exp.In) else None
    if query is None or not place.scope.rows.split:
        return False
    value = carried(node.this, place)
    if value is None or not place.prover.fixes(value):
        return False
    check(node.this, place)
    relation = place.prover.relation(query, place)
    carry = None if relation.wild or len(relation.columns) != 1 else relation.columns[0].carry
    if relation.split and (carry is None or carry.text != value.text):
        raise Refused("the subquery is not restricted to the partition of the row it is for", query)
    return True


def _check_order(select: exp.Select, place: Place) -> list[Contents]:
    order = select.args.get("order")
    if order is None:
        return []
    refuse_others(order, frozenset({"expressions"}), "ORDER BY")
    names = set(place.scope.aliases)
    found = []
    for key in order.expressions:
        value = unwrapped(key.this)
        everything = isinstance(value, exp.Var) and value.name.upper() == "ALL"
        named = (
            isinstance(value, exp.Column) and len(value.parts) == 1 and fold(value.name) in names
        )
        if not everything and not named:
            found.append(check(value, place))
    return found


def _check_distinct(select: exp.Select, result: Projection, place: Place) -> None:
    distinct = select.args.get("distinct")
    if distinct is None:
        return
    refuse_others(distinct, frozenset({"on"}), "DISTINCT")
    on = distinct.args.get("on")
    split = place.scope.rows.split
    if on is None:
        if split and not any(place.prover.fixes(one.column.carry) for one in result.certain):
            raise Refused("DISTINCT has no partition column in its select list", select)
        return
    keys = on.expressions if isinstance(on, exp.Tuple) else [on]
    carries = [_distinct_key(key, result, place) for key in keys]
    if select.args.get("order") is None:
        raise Refused("DISTINCT ON without ORDER BY keeps any row of several", on)
    place.prover.tie(f"DISTINCT ON {shown(on)}")
    if split and not any(map(place.prover.fixes, carries)):
        raise Refused("DISTINCT ON has no partition column in its list", on)


def _distinct_key(node: exp.Expr, result: Projection, place: Place) -> Carry | None:
    """Returns what a key of DISTINCT ON carries, which takes an alias before a column."""
    key = unwrapped(node)
    if isinstance(key, exp.Literal) and not key.is_string:
        number = int(key.name) if key.name.isdecimal() and len(key.name) < 6 else 0
        return result.at(number, key).column.carry
    if isinstance(key, exp.Column) and len(key.parts) == 1:
        if result.wild:
            raise Refused("DISTINCT ON beside unnest has no rule", key)
        named = [one for one in result.columns if one.column.key == fold(key.name)]
        if len(named) > 1:
            raise Refused(f"the name {key.name} may mean more than one column", key)
        if named:
            return named[0].column.carry
    elif any(fold(one.name) in place.scope.aliases for one in key.find_all(exp.Column)):
        raise Refused(f"{shown(key)} in DISTINCT ON has no rule", key)
    check(node, place)
    return carried(node, place)


def check_limit(prover: Prover, query: exp.Expr, split: bool) -> None:
    """Refuses LIMIT and OFFSET of rows of several partitions, or without an order.

    Raises:
        Refused: The query has one of them.
    """
    parts = [query.args[key] for key in ("limit", "offset") if query.args.get(key) is not None]
    if not parts:
        return
    if split:
        raise Refused("LIMIT takes rows from all partitions together", parts[0])
    if query.args.get("order") is None:
        raise Refused("LIMIT without ORDER BY takes any rows", parts[0])
    if any(is_query(node) for part in parts for node in part.walk()):
        raise Refused("LIMIT with a subquery has no rule", parts[0])
    prover.tie(shown(parts[0]))
