"""Encodings of values: byte order is value order, and nothing is lost."""

import datetime
import decimal
import math
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import CorruptData, InvalidInput
from catalog.model.types import Scalar
from catalog.model.values import decode, encode, has_order, parse, sort_key, text

INTEGERS = {
    "TINYINT": (-(2**7), 2**7 - 1),
    "SMALLINT": (-(2**15), 2**15 - 1),
    "INTEGER": (-(2**31), 2**31 - 1),
    "BIGINT": (-(2**63), 2**63 - 1),
    "HUGEINT": (-(2**127), 2**127 - 1),
    "UTINYINT": (0, 2**8 - 1),
    "USMALLINT": (0, 2**16 - 1),
    "UINTEGER": (0, 2**32 - 1),
    "UBIGINT": (0, 2**64 - 1),
}

ORDERED: dict[str, st.SearchStrategy[Any]] = {
    "BOOLEAN": st.booleans(),
    **{name: st.integers(low, high) for name, (low, high) in INTEGERS.items()},
    "DECIMAL(10,2)": st.decimals("-99999999.99", "99999999.99", places=2),
    "DECIMAL(38,10)": st.decimals(-(10**27), 10**27, places=10),
    "DOUBLE": st.floats(allow_nan=False),
    "FLOAT": st.floats(allow_nan=False, width=32),
    "VARCHAR": st.text(st.characters(codec="utf-8")),
    "BLOB": st.binary(),
    "DATE": st.dates(),
    "TIME": st.times(),
    "TIMESTAMP": st.datetimes(),
    "TIMESTAMP WITH TIME ZONE": st.datetimes(timezones=st.just(datetime.UTC)),
    "UUID": st.uuids(),
}


def rank(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    return value.int if isinstance(value, uuid.UUID) else value


@pytest.mark.parametrize("name", ORDERED)
@given(data=st.data())
def test_byte_order_is_value_order(name: str, data: st.DataObject) -> None:
    kind = Scalar(name)
    one, other = data.draw(ORDERED[name]), data.draw(ORDERED[name])
    before, after = encode(one, kind), encode(other, kind)
    assert (before < after) == (rank(one) < rank(other))
    assert (before == after) == (rank(one) == rank(other))


@pytest.mark.parametrize("name", ORDERED)
@given(data=st.data())
def test_values_come_back(name: str, data: st.DataObject) -> None:
    value = data.draw(ORDERED[name])
    back = decode(encode(value, Scalar(name)), Scalar(name))
    if isinstance(value, datetime.datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=datetime.UTC)
    assert back == value
    assert type(back) is type(value) or name.startswith("DECIMAL")


TEXTUAL = [n for n in ORDERED if n not in ("BLOB", "FLOAT")]


@pytest.mark.parametrize("name", TEXTUAL)
@given(data=st.data())
def test_text_reads_back_as_the_value(name: str, data: st.DataObject) -> None:
    kind = Scalar(name)
    encoded = encode(data.draw(ORDERED[name]), kind)
    shown = text(decode(encoded, kind), kind)
    assert shown is not None
    assert encode(parse(shown, kind), kind) == encoded


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_reach_their_limits_and_no_further(name: str) -> None:
    low, high = INTEGERS[name]
    assert parse(str(low), Scalar(name)) == low
    assert parse(str(high), Scalar(name)) == high
    for beyond in (low - 1, high + 1):
        with pytest.raises(InvalidInput):
            parse(str(beyond), Scalar(name))


@pytest.mark.parametrize("name", ["DOUBLE", "FLOAT"])
def test_floats_have_one_zero_and_one_nan_above_all(name: str) -> None:
    kind = Scalar(name)
    assert encode(-0.0, kind) == encode(0.0, kind)
    nans = {encode(value, kind) for value in (math.nan, -math.nan, float("nan"))}
    assert len(nans) == 1
    assert nans.pop() > encode(math.inf, kind)
    assert math.isnan(decode(encode(math.nan, kind), kind))  # type: ignore[arg-type]


def test_text_is_ordered_by_code_points_beyond_the_first_plane() -> None:
    assert encode("\uffff", Scalar("VARCHAR")) < encode("\U00010000", Scalar("VARCHAR"))


WRONG = [
    ("INTEGER", "1"),
    ("INTEGER", 1.0),
    ("VARCHAR", 1),
    ("VARCHAR", "\udc80"),
    ("BLOB", "x"),
    ("DATE", "2024-01-01"),
    ("DATE", True),
    ("DECIMAL(4,2)", decimal.Decimal("1.234")),
    ("DECIMAL(4,2)", decimal.Decimal("nan")),
    ("UUID", b"short"),
    ("BIGINT", 1 << 63),
    ("INTEGER[]", 1),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda v: repr(v))
def test_a_value_of_another_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput):
        encode(value, Scalar(name))


@pytest.mark.parametrize("name", ["BIGINT", "DOUBLE", "DATE", "UUID", "TIMESTAMP", "BOOLEAN"])
def test_bytes_of_another_length_are_corrupt(name: str) -> None:
    with pytest.raises(CorruptData):
        decode(b"abc", Scalar(name))


def test_nanoseconds_are_kept() -> None:
    kind = Scalar("TIMESTAMP_NS")
    value = parse("1969-12-31 23:59:59.123456789", kind)
    assert value == -876543211
    assert text(value, kind) == "1969-12-31 23:59:59.123456789"
    with pytest.raises(InvalidInput):
        parse("2024-01-01 00:00:00.0000000001", kind)


def test_types_without_order_are_known() -> None:
    assert has_order(Scalar("DECIMAL(3,1)"))
    assert not has_order(Scalar("INTERVAL"))
    assert not has_order(Scalar("TIME WITH TIME ZONE"))


parts = st.tuples(st.none() | st.binary(max_size=4), st.none() | st.binary(max_size=4))
paths = st.text(st.characters(codec="utf-8"), max_size=4)


@given(one=parts, other=parts, path=paths, other_path=paths)
def test_sort_keys_order_by_partition_then_path(
    one: tuple[bytes | None, ...], other: tuple[bytes | None, ...], path: str, other_path: str
) -> None:
    def plain(values: tuple[bytes | None, ...], at: str) -> Any:
        return ([(v is not None, v or b"") for v in values], at.encode())

    keys = sort_key(one, path), sort_key(other, other_path)
    expected = plain(one, path), plain(other, other_path)
    assert (keys[0] < keys[1]) == (expected[0] < expected[1])
    assert (keys[0] == keys[1]) == (expected[0] == expected[1])
