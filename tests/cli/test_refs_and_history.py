"""``init``, ``branch``, ``tag``, ``reflog``, ``log`` and ``show`` on catalogs without tables."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Runner, in_process


@pytest.fixture
def empty(tmp_path: Path, parquetry: Runner, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert parquetry("init", "lake").code == 0
    monkeypatch.setenv("PARQUETRY_CATALOG", str(tmp_path / "lake"))
    return tmp_path / "lake"


def test_init_says_where(tmp_path: Path, parquetry: Runner) -> None:
    assert parquetry("init", "lake").out == "created a catalog in lake, with branch main\n"


def test_init_of_a_catalog_is_an_error_that_names_it(empty: Path, parquetry: Runner) -> None:
    again = parquetry("init", "lake")
    assert again.code == 3
    assert again.err.startswith("error: there is already a catalog in lake\nhint: ")


def test_branches_are_created_listed_and_deleted(empty: Path, parquetry: Runner) -> None:
    assert parquetry("branch", "create", "backfill/2024-03").code == 0
    listed = json.loads(parquetry("branch", "list", "--json").out)
    assert listed["format_version"] == 1
    assert [one["branch"] for one in listed["branches"]] == ["backfill/2024-03", "main"]
    deleted = parquetry("branch", "delete", "backfill/2024-03")
    assert "to restore it: parquetry branch create backfill/2024-03 --at " in deleted.out
    assert "backfill" not in parquetry("branch", "list").out


def test_tags_are_created_listed_and_deleted(empty: Path, parquetry: Runner) -> None:
    assert parquetry("tag", "list").out == "no tags\n"
    assert parquetry("tag", "create", "v1.0", "-m", "as published").code == 0
    listed = json.loads(parquetry("tag", "list", "--format", "json").out)["tags"]
    assert [(one["tag"], one["message"]) for one in listed] == [("v1.0", "as published")]
    assert parquetry("tag", "delete", "v1.0").code == 0
    assert parquetry("tag", "create", "v1.0").code == 3


def test_odd_ref_names_work(empty: Path, parquetry: Runner) -> None:
    assert parquetry("branch", "create", "Fehler/ß-1").code == 0
    assert "Fehler/ß-1" in parquetry("branch", "list").out
    assert parquetry("log", "Fehler/ß-1").code == 0


def test_reflog_lists_moves_newest_first(empty: Path, parquetry: Runner) -> None:
    moves = json.loads(parquetry("reflog", "main", "--json").out)["moves"]
    assert [move["ref"] for move in moves] == ["main@{0}"]
    assert moves[0]["before"] is None


def test_log_shows_names_and_message(empty: Path, parquetry: Runner) -> None:
    parquetry("tag", "create", "v1.0")
    first, _, message = parquetry("log").out.splitlines()
    assert first.endswith("(main, tag v1.0)")
    assert message == "  catalog created"


def test_log_as_json_is_full(empty: Path, parquetry: Runner) -> None:
    commit = json.loads(parquetry("log", "--json").out)["commits"][0]
    assert set(commit) == {
        *("commit", "parents", "generation", "time", "author", "message", "tables"),
        *("metadata", "lineage", "gate"),
    }
    assert commit["time"].endswith("Z")


def test_log_as_csv_has_a_header(empty: Path, parquetry: Runner) -> None:
    assert parquetry("log", "--format", "csv").out.startswith("commit,time,author,message,tables\n")


def test_show_prints_the_whole_id(empty: Path, parquetry: Runner) -> None:
    commit_id = json.loads(parquetry("show", "--json").out)["commit"]
    assert len(commit_id) == 64
    assert f"commit {commit_id} (main)" in parquetry("show", commit_id[:8]).out


def test_an_unknown_ref_names_the_nearest(empty: Path, parquetry: Runner) -> None:
    outcome = parquetry("log", "mian")
    assert outcome.code == 3
    assert outcome.err == "error: no branch, tag or commit 'mian'\nhint: did you mean main?\n"


def test_a_name_that_reads_like_an_option_is_refused(empty: Path, parquetry: Runner) -> None:
    assert parquetry("branch", "create", "--", "-x").code == 3


def test_a_closed_pipe_is_quiet(empty: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    script = f"{sys.executable} -m cli.main log --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", f"for i in 1 2 3; do {script}; done"],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PARQUETRY_CATALOG": str(empty),
            "PATH": "/usr/bin:/bin",
        },
    )
    assert (done.stdout, done.stderr) == ("0\n0\n0\n", "")


def test_output_is_utf8_whatever_the_locale_says(empty: Path, tmp_path: Path) -> None:
    in_process("tag", "create", "größe", cwd=tmp_path)
    outcome = in_process("tag", "list", cwd=tmp_path, env={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert (outcome.code, outcome.err) == (0, "")
    assert "größe" in outcome.out
