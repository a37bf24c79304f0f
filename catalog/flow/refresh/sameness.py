"""When a value that was computed again is the same: floats agree in 12 significant digits.

Sums of floats differ in their last digits from run to run, with the order in which threads add;
taken for changes, they would turn every refresh into noise.
"""

from catalog.engine.quoting import identifier, literal
from catalog.model.types import DataType, ListType, MapType, Scalar, StructType, has_float, is_float
from catalog.write.conditions import cell_differs

DIGITS = 12
"""Significant digits in which floats must agree."""

_RELATIVE = 5 * 10.0**-DIGITS


def is_same(old: str, new: str, kind: DataType) -> str:
    """Returns the condition that two values are the same; never NULL."""
    if isinstance(kind, Scalar) and is_float(kind):
        near = (
            f"abs({old}::DOUBLE - {new}::DOUBLE) <= {_RELATIVE!r} * "
            f"greatest(abs({old}::DOUBLE), abs({new}::DOUBLE))"
        )
        finite = f"isfinite({old}) AND isfinite({new})"
        return f"({old} IS NOT DISTINCT FROM {new} OR coalesce({finite} AND {near}, false))"
    if has_float(kind):
        return f"({rounded(old, kind)} IS NOT DISTINCT FROM {rounded(new, kind)})"
    return f"(NOT ({cell_differs(old, new, kind)}))"


def rounded(value: str, kind: DataType, *, depth: int = 0) -> str:
    """Returns SQL of a value in a form in which values that are the same are mostly equal.

    Floats become texts of 12 significant digits; two that agree in more may still round apart.
    Intervals become texts, since the engine takes a month for 30 days, and a VARIANT value and
    text, since it takes 1 for 1.0, while the texts of 1 and '1' are the same.
    """
    if not (has_float(kind) or "INTERVAL" in str(kind) or "VARIANT" in str(kind)):
        return value
    inner = f"x{depth}"
    match kind:
        case Scalar("INTERVAL"):
            return f"CAST({value} AS VARCHAR)"
        case Scalar("VARIANT"):
            return f"struct_pack(v := {value}, t := CAST({value} AS VARCHAR))"
        case Scalar() if not is_float(kind):
            return value
        case ListType(element):
            each = rounded(inner, element, depth=depth + 1)
            return f"list_transform({value}, lambda {inner}: {each})"
        case StructType(fields):
            parts = (
                f"{identifier(name)} := "
                f"{rounded(f'struct_extract({value}, {literal(name)})', one, depth=depth + 1)}"
                for name, one in fields
            )
            return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({', '.join(parts)}) END"
        case MapType(key, held):
            entry = StructType((("key", key), ("value", held)))
            each = rounded(inner, entry, depth=depth + 1)
            return f"list_sort(list_transform(map_entries({value}), lambda {inner}: {each}))"
    return f"format('{{:.{DIGITS - 1}e}}', {value}::DOUBLE + 0.0)"
