"""Parameters of checks as SQL: accepted values and bounds, in the type of a column, without loss.

A bound that no value of the type can reach is none, or one that all values are beyond.
"""

import struct
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput
from catalog.model.check_rules import as_number
from catalog.model.types import (
    INTEGER_BITS,
    NULL_TYPE,
    DataType,
    Scalar,
    TypeClass,
    is_float,
    is_integer,
)
from catalog.model.values import encode, parse
from catalog.write.conditions import constant

_MOMENTS = (TypeClass.DATE, TypeClass.TIME, TypeClass.TIMESTAMP)

_NUMBERS = (TypeClass.INTEGER, TypeClass.WIDE_INTEGER, TypeClass.DECIMAL, TypeClass.FLOAT)

_COARSE = ("TIMESTAMP_S", "TIMESTAMP_MS")
"""Types whose values are compared as TIMESTAMP, which holds them all."""

_MOST_DIGITS = 400
"""Numbers with more digits before or after the point are beyond every type."""

_EXACT = Context(prec=_MOST_DIGITS + 50)


@dataclass(frozen=True, slots=True)
class Comparable:
    """An expression whose values compare with parameters.

    Attributes:
        sql: The expression.
        type: Its type.
    """

    sql: str
    type: Scalar


def comparable(sql: str, kind: DataType) -> Comparable:
    """Returns an expression of a type as one that compares with parameters.

    Raises:
        InvalidInput: Values of the type do not.
    """
    if kind == NULL_TYPE:
        return Comparable(f"CAST({sql} AS VARCHAR)", Scalar("VARCHAR"))
    if isinstance(kind, Scalar):
        if kind.name in _COARSE:
            return Comparable(f"CAST({sql} AS TIMESTAMP)", Scalar("TIMESTAMP"))
        if kind.type_class is not TypeClass.OTHER:
            return Comparable(sql, kind)
    raise _unfit(f"values of type {kind} cannot be compared with stated ones")


def value_list(values: Sequence[object], kind: Scalar) -> str:
    """Returns values of a type as a list for ``IN``.

    Raises:
        InvalidInput: One is not a value of the type.
    """
    return f"({', '.join(_value(one, kind) for one in values)})"


def _value(value: object, kind: Scalar) -> str:
    if kind.type_class is TypeClass.TEXT:
        if isinstance(value, bool):
            raise _unfit(f"{value!r} is not text, and the column is of type {kind}")
        return constant(str(value).encode(), kind)
    if isinstance(value, bool) != (kind.type_class is TypeClass.BOOLEAN) and not isinstance(
        value, str
    ):
        raise _unfit(f"{value!r} is not a value of type {kind}")
    if isinstance(value, bool):
        return "true" if value else "false"
    number = as_number(value)
    if number is not None and kind.type_class in _NUMBERS:
        return _number(number, kind)
    if isinstance(value, int | float) and kind.type_class in _MOMENTS:
        raise _unfit(f"{value!r} is a number, and the column is of type {kind}")
    return _parsed(str(value), kind)


def _number(number: Decimal, kind: Scalar) -> str:
    """Returns a number in a type that must hold it exactly, as floats need not."""
    if is_float(kind):
        return _float(number, kind)
    scale = _scale(kind)
    low, high = _extremes(kind)
    exact = abs(number.adjusted()) < _MOST_DIGITS or not number
    scaled = number.scaleb(scale, _EXACT) if exact else number
    if not exact or scaled != scaled.to_integral_value() or not low <= scaled <= high:
        raise _unfit(f"{number} is not a value of type {kind}")
    return _whole(int(scaled), kind)


def _float(number: Decimal, kind: Scalar) -> str:
    value = float(number)
    try:
        struct.pack("<f" if kind.name == "FLOAT" else "<d", value)
    except OverflowError as error:
        raise _unfit(f"{number} is beyond type {kind}") from error
    if value in (float("inf"), float("-inf")):
        raise _unfit(f"{number} is beyond type {kind}")
    return f"CAST('{value!r}' AS {kind.name})"


def _parsed(stated: str, kind: Scalar) -> str:
    try:
        return constant(encode(parse(stated, kind), kind), kind)
    except (InvalidInput, OverflowError) as error:
        raise _unfit(f"{stated!r} is not a value of type {kind}") from error


