"""Common forms: SQL in which values of two types compare exactly, or None if they cannot.

A form turns an SQL expression of a value into one whose results compare with ``IS NOT
DISTINCT FROM`` across the two sides as the diff's rules say: no rounding, text against the
other value's text, maps as sets of entries.
"""

from collections.abc import Callable
from typing import TypeAlias

from catalog.engine.quoting import type_sql
from catalog.model.types import (
    INTEGER_BITS,
    NULL_TYPE,
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    TypeClass,
    common_type,
)

Form: TypeAlias = Callable[[str], str]

EXACT_TEXT = "parquetry_exact_text"
"""The SQL function that writes a double as the decimal number it exactly is."""

NUMBERS = (TypeClass.INTEGER, TypeClass.WIDE_INTEGER, TypeClass.DECIMAL, TypeClass.FLOAT)
_MOMENTS = (TypeClass.DATE, TypeClass.TIMESTAMP)

_TIMES = {"TIME", "TIME_NS"}

ZONED_NANOSECONDS = "TIMESTAMPTZ_NS"
"""DuckDB's name of zoned timestamps in nanoseconds, which are never infinite."""

FAR_AWAY = 10**36
"""An infinite timestamp in nanoseconds; no finite one comes near."""


def identity(expression: str) -> str:
    """The form of values that compare as they are."""
    return expression


def comparable(one: DataType, other: DataType) -> bool:
    """Returns whether values of two types compare without loss."""
    return form(one, other) is not None and form(other, one) is not None


def form(kind: DataType, other: DataType, depth: int = 0) -> Form | None:
    """Returns the form of values of one type to be compared with another's.

    It is ``identity`` if they compare as they are, None if they do not compare. ``depth`` is the
    number of lists and maps around the values.
    """
    if kind == NULL_TYPE or other == NULL_TYPE:
        return identity if kind != NULL_TYPE or other == NULL_TYPE else _cast(type_sql(other))
    match kind, other:
        case Scalar(), Scalar():
            return _scalar(kind, other)
        case ListType(mine), ListType(theirs):
            return _list(form(mine, theirs, depth + 1), depth)
        case StructType(), StructType():
            return _struct(kind, other, depth)
        case MapType(), MapType():
            return _map(kind, other, depth)
    return None


def _scalar(kind: Scalar, other: Scalar) -> Form | None:
    if kind == other:
        return identity
    mine, theirs = kind.type_class, other.type_class
    if TypeClass.TEXT in (mine, theirs):
        return identity if mine is TypeClass.TEXT else _text(kind)
    if mine in NUMBERS and theirs in NUMBERS:
        return _number(kind, other)
    if {kind.name, other.name} <= _TIMES:
        return identity if kind.name == "TIME_NS" else _cast("TIME_NS")
    if _is_moment(kind) and _is_moment(other):
        return _moment(kind)
    return None


def _is_moment(kind: Scalar) -> bool:
    return kind.type_class in _MOMENTS or kind.name == ZONED_NANOSECONDS


def _text(kind: Scalar) -> Form:
    """Returns the form of a value as its canonical text, in which both zeros are one."""
    if kind.type_class is not TypeClass.FLOAT:
        return _cast("VARCHAR")
    return lambda value: f"CASE WHEN {value} = 0 THEN '0.0' ELSE CAST({value} AS VARCHAR) END"


def _cast(kind: str) -> Form:
    return lambda expression: f"CAST({expression} AS {kind})"


def _number(kind: Scalar, other: Scalar) -> Form:
    common = common_type((kind, other))
    if common is not None:
        return identity if common == kind else _cast(type_sql(common))
    if kind.type_class is TypeClass.FLOAT:
        return lambda expression: f"{EXACT_TEXT}(CAST({expression} AS DOUBLE))"
    if kind.name in INTEGER_BITS:
        return _cast("VARCHAR")
    return _decimal_text


def _decimal_text(expression: str) -> str:
    text = f"CAST({expression} AS VARCHAR)"
    trimmed = f"CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"
    return f"CASE WHEN {expression} = 0 THEN '0' ELSE {trimmed} END"


def _moment(kind: Scalar) -> Form:
    """Returns the form of a moment as nanoseconds since 1970, in 128 bits."""
    if kind.type_class is TypeClass.DATE:
        ticks, unit = "datediff('day', DATE '1970-01-01', {0})", 86_400 * 10**9
    elif kind.name in ("TIMESTAMP_NS", ZONED_NANOSECONDS):
        ticks, unit = "epoch_ns({0})", 1
    else:
        ticks, unit = "epoch_us({0})", 1000

    if kind.name == ZONED_NANOSECONDS:
        return lambda value: f"CAST({ticks.format(value)} AS HUGEINT)"

    def nanoseconds(value: str) -> str:
        return (
            f"CASE WHEN isinf({value}) THEN "
            f"CASE WHEN {value} > DATE '1970-01-01' THEN {FAR_AWAY} ELSE -{FAR_AWAY} END "
            f"ELSE CAST({ticks.format(value)} AS HUGEINT) * {unit} END"
        )

    return nanoseconds


def _list(element: Form | None, depth: int) -> Form | None:
    if element is None or element is identity:
        return element
    name = f"x{depth}"
    inner = element(name)
    return lambda expression: f"list_transform({expression}, lambda {name}: {inner})"


def _struct(kind: StructType, other: StructType, depth: int) -> Form | None:
    mine, theirs = [name for name, _ in kind.fields], dict(other.fields)
    if set(mine) != set(theirs) or len(set(mine)) < len(mine):
        return None
    parts = {name: form(inner, theirs[name], depth) for name, inner in kind.fields}
    if any(part is None for part in parts.values()):
        return None
    in_order = mine == [name for name, _ in other.fields]
    if in_order and all(part is identity for part in parts.values()):
        return identity

    def fields(expression: str) -> str:
        columns = []
        for name in sorted(mine):
            part = parts[name]
            assert part is not None
            columns.append(part(f"struct_extract_at({expression}, {mine.index(name) + 1})"))
        return f"CASE WHEN {expression} IS NULL THEN NULL ELSE row({', '.join(columns)}) END"

    return fields


def _map(kind: MapType, other: MapType, depth: int) -> Form | None:
    key, value = form(kind.key, other.key, depth + 1), form(kind.value, other.value, depth + 1)
    if key is None or value is None:
        return None
    name = f"x{depth}"
    entry = f"row({key(f'{name}.key')}, {value(f'{name}.value')})"
    return lambda expression: (
        f"CASE WHEN {expression} IS NULL THEN NULL ELSE "
        f"list_sort(list_transform(map_entries({expression}), lambda {name}: {entry})) END"
    )
