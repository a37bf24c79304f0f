"""dbt's properties files: a test becomes the check that means the same, or is refused by name."""

import pytest

from tests.flow.check_sources.reading import checks, found_in, held, problems, stored

WHOLE = """
version: 2

x: &recent {where: "ordered_at > '2024-01-01'"}

models:
  - name: orders
    description: One row for each order.
    meta: {owner: sales, 2024: yes}
    config: {materialized: table, contract: {enforced: true}}
    data_tests:
      - dbt_utils.unique_combination_of_columns:
          arguments: {combination_of_columns: [order_id, customer_id]}
          config: {severity: warn, where: amount > 0}
      - dbt_utils.expression_is_true: {expression: "amount >= 0 OR status = 'refund'"}
    constraints:
      - {type: primary_key, columns: [order_id]}
      - {type: check, name: positive, expression: amount >= 0}
      - {type: foreign_key, columns: [customer_id], to: ref('customers'), to_columns: [id]}
    columns:
      - name: order_id
        data_type: bigint
        constraints: [{type: not_null}]
        tests: [unique, not_null]
      - name: customer_id
        data_tests:
          - relationships:
              arguments: {to: ref('customers'), field: id}
              config: {severity: error, error_if: ">100", warn_if: ">0", tags: [nightly]}
      - name: status
        data_tests:
          - accepted_values: {values: [paid, open, 3], severity: WARN}
          - accepted_values:
              arguments: {values: [paid]}
              config: {<<: *recent}
          - not_null: {name: status_is_set}
          - {name: status_is_known, test_name: dbt_utils.not_accepted_values, values: [unknown]}
      - name: amount
        data_tests:
          - dbt_utils.accepted_range: {min_value: 0, max_value: "1000.5", inclusive: false}
          - dbt_utils.expression_is_true: {expression: ">= 0"}
          - not_null: {config: {enabled: false}}
      - name: day
        data_tests:
          - dbt_utils.accepted_range: {min_value: "'2024-01-01'"}
      - name: address.city
        data_tests: [not_null]

seeds:
  - name: customers
    columns:
      - name: id
        data_tests: [dbt.unique]

sources:
  - name: raw
    loaded_at_field: loaded_at
    freshness: {warn_after: {count: 12, period: hour}, error_after: {count: 2, period: day}}
    tables:
      - name: events
        freshness: {warn_after: {count: 30, period: minute}, filter: id > 0}
        columns:
          - name: id
            tests:
              - relationships: {to: "{{ ref('customers') }}", field: ID}
      - name: customers
        freshness: null
        loaded_at_field: null

exposures:
  - name: dashboard
"""


def test_a_whole_file() -> None:
    found = found_in(WHOLE.replace("x: &recent", "anchors: &recent"), "dbt")
    status = checks(found)
    digests = [name for name in status if name.startswith("orders.accepted_values_status_")]
    assert len(digests) == 1
    assert {name: one for name, one in stored(found).items() if name not in digests} == {
        "orders.unique_combination_order_id_customer_id": {
            "kind": "sql",
            "severity": "warn",
            "parameters": {
                "sql": 'SELECT "order_id", "customer_id" FROM (SELECT * FROM "orders" WHERE (\n'
                'amount > 0\n)) AS t GROUP BY "order_id", "customer_id" HAVING count(*) > 1'
            },
        },
        "orders.expression_is_true": {
            "kind": "sql",
            "parameters": {
                "sql": "SELECT * FROM \"orders\" WHERE NOT (\namount >= 0 OR status = 'refund'\n)"
            },
        },
        "orders.expression_is_true_amount": {
            "kind": "sql",
            "parameters": {"sql": 'SELECT * FROM "orders" WHERE NOT (\n"amount" >= 0\n)'},
        },
        "orders.positive": {
            "kind": "sql",
            "parameters": {"sql": 'SELECT * FROM "orders" WHERE NOT (\namount >= 0\n)'},
        },
        "orders.not_null_order_id": {"kind": "not_null", "columns": ["order_id"]},
        "orders.unique_order_id": {"kind": "unique", "columns": ["order_id"]},
        "orders.relationships_customer_id": {
            "kind": "relationships",
            "columns": ["customer_id"],
            "parameters": {"to": "customers", "field": "id"},
        },
        next(name for name in status if name.startswith("orders.relationships_customer_id_")): {
            "kind": "relationships",
            "columns": ["customer_id"],
            "error_if": ">100",
            "warn_if": ">0",
            "parameters": {"to": "customers", "field": "id"},
        },
        "orders.accepted_values_status": {
            "kind": "accepted_values",
            "columns": ["status"],
            "severity": "warn",
            "parameters": {"values": ["paid", "open", 3]},
        },
        "orders.status_is_set": {"kind": "not_null", "columns": ["status"]},
        "orders.status_is_known": {
            "kind": "sql",
            "parameters": {
                "sql": 'SELECT DISTINCT "status" FROM "orders" WHERE "status" IN (\'unknown\')'
            },
        },
        "orders.range_amount": {
            "kind": "range",
            "columns": ["amount"],
            "parameters": {"min": 0, "max": 1000.5, "inclusive": False},
        },
        "orders.range_day": {
            "kind": "range",
            "columns": ["day"],
            "parameters": {"min": "2024-01-01"},
        },
        "orders.not_null_address.city": {"kind": "not_null", "columns": ["address.city"]},
        "customers.unique_id": {"kind": "unique", "columns": ["id"]},
        "raw.events.relationships_id": {
            "kind": "relationships",
            "columns": ["id"],
            "parameters": {"to": "customers", "field": "id"},
        },
        "raw.events.freshness": {
            "kind": "freshness",
            "columns": ["loaded_at"],
            "where": "id > 0",
            "parameters": {"max_age": "2 days"},
        },
        "raw.events.freshness_warn": {
            "kind": "freshness",
            "columns": ["loaded_at"],
            "where": "id > 0",
            "severity": "warn",
            "parameters": {"max_age": "30 minutes"},
        },
    }
    assert status[digests[0]].check.where == "ordered_at > '2024-01-01'"
    assert [note for note in found.notes if "disabled" in note]


