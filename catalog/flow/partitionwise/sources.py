"""The FROM clause: tables, CTEs, subqueries and table functions, and the joins between them."""

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from catalog.flow.functions import TABLE_FUNCTIONS
from catalog.flow.partitionwise.carry import bare
from catalog.flow.partitionwise.expressions import check, is_query
from catalog.flow.partitionwise.joins import PRESERVES_LEFT, Join, Kind, joined, kind_of
from catalog.flow.partitionwise.pivots import pivoted
from catalog.flow.partitionwise.prover import Place
from catalog.flow.partitionwise.refusal import Refused, refuse_others, shown
from catalog.flow.partitionwise.relation import Column, Relation, Rows, Source, new_id
from catalog.flow.partitionwise.scope import Scope
from catalog.query.parse.keywords import fold


def from_rows(select: exp.Select, place: Place, where: Sequence[exp.Expr]) -> Rows:
    """Returns the rows of the FROM clause of a SELECT: one fixed row without it.

    Args:
        select: The SELECT.
        place: Where it stands.
        where: The conditions of its WHERE that are all true.

    Raises:
        Refused: A part mixes partitions, or has no rule.
    """
    clause = select.args.get("from_")
    joins: list[exp.Join] = list(select.args.get("joins") or [])
    for lateral in select.args.get("laterals") or []:
        raise Refused("LATERAL VIEW has no rule", lateral)
    if clause is None:
        if joins:
            raise Refused("a join without FROM has no rule", joins[0])
        return Rows(split=False)
    refuse_others(clause, frozenset({"this"}), "FROM")
    first = _item(clause.this, place, Rows(split=False))
    return _joined_all(first, joins, place, where)


def _joined_all(
    rows: Rows, joins: Sequence[exp.Join], place: Place, where: Sequence[exp.Expr]
) -> Rows:
    kinds = [kind_of(join) for join in joins]
    for n, (node, kind) in enumerate(zip(joins, kinds, strict=True)):
        lateral = rows if kind.name in PRESERVES_LEFT and not kind.asof else Rows(split=False)
        right = _item(node.this, place, lateral)
        _refuse_double_names(rows, right, node)
        if kind.asof:
            place.prover.tie(shown(node))
        known = where if all(later.name in PRESERVES_LEFT for later in kinds[n + 1 :]) else ()
        rows = joined(Join(node, _crossed(kind, node), rows, right, known), place)
    return rows


def _crossed(kind: Kind, node: exp.Join) -> Kind:
    """A comma or JOIN without a condition is a CROSS JOIN."""
    bare_join = not node.args.get("on") and not node.args.get("using") and not kind.natural
    return replace(kind, name="CROSS") if bare_join and kind.name == "INNER" else kind


def _refuse_double_names(left: Rows, right: Rows, node: exp.Expr) -> None:
    names = {source.alias for source in left.sources if source.alias}
    for source in right.sources:
        if source.alias in names:
            raise Refused(f"two tables of a FROM clause are named {source.alias}", node)


def _item(node: exp.Expr, place: Place, left: Rows) -> Rows:
    """Returns the rows of one item of a FROM clause, which may use those to its left."""
    lateral = replace(place, scope=Scope(left, place.scope) if left.sources else place.scope)
    match node:
        case exp.Table():
            return _table(node, place, lateral)
        case exp.Lateral():
            refuse_others(node, frozenset({"this", "alias"}), "LATERAL")
            if not is_query(node.this):
                return _function(node.this, node, lateral)
            return _source(place.prover.relation(node.this, lateral), node)
        case exp.Unnest():
            refuse_others(node, frozenset({"expressions", "alias"}), "unnest")
            return _function(node, node, lateral)
        case exp.Values():
            refuse_others(node, frozenset({"expressions", "alias"}), "VALUES")
            relation = place.prover.relation(node, lateral)
            return _source(relation, node)
        case exp.Subquery():
            refuse_others(node, frozenset({"this", "alias", "pivots", "joins"}), "a subquery")
            if is_query(node):
                rows = _source(place.prover.relation(node.this, lateral), node)
            else:
                rows = _parenthesized(node, place)
            rows = _pivots(node, rows, lateral)
            return _joined_all(rows, node.args.get("joins") or [], place, ())
    raise Refused(f"{shown(node)} in FROM has no rule that keeps partitions apart", node)


