"""PIVOT and UNPIVOT: kept apart if the columns are listed, and a carrier is not turned."""

from collections.abc import Sequence

from sqlglot import exp

from catalog.flow.partitionwise.expressions import carried, check
from catalog.flow.partitionwise.prover import Place
from catalog.flow.partitionwise.refusal import Refused, refuse_others, shown
from catalog.flow.partitionwise.relation import Column, Relation, Rows
from catalog.query.parse.keywords import fold
from catalog.query.parse.masking import COVERED

_PIVOT = frozenset(
    {
        "alias",
        "columns",
        "default_on_null",
        "expressions",
        "fields",
        "group",
        "identify_pivot_strings",
        "include_nulls",
        "into",
        "limit",
        "order",
        "pivot_column_naming",
        "prefixed_pivot_columns",
        "this",
        "unpivot",
        "using",
        "value_columns_first",
    }
)


def pivoted(node: exp.Pivot, rows: Rows, place: Place) -> Relation:
    """Returns the relation of PIVOT or UNPIVOT, as a clause or as a statement.

    Args:
        node: The PIVOT.
        rows: What it turns.
        place: Where names mean the columns of these rows.

    Raises:
        Refused: It mixes partitions, or its columns depend on data.
    """
    refuse_others(node, _PIVOT, "PIVOT")
    place.prover.seen.add(id(node))
    if node.args.get("limit") is not None:
        raise Refused("LIMIT takes rows from all partitions together", node)
    if any(source.wild for source in rows.sources):
        raise Refused("the columns below PIVOT are not known", node)
    fields: list[exp.Expr] = node.args.get("fields") or []
    if node.args.get("unpivot"):
        return _unpivoted(node, rows, fields)
    statement = node.this is not None
    aggregates: list[exp.Expr] = (node.args.get("using") or []) if statement else node.expressions
    turned = node.expressions if statement else fields
    listed = [_listed(one, node) for one in turned]
    for aggregate in aggregates:
        check(aggregate.unalias(), place)
    for one in turned:
        check(one.this, place)
    group = node.args.get("group")
    columns = _group(group, rows, place, (*aggregates, *(one.this for one in turned)))
    if rows.split and not any(place.prover.fixes(column.carry) for column in columns):
        raise Refused("PIVOT does not group by a partition column", node)
    plain = len(listed) == 1 and len(aggregates) == 1 and not isinstance(aggregates[0], exp.Alias)
    keys = {column.key for column in columns}
    if plain and not keys & {fold(name) for name in listed[0]}:
        return Relation(rows.split, (*columns, *(Column(name) for name in listed[0])))
    return Relation(rows.split, columns, wild=True)


def _listed(node: exp.Expr, pivot: exp.Pivot) -> list[str]:
    """Returns the values that PIVOT makes columns of.

    Raises:
        Refused: They are not listed.
    """
    values = node.expressions if isinstance(node, exp.In) else []
    if not values or not all(
        isinstance(value, exp.Literal) and COVERED not in value.name for value in values
    ):
        raise Refused(
            f"the columns that PIVOT makes of {shown(node)} depend on all rows: list them with IN",
            pivot,
        )
    return [value.name for value in values]


def _group(
    group: exp.Group | None,
    rows: Rows,
    place: Place,
    used: Sequence[exp.Expr],
) -> tuple[Column, ...]:
    """Returns the columns that PIVOT groups by: those named, or all that it does not use."""
    if group is None:
        names = {fold(c.name) for one in used for c in one.find_all(exp.Column)}
        return tuple(column for _, column in rows.star() if column.key not in names)
    refuse_others(group, frozenset({"expressions"}), "GROUP BY of PIVOT")
    columns = []
    for key in group.expressions:
        if not isinstance(key, exp.Column):
            raise Refused(f"{shown(key)} in GROUP BY of PIVOT has no rule", key)
        check(key, place)
        column = place.scope.meaning(key).column
        columns.append(Column(column.name, carried(key, place)))
    return tuple(columns)


def _unpivoted(node: exp.Pivot, rows: Rows, fields: Sequence[exp.Expr]) -> Relation:
    if node.this is None:
        turned = fields[0].expressions if len(fields) == 1 else []
        names = [fields[0].this.name, *(one.name for one in node.expressions)] if turned else []
    else:
        into = node.args.get("into")
        turned = node.expressions
        names = ["name", "value"] if into is None else [into.this.name]
        names += [] if into is None else [one.name for one in into.expressions]
    if len(names) != 2 or not all(isinstance(one, exp.Column) for one in turned):
        raise Refused(f"{shown(node)} has no rule that keeps partitions apart", node)
    gone = {fold(one.name) for one in turned}
    kept = tuple(column for _, column in rows.star() if column.key not in gone)
    return Relation(rows.split, (*kept, Column(names[0]), Column(names[1])))
