"""Snapshots say how a table drifts: rows before and after, columns, keys, partitions."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Runner, write_parquet

N = 1000


@pytest.fixture
def nightly(tmp_path: Path, parquetry: Runner) -> Path:
    """Makes three nights of a source, and a catalog that has the first."""
    rows = range(N)
    write_parquet(tmp_path / "s1/a.parquet", {"id": rows, "name": ["n"] * N, "v": rows})
    drifted = {"id": rows, "name2": ["n"] * N, "v": [float(n) for n in rows], "extra": rows}
    write_parquet(tmp_path / "s3/a.parquet", drifted)
    write_parquet(tmp_path / "s4/a.parquet", {name: [*c][:10] for name, c in drifted.items()})
    (tmp_path / "parquetry.toml").write_text('catalog = "L"\n')
    assert parquetry("-C", "L", "init").code == 0
    assert parquetry("-C", "L", "snapshot", "t=s1", "-m", "first").code == 0
    return tmp_path


def test_drift_and_loss_are_said(nightly: Path, parquetry: Runner) -> None:
    schema = "schema: \N{MINUS SIGN}name, +name2, +extra, v BIGINT → DOUBLE; files: 1 added"
    dry = parquetry("-C", "L", "snapshot", "t=s3", "--dry-run")
    assert dry.out.startswith("t  1,000 rows in ")
    assert schema in dry.out
    drift = parquetry("-C", "L", "snapshot", "t=s3", "-m", "schema drift")
    assert drift.out.startswith("t  1,000 rows in ")
    assert schema in drift.out
    loss = parquetry("-C", "L", "snapshot", "t=s4", "-m", "99 percent gone")
    assert loss.out.startswith("t  1,000 → 10 rows (\N{MINUS SIGN}99.0 %) in ")
    assert "schema" not in loss.out


def test_json_says_all_that_the_line_says(nightly: Path, parquetry: Runner) -> None:
    dry = parquetry("-C", "L", "snapshot", "t=s4", "--dry-run", "--key", "id", "--json")
    (table,) = json.loads(dry.out)["tables"]
    assert (table["rows_before"], table["rows"], table["key"]) == (1000, 10, ["id"])
    assert (table["null_keys"], table["repeated_keys"]) == (None, None)
    assert [(c["change"], c["column"], c["from"], c["to"]) for c in table["schema_changes"]] == [
        ("type_changed", "v", "BIGINT", "DOUBLE"),
        ("column_added", "name2", None, "VARCHAR"),
        ("column_added", "extra", None, "BIGINT"),
        ("column_removed", "name", "VARCHAR", None),
        ("key_changed", None, None, "id"),
    ]
    assert table["partitions"] == []


def test_a_table_without_key_is_noted_once(nightly: Path, parquetry: Runner) -> None:
    note = "no key: updates will show as deleted + inserted; --key"
    two = parquetry("-C", "L", "snapshot", "t=s3", "u=s1")
    assert two.err == (f"t, u have {note} t=COLUMN says which rows are the same\n")
    assert "no key" not in parquetry("-C", "L", "snapshot", "t=s3", "u=s1").err  # unchanged
    assert "no key" not in parquetry("-C", "L", "snapshot", "t=s1", "--key", "id").err
    assert "no key" not in parquetry("-C", "L", "snapshot", "u=s1", "--append").err
    (nightly / "parquetry.toml").write_text('catalog = "L"\n[tables.w]\nsource = "s1"\nkey = []\n')
    assert parquetry("snapshot").err == ""  # said to have none


def test_keys_that_repeat_are_counted_and_those_not_looked_at_are_said(
    nightly: Path, parquetry: Runner
) -> None:
    write_parquet(nightly / "s5/a.parquet", {"id": [1, 1, 2, None], "v": [1, 2, 3, 4]})
    dry = parquetry("-C", "L", "snapshot", "k=s5", "--key", "id", "--dry-run")
    assert "; keys not checked; " in dry.out
    taken = parquetry("-C", "L", "snapshot", "k=s5", "--key", "id")
    assert "; keys: 2 repeated, 1 NULL; " in taken.out


def test_partitions_that_come_go_and_change_are_counted(nightly: Path, parquetry: Runner) -> None:
    for day in (1, 2, 3):
        write_parquet(nightly / f"p1/day={day}/a.parquet", {"id": [day]})
    for day in (2, 3, 4, 5):
        write_parquet(nightly / f"p2/day={day}/a.parquet", {"id": [day, day if day > 2 else 9]})
    first = parquetry("-C", "L", "snapshot", "p=p1")
    assert "partitions" not in first.out
    second = parquetry("-C", "L", "snapshot", "p=p2")
    assert "; partitions: 2 new, 2 changed, 1 gone; files: 4 added, 3 removed; " in second.out
