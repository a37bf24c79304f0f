"""The shell's own commands, and how it writes rows; also how ``sql`` writes all of them."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from tests.cli import terminals
from tests.cli.conftest import Outcome, Runner


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Is a catalog with two commits of a table, and a branch and a tag."""
    root = tmp_path_factory.mktemp("shell")
    cat = catalog.create(str(root / "lake"))
    for message, amount in (("first", 1.0), ("second", 2.0)):
        rows = {"order_id": [110, 111], "customer_id": [5, 6], "amount": [amount, amount]}
        with cat.transaction("main", message=message) as tx:
            tx.write("orders", pa.table(rows), mode="upsert", key=["order_id"])
    cat.branches.create("a-longer-name")
    cat.tags.create("v1", at="main~1")
    return root


Shell = Callable[..., Outcome]


@pytest.fixture
def shell(lake: Path, parquetry: Runner, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Runs lines in a shell."""
    monkeypatch.chdir(lake)

    def typed(*lines: str) -> Outcome:
        return parquetry("-C", "lake", "shell", stdin="\n".join(lines) + "\n")

    return typed


def test_tables_and_refs_are_aligned(shell: Shell) -> None:
    lines = [" ".join(line.split()) for line in shell(".tables", ".refs").out.splitlines()]
    assert lines[:2] == ["orders 2 rows", "ref kind"]
    assert {"main branch", "a-longer-name branch", "v1 tag"} <= set(lines)


def test_log_and_diff_are_those_of_the_program(shell: Shell) -> None:
    out = shell(".log -n 1 --oneline", ".diff main~1 --stat", ".diff").out
    assert "second" in out
    assert "2 updated" in out


def test_what_they_refuse_does_not_end_the_shell(shell: Shell) -> None:
    outcome = shell(".diff nosuch", ".log --nosuch", '.log "', ".nosuch", "SELECT 42 AS n;")
    assert outcome.code == 1
    assert outcome.err.count("error: ") == 4
    assert "42" in outcome.out


def test_another_ref_is_read_from_then_on(shell: Shell) -> None:
    lines = shell(".mode csv", "SELECT amount FROM orders;", ".ref v1", ".ref").out
    assert lines.split() == ["amount", "2.0", "2.0", "v1"]
    out = shell(".mode csv", ".ref v1", "SELECT amount FROM orders;").out
    assert out.split() == ["amount", "1.0", "1.0"]
    assert shell(".ref nosuch").code == 1


def test_rows_go_to_a_file_until_they_do_not(lake: Path, shell: Shell) -> None:
    outcome = shell(
        ".mode csv", ".output out.csv", "FROM orders;", ".output", ".mode", "SELECT 1 AS a;"
    )
    assert (lake / "out.csv").read_text().splitlines()[0] == "order_id,customer_id,amount"
    assert outcome.out.split() == ["csv", "a", "1"]


def test_the_timer_says_how_long_a_statement_took(shell: Shell) -> None:
    assert " s)" in shell(".timer on", "SELECT 1;").err
    assert " s)" not in shell(".timer on", ".timer off", "SELECT 1;").err
    assert shell(".timer maybe").code == 1


@pytest.mark.parametrize("word", ["exit", "quit", "QUIT;", ".exit"])
def test_plain_words_leave_the_shell(shell: Shell, word: str) -> None:
    assert "42" not in shell(word, "SELECT 42;").out


def test_plain_help_lists_the_commands_and_how_to_write(shell: Shell) -> None:
    out = shell("help").out
    assert ".mode [FORMAT]" in out
    assert "--branch" in out


def test_plain_words_work_at_the_prompt(lake: Path) -> None:
    words = ("-C", "lake", "shell")
    with terminals.started(
        *words, cwd=lake, columns=100, env={"PROMPT_TOOLKIT_NO_CPR": "1"}
    ) as one:
        one.wait_for("parquetry>")
        one.type("help\r")
        one.wait_for(".timer on|off")
        one.type("exit\r")
    assert one.process.returncode == 0


def test_structs_of_a_diff_can_be_read(lake: Path, parquetry: Runner) -> None:
    at, query = ("-C", str(lake / "lake"), "sql"), "FROM diff('orders', 'main~1')"
    out = parquetry(*at, query).out
    assert "order_id 110, customer_id 5, amount 1.0" in out
    upright = parquetry(*at, query, "--vertical").out
    assert "── row 1 ──" in upright
    assert any(line.split() == ["_to.amount", "2.0"] for line in upright.splitlines())


def test_all_rows_are_a_limit_or_a_file_away(lake: Path, parquetry: Runner, tmp_path: Path) -> None:
    at = ("-C", str(lake / "lake"), "sql", "FROM range(2500)")
    few = parquetry(*at)
    assert few.out.endswith("(1,000 of 2,500 rows)\n")
    assert "--limit -1" in few.err
    assert parquetry(*at, "--limit", "-1").out.count("\n") == 2503
    assert parquetry(*at, "--limit", "7").out.endswith("(7 of 2,500 rows)\n")
    assert parquetry(*at, "--limit", "7", "--format", "csv").out.count("\n") == 8
    assert parquetry(*at, "-o", str(tmp_path / "all.txt")).code == 0
    assert (tmp_path / "all.txt").read_text().endswith("(2,500 rows)\n")
