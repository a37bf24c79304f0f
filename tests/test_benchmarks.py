"""The benchmark of diffs runs, and its two sides count the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "diff.py"


@pytest.mark.parametrize("names", ["S2", "S4,S8,S9,S11"])
def test_ours_and_sql_by_hand_agree_on_every_count(names: str, tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    done = subprocess.run(
        [
            *(sys.executable, str(SCRIPT), "--only", names, "--rows", "8000", "--runs", "1"),
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
