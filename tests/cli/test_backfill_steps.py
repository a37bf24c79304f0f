"""``backfill`` by partitions and with commands, as a user meets it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.backfill.conftest import template  # noqa: F401 - a fixture
from tests.cli.conftest import Runner

FIX = "UPDATE orders SET amount = 0 WHERE month = $month AND amount IS NULL\n"


@pytest.fixture
def lake(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    root = Path(shutil.copytree(template, tmp_path / "lake"))
    monkeypatch.setenv("PARQUETRY_CATALOG", str(root))
    (tmp_path / "fix.sql").write_text(FIX)
    return tmp_path


def test_a_fix_runs_for_each_month(lake: Path, parquetry: Runner) -> None:
    words = ("backfill", "m", "-f", "fix.sql", "--for-each", "month=1..2", "--jobs", "2", "--json")
    found = json.loads(parquetry(*words).out)
    assert [one["step"] for one in found["steps"]] == ["month=1", "month=2"]
    assert found["fix"]["for_each"] == "month=1..2"
    log = json.loads(parquetry("log", "backfill/m", "--json").out)["commits"]
    assert [one["message"] for one in log[1:3]] == ["backfill m: month=2", "backfill m: month=1"]
    query = "month=SELECT DISTINCT month FROM orders WHERE amount IS NULL"
    found = json.loads(
        parquetry("backfill", "q", "-f", "fix.sql", "--for-each", query, "--json").out
    )
    assert [one["step"] for one in found["steps"]] == ["month=1", "month=2"]


def test_a_command_leaves_what_is_taken(lake: Path, parquetry: Runner) -> None:
    parquetry("export", "orders", "ready")
    parquetry("sql", "--branch", "main", "UPDATE orders SET amount = -1 WHERE amount > 0")
    script = 'mkdir -p "out/$month" && cp -r "ready/month=$month" "out/$month/"'
    done = parquetry(
        *("backfill", "c", "--for-each", "month=1,2", "--output", "orders=out/$month", "--merge"),
        *("--jobs", "2", "--timeout", "60", "--", "sh", "-c", script),
    )
    assert done.code == 0, done.err
    rows = json.loads(parquetry("sql", "--json", "SELECT sum(amount) AS s FROM orders").out)
    assert rows["rows"] == [{"s": "210"}] or rows["rows"][0]["s"] in (210, "210")


def test_a_command_that_fails_shows_its_end_and_is_repeated(lake: Path, parquetry: Runner) -> None:
    words = ("backfill", "c", "--allow-empty", "--", "sh", "-c", "echo oh no; test -e fine")
    failed = parquetry(*words)
    assert failed.code == 3 and "ended with exit code 1\n  oh no" in failed.err
    (lake / "fine").touch()
    assert parquetry("backfill", "c", "--allow-empty").code == 3
    assert parquetry(*words).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--for-each", "month=2..1"], "ends before it begins"),
        (["--for-each", "month=a..c"], "nobody can count from 'a' to 'c'"),
        (["--for-each", "month=x"], "not a value of type INTEGER, which column month"),
        (["--for-each", "mont=1"], "nothing gives $month a value\nhint: there is $mont"),
        (["--for-each", "month"], "it has no '='"),
        ([], "fix.sql, line 1: nothing gives $month a value"),
        (["--for-each", "month=1", "--jobs", "0"], "--jobs"),
    ],
)
def test_what_cannot_be_repeated_is_said_and_nothing_is_begun(
    lake: Path, parquetry: Runner, words: list[str], said: str
) -> None:
    outcome = parquetry("backfill", "x", "-f", "fix.sql", *words)
    assert outcome.code in (2, 3) and said in outcome.err
    assert parquetry("backfill", "list").out == "no backfills\n"
