"""Names of refs that are nearly right, deleted, or other tools' words."""

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Runner


@pytest.fixture
def lake(two_commits: Path, tmp_path: Path) -> str:
    return str(shutil.copytree(two_commits / "lake", tmp_path / "lake"))


def test_a_misspelt_branch_to_write_to_is_told_the_nearest(lake: str, parquetry: Runner) -> None:
    done = parquetry("-C", lake, "sql", "--branch", "mian", "DELETE FROM orders")
    assert done.code == 3
    assert "hint: did you mean main? Else create it: parquetry branch create mian" in done.err


def test_a_deleted_branch_is_found_by_its_last_commit(lake: str, parquetry: Runner) -> None:
    parquetry("-C", lake, "branch", "create", "fix")
    parquetry("-C", lake, "sql", "--branch", "fix", "DELETE FROM orders")
    head = json.loads(parquetry("-C", lake, "show", "fix", "--json").out)["commit"][:8]
    done = parquetry("-C", lake, "branch", "delete", "fix")
    assert f"was at {head}, with 1 commit that main does not have" in done.out
    listed = parquetry("-C", lake, "reflog", "fix")
    assert "fix@{" not in listed.out
    assert listed.err == (
        f"branch fix was deleted; to restore it: parquetry branch create fix --at {head}\n"
    )
    assert (
        json.loads(parquetry("-C", lake, "reflog", "fix", "--json").out)["moves"][0]["ref"] is None
    )
    for words in (("log", "fix"), ("diff", "fix@{1}"), ("merge", "fix")):
        done = parquetry("-C", lake, *words)
        assert (done.code, f"deleted when it was at {head}" in done.err) == (3, True)
    assert parquetry("-C", lake, "branch", "create", "fix", "--at", head).code == 0
    assert "fix@{0}" in parquetry("-C", lake, "reflog", "fix").out


def test_head_is_explained(lake: str, parquetry: Runner) -> None:
    assert (
        "the newest commit of a branch is its name: main"
        in parquetry("-C", lake, "log", "HEAD~1").err
    )


def test_a_projects_directory_stands_for_the_catalog_it_names(
    two_commits: Path, parquetry: Runner, tmp_path: Path
) -> None:
    done = parquetry("-C", str(two_commits), "tables")
    assert (done.code, "orders" in done.out) == (0, True)
    assert parquetry("-C", str(tmp_path), "tables").code == 3


def test_log_takes_filters(lake: str, parquetry: Runner) -> None:
    found = parquetry("-C", lake, "log", "-t", "customers", "--oneline").out.splitlines()
    assert [line.split(" ", 3)[-1] for line in found] == ["first load"]
    done = parquetry("-C", lake, "log", "--grep", "BACK", "--since", "yesterday", "--json")
    assert [one["message"] for one in json.loads(done.out)["commits"]] == ["backfill"]
    assert parquetry("-C", lake, "log", "--until", "yesterday", "--all").out == ""
    assert "did you mean orders?" in parquetry("-C", lake, "log", "-t", "order").err
