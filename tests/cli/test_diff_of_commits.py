"""What one commit changed, and what a single ref may have been meant to ask."""

import json
from pathlib import Path

import pytest

import catalog

from .conftest import Runner


@pytest.fixture
def lake(two_commits: Path) -> str:
    return str(two_commits / "lake")


@pytest.mark.parametrize("words", [("--commit", "main~1"), ("main~1^!",), ("main~2..main~1",)])
def test_a_commit_is_compared_with_its_first_parent(
    lake: str, parquetry: Runner, words: tuple[str, ...]
) -> None:
    done = parquetry("-C", lake, "diff", *words, "--stat", "--json")
    found = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert {one["table"]: one["status"] for one in found["tables"]} == {
        "customers": "added",
        "orders": "added",
    }
    assert (found["commits"], found["to"]["message"]) == (1, "first load")
    assert found["from"]["message"] == "catalog created"


def test_a_commit_without_parents_is_compared_with_the_empty_state(
    lake: str, parquetry: Runner
) -> None:
    done = parquetry("-C", lake, "diff", "--commit", "main~2", "--json")
    found = json.loads(done.out)
    assert (done.code, found["tables"], found["commits"]) == (0, [], 1)
    assert found["from"]["time"] is None


def test_python_and_sql_take_the_same_range(lake: str) -> None:
    cat = catalog.open(lake)
    with cat.diff("main^!") as found:
        assert (found["orders"].rows.updated, found.view.commits) == (2, 1)
    rows = cat.sql("SELECT count(*) FROM diff('orders', 'main^!')").fetchall()
    assert rows == [(4,)]
    assert cat.diff("main", "main~1").view.commits is None


def test_one_ref_that_names_a_commit_is_told_what_it_asks(lake: str, parquetry: Runner) -> None:
    commit_id = catalog.open(lake).resolve("main~1").commit_id[:8]
    done = parquetry("-C", lake, "diff", commit_id, "--stat")
    assert done.err == (
        f"hint: this compares {commit_id} → main; for what {commit_id} itself changed: "
        f"parquetry diff --commit {commit_id}\n"
    )
    for words in (["main~1"], [commit_id, "main"], [f"{commit_id}..main"], [commit_id, "--json"]):
        assert parquetry("-C", lake, "diff", *words, "--stat").err == ""


def test_one_ref_that_names_a_branch_is_told_how_to_see_its_changes(
    lake: str, parquetry: Runner, tmp_path: Path
) -> None:
    import shutil

    own = str(shutil.copytree(lake, tmp_path / "lake"))
    parquetry("-C", own, "branch", "create", "fix")
    done = parquetry("-C", own, "diff", "fix", "--stat")
    assert done.err.endswith("for what fix itself changed: parquetry diff main...fix\n")


@pytest.mark.parametrize(
    "words", [(), ("main", "--commit", "main"), ("--commit", "main^!"), ("--commit", "a..b")]
)
def test_ends_that_are_missing_or_doubled_are_refused(
    lake: str, parquetry: Runner, words: tuple[str, ...]
) -> None:
    done = parquetry("-C", lake, "diff", *words)
    assert (done.code, done.out) == (2, "")


def test_relative_times_are_taken_wherever_refs_are(lake: str, parquetry: Runner) -> None:
    query = "SELECT count(*) FROM orders@{0 hours ago} UNION ALL SELECT count(*) FROM orders"
    late = " AT (TIMESTAMP => 'now')"
    done = parquetry("-C", lake, "sql", query + late, "--format", "csv")
    assert done.out.splitlines()[1:] == ["5", "5"]
    done = parquetry("-C", lake, "diff", "main@{yesterday}")
    assert done.code == 3
    assert "the history starts after" in done.err
    assert "hint: the first commit is" in done.err


def test_main_alone_is_told_that_it_is_compared_with_itself(lake: str, parquetry: Runner) -> None:
    done = parquetry("-C", lake, "diff", "main", "--stat")
    assert done.err == (
        "hint: this compares main with itself; for what its newest commit changed: "
        "parquetry diff --commit main\n"
    )


def test_metadata_alone_cannot_say_that_rows_differ(lake: str, parquetry: Runner) -> None:
    done = parquetry("-C", lake, "diff", "main~1", "--stat", "--exit-code")
    assert (done.code, "which may hold the same rows" in done.err) == (1, True)


def test_a_file_that_was_written_is_named(lake: str, parquetry: Runner, tmp_path: Path) -> None:
    for words in (["--json"], ["--format", "markdown"], [], ["--rows"], ["--rows", "--json"]):
        done = parquetry("-C", lake, "diff", "main~1", *words, "-o", "found")
        assert (done.code, done.out, done.err.startswith("wrote ")) == (0, "", True), words
