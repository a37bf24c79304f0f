"""Derived tables in ``merge``, ``rebase``, ``cherry-pick`` and ``revert``: what is printed."""

import json
from pathlib import Path
from typing import Any

from .conftest import Runner


def read(parquetry: Runner, *words: str) -> Any:
    done = parquetry(*words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_a_merge_says_what_became_of_derived_tables(parquetry: Runner, derived: Path) -> None:
    parquetry("branch", "create", "fix")
    change = "UPDATE orders SET amount = 90 WHERE order_id = 1"
    assert parquetry("sql", "--branch", "fix", change).code == 0
    planned = read(parquetry, "merge", "fix", "--dry-run")
    assert [(one["table"], one["what"]) for one in planned["derived"]] == [
        ("daily", "refreshed"),
        ("monthly", "refreshed"),
    ]
    assert planned["derived"][0]["refresh"]["rows"] is None
    assert planned["derived"][0]["refresh"]["bytes_read"] > 0
    shown = parquetry("merge", "fix", "--dry-run").out
    assert "daily    refreshed  " in shown
    assert "reads " in shown
    done = parquetry("merge", "fix")
    assert done.code == 0
    assert "1 updated" in done.out
    assert not parquetry("status", "--stale", "--exit-code").code
    back = read(parquetry, "revert", "main")
    assert [(one["table"], one["what"]) for one in back["derived"]] == [
        ("daily", "taken"),
        ("monthly", "taken"),
    ]


def test_without_refresh_they_are_stale_and_it_is_said(parquetry: Runner, derived: Path) -> None:
    parquetry("branch", "create", "fix")
    change = "UPDATE orders SET amount = 90 WHERE order_id = 1"
    assert parquetry("sql", "--branch", "fix", change).code == 0
    done = parquetry("merge", "fix", "--no-refresh")
    assert done.code == 0
    assert "daily    stale      it was not to be refreshed" in done.out
    assert parquetry("status", "--stale", "--exit-code").code == 1


def test_a_rebase_names_the_commit_in_which_it_refreshed(parquetry: Runner, derived: Path) -> None:
    parquetry("branch", "create", "fix")
    for branch, key in (("fix", 1), ("main", 2)):
        change = f"UPDATE orders SET amount = 90 WHERE order_id = {key}"
        assert parquetry("sql", "--branch", branch, change).code == 0
        assert parquetry("refresh", "--branch", branch).code == 0
    planned = read(parquetry, "rebase", "fix", "--dry-run")
    assert {one["what"] for one in planned["derived"]} == {"refreshed"}
    assert "refresh_commit" not in planned
    done = read(parquetry, "rebase", "fix")
    assert done["refresh_commit"] == done["after"]
    assert read(parquetry, "show", "fix")["message"] == "refresh after the rebase onto main"
    assert not parquetry("status", "--branch", "fix", "--stale", "--exit-code").code


def test_a_definition_that_cannot_be_computed_names_the_way_out(
    parquetry: Runner, derived: Path
) -> None:
    parquetry("branch", "create", "fix")
    change = "ALTER TABLE orders RENAME COLUMN amount TO price"
    assert parquetry("sql", "--branch", "fix", change).code == 0
    failed = parquetry("merge", "fix")
    assert failed.code == 3
    assert "derived table 'daily' cannot be computed" in failed.err
    assert "--no-refresh" in failed.err
    assert parquetry("merge", "fix", "--no-refresh").code == 0
