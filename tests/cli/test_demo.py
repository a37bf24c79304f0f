"""``demo``, from end to end."""

import io
import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import REPOSITORY, Runner, in_process

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


def test_the_demo_tells_its_story(tmp_path: Path) -> None:
    folder = tmp_path / "with space, größe"  # it is there, and empty
    folder.mkdir()
    outcome = in_process("demo", folder.name, cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert_told("2-late-arrivals", outcome.out)
    assert_told("5-late-readings", outcome.out)
    told = outcome.out
    assert re.search(r"^daily_delays +in parts  month 5, 6; ", told, re.MULTILINE)
    assert re.search(r"weather@[0-9a-f]{8} \[.*temp.*\]", told)
    assert re.search(r"^ *│ .*late_readings@[0-9a-f]{8} \[", told, re.MULTILINE)
    assert "the same: monthly_by_carrier" in told
    assert (folder / "lake/catalog.json").is_file()
    assert (folder / "parquetry.toml").is_file()
    suggested = told.split("# now try")[1]
    assert suggested.count("$ parquetry ") == 3


def test_the_tutorial_tells_every_stage() -> None:
    page = (REPOSITORY / "docs/tutorial/validate-a-backfill.md").read_text(encoding="utf-8")
    for stage in ("2-late-arrivals", "3-corrections", "4-formula"):
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
