"""``backfill``, as a user meets it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.backfill.conftest import FIX, template  # noqa: F401 - a fixture
from tests.cli.conftest import Runner


@pytest.fixture
def lake(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    root = Path(shutil.copytree(template, tmp_path / "lake"))
    monkeypatch.setenv("PARQUETRY_CATALOG", str(root))
    (tmp_path / "fix.sql").write_text(f"{FIX};\n")
    return tmp_path


def test_from_fix_to_merge_to_undo(lake: Path, parquetry: Runner) -> None:
    ready = parquetry("backfill", "nulls", "-f", "fix.sql")
    assert ready.code == 0, ready.err
    assert "→ main with backfill/nulls" in ready.out and "orders  modified  key id" in ready.out
    assert "\ndownstream:\n\ntotals  modified  key " in ready.out
    assert ready.out.endswith("next: parquetry backfill nulls --merge\n")
    merged = parquetry("backfill", "nulls", "--merge", "-m", "no gaps")
    assert merged.code == 0 and "merged: main is now" in merged.out
    again = parquetry("backfill", "nulls", "-f", "fix.sql", "--merge")
    assert again.code == 0 and "merged before" in again.out
    undone = parquetry("backfill", "undo", "nulls")
    assert undone.code == 0 and "undone: " in undone.out
    listed = parquetry("backfill", "list")
    assert [line.split()[:4] for line in listed.out.splitlines()[1:]] == [
        ["nulls", "undone", "1/1", "main"]
    ]
    refused = parquetry("backfill", "nulls", "-f", "fix.sql")
    assert refused.code == 3 and "hint: " in refused.err and "--restart" in refused.err


def test_what_would_be_stale_is_said_in_a_line(lake: Path, parquetry: Runner) -> None:
    ready = parquetry("backfill", "nulls", "-f", "fix.sql", "--no-refresh")
    assert ready.code == 0, ready.err
    assert "\ndownstream:\ntotals  stale: inputs have changed\n" in ready.out
    assert "orders  modified  key id" in ready.out


def test_json_says_all_of_it(lake: Path, parquetry: Runner) -> None:
    found = json.loads(parquetry("backfill", "nulls", "-f", "fix.sql", "--json").out)
    assert (found["operation"], found["name"], found["state"]) == ("backfill", "nulls", "ready")
    assert (found["branch"], found["into"]) == ("backfill/nulls", "main")
    assert [(one["step"], one["tables"]) for one in found["steps"]] == [("fix", ["orders"])]
    assert [one["table"] for one in found["delta"]["tables"]] == ["orders", "totals"]
    assert found["downstream"] == [{"table": "totals", "what": "changed", "reason": ""}]
    assert found["next"] == ["parquetry backfill nulls --merge"]
    shown = json.loads(parquetry("backfill", "show", "nulls", "--json").out)
    assert shown["state"] == "ready" and shown["head"] == found["head"]
    (one,) = json.loads(parquetry("backfill", "list", "--json").out)["backfills"]
    assert (one["backfill"], one["state"], one["steps"]) == ("nulls", "ready", "1/1")
    abandoned = json.loads(parquetry("backfill", "abandon", "nulls", "--json").out)
    assert abandoned["state"] == "abandoned"


def test_a_failure_says_how_far_it_came(lake: Path, parquetry: Runner) -> None:
    (lake / "bad.sql").write_text("UPDATE orders SET nope = 1")
    failed = parquetry("backfill", "bad", "-f", "bad.sql", "--json")
    assert failed.code == 3 and "nope" in failed.err
    assert json.loads(failed.out)["state"] == "failed"
    (lake / "none.sql").write_text("UPDATE orders SET amount = 1 WHERE id = 99")
    nothing = parquetry("backfill", "none", "-f", "none.sql")
    assert nothing.code == 3 and "changed nothing" in nothing.err
    assert "--allow-empty" in nothing.err


def test_a_conflict_ends_with_4(lake: Path, parquetry: Runner) -> None:
    parquetry("backfill", "nulls", "-f", "fix.sql")
    parquetry("sql", "--branch", "main", "UPDATE orders SET amount = 9 WHERE id = 3")
    conflict = parquetry("backfill", "nulls", "-f", "fix.sql")
    assert conflict.code == 4 and "1 conflict in orders; nothing was moved" in conflict.err
    assert "--resolve ours" in conflict.err
    settled = parquetry("backfill", "nulls", "--merge", "--resolve", "theirs")
    assert settled.code == 0, settled.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x"], "no backfill 'x'"),
        (["x", "-f", "missing.sql"], "no file missing.sql"),
        (["x", "-f", "fix.sql", "--", "true"], "exclude each other"),
        (["x", "--for-each", "month=1"], "--for-each needs the fix"),
        (["x", "-f", "fix.sql", "--output", "orders=out"], "--output"),
        (["x", "-f", "fix.sql", "--contract", "missing.toml"], "no file missing.toml"),
        (["x", "-f", "fix.sql", "--from", "nowhere"], "nowhere"),
        (["x", "-f", "fix.sql", "--into", "nowhere"], "nowhere"),
        (["show", "x"], "no backfill 'x'"),
        (["a b", "-f", "fix.sql"], "'backfill/a b'"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_begun(
    lake: Path, parquetry: Runner, words: list[str], said: str
) -> None:
    outcome = parquetry("backfill", *words)
    assert outcome.code in (2, 3) and said in outcome.err
    assert json.loads(parquetry("branch", "list", "--json").out)["branches"][0]["branch"] == "main"
    assert parquetry("backfill", "list").out == "no backfills\n"


def test_a_merge_in_conflict_waits_to_be_settled(lake: Path, parquetry: Runner) -> None:
    parquetry("backfill", "nulls", "-f", "fix.sql")
    parquetry("sql", "--branch", "main", "UPDATE orders SET amount = 9 WHERE id = 3")
    assert parquetry("backfill", "nulls", "--merge").code == 4
    again = parquetry("backfill", "nulls", "--merge", "--json")
    assert again.code == 4
    assert json.loads(again.out)["state"] == "conflict"
    assert "parquetry merge backfill/nulls --into main --continue" in again.err
    shown = parquetry("backfill", "show", "nulls")
    assert shown.code == 0, shown.err
    assert "next: parquetry conflicts merge/backfill/nulls-into-main\n" in shown.out
    listed = json.loads(parquetry("backfill", "list", "--json").out)["backfills"]
    assert [one["state"] for one in listed] == ["conflict"]


def test_begun_again_its_merge_in_conflict_is_dropped(lake: Path, parquetry: Runner) -> None:
    parquetry("backfill", "nulls", "-f", "fix.sql")
    parquetry("sql", "--branch", "main", "UPDATE orders SET amount = 9 WHERE id = 3")
    assert parquetry("backfill", "nulls", "--merge").code == 4
    (lake / "other.sql").write_text("UPDATE orders SET amount = 1 WHERE amount IS NULL")
    assert parquetry("backfill", "nulls", "-f", "other.sql", "--restart").code == 0
    assert "merge/" not in parquetry("branch", "list").out
    assert parquetry("backfill", "nulls", "--merge").code == 0


def test_it_may_be_called_as_a_command_is(lake: Path, parquetry: Runner) -> None:
    ready = parquetry("backfill", "run", "list", "-f", "fix.sql")
    assert ready.out.endswith("next: parquetry backfill run list --merge\n")
    for name in ("--", "-x"):
        refused = parquetry("backfill", "-f", "fix.sql", "--", name)
        assert refused.code == 3 and "starts with '-'" in refused.err


def test_a_fix_that_is_not_done_is_shown(lake: Path, parquetry: Runner) -> None:
    (lake / "bad.sql").write_text("UPDATE orders SET nope = 1;\n-- \x1b[2J")
    assert parquetry("backfill", "bad", "-f", "bad.sql").code == 3
    shown = parquetry("backfill", "show", "bad").out
    assert "    UPDATE orders SET nope = 1;\n    -- \\x1b[2J\n" in shown
    assert "next: parquetry backfill bad [-f FILE | -- COMMAND]\n" in shown
    again = parquetry("backfill", "bad", "--restart")
    assert again.code == 3 and "no fix to begin backfill 'bad' again" in again.err
    timed = parquetry("backfill", "b", "-f", "bad.sql", "--timeout", "3")
    assert timed.code == 2 and "--timeout" in timed.err


def test_a_derived_table_that_cannot_be_computed_may_be_left_stale(
    lake: Path, parquetry: Runner
) -> None:
    select = "SELECT id, CASE WHEN amount = 0 AND id > 2 THEN error('zero') ELSE 1 END AS a"
    assert parquetry("derive", "strict", "--sql", f"{select} FROM orders").code == 0
    failed = parquetry("backfill", "nulls", "-f", "fix.sql", "--json")
    assert failed.code == 3 and "'strict' cannot be computed" in failed.err
    assert failed.err.rstrip().endswith("leave derived tables stale: --no-refresh")
    assert json.loads(failed.out)["state"] == "failed"
    shown = parquetry("backfill", "show", "nulls")
    assert shown.code == 0 and "failed: derived table 'strict' cannot be computed" in shown.out
    merged = parquetry("backfill", "nulls", "--no-refresh", "--merge")
    assert merged.code == 0, merged.err
    assert "\nstrict  stale: inputs have changed\n" in merged.out
