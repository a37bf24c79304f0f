"""The files that a diff is about: listed from its plan, at the price of the diff itself."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog.repository.nodes import NodeReader
from cli.main import run

FILES = 700


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a catalog with a table of many files, one of which is replaced."""
    folder: Path = tmp_path_factory.mktemp("files")
    source = folder / "t"
    source.mkdir()
    for number in range(FILES):
        pq.write_table(pa.table({"id": [number]}), source / f"{number:04}.parquet")
    lake = catalog.create(str(folder / "lake"))
    for message in ("all", "one"):
        with lake.transaction("main", message=message) as tx:
            tx.snapshot("t", str(source), key=["id"], mode="reference")
        pq.write_table(pa.table({"id": [-1]}), source / "0350.parquet")
    return folder / "lake"


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lists the manifest nodes that are asked for, by kind."""
    seen: list[str] = []
    original = NodeReader.columns

    def spy(self: NodeReader, node_id: str, kind: str, place: Any) -> Any:
        seen.append(kind)
        return original(self, node_id, kind, place)

    monkeypatch.setattr(NodeReader, "columns", spy)
    return seen


def test_files_that_came_and_went_are_values(lake: Path) -> None:
    table = catalog.open(str(lake)).diff("main~1", "main", level="stat")["t"]
    (added,), (removed,) = table.files_added, table.files_removed
    assert Path(added.path).name == Path(removed.path).name == "0350.parquet"
    assert (added.rows, dict(added.partition), added.uri) == (1, {}, added.path)
    assert added.token != removed.token
    assert table.coverage.files_kept == FILES - 1


def test_listing_the_files_of_a_diff_reads_what_its_totals_do(
    lake: Path, nodes: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    for option in ("--stat", "--files"):
        nodes.clear()
        assert run(("-C", str(lake), "diff", "main~1", option, "--json")) == 0
        asked.append(list(nodes))
        output = capsys.readouterr().out
    assert asked[0] == asked[1]
    (table,) = json.loads(output)["tables"]
    assert (len(table["added"]), len(table["removed"])) == (1, 1)
