"""Common forms: SQL in which values of two types compare exactly, or None if they cannot.

A form turns an SQL expression of a value into one whose results compare with ``IS NOT
DISTINCT FROM`` across the two sides as the diff's rules say: no rounding, text against the
other value's text, structs by the names of their fields, maps as sets of entries.

The forms of a pair of types belong together: what one side's values become depends on the other
type, and one side keeps its values only if that is what the other side's become, too.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

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

_TRUTH = Scalar("UTINYINT")
"""The type in which a BOOLEAN is compared with numbers, as 0 and 1."""

_UNSIGNED = "UHUGEINT"
"""DuckDB's widest integers, which no other type of its own holds."""

_TIMES = ("TIME", "TIME_NS", "TIME WITH TIME ZONE")

_NANOSECONDS = ("TIMESTAMP_NS", "TIMESTAMPTZ_NS")

_COARSE = ("TIMESTAMP_S", "TIMESTAMP_MS")

_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", *_COARSE, *_NANOSECONDS)

_VARIANT = Scalar("VARIANT")

_TEXTS = ("VARCHAR", "JSON", "ENUM")

FAR_AWAY = 10**36
"""An infinite timestamp in nanoseconds; no finite one comes near."""

_LIMIT = f"CAST('{1 << 127}' AS DOUBLE)"
"""Whole doubles below it, and not below its negative, are values of HUGEINT."""


def identity(expression: str) -> str:
    """The form of values that compare as they are."""
    return expression


class Forms(NamedTuple):
    """How the values of two types compare: what each of both sides becomes."""

    before: Form
    after: Form

    @property
    def as_they_are(self) -> bool:
        """Returns whether values of both sides compare as they are."""
        return self.before is identity and self.after is identity


_AS_THEY_ARE = Forms(identity, identity)


def common_forms(before: DataType, after: DataType, depth: int = 0) -> Forms | None:
    """Returns the forms in which values of two types compare, None if they do not compare.

    ``depth`` is the number of lists and maps around the values.
    """
    if NULL_TYPE in (before, after):
        mine = identity if before != NULL_TYPE or after == NULL_TYPE else _cast(type_sql(after))
        theirs = identity if after != NULL_TYPE or before == NULL_TYPE else _cast(type_sql(before))
        return Forms(mine, theirs)
    match before, after:
        case Scalar(), Scalar():
            return _scalars(before, after)
        case ListType(), ListType():
            return _lists(common_forms(before.element, after.element, depth + 1), depth)
        case StructType(), StructType():
            return _structs(before, after, depth)
        case MapType(), MapType():
            return _maps(before, after, depth)
    if _VARIANT in (before, after):
        return _as_variants(before, after)
    return None


def _as_variants(before: DataType, after: DataType) -> Forms:
    cast = _cast(_VARIANT.name)
    return Forms(identity if before == _VARIANT else cast, identity if after == _VARIANT else cast)


def _scalars(before: Scalar, after: Scalar) -> Forms | None:
    if before == after:
        # to the engine, a month equals 30 days
        return _both(_cast("VARCHAR")) if before.name == "INTERVAL" else _AS_THEY_ARE
    kinds = {_kind(before), _kind(after)}
    if kinds & {*_TEXTS}:
        return Forms(_text(before), _text(after))
    if _is_number(before) and _is_number(after):
        return _numbers(before, after)
    if kinds <= {*_TIMES}:
        return Forms(_time(before), _time(after))
    if kinds <= {*_MOMENTS}:
        return Forms(_moment(before), _moment(after))
    if _VARIANT in (before, after):
        return _as_variants(before, after)
    if kinds == {"UUID", "BLOB"}:
        return Forms(_uuid_bytes(before), _uuid_bytes(after))
    if "GEOMETRY" in kinds and kinds <= {"GEOMETRY", "BLOB"}:
        return Forms(_geometry_bytes(before), _geometry_bytes(after))
    return None


def _kind(kind: Scalar) -> str:
    """Returns a type's name without its parameters."""
    return kind.name.split("(")[0]


def _cast(kind: str) -> Form:
    return lambda expression: f"CAST({expression} AS {kind})"


def _both(form: Form) -> Forms:
    return Forms(form, form)


def _text(kind: Scalar) -> Form:
    """Returns the form of a value as its canonical text, in which both zeros are one."""
    if kind.name == "VARCHAR":
        return identity
    if kind.type_class is not TypeClass.FLOAT:
        return _cast("VARCHAR")
    return lambda value: f"CASE WHEN {value} = 0 THEN '0.0' ELSE CAST({value} AS VARCHAR) END"


def _is_number(kind: Scalar) -> bool:
    return kind.type_class in (*NUMBERS, TypeClass.BOOLEAN) or kind.name == _UNSIGNED


def _numbers(before: Scalar, after: Scalar) -> Forms:
    """Returns the forms of numbers: a type that holds both, else the text of what they are."""
    mine, theirs = (_TRUTH if k.type_class is TypeClass.BOOLEAN else k for k in (before, after))
    common = common_type((mine, theirs))
    if common is None:
        return Forms(_number_text(before, theirs), _number_text(after, mine))
    cast = _cast(type_sql(common))
    return Forms(
        identity if before == common else cast,
        identity if after == common else cast,
    )


def _number_text(kind: Scalar, other: Scalar) -> Form:
    """Returns the form of a number as the decimal number that it exactly is, without zeros."""
    if kind.type_class is TypeClass.FLOAT:
        return _whole_text if other.name in INTEGER_BITS else _exact_text
    if kind.type_class is TypeClass.BOOLEAN:
        return lambda value: f"CAST(CAST({value} AS {_TRUTH}) AS VARCHAR)"
    return _decimal_text if kind.decimal is not None else _cast("VARCHAR")


