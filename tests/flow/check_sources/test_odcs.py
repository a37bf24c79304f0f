"""Data contracts of ODCS: what they say of rows becomes checks, or is refused by name."""

import sys

import pytest

from catalog.errors import CatalogError, ErrorKind
from catalog.flow.check_sources.yaml_text import read_yaml
from tests.flow.check_sources.reading import found_in, problems, stored

pytest.importorskip("open_data_contract_standard", reason="the extra odcs is not installed")

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: sales\nversion: 1.0.0\nstatus: active\n"

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
name: orders
version: 1.1.0
status: active
domain: sales
description: {purpose: "What was ordered, and by whom."}
servers:
  - {server: lake, type: local, path: ./lake, format: parquet}
schema:
  - name: orders_v1
    physicalName: orders
    physicalType: table
    dataGranularityDescription: One row for each order
    properties:
      - name: order_id
        logicalType: integer
        physicalType: BIGINT
        primaryKey: true
        primaryKeyPosition: 1
        required: true
        unique: true
        examples: [1, 2]
      - name: customer
        physicalName: customer_id
        logicalType: integer
        required: true
        relationships:
          - {type: foreignKey, to: people.id}
      - name: status
        logicalType: string
        logicalTypeOptions: {minLength: 2, maxLength: 10}
        enum: [{value: paid}, {value: open, label: Open}]
        quality:
          - metric: nullValues
            mustBeLessThan: 5
            severity: warning
            dimension: completeness
      - name: amount
        logicalType: number
        logicalTypeOptions: {minimum: 0, exclusiveMaximum: 1000}
        quality:
          - {type: sql, name: No refunds, query: "SELECT min({property}) FROM {object}",
             mustBeGreaterOrEqualTo: 0}
      - name: ordered_at
        logicalType: timestamp
        logicalTypeOptions: {format: "yyyy-MM-dd HH:mm:ss", minimum: "2024-01-01 00:00:00"}
      - name: tags
        logicalType: array
        logicalTypeOptions: {maxItems: 3}
        items: {logicalType: string}
    quality:
      - {name: enough, metric: rowCount, mustBeBetween: [10, 20]}
      - metric: duplicateValues
        mustBe: 0
        arguments: {properties: [customer, status]}
  - name: people
    physicalName: customers
    properties:
      - {name: id, logicalType: integer, required: true}
slaProperties:
  - {property: latency, value: 4, unit: d, element: orders_v1.ordered_at}
