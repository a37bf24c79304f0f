"""When two values are equal, across types: by a form in which equal values are the same.

For a pair of types there is either one common form, hashable and exact, or the pair is
not compared at all. NULL is ``None`` in every form.
"""

import datetime
import decimal
import math
import uuid
from collections.abc import Callable, Hashable
from fractions import Fraction
from typing import cast

from tests.oracle.text import has_text, text_of
from tests.oracle.types import (
    NANOSECONDS,
    Blob,
    Boolean,
    Date,
    Decimal,
    Float,
    Integer,
    List,
    Map,
    Null,
    Struct,
    Text,
    Time,
    Timestamp,
    Type,
    Uuid,
)

Form = Callable[[object], Hashable]
"""Brings a value of one type into the form it shares with the other type."""

_DAY_NS = 86_400_000_000_000
_EPOCH = datetime.date(1970, 1, 1).toordinal()


def form_against(own: Type, other: Type) -> Form | None:
    """Gives the form of ``own`` values when they meet ``other`` values.

    Args:
        own: The type of the values to bring into the common form.
        other: The type on the other side.

    Returns:
        The form, or None where the two types are not compared.
    """
    if isinstance(own, Null):
        return _none
    inner = _form(own, own if isinstance(other, Null) else other)
    return None if inner is None else _null_safe(inner)


def comparable(one: Type, other: Type) -> bool:
    """Says whether two types have a common form."""
    return form_against(one, other) is not None


def _none(value: object) -> Hashable:
    assert value is None
    return None


def _null_safe(form: Form) -> Form:
    return lambda value: None if value is None else form(value)


def _form(own: Type, other: Type) -> Form | None:
    match own, other:
        case (Boolean(), Boolean()) | (Blob(), Blob()) | (Text(), Text()):
            return _same
        case (
            Boolean() | Integer() | Float() | Decimal(),
            Boolean() | Integer() | Float() | Decimal(),
        ):
            return number
        case (Uuid(), Blob()):
            return lambda value: cast(uuid.UUID, value).bytes
        case (Blob(), Uuid()):
            return _same
        case (Date(), Date()):
            return _same
        case (Date() | Timestamp(), Date() | Timestamp()):
            return lambda value: _instant(own, value)
        case (Time(unit=unit), Time()):
            return lambda value: cast(int, value) * NANOSECONDS[unit]
        case (Uuid(), Uuid()):
            return lambda value: cast(uuid.UUID, value).int
        case (List(element=own_element), List(element=other_element)):
            return _list_form(form_against(own_element, other_element))
        case (Struct(), Struct()):
            return _struct_form(own, other)
        case (Map(), Map()):
            return _map_form(form_against(own.key, other.key), form_against(own.value, other.value))
    if (isinstance(own, Text) and has_text(other)) or (isinstance(other, Text) and has_text(own)):
        return lambda value: text_of(own, value)
    return None


def _same(value: object) -> Hashable:
    assert isinstance(value, Hashable)
    return value


def number(value: object) -> Hashable:
    """Brings a number into its exact value; NaN is one value, and so are the two zeros."""
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        return value if math.isinf(value) else Fraction(value)
    if isinstance(value, int):
        return value
    assert isinstance(value, decimal.Decimal)
    return Fraction(value)


def _instant(type_: Type, value: object) -> int:
    if isinstance(type_, Timestamp):
        return cast(int, value) * NANOSECONDS[type_.unit]
    return (cast(datetime.date, value).toordinal() - _EPOCH) * _DAY_NS


def _list_form(element: Form | None) -> Form | None:
    if element is None:
        return None
    return lambda value: tuple(element(item) for item in cast("list[object]", value))


def _struct_form(own: Struct, other: Struct) -> Form | None:
    other_fields = {name.casefold(): type_ for name, type_ in other.fields}
    if sorted(name.casefold() for name, _ in own.fields) != sorted(other_fields):
        return None
    forms: list[tuple[str, Form]] = []
    for name, type_ in sorted(own.fields, key=lambda field: field[0].casefold()):
        form = form_against(type_, other_fields[name.casefold()])
        if form is None:
            return None
        forms.append((name, form))
    return lambda value: tuple(form(cast("dict[str, object]", value)[n]) for n, form in forms)


def _map_form(key: Form | None, entry: Form | None) -> Form | None:
    if key is None or entry is None:
        return None
    return lambda value: frozenset(
        (key(k), entry(v)) for k, v in cast("list[tuple[object, object]]", value)
    )
