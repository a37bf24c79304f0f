"""Model files: what they may say, and how a branch takes them over."""

import json
from pathlib import Path

import pytest

from .conftest import Runner
from .test_derive import head, rows

DAILY = """-- key: day
-- partition_by: day
SELECT day, count(*) AS n
FROM {{ ref('orders') }}
GROUP BY day
"""


@pytest.fixture
def models(lake: Path) -> Path:
    folder = lake.parent / "models"
    folder.mkdir()
    with open(lake.parent / "parquetry.toml", "a") as file:
        file.write('[models]\npath = "models"\n')
    return folder


def states(parquetry: Runner) -> dict[str, str]:
    found = parquetry("status", "--json")
    assert found.code == 0, found.err
    return {one["table"]: one["state"] for one in json.loads(found.out)["models"]}


def test_all_files_are_taken_over_in_one_commit_in_order(parquetry: Runner, models: Path) -> None:
    (models / "a_total.sql").write_text('SELECT sum(n) AS n FROM {{ref("daily")}}')
    (models / "staging").mkdir()
    (models / "staging/daily.sql").write_text(DAILY)
    before = head(parquetry)
    assert states(parquetry) == {"a_total": "new", "daily": "new"}
    planned = json.loads(parquetry("derive", "--all", "--dry-run", "--json").out)
    assert (planned["defined"], planned["dry_run"], head(parquetry)) == (
        ["daily", "a_total"],
        True,
        before,
    )
    assert parquetry("derive", "--all").code == 0
    assert json.loads(parquetry("show", "--json").out)["parents"] == [before]
    assert rows(parquetry, "SELECT n FROM a_total") == [{"n": 5}]
    columns = json.loads(parquetry("schema", "daily", "--json").out)["columns"]
    assert [(one["column"], one["key"], one["partition"]) for one in columns] == [
        ("day", True, True),
        ("n", False, False),
    ]
    assert states(parquetry) == {"a_total": "unchanged", "daily": "unchanged"}
    assert parquetry("derive", "--all").out == "all is defined so already, no commit\n"


def test_refresh_never_reads_files(parquetry: Runner, models: Path) -> None:
    (models / "daily.sql").write_text(DAILY)
    parquetry("derive", "daily")
    (models / "daily.sql").write_text(DAILY.replace("count(*)", "sum(amount)"))
    assert states(parquetry) == {"daily": "changed"}
    assert parquetry("refresh").out == "nothing is stale, no commit\n"
    assert parquetry("derive", "daily").code == 0
    assert states(parquetry) == {"daily": "unchanged"}


def test_a_new_column_can_be_used_by_another_file(parquetry: Runner, models: Path) -> None:
    (models / "daily.sql").write_text(DAILY)
    (models / "top.sql").write_text("SELECT max(n) AS n FROM {{ ref('daily') }}")
    assert parquetry("derive", "--all").code == 0
    (models / "daily.sql").write_text(DAILY.replace("AS n", "AS n, max(order_id) AS last"))
    (models / "top.sql").write_text("SELECT max(last) AS n FROM {{ ref('daily') }}")
    done = parquetry("derive", "--all")
    assert (done.code, done.err) == (0, "")
    assert rows(parquetry, "SELECT n FROM top") == [{"n": 6}]


def test_tables_without_a_file_are_said_and_pruned_on_demand(
    parquetry: Runner, models: Path
) -> None:
    (models / "daily.sql").write_text(DAILY)
    (models / "other.sql").write_text("SELECT 1 AS a FROM orders")
    parquetry("derive", "--all")
    (models / "other.sql").unlink()
    assert states(parquetry) == {"daily": "unchanged", "other": "without a file"}
    told = parquetry("derive", "--all")
    assert "other  has no model file" in told.out
    assert json.loads(parquetry("derive", "--all", "--prune", "--json").out)["dropped"] == ["other"]
    assert states(parquetry) == {"daily": "unchanged"}
    assert len(rows(parquetry, "SELECT * FROM other")) == 5


def test_a_source_is_found_with_and_without_its_schema(parquetry: Runner, models: Path) -> None:
    (models / "raw.orders.sql").write_text("SELECT 7 AS order_id FROM orders")
    (models / "pair_.sql").write_text(
        "SELECT (SELECT count(*) FROM {{ source( 'raw' , \"orders\" ) }}) AS a,\n"
        "  (SELECT count(*) FROM {{- source('shop','customers') -}}) AS b"
    )
    done = parquetry("derive", "--all")
    assert (done.code, done.err) == (0, "")
    assert rows(parquetry, "SELECT a, b FROM pair_") == [{"a": 5, "b": 2}]


