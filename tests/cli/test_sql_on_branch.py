"""``sql --branch``: statements that write become one commit, and say what they changed."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Runner

FILL = "UPDATE orders SET amount = 0 WHERE amount IS NULL OR amount > 12"


def test_it_says_what_changed_and_where_the_branch_is(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("sql", FILL, "--branch", "main", "-m", "no gaps")
    assert outcome.code == 0, outcome.err
    first, second = outcome.out.splitlines()
    assert first == "orders  rows: 2 updated"
    assert second.startswith("main is now ")
    assert second.endswith(": no gaps")
    assert parquetry("sql", "SELECT count(*) FROM orders WHERE amount = 0").out.splitlines()[2] == (
        "           2"
    )


def test_many_statements_are_one_commit(lake: Path, parquetry: Runner) -> None:
    text = (
        "CREATE TABLE seen (id BIGINT PRIMARY KEY); INSERT INTO seen SELECT order_id FROM orders; "
        "DELETE FROM orders WHERE order_id IN (1, 2); DROP TABLE customers"
    )
    Path("load.sql").write_text(text)
    before = parquetry("log", "--json").out
    outcome = parquetry("sql", "-f", "load.sql", "--branch", "main", "-m", "many")
    assert outcome.out.splitlines()[:3] == [
        "seen       created; rows: 5 inserted",
        "orders     rows: 2 deleted",
        "customers  dropped; rows: 2 deleted",
    ]
    after = json.loads(parquetry("log", "--json").out)["commits"]
    assert len(after) == len(json.loads(before)["commits"]) + 1


def test_json_holds_counts_commit_and_rows(lake: Path, parquetry: Runner) -> None:
    text = (
        "DELETE FROM customers; UPDATE orders SET note = 'x' WHERE order_id < 3 RETURNING order_id"
    )
    found = json.loads(parquetry("sql", text, "--branch", "main", "--json").out)
    head = json.loads(parquetry("log", "--json").out)["commits"][0]
    assert found["format_version"] == 1
    assert found["branch"] == "main"
    assert found["commit"] == (head.get("id") or head.get("commit"))
    assert found["tables"] == [
        {"table": "customers", "statements": ["delete"], "inserted": 0, "updated": 0, "deleted": 2},
        {"table": "orders", "statements": ["update"], "inserted": 0, "updated": 2, "deleted": 0},
    ]
    assert found["columns"] == ["order_id"]
    assert sorted(row["order_id"] for row in found["rows"]) == [1, 2]


def test_nothing_changed_is_no_commit(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("sql", "DELETE FROM orders WHERE order_id = 1000", "--branch", "main")
    assert outcome.out == "orders  0 rows changed\nnothing changed, no commit\n"
    found = json.loads(parquetry("sql", "FROM customers", "--branch", "main", "--json").out)
    assert (found["commit"], found["tables"], len(found["rows"])) == (None, [], 2)


def test_rows_go_to_stdout_and_the_rest_to_stderr(lake: Path, parquetry: Runner) -> None:
    text = "UPDATE orders SET note = 'x' WHERE order_id = 5 RETURNING order_id, note"
    outcome = parquetry("sql", text, "--branch", "main", "--format", "csv")
    assert outcome.out == "order_id,note\n5,x\n"
    assert "orders  rows: 1 updated" in outcome.err
    assert "main is now" in outcome.err
    text = "DELETE FROM orders WHERE order_id = 5 RETURNING *"
    assert (
        parquetry("sql", text, "--branch", "main", "-o", "x.parquet", "--format", "parquet").code
        == 0
    )
    assert pq.read_table("x.parquet").num_rows == 1


def test_keys_that_come_twice_are_warned_of(lake: Path, parquetry: Runner) -> None:
    text = "INSERT INTO orders (order_id, day) VALUES (5, '2024-01-02')"
    outcome = parquetry("sql", text, "--branch", "main")
    assert outcome.code == 0
    assert "warning: 2 rows of orders share their key (order_id)" in outcome.err


def test_another_branch_is_written_alone(lake: Path, parquetry: Runner) -> None:
    assert parquetry("branch", "create", "fix").code == 0
    assert parquetry("sql", FILL, "--branch", "fix", "-m", "t").code == 0
    assert parquetry("diff", "main", "fix", "--exit-code").code == 1
    assert "amount" in parquetry("diff", "main", "fix").out


def test_without_a_branch_writing_is_refused(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("sql", FILL)
    assert outcome.code == 3
    assert outcome.out == ""
    assert "error: cannot write to 'orders'" in outcome.err
    assert "--branch" in outcome.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["FROM orders", "--branch", "main", "--ref", "main"], 2, "--ref and --branch"),
        (["FROM orders", "-m", "text"], 2, "--branch"),
        ([FILL, "--branch", "nope"], 3, "no branch 'nope'"),
        (["UPDATE ordrs SET x = 1", "--branch", "main"], 3, "did you mean orders?"),
        (["UPDATE orders SET nope = 1", "--branch", "main"], 3, "nope"),
        (["UPDATE orders SET amount = error('no')", "--branch", "main"], 3, "no"),
        (["UPDATE orders SET amount = 1; SELECT error('no')", "--branch", "main"], 3, "no"),
        (["BEGIN", "--branch", "main"], 3, "BEGIN"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_committed(
    lake: Path, parquetry: Runner, words: list[str], code: int, said: str
) -> None:
    before = parquetry("log", "--json").out
    outcome = parquetry("sql", *words)
    assert outcome.code == code, outcome.err
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert parquetry("log", "--json").out == before


def test_a_key_commits_once(lake: Path, parquetry: Runner) -> None:
    words = ("sql", "--branch", "main", "--idempotency-key", "day/1", "--json")
    first = json.loads(parquetry(*words, "UPDATE orders SET amount = amount + 1").out)
    again = json.loads(parquetry(*words, "UPDATE orders SET amount = amount + 1").out)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert (again["commit"], again["tables"]) == (first["commit"], [])
    said = parquetry(*words[:-1], "DELETE FROM orders")
    assert (said.code, said.out.startswith("committed before as ")) == (0, True)
    refused = parquetry("sql", "--idempotency-key", "k", "FROM orders")
    assert (refused.code, "name the branch" in refused.err) == (2, True)
