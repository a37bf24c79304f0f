"""Column types: their stored form, and the narrowest type that holds several."""

import itertools

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import CorruptData
from catalog.model import types
from catalog.model.keywords import KEYWORDS
from catalog.model.types import (
    INTEGER_BITS,
    NULL_TYPE,
    DataType,
    ListType,
    MapType,
    Scalar,
    StructType,
    common_type,
    holds_values,
)

SCALARS = [
    *sorted(types.SCALAR_NAMES),
    "DECIMAL(10,2)",
    "DECIMAL(38,38)",
    "GEOMETRY('EPSG:4326')",
    "GEOMETRY('it''s (a) \"CRS\"; --')",
]
scalars: st.SearchStrategy[DataType] = st.sampled_from(SCALARS).map(Scalar)
names = st.text(min_size=1, max_size=3).filter(lambda name: "\0" not in name)
kinds = st.recursive(
    scalars,
    lambda inner: (
        inner.map(ListType)
        | st.lists(st.tuples(names, inner), min_size=1, max_size=3).map(
            lambda fields: StructType(tuple(fields))
        )
        | st.tuples(scalars, inner).map(lambda pair: MapType(*pair))
    ),
    max_leaves=5,
)


@given(kind=kinds)
def test_stored_forms_come_back(kind: DataType) -> None:
    assert types.from_json(types.to_json(kind)) == kind


NOT_TYPES = [
    "",
    "A",
    "bigint",
    "BIGINT ",
    "BIGINT\n",
    "INT",
    "BIGINT[]",
    "ENUM('a')",
    "STRUCT(a BIGINT)",
    "VARCHAR COLLATE NOCASE",
    "VARCHAR) || (SELECT content FROM read_text('/etc/hostname')",
    "DECIMAL",
    "DECIMAL()",
    "DECIMAL(0,0)",
    "DECIMAL(39,0)",
    "DECIMAL(5,6)",
    "DECIMAL(5, 2)",
    "DECIMAL(05,2)",
    "DECIMAL(5,02)",
    "DECIMAL(5,2)\n",
    "DECIMAL(\u0665,2)",
    "DECIMAL(5,2)) || (SELECT 1",
    "GEOMETRY()",
    "GEOMETRY(EPSG:4326)",
    "GEOMETRY('a'b')",
    "GEOMETRY('a\0')",
    "GEOMETRY('a') || ('b')",
    "GEOMETRY('a''') || (''b')",
]


@pytest.mark.parametrize(
    "stored",
    [
        None,
        7,
        True,
        [],
        {},
        {"list": 1},
        {"list": "BIGINT", "map": ["BIGINT", "BIGINT"]},
        {"struct": "x"},
        {"struct": []},
        {"struct": [["", "BIGINT"]]},
        {"struct": [["a\0", "BIGINT"]]},
        {"struct": [["a", "BIGINT", 1]]},
        {"map": ["BIGINT"]},
        {"array": ["BIGINT", 3]},
        *NOT_TYPES,
        *({"list": {"struct": [["a", name]]}} for name in NOT_TYPES),
    ],
)
def test_other_forms_are_corrupt(stored: object) -> None:
    with pytest.raises(CorruptData):
        types.from_json(stored)


def test_types_nested_without_end_are_corrupt() -> None:
    stored: object = "BIGINT"
    for _ in range(types.MAX_DEPTH):
        stored = {"list": stored}
    assert str(types.from_json(stored)).count("[]") == types.MAX_DEPTH
    with pytest.raises(CorruptData):
        types.from_json({"list": stored})


@given(left=kinds, right=kinds)
def test_the_common_type_does_not_depend_on_the_order(left: DataType, right: DataType) -> None:
    assert common_type([left, right]) == common_type([right, left])


@given(kind=kinds)
def test_a_type_holds_itself_and_columns_without_values(kind: DataType) -> None:
    assert common_type([kind, kind]) == kind
    assert common_type([NULL_TYPE, kind]) == kind


def limits(name: str) -> tuple[int, int]:
    bits, signed = INTEGER_BITS[name]
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