JINJA = [
    ("SELECT 1 AS a\nFROM {{ ref('a', 'b') }}", "line 2, column 6"),
    ("SELECT 1 AS a FROM {{ source('a') }}", "line 1, column 20"),
    ("SELECT 1 AS a FROM {{ ref(a) }}", "line 1, column 20"),
    ("SELECT 1 AS a FROM {{ ref('') }}", "line 1, column 20"),
    ("SELECT 1 AS a FROM {{ ref('a' }}", "line 1, column 20"),
    ("SELECT 1 AS a FROM {{ ref('a", "line 1, column 20"),
    ("{{ config(materialized='table') }}\nSELECT 1 AS a", "line 1, column 1"),
    ("SELECT 1 AS a\n  {% if x %} {% endif %}", "line 2, column 3"),
    ("SELECT 1 AS a {# note #}", "line 1, column 15"),
    ("SELECT '{{ x }}' AS a", "line 1, column 9"),
    ("SELECT {{ ref('a') | upper }} AS a", "line 1, column 8"),
    ("-- keys: a\nSELECT 1 AS a", "line 1"),
    ("-- key: a,\nSELECT 1 AS a", "line 1"),
]


def test_other_jinja_is_refused_with_its_place(parquetry: Runner, models: Path) -> None:
    (models / "daily.sql").write_text(DAILY)
    before = head(parquetry)
    for text, place in JINJA:
        (models / "bad.sql").write_text(text)
        done = parquetry("derive", "--all")
        assert (text, done.code, head(parquetry)) == (text, 3, before)
        assert f"models/bad.sql, {place}" in done.err


def test_the_construct_that_is_refused_is_named_alone(parquetry: Runner, models: Path) -> None:
    (models / "bad.sql").write_text("{{ config(tags=['x']) }} SELECT {{ ref('a') }} AS a")
    done = parquetry("derive", "--all")
    assert (done.code, "column 1: {{ config(tags=['x']) }} is not" in done.err) == (3, True)


def test_all_errors_are_listed_with_their_files(parquetry: Runner, models: Path) -> None:
    (models / "good.sql").write_text(DAILY)
    (models / "unbound.sql").write_text("SELECT nosuch FROM orders")
    (models / "behind.sql").write_text("SELECT * FROM {{ ref('unbound') }}")
    (models / "missing.sql").write_text("SELECT * FROM nosuch")
    (models / "two.sql").write_text("SELECT 1 AS a; SELECT 2 AS a")
    before = head(parquetry)
    done = parquetry("derive", "--all")
    assert (done.code, head(parquetry)) == (3, before)
    for name in ("unbound", "missing", "two"):
        assert f"models/{name}.sql: " in done.err
    assert "models/behind.sql" not in done.err


def test_a_circle_of_files_is_refused(parquetry: Runner, models: Path) -> None:
    (models / "a.sql").write_text("SELECT * FROM {{ ref('b') }}")
    (models / "b.sql").write_text("SELECT * FROM {{ ref('a') }}")
    done = parquetry("derive", "--all")
    assert (done.code, "in a circle" in done.err) == (3, True)


def test_two_files_of_one_table_are_refused(parquetry: Runner, models: Path) -> None:
    (models / "x").mkdir()
    (models / "daily.sql").write_text(DAILY)
    (models / "x/Daily.sql").write_text(DAILY)
    done = parquetry("derive", "--all")
    assert done.code == 3
    assert "models/daily.sql and models/x/Daily.sql both define" in done.err


def test_a_file_does_not_take_a_table_that_is_not_derived(parquetry: Runner, models: Path) -> None:
    (models / "orders.sql").write_text("SELECT * FROM customers")
    assert states(parquetry) == {"orders": "taken"}
    done = parquetry("derive", "--all")
    assert (done.code, "not a derived table" in done.err) == (3, True)


def test_files_of_somebody_else_are_not_taken_over(
    parquetry: Runner, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (models / "daily.sql").write_text(DAILY)
    config = models.parent / "parquetry.toml"
    config.chmod(0o666)
    done = parquetry("derive", "--all")
    assert (done.code, "everybody can write it" in done.err) == (3, True)
    monkeypatch.setenv("PARQUETRY_CONFIG", str(config))
    assert parquetry("derive", "--all").code == 0


@pytest.mark.parametrize(
    ("names", "code"),
    [(("derive", "nosuch"), 3), (("derive", "--all", "daily"), 2), (("derive", "--prune"), 2)],
)
def test_wrong_words(parquetry: Runner, models: Path, names: tuple[str, ...], code: int) -> None:
    (models / "daily.sql").write_text(DAILY)
    assert parquetry(*names).code == code


def test_a_directory_that_is_gone_is_named(parquetry: Runner, models: Path) -> None:
    models.rmdir()
    done = parquetry("derive", "--all")
    assert (done.code, f"cannot read the models in {models}" in done.err) == (3, True)


def test_one_file_is_taken_over_whatever_is_wrong_with_others(
    parquetry: Runner, models: Path
) -> None:
    (models / "daily.sql").write_text(DAILY)
    (models / "bad.sql").write_text("-- keys: a\n{{ config() }}")
    assert parquetry("derive", "daily").code == 0
    assert parquetry("derive", "--all").code == 3
