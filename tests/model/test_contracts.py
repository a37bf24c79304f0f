"""Contracts as values: what TOML says, its contradictions, and the stored form."""

import tomllib
from decimal import Decimal
from fractions import Fraction

import pytest

from catalog.errors import CorruptData, ErrorKind, InvalidInput
from catalog.model.contract_reading import contract_from_json, read_contracts
from catalog.model.contracts import CONTRACT_VERSION, Contract, Most

FULL = """
[contract.late-weather]
description = "late readings fill gaps of March"
tables = ["weather", "sales.orders"]
unchanged = ["customers"]
schema_changes = ["column_added"]
may_create = ["late_log"]
may_drop = ["old"]
may_change_checks = ["*"]

[contract.late-weather.table.weather]
partitions = ["month=2024-03", "month=2024-05..2024-06/region=EU", "month=NULL", "month=..2023-12"]
columns = ["wind_speed", "wind_gust"]
where = "region = 'EU'"
inserted = 0
deleted = "any"
updated = "5%"
moved = "0.25 %"
unique_key = ["station", "time"]

[contract.late-weather.table.weather.column.wind_speed]
nulls = "may-fall"
filled = 100
corrected = "12.5%"
sum = 0.5
min = 0
max = 2024-05-01
tolerance = "0.001%"

[contract.late-weather.table."*"]
deleted = 0
unique_key = true
"""


def read(text: str) -> tuple[Contract, ...]:
    stored = tomllib.loads(text, parse_float=Decimal)
    return read_contracts(stored, source="fix.toml")


def table(rules: str) -> tuple[Contract, ...]:
    return read(f"[contract.x]\n[contract.x.table.weather]\n{rules}")


def test_what_toml_says_is_read_and_stored_and_read_again() -> None:
    (contract,) = read(FULL)
    stored = contract.to_json()
    assert contract_from_json("late-weather", stored) == contract
    limits = contract.limits("Weather")
    assert limits.updated == Most(Fraction(1, 20), share=True)
    assert str(limits.moved) == "0.25%"
    assert limits.deleted == Most(None)
    assert limits.column["wind_speed"].sum == Most(Fraction(1, 2))
    assert limits.column["wind_speed"].max == "2024-05-01"
    assert contract.limits("flights").deleted == Most(Fraction(0))
    assert contract.limits("flights").unique_key is True
    assert contract.permits("may_change_checks", "flights")
    assert not contract.permits("may_drop", "flights")
    assert contract.must_not_change("CUSTOMERS")


def test_rows_can_be_compared_by_values() -> None:
    (digests,), (values,) = read("[contract.a]"), read("[contract.a]\ncompare = 'values'")
    assert (digests.compare, values.compare) == ("digests", "values")
    assert digests.digest != values.digest
    assert contract_from_json("a", values.to_json()) == values
    assert read("[contract.a]\ncompare = 'digests'") == (digests,)
    for other in ("'value'", "true", "1"):
        with pytest.raises(InvalidInput, match='must be "digests" or "values"'):
            read(f"[contract.a]\ncompare = {other}")


def test_a_description_is_no_part_of_what_a_contract_means() -> None:
    (one,), (other,) = read("[contract.a]\ndescription='x'"), read("[contract.b]")
    assert one.digest == other.digest != read("[contract.a]\ntables=[]")[0].digest


def test_values_of_partitions_may_hold_signs_with_a_meaning() -> None:
    (contract,) = table('partitions = ["a%2Fb=x%2Fy", "c=%2E%2E", "c=%4EULL", "d=50%25"]')
    ranges = [rule[0] for rule in contract.table["weather"].partitions or ()]
    assert [(one.column, one.low) for one in ranges] == [
        ("a/b", "x/y"),
        ("c", ".."),
        ("c", "NULL"),
        ("d", "50%"),
    ]
    assert contract_from_json("x", contract.to_json()) == contract


@pytest.mark.parametrize(
    ("limit", "amount", "of", "allowed"),
    [
        (Most(Fraction(1, 20), share=True), 5, 100, True),
        (Most(Fraction(1, 20), share=True), 6, 119, False),
        (Most(Fraction(1, 3), share=True), Fraction(10**30 + 1, 3), 10**30, False),
        (Most(Fraction(1, 20), share=True), 1, 0, False),
        (Most(Fraction(1, 100), share=True), 1, -100, True),
        (Most(Fraction(0)), 0, 10, True),
        (Most(None), 10**40, 0, True),
    ],
)
def test_shares_are_compared_exactly(limit: Most, amount: Fraction, of: int, allowed: bool) -> None:
    assert limit.allows(amount, of=of) is allowed


