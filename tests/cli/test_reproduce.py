"""``reproduce``: what it prints, its JSON, and its exit codes."""

import json
import sys
from pathlib import Path

import pytest

from .conftest import Runner
from .test_external_steps import SCORE, allowed, words


@pytest.fixture
def script(lake: Path) -> Path:
    path = lake.parent / "score.py"
    path.write_text(SCORE)
    return path


DAILY = "SELECT day, count(*) AS n, sum(amount) AS total FROM orders GROUP BY day"


def test_the_same_rows_are_said_with_their_inputs(parquetry: Runner, lake: Path) -> None:
    read = json.loads(parquetry("show", "--json").out)["commit"]
    assert parquetry("derive", "daily", "--sql", DAILY).code == 0
    written = json.loads(parquetry("show", "--json").out)["commit"]
    parquetry("sql", "--branch", "main", "UPDATE orders SET amount = 90 WHERE order_id = 1")
    done = parquetry("reproduce", "daily")
    assert done.code == 0
    assert done.out.splitlines()[0] == f"the same: daily, as commit {written[:8]} wrote it, 2 rows"
    assert f"from orders@{read[:8]}" in done.out
    assert parquetry("reproduce", "daily@{2999-01-01}").out == done.out, "main, at that time"
    told = json.loads(parquetry("reproduce", "daily@main~1", "--json").out)
    assert (told["format_version"], told["same"], told["how"]) == (1, True, "definition")
    assert (told["commit"], told["diff"]) == (written, None)
    assert [(one["table"], one["commit"]) for one in told["inputs"]] == [("orders", read)]


def test_other_rows_are_a_difference_with_its_cause(parquetry: Runner, lake: Path) -> None:
    noise = "SELECT order_id, random() AS r FROM orders"
    assert parquetry("derive", "noise", "--sql", noise, "--key", "order_id").code == 0
    done = parquetry("reproduce", "noise")
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("different: noise, as commit ")
    assert "updated (100 %)" in done.out
    assert "likely cause: random() gives other values in each run" in done.out
    told = json.loads(parquetry("reproduce", "noise", "--json").out)
    assert told["same"] is False
    assert told["diff"]["rows"]["updated"] == told["rows"]
    assert told["causes"] == ["random() gives other values in each run"]


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_what_came_from_outside_is_an_error(
    parquetry: Runner, lake: Path, option: tuple[str, ...]
) -> None:
    done = parquetry("reproduce", "orders", *option)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("error: table 'orders' in commit ")


def test_recorded_sql_needs_consent(parquetry: Runner, lake: Path) -> None:
    parquetry("sql", "--branch", "main", "UPDATE orders SET amount = 90 WHERE order_id = 1")
    refused = parquetry("reproduce", "orders")
    assert refused.code == 3
    assert "--allow-statements" in refused.err
    assert parquetry("reproduce", "orders", "--allow-statements").code == 0


def test_merged_rows_are_looked_for_where_they_were(parquetry: Runner, lake: Path) -> None:
    parquetry("branch", "create", "fix")
    for branch, order in (("fix", "1"), ("main", "2")):
        change = f"UPDATE orders SET amount = 9 WHERE order_id = {order}"
        assert parquetry("sql", "--branch", branch, change).code == 0
    theirs = json.loads(parquetry("show", "fix", "--json").out)["commit"]
    assert parquetry("merge", "fix").code == 0
    done = parquetry("reproduce", "orders", "--allow-statements")
    assert done.code == 3
    assert f"hint: look where they were: parquetry reproduce orders@{theirs[:8]}" in done.err


def test_a_command_is_run_on_former_inputs_if_it_is_allowed(
    parquetry: Runner, script: Path
) -> None:
    assert parquetry(*allowed(*words(script))).code == 0
    written = script.parent / "out" / "a.parquet"
    before = written.read_bytes()
    parquetry("sql", "--branch", "main", "DELETE FROM orders WHERE order_id = 1")
    refused = parquetry("reproduce", "scored")
    assert refused.code == 3
    assert "which nobody has allowed" in refused.err
    done = parquetry("reproduce", "scored", "--allow-commands")
    assert (done.code, done.err) == (0, "")
    assert "computed again by its command, from orders@" in done.out
    assert written.read_bytes() == before
    config, command = script.parent / "parquetry.toml", json.dumps([sys.executable, str(script)])
    config.write_text(f'catalog = "lake"\n[steps.scored]\ncommand = {command}\n')
    assert parquetry("reproduce", "scored").code == 0
    assert written.read_bytes() == before
    script.write_text(script.read_text().replace('"n": [found[0][0]]', '"n": [7]'))
    told = parquetry("reproduce", "scored", "--allow-commands", "--json")
    assert (told.code, json.loads(told.out)["how"]) == (1, "command")
