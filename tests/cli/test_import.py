"""``import``: the past of a table, from its log to a merge."""

import json
from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake

from tests.cli.conftest import Runner


def write_version(place: str, first: int, rows: int, *, mode: str = "append") -> None:
    ids = pa.array(range(first, first + rows), pa.int64())
    write_deltalake(place, pa.table({"id": ids, "v": ids}), mode=mode)  # type: ignore[call-overload]


def test_a_table_comes_with_its_past_and_goes_on(lake: Path, parquetry: Runner) -> None:
    for first in (0, 10):
        write_version("readings", first, 10)
    command = ("import", "delta", "readings", "--table", "readings", "--key", "id")
    found = parquetry(*command)
    assert (found.code, found.err) == (0, "")
    head, *commits = found.out.splitlines()
    assert head == "2 versions of readings on import/readings"
    assert [line.partition(" Delta ")[2] for line in commits] == [
        "version 0: WRITE (mode=Append)",
        "version 1: WRITE (mode=Append)",
    ]
    assert parquetry(*command).out == "import/readings is up to date, at version 1\n"
    assert "10 inserted" in parquetry("diff", "import/readings~1", "import/readings").out
    assert "20 inserted" in parquetry("diff", "main...import/readings").out
    assert parquetry("merge", "import/readings").code == 0
    write_version("readings", 5, 3, mode="overwrite")
    said = json.loads(parquetry(*command, "--mode", "copy", "--json").out)
    assert (said["branch"], said["last"], said["began"]) == ("import/readings", 2, False)
    assert [one["version"] for one in said["commits"]] == [2]
    assert parquetry("merge", "import/readings", "--json").code == 0
    rows = parquetry("sql", "--format", "csv", "SELECT id FROM readings ORDER BY id").out
    assert rows.split() == ["id", "5", "6", "7"]
    graph = parquetry("log", "--graph", "--oneline").out.splitlines()

    assert [line for line in graph if "catalog created" in line]
    assert [line for line in graph if "Delta version 0" in line]


def test_errors_say_what_helps(lake: Path, parquetry: Runner) -> None:
    for first in range(3):
        write_version("readings", first, 1)
    command = ("import", "delta", "readings", "--table", "readings")
    assert parquetry(*command, "--from", "1").code == 0
    older = parquetry(*command, "--from", "0")
    assert (older.code, "--branch NAME" in older.err) == (3, True)
    turned = parquetry(*command, "--branch", "b", "--from", "2", "--to", "1")
    assert (turned.code, "version 2 of" in turned.err) == (3, True)
    placed = parquetry("import", "delta", "delta:readings@1", "--table", "readings")
    assert (placed.code, "the version 1 apart" in placed.err) == (3, True)
    unsaid = parquetry("snapshot", "readings=readings", "--at", "")
    assert (unsaid.code, "'' is neither the number" in unsaid.err) == (3, True)
    parquetry("sql", "--branch", "import/readings", "-m", "cut", "DELETE FROM readings")
    moved = parquetry(*command)
    assert (moved.code, "parquetry reset import/readings --to" in moved.err) == (3, True)
    assert parquetry("import", "hudi", "readings", "--table", "readings").code == 2
    assert parquetry("import", "delta", "v1/orders", "--table", "orders").code == 3
