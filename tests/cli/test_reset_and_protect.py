"""``reset`` and ``branch protect``: branches moved at will, and branches that are not."""

import json
from pathlib import Path

import pytest

import catalog
from catalog.repository.branches import Stamp
from tests.cli.conftest import Runner, write_parquet


def commit_id(parquetry: Runner, ref: str) -> str:
    found: str = json.loads(parquetry("show", ref, "--json").out)["commit"]
    return found


def test_a_reset_says_how_it_is_taken_back(lake: Path, parquetry: Runner) -> None:
    new, old = commit_id(parquetry, "main"), commit_id(parquetry, "main~2")
    outcome = parquetry("reset", "main", "--to", "main~2")
    assert (outcome.code, outcome.err) == (0, "")
    moved, left, back = outcome.out.splitlines()
    assert moved == f"main moved from {new[:8]} to {old[:8]}"
    assert left == "removed from main: 2 commits, still in its reflog"
    assert back == f"to undo: parquetry reset main --to {new[:8]}"
    again = parquetry(*back.partition("parquetry ")[2].split())
    assert again.out.splitlines()[1] == "added to main: 2 commits"
    assert commit_id(parquetry, "main") == new
    assert commit_id(parquetry, "main@{1}") == old
    reasons = [m["reason"] for m in json.loads(parquetry("reflog", "--json").out)["moves"]]
    assert reasons[:2] == [f"reset: to {new[:8]}", "reset: to main~2"]


def test_a_dry_run_moves_nothing(lake: Path, parquetry: Runner) -> None:
    new, old = commit_id(parquetry, "main"), commit_id(parquetry, "main~1")
    outcome = parquetry("reset", "main", "--to", "main~1", "--dry-run")
    assert outcome.out.splitlines() == [
        f"main would move from {new[:8]} to {old[:8]}",
        "removed from main: 1 commit, still in its reflog",
        "dry run: nothing was moved",
    ]
    assert commit_id(parquetry, "main") == new


@pytest.mark.parametrize("dry", [True, False])
def test_a_reset_as_json(lake: Path, parquetry: Runner, dry: bool) -> None:
    new, old = commit_id(parquetry, "main"), commit_id(parquetry, "main~1")
    words = ("reset", "main", "--to", "main~1", "--json", *(["--dry-run"] if dry else []))
    assert json.loads(parquetry(*words).out) == {
        "format_version": 1,
        "branch": "main",
        "before": new,
        "after": old,
        "moved": not dry,
        "commits_removed": 1,
        "commits_added": 0,
        "dry_run": dry,
    }


def test_a_branch_that_is_there_already_stays(lake: Path, parquetry: Runner) -> None:
    here = commit_id(parquetry, "main")
    moves = parquetry("reflog").out
    outcome = parquetry("reset", "main", "--to", here)
    assert (outcome.code, outcome.out) == (0, f"main is already at {here[:8]}\n")
    assert parquetry("reflog").out == moves


def test_a_protected_branch_is_shown_and_refuses(
    lake: Path, tmp_path: Path, parquetry: Runner
) -> None:
    parquetry("branch", "create", "dev")
    outcome = parquetry("branch", "protect", "main")
    assert outcome.out == "branch main is protected: it changes only by merge\n"
    listed = json.loads(parquetry("branch", "list", "--json").out)["branches"]
    assert [(b["branch"], b["protected"]) for b in listed] == [("dev", False), ("main", True)]
    header, dev, main = parquetry("branch", "list").out.splitlines()
    assert "protected" in header
    assert (" yes " in dev, " yes " in main) == (False, True)
    write_parquet(tmp_path / "v3/a.parquet", {"x": [1]})
    for words in (("reset", "main", "--to", "main~1"), ("snapshot", "x=v3", "-m", "more")):
        refused = parquetry(*words)
        assert refused.code == 4
        assert refused.err.startswith("error: branch 'main' is protected")
    off = json.loads(parquetry("branch", "protect", "main", "--off", "--json").out)
    assert (off["branch"], off["protected"]) == ("main", False)
    assert parquetry("snapshot", "x=v3", "-m", "more").code == 0


def test_an_unknown_branch_names_the_nearest(lake: Path, parquetry: Runner) -> None:
    for words in (("reset", "mian", "--to", "main~1"), ("branch", "protect", "mian")):
        outcome = parquetry(*words)
        assert outcome.code == 3
        assert outcome.err.endswith("hint: did you mean main?\n")


def test_the_ref_to_reset_to_must_be_given(lake: Path, parquetry: Runner) -> None:
    assert parquetry("reset", "main").code == 2


def test_the_reflog_shows_keys_where_there_are_any(lake: Path, parquetry: Runner) -> None:
    moves = json.loads(parquetry("reflog", "--json").out)["moves"]
    assert {move["key"] for move in moves} == {None}
    assert "key" not in parquetry("reflog").out.splitlines()[0]
    cat = catalog.open(str(lake))
    held = cat.repository.branches.held("main")
    assert held is not None
    stamp = Stamp("tester", cat.context.clock(), "load", "day-7")
    cat.repository.branches.move(held, held.branch.commit_id, stamp)
    header, newest, *_ = parquetry("reflog").out.splitlines()
    assert header.split()[-1] == "key"
    assert newest.split()[-1] == "day-7"
    moves = json.loads(parquetry("reflog", "--json").out)["moves"]
    assert [move["key"] for move in moves[:2]] == ["day-7", None]