"""


def test_a_whole_contract() -> None:
    found = found_in(CONTRACT, "odcs")
    assert stored(found) == {
        "orders.not_null_order_id": {"kind": "not_null", "columns": ["order_id"]},
        "orders.unique_order_id": {"kind": "unique", "columns": ["order_id"]},
        "orders.not_null_customer_id": {"kind": "not_null", "columns": ["customer_id"]},
        "orders.relationships_customer_id": {
            "kind": "relationships",
            "columns": ["customer_id"],
            "parameters": {"to": "customers", "field": "id"},
        },
        "orders.minLength_status": {
            "kind": "sql",
            "parameters": {"sql": 'SELECT * FROM "orders" WHERE length("status") < 2'},
        },
        "orders.maxLength_status": {
            "kind": "sql",
            "parameters": {"sql": 'SELECT * FROM "orders" WHERE length("status") > 10'},
        },
        "orders.accepted_values_status": {
            "kind": "accepted_values",
            "columns": ["status"],
            "parameters": {"values": ["paid", "open"]},
        },
        "orders.not_null_status": {
            "kind": "not_null",
            "columns": ["status"],
            "severity": "warn",
            "error_if": ">= 5",
            "warn_if": ">= 5",
        },
        "orders.range_amount": {
            "kind": "range",
            "columns": ["amount"],
            "parameters": {"min": 0},
        },
        next(n for n in stored(found) if n.startswith("orders.range_amount_")): {
            "kind": "range",
            "columns": ["amount"],
            "parameters": {"max": 1000, "inclusive": False},
        },
        "orders.No_refunds_amount": {
            "kind": "sql",
            "parameters": {
                "sql": 'SELECT value FROM (SELECT (\nSELECT min("amount") FROM "orders"\n) AS value) '
                "AS q WHERE NOT coalesce(value >= 0, false)"
            },
        },
        "orders.range_ordered_at": {
            "kind": "range",
            "columns": ["ordered_at"],
            "parameters": {"min": "2024-01-01 00:00:00"},
        },
        "orders.maxItems_tags": {
            "kind": "sql",
            "parameters": {"sql": 'SELECT * FROM "orders" WHERE len("tags") > 3'},
        },
        "orders.enough": {"kind": "row_count", "parameters": {"min": 10, "max": 20}},
        "orders.unique_customer_id_status": {
            "kind": "unique",
            "columns": ["customer_id", "status"],
        },
        "customers.not_null_id": {"kind": "not_null", "columns": ["id"]},
    }
    assert [note.partition(": ")[2] for note in found.notes] == [
        "mustBeBetween is taken with both of its ends",
        "slaProperties 'latency' says what the service does, not what rows are: it is not taken "
        "over",
    ]


def contract(*, of_property: str = "", of_object: str = "", name: str = "status") -> str:
    parts = [HEAD, "schema:\n  - name: orders\n    properties:\n      - name: ", name, "\n"]
    parts += [f"        {line}\n" for line in of_property.strip().split("\n") if line]
    parts += [f"    {line}\n" for line in of_object.strip().split("\n") if line]
    return "".join(parts)


def quality(rule: str) -> str:
    return f"quality: [{rule}]"


@pytest.mark.parametrize(
    ("operator", "limit"),
    [
        ("mustBe: 0", None),
        ("mustBe: 3", "!= 3"),
        ("mustNotBe: 3", "= 3"),
        ("mustBeGreaterThan: 3", "<= 3"),
        ("mustBeGreaterOrEqualTo: 3", "< 3"),
        ("mustBeLessThan: 3", ">= 3"),
        ("mustBeLessThan: 1", None),
        ("mustBeLessOrEqualTo: 3", "> 3"),
        ("mustBeLessOrEqualTo: 0.0", None),
        ("mustBeBetween: [0, 3]", "> 3"),
    ],
)
def test_what_must_be_is_what_does_not_fail(operator: str, limit: str | None) -> None:
    found = found_in(contract(of_property=quality(f"{{metric: nullValues, {operator}}}")), "odcs")
    wanted = {"kind": "not_null", "columns": ["status"]}
    if limit is not None:
        wanted |= {"error_if": limit, "warn_if": limit}
    assert stored(found) == {"orders.not_null_status": wanted}


def test_an_interval_of_counts_is_two_checks() -> None:
    found = found_in(
        contract(of_property=quality("{metric: nullValues, mustBeBetween: [2, 3]}")), "odcs"
    )
    assert sorted(str(one.get("error_if")) for one in stored(found).values()) == ["< 2", "> 3"]


@pytest.mark.parametrize(
    ("operator", "bounds"),
    [
        ("mustBe: 5", {"min": 5, "max": 5}),
        ("mustBeGreaterThan: 5", {"min": 6}),
        ("mustBeGreaterOrEqualTo: 5", {"min": 5}),
        ("mustBeLessThan: 5", {"max": 4}),
        ("mustBeLessOrEqualTo: 5", {"max": 5}),
        ("mustBeBetween: [5, 7]", {"min": 5, "max": 7}),
        ("mustBeGreaterThan: 0, mustBeLessThan: 10", {"min": 1, "max": 9}),
    ],
)
def test_numbers_of_rows(operator: str, bounds: dict[str, int]) -> None:
    found = found_in(contract(of_object=quality(f"{{metric: rowCount, {operator}}}")), "odcs")
    assert stored(found) == {"orders.row_count": {"kind": "row_count", "parameters": bounds}}


@pytest.mark.parametrize(
    ("of_property", "reason"),
    [
        ("logicalTypeOptions: {pattern: '^a'}", "pattern of property status of orders: no check"),
        ("logicalTypeOptions: {format: email}", "format of property status of orders: no check"),
        (quality("{type: text, description: It is nice.}"), "quality text of property status"),
        (quality("{type: custom, engine: soda, implementation: 'x: y'}"), "written for 'soda'"),
        (quality("{metric: invalidValues, mustBe: 0, arguments: {pattern: '^a'}}"), "regular expr"),
        (quality("{metric: freshValues, mustBe: 0}"), "the metric freshValues is not known"),
        (quality("{rule: duplicateCount, mustBe: 0}"), "the metric duplicateCount is not known"),
        (quality("{metric: nullValues, mustBe: 0, severity: high}"), "what severity 'high' means"),
        (quality("{metric: nullValues, mustBe: 0, unit: bytes}"), "the unit 'bytes' is not known"),
        (quality("{metric: nullValues, mustBeLessThan: 1.5}"), "a number of rows is whole"),
        (quality("{metric: nullValues, mustNotBeBetween: [2, 3]}"), "mustNotBeBetween is not known"),
        (quality("{metric: duplicateValues, mustBeLessThan: 5, unit: percent}"), "the share of dup"),
        (quality("{type: sql, query: 'SELECT 1 FROM ${x}', mustBe: 1}"), "what ${x} stands for"),
        (quality("{type: sql, query: 'SELECT 1', mustBe: 1, unit: percent}"), "a query has no unit"),
        (quality("{metric: nullValues, mustBe: 0, arguments: {x: 1}}"), "the argument x is not"),
        ("relationships: [{to: schema/people/properties/id}]", "only TABLE.COLUMN is"),
    ],
)  # fmt: skip
def test_what_no_check_can_hold_is_refused_by_name(of_property: str, reason: str) -> None:
    found = found_in(contract(of_property=of_property), "odcs")
    assert not found.errors, found.errors
    (refused,) = found.refused
    assert refused.startswith("schema.yml, line ")
    assert reason in refused


@pytest.mark.parametrize(
    ("of_property", "problem"),
    [
        ("requird: true", "unknown key 'requird' of schema[0].properties[0]"),
        (quality("{metric: nullValues, mustBeZero: 0}"), "unknown key 'mustBeZero'"),
        (quality("{metric: nullValues}"), "no operator such as mustBe"),
        (quality("{metric: rowCount, mustBe: 1}"), "it must be a rule about the object"),
        (quality("{metric: nullValues, mustBeLessThan: many}"), "mustBeLessThan: input should be"),
        (quality("{metric: nullValues, mustBe: -1}"), "mustBe must be a number of rows, not -1"),
        (quality("{metric: nullValues, mustBe: 101, unit: percent}"), "must be from 0 to 100"),
        (quality("{metric: nullValues, mustBeBetween: [3, 2]}"), "3 is greater than 2"),
        (quality("{metric: invalidValues, mustBe: 0}"), "the argument validValues is missing"),
        (quality("{type: sql, mustBe: 0}"), "no query"),
        ("logicalType: integer", "is of logicalType integer, and column 'status' of table 'orders'"),
        ("primaryKey: maybe", "primaryKey: input should be a valid boolean"),
        ("enum: [{label: x}]", "an entry of enum has no value"),
        ("relationships: [{to: nix.id}]", "there is no table 'nix'"),
        ("relationships: [{to: customers.nix}]", "has no column 'nix'"),
        ("logicalTypeOptions: {minLength: -1}", "must be a whole number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_an_error_with_its_line(of_property: str, problem: str) -> None:
    (found,) = problems(found_in(contract(of_property=of_property), "odcs"))
    assert found.startswith("schema.yml, line ")
    assert problem in found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD.replace("v3.1.0", "v2.2.2"), "apiVersion must be v3.…, not v2.2.2"),
        (HEAD + "schemas: []\n", "extra inputs are not permitted"),
        (HEAD + "schema:\n  - name: nix\n", "object nix: there is no table 'nix'"),
        (contract(name="nix"), "property nix of orders: table 'orders' has no column 'nix'"),
        (contract(of_object=quality("{metric: nullValues, mustBe: 0}")), "a rule about a property"),
        (contract(of_object=quality("{metric: rowCount, mustBe: 1, unit: percent}")), "no share"),
        (contract(of_object=quality("{metric: rowCount, mustBeGreaterThan: 5, mustBeLessThan: 3}")),
         "no number of rows is both"),
        (contract(of_object=quality("{metric: duplicateValues, mustBe: 0}")), "properties is missing"),
        (contract(of_object="relationships: [{from: status, to: [customers.id, customers.name]}]"),
         "1 columns cannot match 2"),
    ],
)  # fmt: skip
def test_contracts_that_are_not_taken_whole(text: str, problem: str) -> None:
    wrong = problems(found_in(text, "odcs"))
    assert any(problem in one for one in wrong), wrong


def test_rules_within_a_column_are_refused_by_name() -> None:
    of_property = (
        "logicalType: object\nproperties:\n  - {name: city, required: true, unique: false}\n"
        "  - {name: zip, logicalTypeOptions: {maxLength: 5}}"
    )
    found = found_in(contract(of_property=of_property, name="address"), "odcs")
    assert [text.partition(": ")[2] for text in found.refused] == [
        "required of property 'city' in property address of orders: it is not a column",
        "logicalTypeOptions of property 'zip' in property address of orders: it is not a column",
    ]


def test_before_3_1_bounds_were_exclusive_by_a_flag() -> None:
    options = "logicalTypeOptions: {minimum: 1, exclusiveMinimum: true, maximum: 2}"
    found = found_in(contract(of_property=options, name="amount"), "odcs")
    assert [one["parameters"] for one in stored(found).values()] == [
        {"min": 1, "inclusive": False},
        {"max": 2},
    ]


def test_a_compound_primary_key_is_in_its_order() -> None:
    text = (
        HEAD + "schema:\n  - name: orders\n    properties:\n"
        "      - {name: status, primaryKey: true, primaryKeyPosition: 2}\n"
        "      - {name: order_id, primaryKey: true, primaryKeyPosition: 1}\n"
    )
    assert stored(found_in(text, "odcs"))["orders.unique_order_id_status"] == {
        "kind": "unique",
        "columns": ["order_id", "status"],
    }


def test_the_standards_own_json_is_read() -> None:
    text = (
        '{"apiVersion": "v3.0.2", "kind": "DataContract", "id": "x", "version": "1", '
        '"status": "active", "schema": [{"name": "orders", "properties": '
        '[{"name": "status", "required": true}]}]}'
    )
    assert list(stored(found_in(text, "odcs"))) == ["orders.not_null_status"]


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_data_contract_standard.model", None)
    with pytest.raises(CatalogError, match="open-data-contract-standard") as raised:
        found_in(CONTRACT, "odcs")
    assert raised.value.kind is ErrorKind.EXTRA_NOT_INSTALLED
    assert raised.value.hint == "pip install 'parquetry[odcs]'"


def test_without_a_library_for_yaml_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(CatalogError, match=r"reading f\.yml needs the library PyYAML") as raised:
        read_yaml("a: 1", "f.yml")
    assert raised.value.hint == "pip install 'parquetry[dbt]'"