def model(test: str, *, column: str = "amount", indent: int = 10) -> str:
    listed = "\n".join(" " * indent + line for line in test.strip("\n").split("\n"))
    columns = f"    columns:\n      - name: {column}\n        tests:\n{listed}\n"
    return f"models:\n  - name: orders\n{columns}"


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ("- dbt_utils.not_constant", "test dbt_utils.not_constant of column amount of model ord"),
        ("- my_macro: {a: 1}", "test my_macro of column amount of model orders: no check means"),
        ("- dbt_expectations.expect_column_to_exist", "no check means the same"),
        ("- not_null: {limit: 5}", "limit hides failures"),
        ("- not_null: {config: {fail_calc: 'sum(n)'}}", "failures are counted, not calculated"),
        ("- not_null: {where: \"{{ var('x') }} > 1\"}", "Jinja is not evaluated"),
        ("- not_null: {config: {enabled: \"{{ target.name == 'prod' }}\"}}", "Jinja is not"),
        ("- not_null: {something: 1}", "the argument something is not known"),
        ("- accepted_values: {values: [a], quote: false}", "with quote: false is SQL"),
        ("- relationships: {to: \"ref('a', 'customers')\", field: id}", "model of another package"),
        ("- relationships: {to: customers, field: id}", "only ref('x') and source('a', 'b')"),
        ("- relationships: {to: ref('customers'), field: \"id || ''\"}", "field is an expression"),
        ("- dbt_utils.accepted_range: {min_value: other_column}", "is an expression, not a value"),
        ("- dbt_utils.relationships_where: {to: ref('customers'), field: id, to_condition: a > 1}",
         "a check has no condition on the other table"),
        ("- unique: {column_name: amount}\n- unique: {config: {sql_header: x}}", "statements"),
    ],
)  # fmt: skip
def test_what_no_check_can_hold_is_refused_by_name(test: str, reason: str) -> None:
    found = found_in(model(test), "dbt")
    assert not found.errors
    (refused,) = found.refused
    assert refused.startswith("schema.yml, line ")
    assert reason in refused


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ("- not_null:\n  where: x", "must be one name with all else below it, not not_null, where"),
        ("- not_null: {where: x, config: {where: y}}", "where is there twice"),
        ("- not_null: {config: {sverity: warn}}", "unknown setting 'sverity'"),
        ("- not_null: {severity: fatal}", "must be error or warn"),
        ("- not_null: {error_if: between 1 and 2}", "is no condition on a number of failures"),
        ("- accepted_values", "the argument values is missing"),
        ("- accepted_values: {values: []}", "values is empty"),
        ("- accepted_values: {values: paid}", "values must be a list of values"),
        ("- accepted_values: {values: [~]}", "must be a text or a number"),
        ("- relationships: {field: id}", "the argument to is missing"),
        ("- relationships: {to: ref('nix'), field: id}", "there is no table 'nix'"),
        ("- relationships: {to: ref('customers'), field: idd}", "has no column 'idd'"),
        ("- not_null: {name: a b}", "'a b' cannot be the name of a check"),
        ("- 5", "must be the name of a test, or a mapping"),
        ("- unique: {column_name: other}", "it is a test of column amount"),
        ("- dbt_utils.accepted_range", "neither min_value nor max_value"),
    ],
)
def test_what_is_wrong_is_an_error_with_its_line(test: str, problem: str) -> None:
    found = found_in(model(test), "dbt")
    (wrong,) = problems(found)
    assert wrong.startswith("schema.yml, line ")
    assert problem in wrong


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("model:\n  - name: orders\n", "unknown key 'model' of the file"),
        ("version: 3\nmodels: []\n", "version must be 2"),
        ("models:\n  - name: orders\n    test: [unique]\n", "unknown key 'test' of model orders"),
        ("models:\n  - description: x\n", "no name"),
        ("models: {orders: 1}\n", "models must be a list"),
        ("models:\n  - name: nix\n    tests: [unique]\n", "model nix: there is no table 'nix'"),
        (model("- not_null", column="amout"), "not_null of model orders: table 'orders' has no column 'amout'"),
        ("models:\n  - name: orders\n    tests: [unique]\n", "it has to be a test of a column"),
        ("models:\n  - name: orders\n    tests: [a]\n    data_tests: [b]\n", "both tests and data"),
        ("models:\n  - name: orders\n    versions: [{v: 1}]\n", "versions of a model"),
        ("unit_tests:\n  - name: adds_up\n    model: orders\n", "unit test adds_up"),
        ("data_tests:\n  - name: singular\n", "test singular: its SQL is in a file of its own"),
        ("models:\n  - name: orders\n    config: {alias: \"{{ x }}\"}\n    tests: []\n", "Jinja"),
        ("models:\n  - name: orders\n    constraints: [{type: custom, expression: x}]\n",
         "constraint custom of model orders: it has an expression of its own"),
        ("models:\n  - name: orders\n    constraints: [{type: unique}]\n", "names no columns"),
        ("sources:\n  - name: raw\n    tests: [unique]\n", "a test of a source is about no table"),
        ("sources:\n  - name: raw\n    tables:\n      - name: events\n"
         "        freshness: {warn_after: {count: 1, period: day}}\n", "no loaded_at_field names"),
        ("sources:\n  - name: raw\n    loaded_at_field: x::date\n    tables:\n      - name: events\n"
         "        freshness: {warn_after: {count: 1, period: day}}\n", "must be a column"),
        ("sources:\n  - name: raw\n    loaded_at_field: loaded_at\n    tables:\n      - name: events\n"
         "        freshness: {warn_after: {count: 1, period: week}}\n", "minute, hour or day"),
    ],
)  # fmt: skip
def test_files_that_are_not_taken_whole(text: str, problem: str) -> None:
    wrong = problems(found_in(text, "dbt"))
    assert len(wrong) == 1
    assert problem in wrong[0]
    assert wrong[0].startswith("schema.yml, line ")


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = model("- nix\n- not_null: {limit: 5}\n- accepted_values\n- unique")
    assert len(problems(found_in(text, "dbt"))) == 3
    assert list(held(found_in(text, "dbt"))) == ["orders.unique_amount"]


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("models:\n  - {name: stg, config: {alias: orders}, columns: [%s]}\n", "orders"),
        ("models:\n  - {name: daily, config: {schema: marts}, columns: [%s]}\n", "marts.daily"),
        ("sources:\n  - {name: raw, tables: [{name: events, columns: [%s]}]}\n", "raw.events"),
        ("sources:\n  - name: s\n    schema: raw\n    tables:\n"
         "      - {name: e, identifier: events, columns: [%s]}\n",
         "raw.events"),
        ("sources:\n  - {name: s, tables: [{name: orders, columns: [%s]}]}\n", "orders"),
        ("models:\n  - {name: ORDERS, columns: [%s]}\n", "orders"),
        ("models:\n  - {name: stg_orders, columns: [%s]}\n", "customers"),
    ],
)  # fmt: skip
def test_which_table_a_name_means(text: str, table: str) -> None:
    column = {"orders": "amount", "raw.events": "id", "marts.daily": "day", "customers": "id"}[
        table
    ]
    found = found_in(text % f"{{name: {column}, tests: [unique]}}", "dbt", stg_orders="customers")
    assert [one.table for one in checks(found).values()] == [table]


