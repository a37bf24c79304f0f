"""``show``: what one commit says of itself, and what it changed."""

import json
import shutil
from pathlib import Path

import pytest

import catalog

from .conftest import Runner, write_parquet


@pytest.fixture
def lake(two_commits: Path) -> str:
    return str(two_commits / "lake")


@pytest.fixture
def own(two_commits: Path, tmp_path: Path) -> str:
    return str(shutil.copytree(two_commits / "lake", tmp_path / "lake"))


def test_a_commit_is_shown_with_the_rows_and_columns_it_changed(
    lake: str, parquetry: Runner
) -> None:
    done = parquetry("-C", lake, "show")
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert lines[3] == "  backfill"
    assert lines[4] == "    orders  modified  key order_id"
    assert "5: 1 inserted, 1 deleted (20.0 %), 2 updated (40.0 %)" in lines[5]
    words = [line.replace(";", " ").split()[:3] for line in lines]
    assert ["amount", "2", "filled"] in words
    assert ["note", "1", "corrected"] in words
    assert lines[-1].startswith("  orders: snapshot of ")


def test_json_has_what_text_shows(lake: str, parquetry: Runner) -> None:
    found = json.loads(parquetry("-C", lake, "show", "--json").out)
    (orders,) = found["diff"]["tables"]
    counted = {name: orders["rows"][name] for name in ("inserted", "deleted", "updated")}
    assert counted == {"inserted": 1, "deleted": 1, "updated": 2}
    assert {one["column"]: one["changed"] for one in orders["columns"]} == {"amount": 2, "note": 1}
    assert (found["message"], found["statements"]) == ("backfill", {})
    assert found["tables"] == {"orders": {"files_added": 1, "files_removed": 1}}


def test_stat_reads_metadata_alone(own: str, parquetry: Runner) -> None:
    for file in Path(own).rglob("*.parquet"):
        file.write_bytes(b"damaged")
    done = parquetry("-C", own, "show", "main~1", "--stat")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[4:7] == [
        "    customers: new, 2 rows; 1 file added",
        "    orders: new, 5 rows; 2 files added",
        "    2 tables, 0 → 7 rows; 3 files added",
    ]
    found = json.loads(parquetry("-C", own, "show", "--stat", "--json").out)
    assert found["diff"]["tables"][0]["rows"]["inserted"] is None


def test_the_whole_diff_is_that_of_diff_commit(lake: str, parquetry: Runner) -> None:
    whole = parquetry("-C", lake, "show", "main", "--diff").out
    picture = parquetry("-C", lake, "diff", "--commit", "main").out
    assert whole.endswith(picture.partition("\norders")[2])
    assert "12.5" in whole


def test_the_first_commit_changed_nothing(lake: str, parquetry: Runner) -> None:
    for words in ((), ("--stat",), ("--diff",), ("--json",)):
        done = parquetry("-C", lake, "show", "main~2", *words)
        assert (done.code, done.err) == (0, "")
        assert "catalog created" in done.out


def test_a_merge_is_compared_with_its_first_parent(own: str, parquetry: Runner) -> None:
    cat = catalog.open(own)
    cat.branches.create("fix", at="main")
    parquetry(
        "-C", own, "sql", "--branch", "fix", "UPDATE orders SET amount = 0 WHERE order_id = 5"
    )
    parquetry("-C", own, "sql", "--branch", "main", "DELETE FROM customers WHERE customer_id = 1")
    parquetry("-C", own, "merge", "fix")
    found = json.loads(parquetry("-C", own, "show", "--json").out)
    assert len(found["parents"]) == 2
    assert [(t["table"], t["rows"]["updated"]) for t in found["diff"]["tables"]] == [("orders", 1)]


def test_what_cannot_be_read_is_said_and_metadata_stands_in(
    own: str, parquetry: Runner, tmp_path: Path
) -> None:
    write_parquet(tmp_path / "in/a.parquet", {"id": [1, 2]})
    write_parquet(tmp_path / "more/b.parquet", {"id": [2, 3, 4]})
    for source in ("in", "more"):
        words = ("snapshot", f"t={tmp_path / source}", "--mode", "reference", "--key", "t=id")
        assert parquetry("-C", own, *words).code == 0
    (tmp_path / "in/a.parquet").unlink()
    done = parquetry("-C", own, "show")
    assert done.code == 0
    assert done.err.startswith("warning: rows were not compared: ")
    assert "t: 2 → 3 rows" in done.out
    assert parquetry("-C", own, "show", "--diff").code == 3


def test_statements_are_shown_in_full_but_not_twice(own: str, parquetry: Runner) -> None:
    long = "UPDATE orders SET note = " + " || ".join(["'" + "x" * 40 + "'"] * 8)
    parquetry("-C", own, "sql", "--branch", "main", "-m", "longer notes", long)
    done = parquetry("-C", own, "show")
    assert "  orders: sql update" in done.out.splitlines()
    assert f"    {long}" in done.out.splitlines()
    assert json.loads(parquetry("-C", own, "show", "--json").out)["statements"] == {
        "orders": [long]
    }
    parquetry(
        "-C", own, "sql", "--branch", "main", "-m", "DELETE FROM orders", "DELETE FROM orders"
    )
    assert parquetry("-C", own, "show").out.count("DELETE FROM orders") == 1


def test_two_ways_to_show_exclude_each_other(lake: str, parquetry: Runner) -> None:
    assert parquetry("-C", lake, "show", "--stat", "--diff").code == 2
