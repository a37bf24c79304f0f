"""``compact`` and ``status --files`` as commands."""

import json
from pathlib import Path

import pyarrow as pa

import catalog

from .conftest import Runner


def filled(folder: Path) -> None:
    cat = catalog.create(str(folder / "lake"))
    for number in range(4):
        with cat.transaction() as tx:
            how = {"key": ["id"], "partition_by": ["day"]} if number == 0 else {}
            rows = pa.table({"id": [number, number + 10], "day": ["a", "b"]})
            tx.write("orders", rows, mode="append", **how)


def test_it_says_what_it_would_do_does_it_and_is_done(parquetry: Runner, tmp_path: Path) -> None:
    filled(tmp_path)
    at = ("-C", "lake")
    listed = parquetry(*at, "status", "--files", "--exit-code")
    assert listed.code == 1 and "orders" in listed.out
    (table,) = json.loads(parquetry(*at, "status", "--files", "--json").out)["tables"]
    assert (table["files"], table["small_files"], table["into"], table["partitions"]) == (
        8,
        8,
        2,
        2,
    )
    dry = parquetry(*at, "compact", "--dry-run")
    assert "would become about 2" in dry.out and "nothing was written" in dry.out
    some = parquetry(*at, "compact", "orders", "--partitions", "day=a", "-m", "tidy", "--json")
    told = json.loads(some.out)
    assert told["tables"][0]["small_files"] == 4 and told["commit"] is not None
    every = parquetry(*at, "compact")
    assert "4 small files" in every.out and "became 1" in every.out
    assert parquetry(*at, "compact").out == "no small files to put together, no commit\n"
    assert parquetry(*at, "status", "--files", "--exit-code").code == 0
    assert "rewritten" in parquetry(*at, "diff", "main~2", "main").out


def test_what_is_not_valid_is_said(parquetry: Runner, tmp_path: Path) -> None:
    filled(tmp_path)
    at = ("-C", "lake")
    assert "is not a size" in parquetry(*at, "compact", "--target-size", "much").err
    assert "is no partition" in parquetry(*at, "compact", "--partitions", "nix = 1").err
    assert parquetry(*at, "compact", "nothing").code != 0
    assert parquetry(*at, "status", "--files", "--stale").code == 2
    assert parquetry(*at, "status", "--target-size", "1MB").code == 2
