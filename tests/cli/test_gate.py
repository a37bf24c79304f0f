"""Gates at the command line: what is printed, exit codes, hooks of the user's configuration."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Runner

CONTRACT = """
[contract.amounts]
tables = ["orders"]
[contract.amounts.table.orders]
columns = ["amount"]
"""


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a catalog with a check on ``main``, a branch that breaks it and one that does not."""
    import catalog

    folder = tmp_path_factory.mktemp("gated") / "lake"
    cat = catalog.create(str(folder))
    with cat.transaction("main", message="data") as tx:
        tx.sql("CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER)")
        tx.sql("INSERT INTO orders VALUES (1, 10), (2, 20), (3, 30)")
        tx.sql("CREATE TABLE other (x INTEGER)")
        tx.sql("INSERT INTO other VALUES (1)")
    cat.add_check("orders", "not_null", "amount", name="amount_there")
    for branch, change in (
        ("bad", "UPDATE orders SET amount = NULL WHERE id = 2"),
        ("good", "UPDATE orders SET amount = 21 WHERE id = 2"),
    ):
        cat.branches.create(branch)
        with cat.transaction(branch, message=branch) as tx:
            tx.sql(change)
    return folder


@pytest.fixture
def lake(gated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Is a copy of it, in which commands run."""
    import shutil

    shutil.copytree(gated, tmp_path / "lake")
    monkeypatch.chdir(tmp_path / "lake")
    return tmp_path / "lake"


def test_a_refused_merge_names_the_check_and_the_row(lake: Path, parquetry: Runner) -> None:
    before = parquetry("log", "--oneline").out
    refused = parquetry("merge", "bad")
    assert (refused.code, refused.out) == (1, "")
    first, check, row, hint = refused.err.splitlines()
    assert first == (
        "error: the gate of branch 'main' refuses the merge of bad: 1 check; the branch was not "
        "moved"
    )
    assert check == "  check orders.amount_there failed: 1 of 3 rows has no amount"
    assert row == "    id=2: amount NULL"
    shown = parquetry(*hint.partition("parquetry ")[2].split(), "--rows")
    assert (shown.code, "NULL" in shown.out) == (0, True)
    assert parquetry("log", "--oneline").out == before


def test_a_refused_merge_as_json(lake: Path, parquetry: Runner) -> None:
    for words in ((), ("--dry-run",)):
        refused = parquetry("merge", "bad", "--json", *words)
        assert refused.code == 1
        found = json.loads(refused.out)
        assert (found["commit"], found["gate"]["passed"]) == (None, False)
        (check,) = found["gate"]["checks"]
        assert (check["table"], check["check"], check["status"], check["failures"]) == (
            "orders",
            "amount_there",
            "failed",
            1,
        )


def test_a_dry_run_says_what_the_gate_finds(lake: Path, parquetry: Runner) -> None:
    would = parquetry("merge", "good", "--dry-run")
    assert would.code == 0
    assert would.out.splitlines()[1:] == ["passed: 1 check", "dry run: nothing was written"]
    refused = parquetry("merge", "bad", "--dry-run")
    assert refused.code == 1
    assert refused.out.splitlines()[1:] == [
        "check orders.amount_there failed: 1 of 3 rows has no amount",
        "  id=2: amount NULL",
        "dry run: nothing was written",
    ]
    assert refused.err == (
        "error: dry run: the gate of main would refuse this merge; nothing was written\n"
    )


@pytest.mark.parametrize("dry", [True, False])
def test_conflicts_come_before_the_gate(lake: Path, parquetry: Runner, dry: bool) -> None:
    parquetry("merge", "good")
    words = ("--dry-run",) if dry else ()
    assert parquetry("merge", "bad", *words).code == 4
    if not dry:
        refused = parquetry("merge", "bad", "--continue", "--resolve", "theirs")
        assert (refused.code, "orders.amount_there" in refused.err) == (1, True)
        assert parquetry("merge", "bad", "--continue", "--resolve", "ours").code == 0


def test_what_a_gate_found_is_shown_with_the_commit(lake: Path, parquetry: Runner) -> None:
    merged = parquetry("merge", "good")
    assert merged.out.splitlines()[1] == "passed: 1 check"
    lines = parquetry("show").out.splitlines()
    assert lines[-2:] == ["  gate of main:", "    passed: 1 check"]
    found = json.loads(parquetry("show", "--json").out)
    assert found["gate"]["passed"] is True
    assert json.loads(parquetry("show", "main~1", "--json").out)["gate"] is None


def test_a_contract_of_one_merge(lake: Path, parquetry: Runner) -> None:
    Path("amounts.toml").write_text(CONTRACT)
    parquetry("sql", "--branch", "good", "-m", "more", "INSERT INTO other VALUES (2)")
    refused = parquetry("merge", "good", "--contract", "amounts.toml")
    assert (refused.code, refused.out) == (1, "")
    assert "  contract amounts: 1 row inserted in table other" in refused.err
    Path("bad.toml").write_text(CONTRACT.replace("columns", "colums"))
    for file, code in (("bad.toml", 3), ("none.toml", 3)):
        assert parquetry("merge", "good", "--contract", file).code == code


def test_a_check_that_may_fail_needs_a_reason(lake: Path, parquetry: Runner) -> None:
    words = ("merge", "bad", "--allow-failing", "orders.amount_there")
    assert parquetry(*words).code == 2
    assert parquetry("merge", "bad", "--reason", "because").code == 2
    assert parquetry(*words, "--reason", "a", "--reason", "b").code == 2
    refused = parquetry(*words, "--reason", "late")
    assert (refused.code, "its rules do not say so" in refused.err) == (1, True)
    parquetry("branch", "protect", "main", "--may-fail", "orders.amount_there")
    assert parquetry(*words, "--reason", "late").code == 0
    assert "(allowed: late)" in parquetry("show").out


HOOK = "import json, sys; d = json.load(sys.stdin); sys.exit(d['tables'][0]['table'])"


def hooks(text: str) -> None:
    Path("parquetry.toml").write_text(text)


def test_a_hook_of_the_configuration(lake: Path, parquetry: Runner) -> None:
    parquetry("branch", "protect", "main", "--hook", "audit")
    refused = parquetry("merge", "good")
    assert (refused.code, "your own parquetry.toml, [hooks.audit]" in refused.err) == (1, True)
    hooks(f"[hooks.audit]\ncommand = {json.dumps([sys.executable, '-c', HOOK])}")
    refused = parquetry("merge", "good")
    assert (refused.code, "ended with exit code 1\n    orders" in refused.err) == (1, True), (
        refused.err
    )
    hooks("[hooks.audit]\nfunction = 'audit:allowed'\ntimeout_s = 20")
    Path("audit.py").write_text("def allowed(delta):\n    return delta['gate']['branch'] == 'main'")
    assert parquetry("merge", "good").out.splitlines()[1] == "passed: 1 check; hook audit"


def test_a_configuration_that_others_can_write_runs_no_hook(lake: Path, parquetry: Runner) -> None:
    parquetry("branch", "protect", "main", "--hook", "audit")
    hooks("[hooks.audit]\ncommand = ['true']")
    os.chmod("parquetry.toml", 0o666)
    refused = parquetry("merge", "good")
    assert (refused.code, "[hooks] of " in refused.err) == (1, True)


@pytest.mark.parametrize(
    "text",
    [
        "[hooks]\naudit = 'true'",
        "[hooks.audit]",
        "[hooks.audit]\ncommand = ['a']\nfunction = 'a:b'",
        "[hooks.audit]\nfunction = 'a'",
        "[hooks.audit]\ncommand = []",
        "[hooks.audit]\ncommand = ['true']\ntimeout = 3",
    ],
)
def test_a_hook_that_is_not_valid_is_named(lake: Path, parquetry: Runner, text: str) -> None:
    parquetry("branch", "protect", "main", "--hook", "audit")
    hooks(text)
    refused = parquetry("merge", "good")
    assert (refused.code, "hooks" in refused.err, refused.out) == (3, True, "")


def test_direct_commits_of_commands_are_judged(lake: Path, parquetry: Runner) -> None:
    parquetry("branch", "protect", "main", "--judge-direct")
    refused = parquetry("sql", "--branch", "main", "-m", "x", "UPDATE orders SET amount = NULL")
    assert (refused.code, "refuses this commit" in refused.err) == (1, True)
    refused = parquetry("check", "add", "orders", "range", "amount", "--max", "25")
    assert (refused.code, "refuses this change of checks" in refused.err) == (1, True)
    assert parquetry("check", "add", "orders", "range", "amount", "--max", "30").code == 0