MISTAKES = [
    ("[contracts.x]", "contracts", "contract"),
    ("", "no contract", "[contract.NAME]"),
    ("[contract.x]\ntabels = []", "contract.x.tabels", "tables"),
    ("[contract.x.table.weather]\nupdatd = 1", "contract.x.table.weather.updatd", "updated"),
    ("[contract.x.table.w.column.c]\nnull = 'any'", "contract.x.table.w.column.c.null", "nulls"),
    ("[contract.x.table.w.column.c]\nnulls = 'may-fal'", "table.w.column.c.nulls", "may-fall"),
    ("[contract.x.table.sales.orders]\nupdated = 1", "table.sales.orders", '"sales.orders"'),
    ("[contract.x]\nschema_changes = ['column_ade']", "column_ade", "column_added"),
    ("[contract.'a b']", "a b", "letters"),
    ("contract = 5", "contract", ""),
    ("[contract]\nx = 5", "contract.x", ""),
]


@pytest.mark.parametrize(("text", "place", "advice"), MISTAKES)
def test_a_mistake_is_refused_with_its_place_and_the_nearest_word(
    text: str, place: str, advice: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(text)
    assert caught.value.kind is ErrorKind.BAD_CONTRACT
    assert "fix.toml" in caught.value.message and place in caught.value.message
    assert advice in caught.value.hint


@pytest.mark.parametrize(
    "rules",
    [
        "updated = -1",
        "updated = 1.5",
        'updated = "101%"',
        'deleted = "-5%"',
        'updated = "5 percent"',
        'updated = "nan%"',
        "updated = true",
        "updated = inf",
        "partitions = ['month']",
        "partitions = ['month=']",
        "partitions = ['month=..']",
        "partitions = ['month=1/month=2']",
        "columns = 'wind'",
        "columns = ['wind', 'wind']",
        "columns = [1]",
        "where = ''",
        "where = 5",
        "unique_key = []",
        "unique_key = 'id'",
        "column.a.min = true",
        "column.a.filled = 0.5",
        "column.a.sum = 'some'",
        "column.a.tolerance = 'any'",
        "column.a = 5",
    ],
)
def test_a_value_that_is_none_is_refused(rules: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        table(rules)
    assert "contract.x.table.weather" in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "tables = ['a']\ntable.b.updated = 1",
        "tables = ['a', 'A']",
        "table.a.updated = 1\ntable.A.updated = 2",
        "unchanged = ['a']\ntables = ['A']",
        "unchanged = ['a']\ntable.a.updated = 1",
        "unchanged = ['a']\nmay_drop = ['a']",
        "unchanged = ['*']",
        "tables = ['*', 'a']",
        "table.a.columns = []\ntable.a.column.b.filled = 1",
        "table.a.updated = 0\ntable.a.column.b.corrected = '1%'",
        "table.a.updated = 0\ntable.a.moved = 1",
        "table.a.column.b = {nulls = 'may-fall', cleared = 1}",
        "table.a.column.b = {nulls = 'unchanged', filled = 'any'}",
        "table.a.column.b = {min = 2, max = 1}",
        "table.a = {columns = [], schema_changes = true}",
        "may_drop = ['a']\ntable.a.deleted = 0",
        "tables = ['../a@b']",
    ],
)
def test_rules_that_contradict_each_other_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(f"[contract.x]\n{text}")
    assert caught.value.kind is ErrorKind.BAD_CONTRACT


def test_contracts_whose_names_differ_by_capitals_are_refused() -> None:
    with pytest.raises(InvalidInput):
        read("[contract.a]\n[contract.A]")


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"version": CONTRACT_VERSION + 1},
        {"version": "1"},
        {"version": 1, "unknown": 1},
        {"version": 1, "table": {"a": {"updated": -1}}},
        {"version": 1, "table": {"a": {"partitions": [["x"]]}}},
    ],
)
def test_what_is_stored_and_not_understood_is_corrupt(stored: object) -> None:
    with pytest.raises(CorruptData):
        contract_from_json("x", stored)
