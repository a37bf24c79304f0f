"""``lineage``: text, JSON, Mermaid and OpenLineage; and what ``--input`` records."""

import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from cli.output.lineage_drawing import mermaid_text
from cli.output.openlineage import RUNS
from tests.cli.conftest import Runner, write_parquet

ODD = 'a"]; click t0 "javascript:x" %% <b>\x1b'
"""A name that would end a label, begin a command, or steer a terminal."""


@pytest.fixture
def lake(parquetry: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARQUETRY_RECORD_CODE", "no")
    monkeypatch.setenv("PARQUETRY_CATALOG", str(tmp_path / "lake"))
    parquetry("init", str(tmp_path / "lake"))
    write_parquet(tmp_path / "in/a.parquet", {"id": [1, 2], "v": [3, 4]})
    assert parquetry("snapshot", f"orders={tmp_path}/in").code == 0
    for text in (
        "CREATE TABLE daily AS SELECT id % 2 AS odd, sum(v) AS total FROM orders GROUP BY ALL",
        "CREATE TABLE monthly AS SELECT max(total) AS top FROM daily",
    ):
        assert parquetry("sql", "--branch", "main", text).code == 0
    return tmp_path / "lake"


def text(parquetry: Runner, *words: str) -> list[str]:
    found = parquetry("lineage", *words)
    assert (found.code, found.err) == (0, "")
    said = r"[0-9a-f]{8}( \d{4}-\d\d-\d\d \d\d:\d\d)?"
    return [re.sub(said, "ID", one) for one in found.out.splitlines()]


def test_text_is_a_tree_of_tables_and_commits(parquetry: Runner, lake: Path) -> None:
    assert text(parquetry, "monthly") == [
        "monthly at main",
        "└─ ID sql create",
        "   └─ daily@ID",
        "      └─ ID sql create",
        "         └─ orders@ID",
        "            └─ ID snapshot of in",
    ]
    parquetry("sql", "--branch", "main", "UPDATE orders SET v = 9 WHERE id = 1")
    assert text(parquetry, "daily", "--column", "total") == [
        "daily at main, column total, stale",
        "└─ ID sql create",
        "   └─ orders@ID [id, v] (changed since)",
        "      └─ ID snapshot of in",
    ]
    assert text(parquetry, "orders", "--downstream") == [
        "orders at main",
        "└─ daily (stale)  ID sql create",
        "   └─ monthly (stale)  ID sql create",
    ]
    assert text(parquetry, "monthly", "--downstream") == [
        "monthly at main",
        "  no table was made from it",
    ]


def test_json_has_commits_columns_and_what_is_stale(parquetry: Runner, lake: Path) -> None:
    found = json.loads(parquetry("lineage", "daily", "--json").out)
    assert (found["format_version"], found["table"], found["stale"]) == (1, "daily", False)
    (write,) = found["writes"]
    assert write["statement"].startswith("CREATE TABLE daily")
    outputs = {c["name"]: c["inputs"] for c in write["column_lineage"]["columns"]}
    assert outputs["total"][0]["kinds"] == ["AGGREGATION"]
    assert write["inputs"][0]["table"] == "orders"
    down = json.loads(parquetry("lineage", "orders", "--downstream", "--format", "json").out)
    assert down["dependents"][0]["dependents"][0]["table"] == "monthly"


def test_mermaid_shows_odd_names_as_they_are(parquetry: Runner, lake: Path) -> None:
    lines = parquetry("lineage", "monthly", "--format", "mermaid").out.splitlines()
    assert lines[0] == "flowchart LR"
    assert sum("-->" in line for line in lines) == 2
    shown = mermaid_text(ODD)
    assert not set('"[]<>;\x1b%:') & set(re.sub(r"#\d+;", "", shown))
    decoded = re.sub(r"#(\d+);", lambda found: chr(int(found[1])), shown)
    assert decoded == ODD


def test_events_are_those_of_openlineage(parquetry: Runner, lake: Path) -> None:
    pytest.importorskip("openlineage.client")
    found = parquetry("lineage", "monthly", "--format", "openlineage")
    assert found.code == 0, found.err
    events: list[Any] = [json.loads(line) for line in found.out.splitlines()]
    assert [event["job"]["name"] for event in events] == ["orders", "daily", "monthly"]
    ids = json.loads(parquetry("log", "--json").out)["commits"]
    runs = [str(uuid.uuid5(RUNS, one["commit"])) for one in reversed(ids[:3])]
    assert [event["run"]["runId"] for event in events] == runs
    daily = events[1]
    facet = daily["outputs"][0]["facets"]["columnLineage"]
    (total,) = facet["fields"]["total"]["inputFields"]
    assert (total["name"], total["field"]) == ("orders", "v")
    assert total["transformations"] == [{"type": "DIRECT", "subtype": "AGGREGATION"}]
    assert {(one["field"], one["transformations"][0]["subtype"]) for one in facet["dataset"]} == {
        ("id", "GROUP_BY")
    }
    assert daily["inputs"][0]["facets"]["version"]["datasetVersion"] == ids[2]["commit"]
    assert "CREATE TABLE daily" in daily["job"]["facets"]["sql"]["query"]
    again = parquetry("lineage", "monthly", "--format", "openlineage")
    assert [json.loads(one)["run"] for one in again.out.splitlines()] == [e["run"] for e in events]


def test_without_the_library_the_extra_is_named(
    parquetry: Runner, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openlineage.client", None)
    found = parquetry("lineage", "monthly", "--format", "openlineage")
    assert found.code == 3
    assert "parquetry[openlineage]" in found.err


def test_inputs_are_recorded_from_the_command_line(
    parquetry: Runner, lake: Path, tmp_path: Path
) -> None:
    inputs = ("--input", "daily@main~1", "--input", "orders")
    made = parquetry("snapshot", f"taken={tmp_path}/in", *inputs)
    assert made.code == 0, made.err
    tree = [line.strip() for line in text(parquetry, "taken")]
    assert tree[2:4] == ["├─ daily@ID", "│  └─ ID sql create"]
    sql = ("sql", "--branch", "main", "INSERT INTO monthly VALUES (1)")
    assert parquetry(*sql, "--input", "taken@main").code == 0
    found = json.loads(parquetry("lineage", "monthly", "--json").out)
    assert found["writes"][0]["inputs"][0]["table"] == "taken"
    for wrong in ("nope@main", "orders@nope", "orders@", "@"):
        assert parquetry(*sql, "--input", wrong).code in (2, 3)
    assert parquetry("sql", "FROM orders", "--input", "orders").code == 2


def test_the_code_of_a_query_file_is_recorded_unless_the_configuration_says_no(
    parquetry: Runner, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PARQUETRY_RECORD_CODE")
    (tmp_path / ".git/refs/heads").mkdir(parents=True)
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git/refs/heads/main").write_text("1" * 40 + "\n")
    (tmp_path / "etl").mkdir()
    (tmp_path / "etl/daily.sql").write_text("CREATE OR REPLACE TABLE made AS SELECT uuid() AS a")
    words = ("sql", "--branch", "main", "-f", "etl/daily.sql")
    assert parquetry(*words).code == 0
    code = json.loads(parquetry("lineage", "made", "--json").out)["writes"][0]["code"]
    assert (code["commit"], code["file"]) == ("1" * 40, "etl/daily.sql")
    (tmp_path / "parquetry.toml").write_text("record_code = false\n")
    assert parquetry(*words).code == 0
    assert json.loads(parquetry("lineage", "made", "--json").out)["writes"][0]["code"] == {}


def test_unknown_things_are_errors(parquetry: Runner, lake: Path) -> None:
    for words in (("nope",), ("monthly@nope",), ("monthly", "--column", "nope")):
        assert parquetry("lineage", *words).code == 3
    assert parquetry("lineage", "monthly", "--format", "png").code == 2
