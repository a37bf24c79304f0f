"""``clone`` and ``fetch``: what they print, and how they end."""

import json
from pathlib import Path

from tests.cli.conftest import Runner


def commit(parquetry: Runner, catalog: str, text: str, branch: str = "main") -> None:
    outcome = parquetry("-C", catalog, "sql", "--branch", branch, "-m", text, text)
    assert outcome.code == 0, outcome.err


def test_a_copy_is_made_and_kept_current(parquetry: Runner, tmp_path: Path) -> None:
    assert parquetry("init", "lake").code == 0
    commit(parquetry, "lake", "CREATE TABLE t AS SELECT 1 AS x")
    trial = parquetry("-C", "lake", "clone", "copy", "--dry-run")
    assert trial.code == 0 and trial.out.startswith("would copy 2 commits to ")
    made = parquetry("-C", "lake", "clone", "copy", "--verify", "hash")
    assert made.code == 0 and "main at " in made.out and "verified: " in made.out
    again = parquetry("-C", "lake", "clone", "copy")
    assert again.code == 3 and f"parquetry fetch {tmp_path / 'lake'} --mirror" in again.err
    commit(parquetry, "lake", "INSERT INTO t VALUES (2)")
    report = parquetry("-C", "copy", "fetch", "lake", "--mirror", "--json")
    shown = json.loads(report.out)
    assert (shown["commits"], shown["copied"]["data"]["objects"]) == (1, 1)
    assert [one["name"] for one in shown["refs"]] == ["main"]
    assert parquetry("-C", "copy", "sql", "SELECT sum(x) + 40 AS n FROM t").out.count("43") == 1
    assert "nothing was missing" in parquetry("-C", "copy", "fetch", "lake", "--mirror").out


def test_a_branch_that_was_moved_in_a_copy_is_a_conflict(parquetry: Runner) -> None:
    parquetry("init", "lake")
    parquetry("-C", "lake", "clone", "copy")
    for place in ("lake", "copy"):
        commit(parquetry, place, f"CREATE TABLE {place} AS SELECT 1 AS x")
    mirror = parquetry("-C", "copy", "fetch", "lake", "--mirror")
    assert mirror.code == 4 and "branch 'main' is at" in mirror.err
    branch = parquetry("-C", "copy", "fetch", "lake", "main")
    assert branch.code == 4 and "--branch NAME" in branch.err
    assert parquetry("-C", "copy", "fetch", "lake", "main", "--as", "theirs").code == 0
    assert parquetry("-C", "copy", "merge", "theirs").code == 0


def test_damage_is_an_error_with_a_report(parquetry: Runner, tmp_path: Path) -> None:
    parquetry("init", "lake")
    commit(parquetry, "lake", "CREATE TABLE t AS SELECT 1 AS x")
    next((tmp_path / "lake/data").rglob("*.parquet")).unlink()
    outcome = parquetry("-C", "lake", "clone", "copy", "--json")
    assert outcome.code == 3 and "it is missing" in outcome.err
    assert json.loads(outcome.out)["incomplete"] == ["main"]


def test_nothing_to_fetch_is_wrong_usage(parquetry: Runner) -> None:
    parquetry("init", "lake")
    outcome = parquetry("-C", "lake", "fetch", "lake")
    assert outcome.code == 3 and "parquetry fetch SOURCE --mirror" in outcome.err