def _exact_text(value: str) -> str:
    return f"{EXACT_TEXT}(CAST({value} AS DOUBLE))"


def _whole_text(value: str) -> str:
    """Returns the text of a float to be compared with integers, none of which equals others."""
    double = f"CAST({value} AS DOUBLE)"
    return (
        f"CASE WHEN {double} >= -{_LIMIT} AND {double} < {_LIMIT} AND trunc({double}) = {double} "
        f"THEN CAST(CAST({double} AS HUGEINT) AS VARCHAR) ELSE CAST({double} AS VARCHAR) END"
    )


def _decimal_text(expression: str) -> str:
    text = f"CAST({expression} AS VARCHAR)"
    trimmed = f"CASE WHEN contains({text}, '.') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"
    return f"CASE WHEN {expression} = 0 THEN '0' ELSE {trimmed} END"


def _time(kind: Scalar) -> Form:
    """Returns the form of a time of day in nanoseconds; one with a zone is that of UTC."""
    if kind.name == "TIME_NS":
        return identity
    zoned = kind.name == "TIME WITH TIME ZONE"
    return lambda value: f"CAST({f'CAST({value} AS TIME)' if zoned else value} AS TIME_NS)"


def _moment(kind: Scalar) -> Form:
    """Returns the form of a moment as nanoseconds since 1970, in 128 bits; one without zone is UTC.

    The functions that give parts of moments are NULL of infinite ones.
    """
    name = kind.name
    rough = "CAST({0} AS TIMESTAMPTZ)" if name == "TIMESTAMPTZ_NS" else "{0}"
    if name == "DATE":
        ticks, unit = "datediff('day', DATE '1970-01-01', {0})", 86_400 * 10**9
    elif name in _NANOSECONDS:
        ticks, unit = "epoch_ns({0})", 1
    elif name in _COARSE:
        ticks, unit = "epoch_us(CAST({0} AS TIMESTAMP))", 1000
    else:
        ticks, unit = "epoch_us({0})", 1000

    def nanoseconds(value: str) -> str:
        return (
            f"CASE WHEN isinf({rough.format(value)}) THEN "
            f"CASE WHEN {value} > DATE '1970-01-01' THEN {FAR_AWAY} ELSE -{FAR_AWAY} END "
            f"ELSE CAST({ticks.format(value)} AS HUGEINT) * {unit} END"
        )

    return nanoseconds


def _uuid_bytes(kind: Scalar) -> Form:
    if kind.name == "BLOB":
        return identity
    return lambda value: f"unhex(replace(CAST({value} AS VARCHAR), '-', ''))"


def _geometry_bytes(kind: Scalar) -> Form:
    """Returns the form of a geometry, in whatever coordinates, as well-known binary."""
    return identity if kind.name == "BLOB" else lambda value: f"ST_AsWKB({value})"


def _lists(element: Forms | None, depth: int) -> Forms | None:
    if element is None or element.as_they_are:
        return element
    return Forms(_list(element.before, depth), _list(element.after, depth))


def _list(element: Form, depth: int) -> Form:
    if element is identity:
        return identity
    name = f"x{depth}"
    inner = element(name)
    return lambda expression: f"list_transform({expression}, lambda {name}: {inner})"


def _structs(before: StructType, after: StructType, depth: int) -> Forms | None:
    """Returns the forms of structs: as they are, or the fields of both in one order."""
    places = _partners(before, after)
    if places is None:
        return None
    parts = []
    for n, (_, kind) in enumerate(before.fields):
        part = common_forms(kind, after.fields[places[n]][1], depth)
        if part is None:
            return None
        parts.append(part)
    same_names = [name for name, _ in before.fields] == [name for name, _ in after.fields]
    if same_names and all(part.as_they_are for part in parts):
        return _AS_THEY_ARE
    return Forms(
        _fields([(n, part.before) for n, part in enumerate(parts)]),
        _fields([(places[n], part.after) for n, part in enumerate(parts)]),
    )


def _partners(before: StructType, after: StructType) -> list[int] | None:
    """Returns the place of each field among those of the other struct, None if they differ.

    Names that differ in case alone are one, as in SQL.
    """
    found = []
    for fold in (str, str.casefold):
        places = {fold(name): place for place, (name, _) in enumerate(after.fields)}
        names = [fold(name) for name, _ in before.fields]
        if len(places) == len(after.fields) and len({*names}) == len(names) == len(places):
            found = [places[name] for name in names if name in places]
            if len(found) == len(names):
                return found
    return None


def _fields(parts: list[tuple[int, Form]]) -> Form:
    """Returns the form of a struct as a row of fields, each by its place and form."""

    def row(expression: str) -> str:
        columns = [form(f"struct_extract_at({expression}, {place + 1})") for place, form in parts]
        return f"CASE WHEN {expression} IS NULL THEN NULL ELSE row({', '.join(columns)}) END"

    return row


def _maps(before: MapType, after: MapType, depth: int) -> Forms | None:
    key = common_forms(before.key, after.key, depth + 1)
    value = common_forms(before.value, after.value, depth + 1)
    if key is None or value is None:
        return None
    return Forms(_map(key.before, value.before, depth), _map(key.after, value.after, depth))


def _map(key: Form, value: Form, depth: int) -> Form:
    name = f"x{depth}"
    entry = f"row({key(f'{name}.key')}, {value(f'{name}.value')})"
    return lambda expression: (
        f"CASE WHEN {expression} IS NULL THEN NULL ELSE "
        f"list_sort(list_transform(map_entries({expression}), lambda {name}: {entry})) END"
    )
