"""The benchmarks run: the two sides of a diff count the same, and no commit is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.effort import effort

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SCRIPT = BENCHMARKS / "diff.py"


@pytest.mark.parametrize("names", effort(["S2", "S4,S11"], ["S2", "S4,S8,S9,S11"]))
def test_ours_and_sql_by_hand_agree_on_every_count(names: str, tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    done = subprocess.run(
        [
            *(sys.executable, str(SCRIPT), "--only", names, "--rows", "8000", "--runs", "1"),
            *effort(["--plain", "--here"] if names != "S2" else [], []),
            *("--data", str(tmp_path / "data"), "--json", str(found)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(found.read_text())
    assert {one["scenario"] for one in results} == set(names.split(","))
    for one in results:
        assert one["problems"] == []
        taken = one["medians"]
        by_hand = taken["hand" if "hand" in taken else "part"]["counts"]
        assert taken["rows"]["counts"]["written"] == by_hand["written"] > 0
    assert not list((tmp_path / "data").iterdir())


FEW = "S13,S14,S15"

MANY = "S2t,S3,S7b,S12,S13,S14,S15,H1,H2,H3,H4,H5,H5b,H6,H7,H8"


def test_rows_that_come_and_go_are_counted_as_by_hand(tmp_path: Path) -> None:
    file, written = tmp_path / "found.json", tmp_path / "tables.md"
    done = subprocess.run(
        [
            *(sys.executable, str(SCRIPT), "--here", *effort(["--plain"], []), "--runs", "1"),
            *("--only", effort(FEW, MANY), "--rows", effort("2000", "20000")),
            *("--data", str(tmp_path / "data"), "--json", str(file), "--markdown", str(written)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == written.read_text()
    for one in json.loads(file.read_text()):
        counts = {name: taken["counts"] for name, taken in one["medians"].items()}
        assert one["problems"] == []
        assert counts["rows"]["content"] == counts["hand"]["content"] != 0
        assert sum(counts["cells"][name] for name in ("inserted", "deleted", "updated")) > 0
    assert not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize("how", [[], ["--snapshot"]])
def test_of_the_commits_of_many_processes_none_is_lost(how: list[str], tmp_path: Path) -> None:
    script = str(BENCHMARKS / "commits.py")
    small = ["--processes", "3", "--commits", "4", "--files", "3", "--dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, script, *small, *how], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split("|") for line in done.stdout.splitlines()[-2:]]
    assert [(cells[1].strip(), cells[2].strip(), cells[-2].strip()) for cells in lines] == [
        ("tables", "12", "0"),
        ("append", "12", "0"),
    ]


def test_a_merge_is_measured_against_its_parts(tmp_path: Path) -> None:
    script = str(BENCHMARKS / "merge.py")
    small = ["--rows", "8000", "--runs", "1", "--data", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, script, *small], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split("|")[1].strip() for line in done.stdout.splitlines()[3:]]
    assert lines == ["merge", "diff of one side", "rewrite by DuckDB", "2.5 diffs and 1.2 rewrites"]
    assert not list(tmp_path.iterdir())


def test_blame_opens_few_files_of_a_table_with_clustered_keys() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "blame.py"), "--files", "200", "--commits", "4"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    opened = {
        (cells[1].strip(), cells[2].strip()): int(cells[3])
        for cells in (line.split("|") for line in done.stdout.splitlines()[4:])
    }
    assert len(opened) == 6
    assert all(files <= 4 for (keys, _), files in opened.items() if keys == "clustered")
    assert opened["hashed", "blame, never changed"] > 20


def test_a_refresh_of_one_partition_is_measured_against_a_full_one() -> None:
    script = str(BENCHMARKS / "refresh.py")
    small = ["--rows", "2000", "--partitions", "10", "--runs", "1"]
    done = subprocess.run(
        [sys.executable, script, *small], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split("|")[1].strip() for line in done.stdout.splitlines()[4:]]
    assert lines == ["aggregate", "join", "start-up, and what is stale"]


@pytest.mark.parametrize("command", effort([], ["log"]))
def test_starting_a_command_is_measured_against_its_imports(command: str) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "start.py"), "--runs", "1", "--only", command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"| `parquetry {command}` |" in done.stdout


@pytest.mark.skipif(effort(True, False), reason="each step is a process: --thorough")
def test_versions_of_a_directory_are_as_they_should_be(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    done = subprocess.run(
        [
            *(sys.executable, str(BENCHMARKS / "filesets.py"), "--files", "2500"),
            *("--data", str(tmp_path), "--json", str(found)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(found.read_text())["problems"] == []
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]


def test_explanations_are_measured_beside_counts(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, str(BENCHMARKS / "explain.py"), "--here", "--runs", "1"),
            *("--only", effort("E1", "S4,S9,E1,E2,H8"), "--rows", "2000"),
            *("--data", str(tmp_path / "data")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2,000 rows, medians of 1.")
    assert "| E1 | a fifth of the amounts" in done.stdout
