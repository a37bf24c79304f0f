"""PIVOT and UNPIVOT: which columns stay, and what the others are made from."""

from collections.abc import Iterable, Sequence

from sqlglot import exp

from catalog.model.lineage import Influence
from catalog.query.lineage.expressions import ExpressionReader, column_name
from catalog.query.lineage.parts import NOTHING, Parts, through, united
from catalog.query.lineage.relations import Item, Relation, Scope
from catalog.query.parse.keywords import fold


def pivoted(
    relation: Relation, pivot: exp.Pivot, reader: ExpressionReader, outer: Scope
) -> Relation:
    """Returns a relation after PIVOT or UNPIVOT, as a clause or a statement."""
    scope = Scope([("", relation)], outer)
    made = _unpivot if pivot.args.get("unpivot") else _pivot
    found = made(relation, pivot, reader, scope)
    alias = pivot.args.get("alias")
    columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    return found.renamed([fold(one.name) for one in columns or ()])


def _pivot(
    relation: Relation, pivot: exp.Pivot, reader: ExpressionReader, scope: Scope
) -> Relation:
    """Every column made depends on the aggregated ones and on those that spread them."""
    using = pivot.args.get("using")
    aggregates = using if isinstance(using, list) else pivot.expressions
    spread = pivot.expressions if isinstance(using, list) else pivot.args.get("fields") or []
    values = united(reader.parts(one, scope) for one in aggregates)
    chosen = united(through(reader.parts(one, scope), Influence.CONDITIONAL) for one in spread)
    for one in (*aggregates, *spread):
        reader.understand(one)
    group = pivot.args.get("group")
    if isinstance(group, exp.Group):
        kept: Sequence[Item] = tuple(
            Item(fold(one.alias_or_name), reader.parts(one, scope)) for one in group.expressions
        )
    else:
        kept = _others(relation, [*aggregates, *spread])
    grouped = through(united(item.parts for item in kept), Influence.GROUP_BY)
    made = Item("", united([through(values, Influence.AGGREGATION), chosen]), many=True)
    return Relation((*kept, made), united([relation.rows, grouped, chosen]))


def _unpivot(
    relation: Relation, pivot: exp.Pivot, reader: ExpressionReader, scope: Scope
) -> Relation:
    """The columns named become rows, of which those with NULL may be left out."""
    fields = pivot.args.get("fields") or []
    into = pivot.args.get("into")
    if fields:
        (field,) = fields if len(fields) == 1 else (None,)
        taken = field.expressions if isinstance(field, exp.In) else fields
        name = field.this.name if isinstance(field, exp.In) else ""
        values = [one.name for one in pivot.expressions]
    else:
        taken = pivot.expressions
        name = into.this.name if isinstance(into, exp.UnpivotColumns) else "name"
        found = into.expressions if isinstance(into, exp.UnpivotColumns) else []
        values = [one.name for one in found] or ["value"]
    parts = united(reader.parts(one, scope) for one in taken)
    for one in (*taken, *fields, *([into] if isinstance(into, exp.Expr) else [])):
        reader.understand(one)
    for one in pivot.expressions:
        reader.understand(one)
    kept = _others(relation, taken)
    names = Item(fold(name), NOTHING)
    made = tuple(Item(fold(value), parts) for value in values)
    rows = united([relation.rows, through(parts, Influence.FILTER)])
    return Relation((*kept, names, *made), rows)


def _others(relation: Relation, used: Iterable[exp.Expr]) -> Sequence[Item]:
    """Returns the columns that stay: those that are not named in what is pivoted."""
    names: set[str] = set()
    vague = False
    for node in used:
        names.update(column_name(one)[-1] for one in node.find_all(exp.Column) if one.name)
        vague = vague or node.find(exp.Columns, exp.Star) is not None
    rest = [item for item in relation.items if item.many or item.name not in names]
    if not vague:
        return tuple(rest)
    parts: Parts = relation.everything
    return (Item("", parts, many=True),)
