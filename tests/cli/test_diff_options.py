"""Options of ``diff`` that name columns, and what the configuration says of them."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Runner, write_parquet


@pytest.fixture
def pair(tmp_path: Path, parquetry: Runner, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tables, each with a changed row; ``loaded`` differs in all rows of the first."""
    for number in (1, 2):
        state = tmp_path / str(number)
        amounts = [1.0, 2.0] if number == 1 else [1.005, 5.0]
        loaded = [number, number]
        write_parquet(state / "orders.parquet", {"id": [1, 2], "amount": amounts, "loaded": loaded})
        write_parquet(state / "people.parquet", {"person": [1, 2], "name": ["a", f"b{number}"]})
    monkeypatch.setenv("PARQUETRY_CATALOG", str(tmp_path / "lake"))
    assert parquetry("init", "lake").code == 0
    for number in (1, 2):
        sources = [f"{t}={number}/{t}.parquet" for t in ("orders", "people")]
        keys = [] if number == 2 else ["--key", "orders=id", "--key", "people=person"]
        assert parquetry("snapshot", *sources, *keys, "-m", str(number)).code == 0
    return tmp_path


def updated(parquetry: Runner, *options: str) -> dict[str, int]:
    outcome = parquetry("diff", "main~1", "--json", *options)
    assert outcome.code == 0, outcome.err
    return {one["table"]: one["rows"]["updated"] for one in json.loads(outcome.out)["tables"]}


def test_options_count_where_the_column_is(pair: Path, parquetry: Runner) -> None:
    assert updated(parquetry) == {"orders": 2, "people": 1}
    narrow = ("--ignore", "loaded")
    assert updated(parquetry, *narrow, "--tolerance", "amount=0.01") == {"orders": 1, "people": 1}
    assert updated(parquetry, *narrow, "--tolerance", "orders.amount=10") == {
        "orders": 0,
        "people": 1,
    }
    assert updated(parquetry, "--column", "name") == {"people": 1}
    assert updated(parquetry, "--key", "person") == {"orders": 2, "people": 1}
    picture = parquetry("diff", "main~1", "--column", "name", "--exit-code")
    assert picture.code == 1
    assert picture.out.endswith("\nnot compared: orders (it has no column name)\n")
    markdown = parquetry("diff", "main~1", "--column", "name", "--format", "markdown")
    assert "not compared: orders (it has no column name)" in markdown.out


def test_a_column_that_no_table_has_is_an_error(pair: Path, parquetry: Runner) -> None:
    for option in ("--tolerance=nmae=1", "--column=nmae", "--key=nmae", "--ignore=nmae"):
        outcome = parquetry("diff", "main~1", option)
        assert (outcome.code, outcome.out) == (3, "")
        assert "no table has a column 'nmae'" in outcome.err
        assert "did you mean name?" in outcome.err and "-t people" in outcome.err
    malformed = parquetry("diff", "main~1", "--tolerance", "nowhere=x")
    assert "tolerance 'x' of column 'nowhere' is not a number" in malformed.err
    assert parquetry("diff", "main~1", "--tolerance", "amount").code == 2


def test_the_configuration_says_what_to_ignore(pair: Path, parquetry: Runner) -> None:
    text = '[tables.orders]\nignore = ["loaded"]\ntolerance = { amount = "0.01" }\n'
    (pair / "parquetry.toml").write_text(f'catalog = "lake"\n{text}')
    assert updated(parquetry) == {"orders": 1, "people": 1}
    picture = parquetry("diff", "main~1")
    assert "  ignored    loaded\n" in picture.out
    assert "  tolerance  amount ±0.01\n" in picture.out
    rows = parquetry("diff", "main~1", "--rows", "-t", "orders")
    assert "  ignored  loaded\n" in rows.out and "amount: 2.0 → 5.0" in rows.out
    table = json.loads(parquetry("diff", "main~1", "-t", "orders", "--json").out)["tables"][0]
    assert (table["ignored"], table["tolerances"]) == (["loaded"], {"amount": "0.01"})

    assert updated(parquetry, "--exact") == {"orders": 2, "people": 1}
    assert updated(parquetry, "--tolerance", "amount=10")["orders"] == 0


def test_a_table_of_the_configuration_may_have_no_source(pair: Path, parquetry: Runner) -> None:
    (pair / "parquetry.toml").write_text(
        'catalog = "lake"\n[tables.orders.tolerance]\namount = 0.01\nloaded = 1\n'
        '[tables.people]\nsource = "2/people.parquet"\nignore = ["name"]\n'
    )
    assert updated(parquetry) == {"orders": 1, "people": 0}
    assert parquetry("snapshot").code == 0


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('ignore = "loaded"', "tables.orders.ignore must be a list of columns"),
        ('tolerance = "1"', "tables.orders.tolerance must be sections"),
        ("tolerance = { amount = true }", "tables.orders.tolerance.amount must be a number"),
        ('tolerance = { amount = "0,01" }', "tolerance '0,01' of column 'amount' is not a number"),
    ],
)
def test_what_is_wrong_in_the_configuration_is_named(
    pair: Path, parquetry: Runner, section: str, message: str
) -> None:
    (pair / "parquetry.toml").write_text(f'catalog = "lake"\n[tables.orders]\n{section}\n')
    outcome = parquetry("diff", "main~1")
    assert outcome.code == 3
    assert message in outcome.err


def test_a_configuration_about_another_catalog_hides_nothing(pair: Path, parquetry: Runner) -> None:
    (pair / "parquetry.toml").write_text(
        'catalog = "other"\n[tables.orders]\nignore = ["loaded", "amount"]\n'
    )
    outcome = parquetry("-C", "lake", "diff", "main~1", "--json")
    assert json.loads(outcome.out)["tables"][0]["rows"]["updated"] == 2
    assert "is not used: it does not name the catalog" in outcome.err


def test_metrics_of_the_configuration_are_in_every_picture(pair: Path, parquetry: Runner) -> None:
    (pair / "parquetry.toml").write_text(
        'catalog = "lake"\n[metrics]\ntotal = "SELECT sum(amount) AS amount FROM orders"\n'
        'broken = "SELECT nope FROM orders"\n'
    )
    for form in ("text", "markdown", "html", "json"):
        outcome = parquetry("diff", "main~1", "--format", form)
        assert outcome.code == 0
        assert "nope" in outcome.out and "6.005" in outcome.out, form
    for options in (["--stat"], ["--rows"], ["--no-metrics"], ["--query", "FROM orders"]):
        assert "nope" not in parquetry("diff", "main~1", *options).out
    assert "total" in parquetry("diff", "main", "main").out
    outcome = parquetry("-C", "lake", "diff", "main~1", "--json")
    assert len(json.loads(outcome.out)["metrics"]) == 2
    (pair / "parquetry.toml").write_text('catalog = "x"\n[metrics]\ntotal = "SELECT 1"\n')
    outcome = parquetry("-C", "lake", "diff", "main~1", "--json")
    assert json.loads(outcome.out)["metrics"] == [] and "[metrics] of" in outcome.err