def _parenthesized(node: exp.Subquery, place: Place) -> Rows:
    """Returns the rows of ``(a JOIN b …)``, under a common alias if it has one."""
    rows = _item(node.this, place, Rows(split=False))
    if not node.alias:
        return rows
    wild = [source.wild for source in rows.sources]
    columns = () if any(wild[:-1]) else tuple(column for _, column in rows.star())
    return _source(Relation(rows.split, columns, any(wild)), node)


def _table(node: exp.Table, place: Place, lateral: Place) -> Rows:
    place.prover.seen.add(id(node))
    refuse_others(node, frozenset({"this", "db", "catalog", "alias", "joins", "pivots"}), "a table")
    if isinstance(node.this, exp.Func):
        rows = _function(node.this, node, lateral)
    else:
        rows = _source(_relation(node, place), node)
    rows = _pivots(node, rows, lateral)
    return _joined_all(rows, node.args.get("joins") or [], place, ())


def _relation(node: exp.Table, place: Place) -> Relation:
    parts = [fold(part.name) for part in node.parts]
    name = ".".join(parts)
    if len(parts) == 1 and name in place.ctes:
        return place.ctes[name]
    table = place.prover.tables.get(name)
    if table is None:
        raise Refused(f"{'.'.join(p.name for p in node.parts)} is not a table of the catalog", node)
    place.prover.read.add(name)
    chosen = place.prover.choice.facts.get(name)
    columns = tuple(
        Column(column, bare(kind) if column == chosen else None, kind)
        for column, kind in table.columns
    )
    return Relation(chosen is not None, columns)


def _source(relation: Relation, node: exp.Expr) -> Rows:
    """Returns a relation as a source, under the alias of a node of a FROM clause."""
    alias = node.args.get("alias")
    name, schema = fold(node.alias), ""
    if isinstance(node, exp.Table) and not name:
        name, schema = fold(node.name), fold(node.text("db"))
    columns, doubled = _deduplicated(_renamed(relation, alias))
    source = Source(new_id(), name, schema, columns, relation.wild, doubled)
    return Rows(relation.split, (source,))


def _renamed(relation: Relation, alias: exp.Expr | None) -> tuple[Column, ...]:
    """Returns the columns with the names that an alias such as ``t(a, b)`` gives them."""
    names = [one.name for one in (alias.args.get("columns") or [])] if alias is not None else []
    if not names:
        return relation.columns
    if relation.wild or len(names) > len(relation.columns):
        raise Refused(f"the columns that {shown(alias)} names are not known", alias)
    rest = relation.columns[len(names) :]
    return (
        *(replace(c, name=name) for name, c in zip(names, relation.columns, strict=False)),
        *rest,
    )


def _deduplicated(columns: tuple[Column, ...]) -> tuple[tuple[Column, ...], frozenset[str]]:
    """Returns columns without the names that DuckDB changes, and the names that are not unique.

    In a subquery, ``p, p`` become ``p, p_1``.
    """
    keys = [column.key for column in columns]
    doubled = frozenset(key for key in keys if key is not None and keys.count(key) > 1)
    made: list[Column] = []
    for n, column in enumerate(columns):
        key = column.key or ""
        changed = key in keys[:n] or any(key.startswith(f"{name}_") for name in doubled)
        made.append(Column(None) if changed else column)
    return tuple(made), doubled


def _function(call: exp.Expr, node: exp.Expr, lateral: Place) -> Rows:
    """Returns the rows of a table function: fixed for each row to its left."""
    name = lateral.prover.called(call) or ("unnest" if isinstance(call, exp.Unnest) else "")
    lateral.prover.seen.add(id(call))
    if name not in TABLE_FUNCTIONS:
        raise Refused(f"the table function {name or shown(call)} is not known to be safe", node)
    for argument in call.iter_expressions():
        if not isinstance(argument, exp.TableAlias):
            check(argument, lateral)
    column = Column(node.alias or name)
    return _source(Relation(split=False, columns=(column,)), node)


def item_rows(node: exp.Expr, place: Place) -> Rows:
    """Returns the rows of one table or subquery that stands alone, as after PIVOT."""
    return _item(node, place, Rows(split=False))


def _pivots(node: exp.Expr, rows: Rows, place: Place) -> Rows:
    for pivot in node.args.get("pivots") or []:
        inner = replace(place, scope=Scope(rows, place.scope))
        relation = pivoted(pivot, rows, inner)
        rows = _source(relation, pivot)
    return rows