@pytest.mark.parametrize(("left", "right"), list(itertools.product(INTEGER_BITS, repeat=2)))
def test_common_integers_hold_both_and_nothing_narrower_does(left: str, right: str) -> None:
    low = min(limits(left)[0], limits(right)[0])
    high = max(limits(left)[1], limits(right)[1])
    fitting = [n for n in INTEGER_BITS if limits(n)[0] <= low and high <= limits(n)[1]]
    found = common_type([Scalar(left), Scalar(right)])
    if not fitting:
        assert found is None
        return
    assert isinstance(found, Scalar)
    assert found.name in fitting
    assert INTEGER_BITS[found.name][0] == min(INTEGER_BITS[n][0] for n in fitting)


@given(
    st.integers(1, 38).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, p))),
    st.integers(1, 38).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, p))),
)
def test_common_decimals_have_the_digits_of_both(
    left: tuple[int, int], right: tuple[int, int]
) -> None:
    found = common_type([Scalar(f"DECIMAL({p},{s})") for p, s in (left, right)])
    whole = max(left[0] - left[1], right[0] - right[1])
    scale = max(left[1], right[1])
    expected = Scalar(f"DECIMAL({whole + scale},{scale})") if whole + scale <= 38 else None
    assert found == expected


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("BIGINT", "DOUBLE"),
        ("INTEGER", "FLOAT"),
        ("UINTEGER", "FLOAT"),
        ("HUGEINT", "DECIMAL(3,2)"),
    ],
)
def test_types_that_would_round_have_nothing_in_common(left: str, right: str) -> None:
    assert common_type([Scalar(left), Scalar(right)]) is None


@pytest.mark.parametrize(
    "name", ["name", "LEFT", "a", "A1", "1a", "a b", 'a"b', "ä", "_x", "left_"]
)
def test_structs_are_shown_as_the_engine_shows_them(name: str) -> None:
    kind = StructType(((name, Scalar("INTEGER")),))
    quoted = name.replace('"', '""')
    (shown,) = duckdb.sql(f'SELECT NULL::STRUCT("{quoted}" INTEGER)').types
    assert str(kind) == str(shown)


def test_all_keywords_of_the_engine_are_known() -> None:
    found = duckdb.sql("SELECT DISTINCT keyword_name FROM duckdb_keywords()").fetchall()
    assert {name for (name,) in found} == KEYWORDS


def test_structs_with_the_same_fields_in_another_order_are_one_type() -> None:
    one = StructType((("b", Scalar("INTEGER")), ("a", Scalar("VARCHAR"))))
    other = StructType((("a", Scalar("VARCHAR")), ("b", Scalar("BIGINT"))))
    both = StructType((("b", Scalar("BIGINT")), ("a", Scalar("VARCHAR"))))
    assert common_type((one, other)) == both
    assert common_type((one, StructType((("a", Scalar("VARCHAR")),)))) is None


def struct(**fields: str) -> StructType:
    return StructType(tuple((name, Scalar(kind)) for name, kind in fields.items()))


@pytest.mark.parametrize(
    ("wide", "narrow", "holds"),
    [
        (Scalar("BIGINT"), Scalar("INTEGER"), True),
        (Scalar("INTEGER"), Scalar("BIGINT"), False),
        (Scalar("DOUBLE"), Scalar("INTEGER"), True),
        (Scalar("DOUBLE"), Scalar("BIGINT"), False),
        (Scalar("DECIMAL(12,2)"), Scalar("DECIMAL(10,2)"), True),
        (Scalar("DECIMAL(12,4)"), Scalar("DECIMAL(12,2)"), False),
        (Scalar("VARCHAR"), NULL_TYPE, True),
        (NULL_TYPE, Scalar("VARCHAR"), False),
        (Scalar("VARCHAR"), Scalar("INTEGER"), False),
        (ListType(Scalar("BIGINT")), ListType(Scalar("INTEGER")), True),
        (ListType(Scalar("INTEGER")), Scalar("INTEGER"), False),
        (struct(a="INTEGER", b="VARCHAR"), struct(a="INTEGER"), True),
        (struct(b="VARCHAR", a="BIGINT"), struct(a="INTEGER", b="VARCHAR"), True),
        (struct(a="INTEGER"), struct(a="INTEGER", b="VARCHAR"), False),
        (
            MapType(Scalar("VARCHAR"), Scalar("BIGINT")),
            MapType(Scalar("VARCHAR"), Scalar("INTEGER")),
            True,
        ),
    ],
)
def test_a_type_holds_every_value_of_a_narrower_one(
    wide: DataType, narrow: DataType, holds: bool
) -> None:
    assert holds_values(wide, narrow) is holds