def test_a_test_that_is_stated_twice_is_one_check() -> None:
    text = model("- not_null\n- not_null\n- not_null: {name: again}")
    assert list(checks(found_in(text, "dbt"))) == ["orders.again"]
    text = model("- not_null: {severity: warn}\n- not_null")
    assert len(checks(found_in(text, "dbt"))) == 2


def test_a_name_that_is_given_twice_is_an_error() -> None:
    from catalog.flow.check_sources.findings import named

    found = found_in(model("- not_null: {name: a}\n- unique: {name: a}"), "dbt")
    _, (error,) = named(found.checks, {}, {})
    assert "check a of table orders has a name used at schema.yml, line 6" in error.message


def test_what_has_no_rules_needs_no_table() -> None:
    columns = (
        "    columns: [{name: x, description: y}]\n    config: {freshness: {build_after: 1}}\n"
    )
    found = found_in(
        f"models:\n  - name: nix\n{columns}sources: [{{name: a, tables: [{{name: b}}]}}]\n", "dbt"
    )
    assert not problems(found)
    assert not found.checks


def test_a_disabled_model_has_no_tests() -> None:
    text = "models:\n  - name: nix\n    config: {enabled: false}\n    tests: [unique]\n"
    found = found_in(text, "dbt")
    assert not problems(found)
    assert found.notes == ["schema.yml, line 3: model nix is disabled, so are its tests"]
