"""Conditions of a pruner as SQL: which rows of a file a statement may affect."""

from catalog.model.types import Scalar
from catalog.query.parse.predicates import Op
from catalog.query.pruning import Condition, Pruner
from catalog.write.conditions import constant


def row_filter(pruner: Pruner) -> str:
    """Returns the condition for the rows that a pruner wants, over columns ``c<field id>``.

    Like a file, a row that does not meet it cannot be affected.
    """
    return " AND ".join(map(_condition, pruner.conditions)) or "true"


def _condition(condition: Condition) -> str:
    kind = condition.field.type
    assert isinstance(kind, Scalar), "only scalars have an order"
    column = f"c{condition.field.id}"
    values = [constant(value, kind) for value in condition.values]
    match condition.op:
        case Op.IS_NULL | Op.IS_NOT_NULL:
            return f"{column} {condition.op.value.upper()}"
        case Op.IN:
            return f"{column} IN ({', '.join(values)})"
        case Op.BETWEEN:
            return f"{column} BETWEEN {values[0]} AND {values[1]}"
    return f"{column} {condition.op.value} {values[0]}"
