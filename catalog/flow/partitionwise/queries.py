"""Queries of every form: SELECT, set operations, VALUES, PIVOT, and WITH before any of them."""

from collections.abc import Mapping
from dataclasses import replace

from sqlglot import exp

from catalog.flow.partitionwise.carry import is_exact
from catalog.flow.partitionwise.expressions import check, is_query
from catalog.flow.partitionwise.pivots import pivoted
from catalog.flow.partitionwise.prover import Place, Prover
from catalog.flow.partitionwise.refusal import Refused, refuse_others, shown
from catalog.flow.partitionwise.relation import Column, Relation
from catalog.flow.partitionwise.scope import Scope
from catalog.flow.partitionwise.selects import check_limit, selected
from catalog.flow.partitionwise.sources import item_rows
from catalog.query.parse.keywords import fold

_SET_PARTS = frozenset(
    {"this", "expression", "distinct", "by_name", "order", "limit", "offset", "with_"}
)


def query_relation(node: exp.Expr, place: Place) -> Relation:
    """Returns what is known of the result of a query.

    Args:
        node: The query.
        place: Where it stands: the rows of the queries around it, and the CTEs in scope.

    Raises:
        Refused: It mixes partitions, or has a construct without a rule.
    """
    place = replace(place, windows={}, ctes=_with(node, place))
    match node:
        case exp.Select():
            return selected(node, place)
        case exp.SetOperation():
            return _combined(node, place)
        case exp.Subquery() if is_query(node.this):
            refuse_others(node, frozenset({"this", "order", "limit", "offset", "with_"}), "a query")
            relation = place.prover.relation(node.this, place)
            _check_end(place.prover, node, relation)
            return relation
        case exp.Values():
            return _values(node, place)
        case exp.Pivot() if node.this is not None:
            rows = item_rows(node.this, place)
            inner = replace(place, scope=Scope(rows, place.scope))
            return pivoted(node, rows, inner)
    raise Refused(f"{shown(node)} has no rule that keeps partitions apart", node)


def _with(node: exp.Expr, place: Place) -> Mapping[str, Relation]:
    """Returns the CTEs that a query may read: those around it and its own."""
    clause = node.args.get("with_")
    if clause is None:
        return place.ctes
    if clause.args.get("recursive"):
        raise Refused("WITH RECURSIVE has no rule that keeps partitions apart", clause)
    refuse_others(clause, frozenset({"expressions"}), "WITH")
    ctes = dict(place.ctes)
    for cte in clause.expressions:
        refuse_others(cte, frozenset({"this", "alias", "materialized"}), "a CTE")
        if not is_query(cte.this):
            raise Refused(f"the CTE {cte.alias} is not a query", cte)
        relation = place.prover.relation(cte.this, replace(place, ctes=ctes, windows={}))
        names = [one.name for one in cte.args["alias"].args.get("columns") or []]
        if names:
            if relation.wild or len(names) > len(relation.columns):
                raise Refused(f"the columns that {cte.alias} names are not known", cte)
            columns = [
                replace(column, name=names[n]) if n < len(names) else column
                for n, column in enumerate(relation.columns)
            ]
            relation = replace(relation, columns=tuple(columns))
        ctes[fold(cte.alias)] = relation
    return ctes


def _values(node: exp.Values, place: Place) -> Relation:
    width = 0
    for row in node.expressions:
        values = row.expressions if isinstance(row, exp.Tuple) else [row]
        width = max(width, len(values))
        for value in values:
            check(value, place)
    return Relation(split=False, columns=tuple(Column(f"col{n}") for n in range(width)))


def _check_end(prover: Prover, node: exp.Expr, relation: Relation) -> None:
    """Checks ORDER BY and LIMIT after a set operation or parentheses."""
    order = node.args.get("order")
    if order is not None and any(
        is_query(one) or isinstance(one, exp.Window) for one in order.walk()
    ):
        raise Refused(f"{shown(order)} has no rule", order)
    check_limit(prover, node, relation.split)


def _combined(node: exp.SetOperation, place: Place) -> Relation:
    """Returns the result of a chain of set operations, from the left."""
    chain: list[exp.SetOperation] = []
    left: exp.Expr = node
    while isinstance(left, exp.SetOperation) and (left is node or not _has_end(left)):
        chain.append(left)
        left = left.this
    relation = place.prover.relation(left, place)
    for operation in reversed(chain):
        refuse_others(operation, _SET_PARTS, "a set operation")
        place.prover.seen.add(id(operation))
        right = place.prover.relation(operation.expression, place)
        relation = _pair(place.prover, operation, relation, right)
    _check_end(place.prover, node, relation)
    return relation


def _has_end(node: exp.Expr) -> bool:
    return any(node.args.get(key) for key in ("order", "limit", "offset", "with_"))


def _pair(prover: Prover, node: exp.SetOperation, left: Relation, right: Relation) -> Relation:
    by_name = bool(node.args.get("by_name"))
    name = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}[type(node)]
    union = isinstance(node, exp.Union)
    if by_name and not union:
        raise Refused(f"{name} BY NAME has no rule that keeps partitions apart", node)
    if not left.split and not right.split:
        return _paired(left, right, by_name=by_name, split=False)
    if by_name and (left.wild or right.wild):
        raise Refused(f"the columns of a side of {name} are not known", node)
    if left.split and right.split:
        result = _paired(left, right, by_name=by_name, split=True)
    elif union or not left.split:
        raise Refused(
            f"a side of {name} is not restricted to partitions: its rows are there in any case",
            node,
        )
    else:
        columns = tuple(
            one
            if one.type_name == other.type_name and is_exact(one.type_name)
            else Column(one.name)
            for one, other in zip(left.columns, right.columns, strict=False)
        )
        result = replace(left, columns=columns)
    if union and not node.args.get("distinct"):
        return result
    if not any(prover.fixes(column.carry) for column in result.columns):
        raise Refused(f"{name} has no partition column in the same place on both sides", node)
    return result


def _paired(left: Relation, right: Relation, *, by_name: bool, split: bool) -> Relation:
    """Returns the columns of both sides, with what they carry alike."""
    if by_name:
        others = {column.key: column for column in right.columns}
        keys = {column.key for column in left.columns}
        columns = [_alike(one, others.get(one.key)) for one in left.columns]
        columns += [Column(one.name) for one in right.columns if one.key not in keys]
    else:
        columns = [
            _alike(one, other) for one, other in zip(left.columns, right.columns, strict=False)
        ]
    return Relation(split, tuple(columns), left.wild or right.wild)


def _alike(one: Column, other: Column | None) -> Column:
    if other is None:
        return Column(one.name)
    same = one.carry is not None and other.carry is not None and one.carry.text == other.carry.text
    type_name = one.type_name if one.type_name == other.type_name else ""
    return Column(one.name, one.carry if same else None, type_name)
