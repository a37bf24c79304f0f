"""``demo``, from end to end."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import catalog
from tests.cli.conftest import REPOSITORY, Runner

EXPECTED = json.loads((REPOSITORY / "sample_data/expected.json").read_text())
"""What each stage changes, counted in plain Python by the script that made the data."""


def assert_told(stage: str, text: str) -> None:
    """Asserts that a text shows every count of a stage: rows, and cells of each column."""
    told = text.replace(",", "")
    for table, counts in EXPECTED[stage].items():
        assert re.search(rf"^{table}  modified", told, re.MULTILINE)
        for kind in ("inserted", "deleted", "updated"):
            assert not counts[kind] or f"{counts[kind]} {kind}" in told
        for column, cells in counts["columns"].items():
            numbers = r"\s+".join(str(cells[k]) for k in ("filled", "cleared", "corrected"))
            assert re.search(rf"^  {column}\s+{numbers}\s", told, re.MULTILINE), column


def frost_and_overwritten(sample: Path) -> tuple[int, int, int]:
    """Counts, with DuckDB alone, departures in frost without and with the late readings.

    Returns:
        Both, and the readings that were there and that the late feed has otherwise.
    """
    tables = f"""
        WITH flights AS (
            SELECT origin, time_hour FROM read_parquet(
                '{sample}/1-first-load/flights/month=[1-4]/*.parquet')
            UNION ALL SELECT origin, time_hour FROM read_parquet(
                '{sample}/2-late-arrivals/flights/*/*.parquet')),
        late AS (SELECT * FROM read_parquet('{sample}/5-late-readings/*.parquet')),
        weather AS (SELECT w.origin, w.time_hour, w.temp, late.temp AS late
            FROM read_parquet('{sample}/1-first-load/weather/*/*.parquet') AS w
            LEFT JOIN late USING (origin, time_hour))
    """
    frost = "count(*) FILTER ({} <= 32) FROM flights JOIN weather USING (origin, time_hour)"
    found = duckdb.sql(f"""{tables} SELECT
        (SELECT {frost.format("temp")}), (SELECT {frost.format("coalesce(temp, late)")}),
        (SELECT count(*) FROM weather WHERE temp <> late)""").fetchall()
    before, after, overwritten = found[0]
    return before, after, overwritten


STATE = """SELECT (SELECT count(*) - count(temp) FROM weather),
                  (SELECT sum(in_frost) FROM daily_delays),
                  (SELECT sum(in_frost) FROM monthly_by_carrier)"""


def states(lake: Path, running: "subprocess.Popen[str]") -> set[tuple[int, ...]]:
    """Polls ``main`` while a process runs, and once after it, from the time all tables exist."""
    seen = set()
    cat = None
    ended = False
    while not ended:
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(0.1)
        ended = running.poll() is not None
        with contextlib.suppress(catalog.NotFound):
            cat = cat or catalog.open(str(lake))
            seen.add(cat.sql(STATE).fetchall()[0])
    return seen


@pytest.mark.invariant("Readers of a branch see the old or the new state of all tables")
def test_the_demo_tells_its_story_and_readers_see_all_of_it_or_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "with space, größe"  # it is there, and empty
    folder.mkdir()
    command = [sys.executable, "-m", "cli.main", "demo", folder.name]
    out, err = tmp_path / "out.txt", tmp_path / "err.txt"
    with (
        out.open("w") as stdout,
        err.open("w") as stderr,
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=stdout,
            stderr=stderr,
            text=True,
        ) as running,
    ):
        seen = states(folder / "lake", running)
    told = out.read_text(encoding="utf-8")
    assert (running.returncode, err.read_text()) == (0, "")
    before, after, overwritten = frost_and_overwritten(REPOSITORY / "sample_data")
    assert seen == {(100, before, before), (0, after, after)}
    assert_told("2-late-arrivals", told)
    assert_told("5-late-readings", told)
    assert re.search(r"^daily_delays +in parts  month 5, 6; ", told, re.MULTILINE)
    refused, merged = told.split("# exit code 1\n")
    assert f"contract late-weather: {overwritten} cells of column temp corrected" in refused
    assert "origin=LGA, time_hour=2013-02-07 06:00:00: temp 30.02 → 30.2\n" in refused
    assert "\nrefused: main stays as it is\n" in refused
    assert "\npassed: 3 checks; contract late-weather\nmerged: main is now " in merged
    assert re.search(r"weather@[0-9a-f]{8} \[.*temp.*\]", merged)
    assert re.search(r"^ *│ .*late_readings@[0-9a-f]{8} \[", merged, re.MULTILINE)
    assert "the same: monthly_by_carrier" in merged
    pictures = merged.split("$ parquetry diff main better-pictures\n")[1]
    assert "6 replaced, 1 moved, 1 added, 1 removed" in pictures
    assert re.search(
        r"^  replaced  HA\.jpg .*  \d\d % alike\n  replaced  AS", pictures, re.MULTILINE
    )
    assert (folder / "lake/catalog.json").is_file()
    assert (folder / "parquetry.toml").is_file()
    assert merged.split("# now try")[1].count("$ parquetry ") == 3


def test_the_tutorial_tells_every_stage() -> None:
    page = (REPOSITORY / "docs/tutorial/validate-a-backfill.md").read_text(encoding="utf-8")
    for stage in EXPECTED:
        assert_told(stage, page)


def test_what_the_demo_suggests_works(
    tmp_path: Path, parquetry: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parquetry("demo").code == 0
    from cli.story import SUGGESTIONS

    monkeypatch.chdir(tmp_path / "parquetry-demo")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    for words in SUGGESTIONS:
        outcome = parquetry(*words)
        assert (outcome.code, outcome.err) == (0, ""), words


def test_the_demo_refuses_a_directory_with_something_in_it(
    tmp_path: Path, parquetry: Runner
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    outcome = parquetry("demo", "full")
    assert outcome.code == 3
    assert "not empty" in outcome.err
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_the_data_alone_can_be_had(tmp_path: Path, parquetry: Runner) -> None:
    outcome = parquetry("demo", "--data-only", "data")
    assert (outcome.code, outcome.out, outcome.err) == (0, "sample data is in data\n", "")
    assert (tmp_path / "data/late-weather/contract.toml").is_file()
    assert not (tmp_path / "data/lake").exists()
    assert not (tmp_path / "data/parquetry.toml").exists()
