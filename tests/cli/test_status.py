"""``status``: how tables differ from their sources, before anything is taken."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from tests.cli.conftest import Runner, write_parquet

N = 1000


@pytest.fixture
def lake(tmp_path: Path, parquetry: Runner) -> Path:
    """Makes a catalog with a table of each kind, from sources that a configuration names."""
    write_parquet(tmp_path / "t/a.parquet", {"id": range(N), "v": range(N)})
    for day in (1, 2, 3):
        write_parquet(tmp_path / f"p/day={day}/a.parquet", {"id": range(day)})
    write_deltalake(str(tmp_path / "d"), pa.table({"k": [1, 2, 3]}))
    (tmp_path / "f").mkdir()
    for n in range(3):
        (tmp_path / f"f/{n}.txt").write_text(str(n))
    (tmp_path / "parquetry.toml").write_text(
        'catalog = "L"\n'
        '[tables.t]\nsource = "t"\nkey = ["id"]\nmax_loss = "5%"\nschema = "strict"\n'
        '[tables.p]\nsource = "p"\nkey = []\n'
        '[tables.d]\nsource = "d"\nkey = ["k"]\n'
        '[tables.f]\nsource = "f"\nformat = "files"\n'
    )
    assert parquetry("init", "L").code == 0
    assert parquetry("snapshot", "-m", "first night").code == 0
    return tmp_path


def drift(lake: Path) -> None:
    write_parquet(lake / "t/a.parquet", {"id": range(10), "w": range(10)})
    for day in (3, 4, 5, 6, 7):
        write_parquet(lake / f"p/day={day}/a.parquet", {"id": range(day + 1)})
    (lake / "p/day=1/a.parquet").unlink()
    write_deltalake(str(lake / "d"), pa.table({"k": [4]}), mode="append")
    (lake / "f/0.txt").unlink()


def tables(parquetry: Runner, *words: str) -> dict[str, dict[str, Any]]:
    shown = json.loads(parquetry("status", *words, "--json").out)
    return {table["table"]: table for table in shown["tables"]}


def test_nothing_changed_is_said_with_what_took_it_last(lake: Path, parquetry: Runner) -> None:
    commit = json.loads(parquetry("log", "--json").out)["commits"][0]
    lines = parquetry("status").out.splitlines()
    assert lines[0].split() == ["table", "state", "rows", "files", "source", "last", "snapshot"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["t", "unchanged", "1,000"],
        ["p", "unchanged", "6"],
        ["d", "unchanged", "3"],
        ["f", "unchanged", "3"],
    ]
    assert all(f"{commit['commit'][:8]} " in line for line in lines[1:])
    assert all(line.endswith(" first night") for line in lines[1:])
    for table in tables(parquetry).values():
        last = table["last_snapshot"]
        assert last == {name: commit[name] for name in ("commit", "time", "author", "message")}


def test_drift_is_said_of_every_kind_of_source(lake: Path, parquetry: Runner) -> None:
    drift(lake)
    outcome = parquetry("status")
    assert (outcome.code, outcome.err) == (0, "")
    words = " ".join(outcome.out.split())
    for said in (
        "1,000 → 10 rows (\N{MINUS SIGN}99.0 %) 1 added, 1 removed",
        "6 → 32 rows (+433.3 %)",
        "3 → 4 rows (+33.3 %)",
        "3 → 2 rows (\N{MINUS SIGN}33.3 %)",
        "guard refuses: column w was added in table t",
        "guard refuses: table t loses 990 of 1,000 rows (99.0 %)",
        "schema \N{MINUS SIGN}v, +w",
        "partitions 4 new (day=4 … day=7), 1 changed (day=3), 1 gone (day=1)",
        "keys not checked",
    ):
        assert said in words, said
    found = tables(parquetry)
    dry = json.loads(parquetry("snapshot", "--dry-run", "--json").out)["tables"]
    assert len(dry) == 4
    for table in dry:
        here = found[table["table"]]
        assert {name: here[name] for name in table if name != "changed"} == {
            name: value for name, value in table.items() if name != "changed"
        }
        assert here["state"] == "changed"


def test_exit_code_says_whether_anything_would_change(lake: Path, parquetry: Runner) -> None:
    assert parquetry("status", "--exit-code").code == 0
    assert parquetry("status", "gone=nowhere", "--exit-code").code == 1
    assert parquetry("status", "new=t", "--exit-code").code == 1
    drift(lake)
    assert parquetry("status", "--exit-code").code == 1
    assert parquetry("status", "--exit-code", "--json").code == 1
    assert parquetry("status").code == 0


def test_a_missing_source_has_the_keys_of_the_others(lake: Path, parquetry: Runner) -> None:
    found = tables(parquetry, "t=nowhere", "d=d")
    assert [*found["t"]] == [*found["d"]]
    gone = found["t"]
    assert (gone["state"], gone["rows_before"], gone["rows"]) == ("missing", N, None)
    assert gone["last_snapshot"] is not None


def test_csv_has_a_line_for_each_source(lake: Path, parquetry: Runner) -> None:
    drift(lake)
    (first, *_) = csv.DictReader(io.StringIO(parquetry("status", "--format", "csv").out))
    shown = {name: first[name] for name in ("table", "state", "rows_before", "rows", "schema")}
    assert shown == {
        "table": "t",
        "state": "changed",
        "rows_before": "1000",
        "rows": "10",
        "schema": "\N{MINUS SIGN}v, +w",
    }
    assert first["last_snapshot_message"] == "first night"


def test_the_last_snapshot_is_not_a_later_change(lake: Path, parquetry: Runner) -> None:
    parquetry("sql", "--branch", "main", "-m", "a fix", "DELETE FROM t WHERE id = 7")
    found = tables(parquetry)
    assert found["t"]["last_snapshot"]["message"] == "first night"
    assert (found["t"]["rows_before"], found["t"]["rows"]) == (N - 1, N)
    parquetry("snapshot", "t", "-m", "second night")
    found = tables(parquetry)
    assert found["t"]["last_snapshot"]["message"] == "second night"
    assert found["p"]["last_snapshot"]["message"] == "first night"


def test_tables_without_key_are_noted_once(lake: Path, parquetry: Runner) -> None:
    outcome = parquetry("status", "x=t", "y=t")
    assert outcome.err.count("no key: updates will show as deleted + inserted; --key x=") == 1


def test_odd_names_stay_on_their_line(tmp_path: Path, parquetry: Runner) -> None:
    column, value = "c\x1b[31m\n", "v\x1b[0m"
    (tmp_path / "parquetry.toml").write_text('catalog = "L"\n[guard]\nschema = "strict"\n')
    parquetry("init", "L")
    write_parquet(tmp_path / f"s/day={value}/a.parquet", {"id": [1]})
    assert parquetry("snapshot", "t=s", "-m", "a\x1b[31m message").code == 0
    write_parquet(tmp_path / f"s/day={value}/a.parquet", {"id": [1], column: [1]})
    for words in (("status", "t=s"), ("snapshot", "t=s", "--dry-run"), ("snapshot", "t=s")):
        outcome = parquetry(*words)
        assert "\x1b" not in outcome.out + outcome.err
        assert "c\\x1b[31m\\n" in outcome.out
