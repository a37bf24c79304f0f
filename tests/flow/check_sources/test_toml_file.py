"""Checks in parquetry.toml."""

import pytest

from tests.flow.check_sources.reading import found_in, problems, stored


def test_each_form_of_the_section() -> None:
    found = found_in(
        """
        [checks.orders.paid_has_amount]
        kind = "not_null"
        column = "amount"
        where = "status = 'paid'"
        severity = "warn"
        warn_if = "> 10"

        [[checks.customers]]
        kind = "unique"
        columns = ["id"]

        [[checks.customers]]
        kind = "accepted_values"
        column = "name"
        values = ["a", "b"]
        name = "known"

        [checks."raw.events".fresh]
        kind = "freshness"
        column = "loaded_at"
        max_age = "36h"

        [checks.marts.daily.few]
        kind = "row_count"
        max = 100
        """,
        "toml",
    )
    assert stored(found) == {
        "orders.paid_has_amount": {
            "kind": "not_null",
            "columns": ["amount"],
            "where": "status = 'paid'",
            "severity": "warn",
            "warn_if": "> 10",
        },
        "customers.unique_id": {"kind": "unique", "columns": ["id"]},
        "customers.known": {
            "kind": "accepted_values",
            "columns": ["name"],
            "parameters": {"values": ["a", "b"]},
        },
        "raw.events.fresh": {
            "kind": "freshness",
            "columns": ["loaded_at"],
            "parameters": {"max_age": "36h"},
        },
        "marts.daily.few": {"kind": "row_count", "parameters": {"max": 100}},
    }


def test_a_list_may_name_its_tables() -> None:
    text = '[[checks]]\ntable = "orders"\nkind = "unique"\ncolumn = "ORDER_ID"\n'
    assert stored(found_in(text, "toml")) == {
        "orders.unique_order_id": {"kind": "unique", "columns": ["order_id"]}
    }


def test_a_date_of_toml_is_kept_as_text() -> None:
    text = '[checks.orders.r]\nkind = "range"\ncolumn = "day"\nmin = 2024-01-01\n'
    assert stored(found_in(text, "toml"))["orders.r"]["parameters"] == {"min": "2024-01-01"}


def test_a_python_check_keeps_its_configuration() -> None:
    text = (
        '[checks.orders.p]\nkind = "python"\nfunction = "f"\nlimits = { low = 1, high = [2, 3] }\n'
    )
    assert stored(found_in(text, "toml"))["orders.p"]["parameters"] == {
        "function": "f",
        "limits": {"low": 1, "high": [2, 3]},
    }


def test_other_sections_state_no_checks() -> None:
    assert not found_in('catalog = "lake"\n[tables.orders]\nsource = "x"\n', "toml").checks


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[checks.orders.a]\nkind = "notnull"\n', "there is no kind 'notnull' of checks"),
        ('[checks.orders.a]\ncolumn = "amount"\n', "checks.orders.a: no kind"),
        ('[checks.orders.a]\nkind = "unique"\ncolumn = "no"\n', "has no column 'no'"),
        ('[checks.nix.a]\nkind = "unique"\ncolumn = "no"\n', "there is no table 'nix'"),
        ('[checks.orders.a]\nkind = "unique"\ncolumn = "amount"\nif = 1\n', "no parameter 'if'"),
        (
            '[checks.orders.a]\nkind = "unique"\ncolumn = "a"\ncolumns = ["a"]\n',
            "exclude each other",
        ),
        ('[checks.orders.a]\nkind = "unique"\n', "at least one column"),
        ('[checks.orders."a b"]\nkind = "row_count"\nmin = 1\n', "'a b' cannot be the name"),
        ('[checks.orders.a]\nkind = "row_count"\nmin = nan\n', "must be a finite number"),
        (
            '[checks.orders.a]\nkind = "unique"\ncolumn = "amount"\nseverity = "bad"\n',
            "error or warn",
        ),
        (
            '[checks.orders.a]\nkind = "unique"\ncolumn = "amount"\nerror_if = "many"\n',
            "'many' is no",
        ),
        ('[checks.orders]\ncolumn = "amount"\n', "must be checks like"),
        ("checks = 1\n", "must be checks like"),
        ('[[checks]]\nkind = "unique"\n', "no table"),
    ],
)
def test_what_is_wrong_names_its_place(text: str, problem: str) -> None:
    (found,) = problems(found_in(text, "toml"))
    assert found.startswith("parquetry.toml: checks")
    assert problem in found
