"""Values that a contract allows in a column, as SQL, compared without rounding."""

import math
from decimal import Decimal
from fractions import Fraction

from catalog.diff.plan import ColumnPair
from catalog.engine.quoting import literal, type_sql
from catalog.errors import InvalidInput
from catalog.model.types import INTEGER_BITS, Scalar, TypeClass, is_float
from catalog.model.values import encode, has_order, parse
from catalog.write.conditions import constant


def outside(pair: ColumnPair, low: str | None, high: str | None) -> str:
    """Returns the condition that a value of the newer side is not from ``low`` to ``high``.

    NULL is not outside; NaN is.

    Raises:
        InvalidInput: A bound is not a value of the column's type.
    """
    kind = pair.after.type
    value = f"t_c{pair.after.id}"
    if not isinstance(kind, Scalar) or not has_order(kind):
        raise InvalidInput(f"values of type {kind} have no bounds")
    parts = []
    if low is not None:
        parts.append(_beyond(value, "<", low, kind=kind))
    if high is not None:
        parts.append(_beyond(value, ">", high, kind=kind))
    if is_float(kind):
        parts.append(f"isnan({value})")
    return f"({value} IS NOT NULL AND ({' OR '.join(parts)}))"


def _beyond(value: str, sign: str, bound: str, *, kind: Scalar) -> str:
    match kind.type_class:
        case TypeClass.INTEGER | TypeClass.WIDE_INTEGER:
            bits, signed = INTEGER_BITS[kind.name]
            most = 1 << (bits - 1 if signed else bits)
            return _stepped(
                value, sign, _number(bound, kind), ends=(-most if signed else 0, most - 1)
            )
        case TypeClass.DECIMAL:
            width, scale = kind.decimal or (18, 0)
            unscaled = f"CAST(replace(CAST({value} AS VARCHAR), '.', '') AS HUGEINT)"
            if scale == 0:
                unscaled = f"CAST({value} AS HUGEINT)"
            most = 10**width
            return _stepped(
                unscaled, sign, _number(bound, kind) * 10**scale, ends=(1 - most, most - 1)
            )
        case TypeClass.FLOAT:
            _number(bound, kind)
            nearest = float(bound)
            return f"CAST({value} AS DOUBLE) {sign} CAST({literal(repr(nearest))} AS DOUBLE)"
    return f"{value} {sign} {constant(encode(parse(bound, kind), kind), kind)}"


def _stepped(value: str, sign: str, bound: Fraction, *, ends: tuple[int, int]) -> str:
    """Compares integers with a number that need not be one, nor one of their type."""
    step = math.ceil(bound) if sign == "<" else math.floor(bound)
    if step < ends[0]:
        return "true" if sign == ">" else "false"
    if step > ends[1]:
        return "true" if sign == "<" else "false"
    return f"CAST({value} AS HUGEINT) {sign} CAST({literal(str(step))} AS HUGEINT)"


def _number(bound: str, kind: Scalar) -> Fraction:
    try:
        return Fraction(Decimal(bound))
    except (ArithmeticError, ValueError) as error:
        raise InvalidInput(f"{bound!r} is not a number, as values of {type_sql(kind)}") from error
