"""Tolerances as SQL: whether two numbers lie no further apart than is allowed, decided exactly.

A tolerance is about the numbers that values are, not about what a subtraction of doubles makes of
them. Integers and decimals are subtracted exactly. Doubles are subtracted as doubles, which settles
all rows but those so near to the limit that rounding could matter. These are settled by the error
of the subtraction, which is a double itself, or by a function of Python's; see ``exact_numbers``.
"""

from fractions import Fraction
from hashlib import sha256
from math import inf, nextafter
from typing import TypeAlias

from catalog.dataclasses import dataclass
from catalog.diff.compare.exact_numbers import Compare, exactly_within
from catalog.diff.options import Tolerance
from catalog.diff.plan import ColumnPair
from catalog.engine.quoting import literal
from catalog.model.types import INTEGER_BITS, MAX_DIGITS, DataType, Scalar, is_float

_AMOUNTS = Fraction(1, 10**200), Fraction(10**200)
"""The amounts for which arithmetic of doubles is tried: no limit comes near under- or overflow."""

_SHARE_MARGIN = Fraction(1, 1 << 50)
"""Relative distance from a share at which a quotient of doubles is certain: a difference, a
quotient and the share itself are each off by 2⁻⁵³ at most."""

_CAST_MARGIN = Fraction(1, 1 << 46)
"""Relative error of a DECIMAL cast to DOUBLE and a few operations on it, with a lot to spare: the
cast takes a division by a power of ten and up to three roundings of 2⁻⁵³."""

_EXACT_DOUBLES = 1 << 53
"""Integers up to it, and from its negative, are doubles."""

_HALF_BITS = 62
"""HUGEINTs below 2 to this are subtracted and multiplied without an overflow."""

_LONG_BITS, _HUGE_BITS = 63, 127

_Kinds: TypeAlias = tuple[DataType, DataType]

_Values: TypeAlias = tuple[str, ...]
"""SQL of the older and the newer value."""


@dataclass(frozen=True, slots=True)
class ExactFunction:
    """A function of Python's that SQL calls for rows that it cannot settle itself.

    Attributes:
        name: Its name in SQL, the same for the same function.
        parameters: The types of the older and the newer value.
        compare: What it does.
    """

    name: str
    parameters: tuple[str, str]
    compare: Compare


def exact_function(pair: ColumnPair) -> ExactFunction | None:
    """Returns the function that the condition of a pair calls; None if it calls none."""
    if pair.tolerance is None:
        return None
    function = _function(pair, pair.tolerance)
    return function if function.name in within_tolerance(pair, "a", "b") else None


def _function(pair: ColumnPair, tolerance: Tolerance) -> ExactFunction:
    parameters = _parameter(pair.before.type), _parameter(pair.after.type)
    digest = sha256(f"{tolerance}\0{parameters}".encode()).hexdigest()
    name = f"parquetry_within_{digest[:16]}"
    return ExactFunction(name, parameters, exactly_within(tolerance))


def within_tolerance(pair: ColumnPair, before: str, after: str) -> str:
    """Returns the condition that two unequal numbers are within the tolerance of their column.

    It is not true if one is NULL, NaN or infinite.

    Args:
        pair: A column with a tolerance.
        before: SQL of the older value.
        after: SQL of the newer value.
    """
    tolerance = pair.tolerance
    assert tolerance is not None, "only columns with a tolerance are asked for it"
    if not tolerance.amount:
        return "false"
    kinds = pair.before.type, pair.after.type
    values = before, after
    exactly = _exact_call(pair, tolerance, values)
    if all(_bits(kind) for kind in kinds):
        return _integers(tolerance, kinds, values, exactly)
    decimal = any(isinstance(kind, Scalar) and kind.decimal for kind in kinds)
    if decimal and not any(map(is_float, kinds)):
        exact = _decimals(tolerance, kinds, values)
        if exact is not None:
            return exact
    if not _AMOUNTS[0] <= tolerance.amount <= _AMOUNTS[1]:
        return exactly
    doubles = tuple(map(_double, kinds, values))
    if decimal:
        return _rounded(tolerance, doubles, exactly)
    if tolerance.relative:
        condition = _shares(tolerance, doubles, exactly)
    else:
        condition = _doubles(tolerance, doubles)
    wide = [v for kind, v in zip(kinds, values, strict=True) if _parameter(kind) != "DOUBLE"]
    return _guarded(wide, _EXACT_DOUBLES, condition, exactly)