def outside(value: Comparable, low: object, high: object, *, inclusive: bool) -> str:
    """Returns the condition that a value that is not NULL is outside of a range; NaN always is.

    Args:
        value: The value.
        low: The lower bound, None for none.
        high: The upper bound, None for none.
        inclusive: Whether the bounds are within the range.

    Raises:
        InvalidInput: A bound is not of the type, or no value can be between them.
    """
    kind = value.type
    if kind.type_class not in (*_NUMBERS, *_MOMENTS, TypeClass.TEXT):
        raise _unfit(f"values of type {kind} have no range")
    stated = [_stated(bound, kind) for bound in (low, high) if bound is not None]
    if len(stated) == 2 and not _is_possible(stated[0], stated[1], inclusive=inclusive):
        raise _unfit(f"no value is between {low} and {high}")
    conditions = [f"isnan({value.sql})"] if is_float(kind) else []
    if low is not None:
        conditions.append(_beyond(value, low, lower=True, inclusive=inclusive))
    if high is not None:
        conditions.append(_beyond(value, high, lower=False, inclusive=inclusive))
    return f"({' OR '.join(conditions)})"


def _stated(bound: object, kind: Scalar) -> object:
    """Returns a bound as a Python value that compares with the other."""
    number = as_number(bound)
    if kind.type_class in _NUMBERS:
        if number is None:
            raise _unfit(f"{bound!r} is not a number, and the column is of type {kind}")
        return number
    if number is not None and (kind.type_class is TypeClass.TEXT or not isinstance(bound, str)):
        raise _unfit(
            f"{bound!r} is a number, and the column is of type {kind}",
            hint="text is compared letter by letter, so that '10' comes before '9': compare "
            "numbers in an sql check, by TRY_CAST"
            if kind.type_class is TypeClass.TEXT
            else "",
        )
    if kind.type_class is TypeClass.TEXT:
        return str(bound).encode()
    try:
        return encode(parse(str(bound), kind), kind)
    except (InvalidInput, OverflowError) as error:
        raise _unfit(f"{bound!r} is not a value of type {kind}") from error


def _is_possible(low: object, high: object, *, inclusive: bool) -> bool:
    if isinstance(low, Decimal) and isinstance(high, Decimal):
        return low < high or (inclusive and low == high)
    assert isinstance(low, bytes) and isinstance(high, bytes), "both are of one type"
    return low < high or (inclusive and low == high)


def _beyond(value: Comparable, bound: object, *, lower: bool, inclusive: bool) -> str:
    """Returns the condition that a value is below the lower, or above the upper bound."""
    kind = value.type
    sign = ("<" if lower else ">") + ("" if inclusive else "=")
    if kind.type_class not in _NUMBERS:
        if kind.type_class is TypeClass.TEXT:
            return f"{value.sql} {sign} {constant(str(bound).encode(), kind)}"
        return f"{value.sql} {sign} {_parsed(str(bound), kind)}"
    number = as_number(bound)
    assert number is not None, "it was looked at before"
    if is_float(kind):
        return f"{value.sql} {sign} {_float(number, kind)}"
    return _beyond_whole(value, number, lower=lower, inclusive=inclusive)


def _beyond_whole(value: Comparable, number: Decimal, *, lower: bool, inclusive: bool) -> str:
    """Compares integers and decimals with the last number of their type within the range."""
    kind = value.type
    low, high = _extremes(kind)
    if number.adjusted() >= _MOST_DIGITS:
        is_missed = (number > 0) == lower
        return f"{value.sql} IS NOT NULL" if is_missed else "false"
    scaled = number.scaleb(_scale(kind), _EXACT) if number.adjusted() > -_MOST_DIGITS else number
    rounding = ROUND_CEILING if lower else ROUND_FLOOR
    last = int(scaled.to_integral_value(rounding, _EXACT))
    if not inclusive and last == scaled:
        last += 1 if lower else -1
    if lower:
        if last <= low:
            return "false"
        return f"{value.sql} IS NOT NULL" if last > high else f"{value.sql} < {_whole(last, kind)}"
    if last >= high:
        return "false"
    return f"{value.sql} IS NOT NULL" if last < low else f"{value.sql} > {_whole(last, kind)}"


def _extremes(kind: Scalar) -> tuple[int, int]:
    """Returns the least and the greatest value of an integer type, of a decimal without scale."""
    if is_integer(kind):
        bits, signed = INTEGER_BITS[kind.name]
        return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    assert kind.decimal is not None, "it is a number that is no float"
    most = 10 ** kind.decimal[0] - 1
    return -most, most


def _whole(number: int, kind: Scalar) -> str:
    """Returns an integer, or a decimal given without its scale, as SQL."""
    scaled = Decimal(number).scaleb(-_scale(kind), _EXACT)
    return f"CAST('{scaled:f}' AS {kind.name})"


def _scale(kind: Scalar) -> int:
    return kind.decimal[1] if kind.decimal is not None else 0


def _unfit(reason: str, *, hint: str = "") -> InvalidInput:
    return InvalidInput(reason, kind=ErrorKind.BAD_CHECK, hint=hint)