def _parameter(kind: DataType) -> str:
    """Returns the type in which a value is given to Python: DOUBLE if each of its type is one."""
    return "DOUBLE" if is_float(kind) or 0 < _bits(kind) <= 32 else "VARCHAR"


def _bits(kind: DataType) -> int:
    """Returns the width of integers of a type; 0 for other types."""
    return INTEGER_BITS.get(str(kind), (0, False))[0]


def _exact_call(pair: ColumnPair, tolerance: Tolerance, values: _Values) -> str:
    function = _function(pair, tolerance)
    kinds = pair.before.type, pair.after.type
    arguments = (
        value if str(kind) == parameter else f"CAST({value} AS {parameter})"
        for kind, value, parameter in zip(kinds, values, function.parameters, strict=True)
    )
    return f"{function.name}({', '.join(arguments)})"


def _guarded(values: list[str], limit: int, condition: str, exactly: str) -> str:
    """Returns a condition where some integers are at most a limit, else the exact one."""
    if not values:
        return condition
    small = " AND ".join(f"{value} BETWEEN -{limit} AND {limit}" for value in values)
    return f"CASE WHEN {small} THEN {condition} ELSE {exactly} END"


def _integers(tolerance: Tolerance, kinds: _Kinds, values: _Values, exactly: str) -> str:
    """Returns the condition for integers, subtracted in a type that has room for it."""
    widths = [min(_bits(kind), 64) for kind in kinds]
    top, bottom = tolerance.amount.numerator, tolerance.amount.denominator
    factor_bits = max(top, bottom).bit_length() if tolerance.relative else 0
    difference_bits = max(widths) + 2
    if difference_bits + factor_bits > _HUGE_BITS:
        return exactly
    wide = "BIGINT" if difference_bits + factor_bits <= _LONG_BITS else "HUGEINT"
    before, after = (f"CAST({value} AS {wide})" for value in values)
    distance = f"abs({after} - {before})"
    if tolerance.relative:
        condition = f"{distance} * {bottom}::{wide} <= abs({before}) * {top}::{wide}"
    else:
        limit = min(top // bottom, 1 << difference_bits - 1)  # the latter exceeds all distances
        condition = f"{distance} <= {limit}::{wide}"
    huge = [v for kind, v in zip(kinds, values, strict=True) if _bits(kind) > 64]
    return _guarded(huge, 1 << _HALF_BITS, condition, exactly)


def _decimals(tolerance: Tolerance, kinds: _Kinds, values: _Values) -> str | None:
    """Returns the condition for decimals and integers; None if no type has room for it."""
    shapes = [_decimal_shape(kind) for kind in kinds]
    scale = max(scale for _, scale in shapes)
    digits = max(whole for whole, _ in shapes) + scale + 1
    top, bottom = tolerance.amount.numerator, tolerance.amount.denominator
    factor_digits = len(str(max(top, bottom))) if tolerance.relative else 0
    if digits + factor_digits > MAX_DIGITS:
        return None
    wide = f"DECIMAL({digits},{scale})"
    before, after = (f"CAST({value} AS {wide})" for value in values)
    distance = f"abs({after} - {before})"
    if tolerance.relative:
        # products get all the digits there are: of narrower ones, DuckDB would check the overflow
        wide = f"DECIMAL({MAX_DIGITS - factor_digits},{scale})"
        factors = [f"CAST({n} AS DECIMAL({factor_digits},0))" for n in (bottom, top)]
        sides = (f"CAST({value} AS {wide})" for value in (distance, f"abs({before})"))
        return " <= ".join(f"{side} * {n}" for side, n in zip(sides, factors, strict=True))
    limit = min(top * 10**scale // bottom, 10**digits - 1)  # the latter exceeds all distances
    whole, part = divmod(limit, 10**scale)
    text = f"{whole}.{part:0{scale}d}" if scale else str(whole)
    return f"{distance} <= CAST({literal(text)} AS {wide})"


def _decimal_shape(kind: DataType) -> tuple[int, int]:
    """Returns the digits before and after the point of decimals, or of integers."""
    assert isinstance(kind, Scalar)
    if kind.decimal is not None:
        return kind.decimal[0] - kind.decimal[1], kind.decimal[1]
    return len(str(1 << _bits(kind))), 0


def _double(kind: DataType, value: str) -> str:
    return value if str(kind) == "DOUBLE" else f"CAST({value} AS DOUBLE)"


def _number(value: float) -> str:
    return f"CAST('{value!r}' AS DOUBLE)"


def _rounded(tolerance: Tolerance, values: _Values, exactly: str) -> str:
    """Returns the condition for values that casting them to doubles has rounded.

    All that is computed is off by less than the margin times the sum of what went into it.
    NaN and infinities are always near the limit: to DuckDB, they equal themselves.
    """
    before, after = values
    amount = _number(float(tolerance.amount))
    limit = f"{amount} * abs({before})" if tolerance.relative else amount
    distance = f"abs({after} - {before})"
    margin = f"{_number(float(_CAST_MARGIN))} * (abs({before}) + abs({after}) + {limit})"
    near = f"abs({distance} - {limit}) <= {margin}"
    return f"CASE WHEN {near} THEN {exactly} ELSE {distance} < {limit} END"


def _doubles(tolerance: Tolerance, values: _Values) -> str:
    """Returns the condition that doubles are no further apart than an amount.

    Rounding keeps an order: if the rounded difference is below the rounded amount, so is the exact
    difference below the exact amount; and likewise above. If both are equal, what rounding took
    from one and from the other decides. Of a difference that is a double again, computed by Knuth's
    TwoSum (The Art of Computer Programming 2, 4.2.2, theorem B); nothing overflows in it since
    amounts are far from that. A difference that is NaN or infinite is not below any amount.
    """
    before, after = values
    amount = float(tolerance.amount)
    lost = tolerance.amount - Fraction(amount)
    rest = float(lost)
    if Fraction(rest) > lost:
        rest = nextafter(rest, -inf)
    difference = f"({after} - {before})"
    again = f"({difference} + {before})"
    error = f"(({after} - {again}) + (({again} - {difference}) - {before}))"
    further = f"CASE WHEN {after} > {before} THEN {error} ELSE -{error} END"
    limit = _number(amount)
    return (
        f"CASE WHEN abs({difference}) = {limit} THEN {further} <= {_number(rest)} "
        f"ELSE abs({difference}) < {limit} END"
    )


def _shares(tolerance: Tolerance, values: _Values, exactly: str) -> str:
    """Returns the condition that doubles are no further apart than a share of the older.

    Subtracting doubles never underflows, and a quotient that does is below every share tried. One
    that is infinite belongs to values that are, to an older value of 0, or to a difference that
    overflowed; the last is within a large share. Of NaN nothing is true but that it exceeds all.
    """
    before, after = values
    low, high = (float(tolerance.amount * (1 + n * _SHARE_MARGIN)) for n in (-1, 1))
    quotient = f"abs(({after} - {before}) / {before})"
    near = f"{quotient} BETWEEN {_number(low)} AND {_number(high)}"
    if tolerance.amount > Fraction(1, 2):
        near += f" OR {quotient} = {_number(inf)}"
    return f"CASE WHEN {near} THEN {exactly} ELSE {quotient} < {_number(low)} END"
