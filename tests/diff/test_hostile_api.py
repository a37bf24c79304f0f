"""The diff of hostile histories, asked for as a program asks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import catalog
from tests.diff.cases_build import Files, rows, side
from tests.diff.cases_check import snapshot
from tests.diff.cases_pair import write


@pytest.fixture
def lake(tmp_path: Path) -> Any:
    return catalog.create(str(tmp_path / "lake"))


def commit(lake: Any, folder: Path, *versions: Files) -> None:
    """Commits versions of the table ``t``, keyed by ``id``, one after another."""
    for number, files in enumerate(versions):
        version = side(files, "id")
        assert snapshot(lake, version, write(version, folder / f"v{number}")) is not None


def counts(table: Any) -> tuple[int, int, int, int]:
    """Gives inserted, deleted, updated, moved."""
    return table.rows.inserted, table.rows.deleted, table.rows.updated, table.rows.moved


def test_counts_are_attributes(lake: Any, tmp_path: Path) -> None:
    commit(lake, tmp_path, rows("id v", (1, None), (2, 5)), rows("id v", (1, 7), (2, None)))
    table = lake.diff("main~1", "main", tables=["t"])["t"]
    assert counts(table) == (0, 0, 2, 0)
    cells = table.columns["v"]
    assert (cells.filled, cells.cleared, cells.corrected) == (1, 1, 0)


def test_a_commit_against_itself_is_all_zeros(lake: Any, tmp_path: Path) -> None:
    commit(lake, tmp_path, rows("id v", (1, None), (2, 5)))
    table = lake.diff("main", "main", tables=["t"], level="rows")["t"]
    assert counts(table) == (0, 0, 0, 0)
    assert table.changes().read_all().num_rows == 0


def test_an_unknown_table_is_refused(lake: Any, tmp_path: Path) -> None:
    commit(lake, tmp_path, rows("id v", (1, 1)), rows("id v", (1, 2)))
    with pytest.raises(catalog.CatalogError):
        lake.diff("main~1", "main", tables=["nothing"])["nothing"]


def test_the_diff_of_two_steps_leaves_out_what_was_taken_back(lake: Any, tmp_path: Path) -> None:
    first, last = rows("id v", (1, 1), (2, 2), (3, 3)), rows("id v", (1, 1), (2, 9), (3, 3))
    commit(lake, tmp_path, first, rows("id v", (1, 5), (4, 4)), last)
    assert counts(lake.diff("main~2", "main", tables=["t"])["t"]) == (0, 0, 1, 0)


def test_the_diff_backwards_is_the_mirror_image(lake: Any, tmp_path: Path) -> None:
    commit(lake, tmp_path, rows("id v", (1, None), (2, 2)), rows("id v", (1, 1), (3, 3), (4, 4)))
    table = lake.diff("main", "main~1", tables=["t"])["t"]
    assert counts(table) == (1, 2, 1, 0)
    assert table.columns["v"].cleared == 1


def test_a_column_dropped_and_added_again_pairs_by_name(lake: Any, tmp_path: Path) -> None:
    first, last = rows("id v", (1, 1), (2, 2)), rows("id v", (1, 1), (2, 9))
    commit(lake, tmp_path, first, rows("id", (1,), (2,)), last)
    table = lake.diff("main~2", "main", tables=["t"])["t"]
    assert counts(table) == (0, 0, 1, 0)
    assert table.columns["v"].corrected == 1


def test_rows_show_all_columns_and_null_for_a_missing_side(lake: Any, tmp_path: Path) -> None:
    before = rows({"id": pa.int64(), "v": pa.int64(), "old": pa.string()}, (1, 1, "a"), (2, 2, "b"))
    after = rows({"id": pa.int64(), "v": pa.int64(), "new": pa.string()}, (1, 5, "c"), (3, 3, "d"))
    commit(lake, tmp_path, before, after)
    shown = (
        lake.diff("main~1", "main", tables=["t"], level="rows")["t"]
        .changes()
        .read_all()
        .to_pylist()
    )
    by_id: Mapping[int, Any] = {row["id"]: row for row in shown}
    assert {row["id"]: row["_change"] for row in shown} == {
        1: "updated",
        2: "deleted",
        3: "inserted",
    }
    assert by_id[1]["_changed_columns"] == ["v"]
    assert by_id[1]["_from"]["old"] == "a"
    assert by_id[1]["_to"]["new"] == "c"
    assert by_id[2]["_to"] is None
    assert by_id[3]["_from"] is None


def test_a_table_dropped_and_made_again_pairs_by_name(lake: Any, tmp_path: Path) -> None:
    commit(lake, tmp_path / "one", rows("id v", (1, 7), (2, 8)))
    with lake.transaction("main", message="drop") as tx:
        tx.drop("t")
    commit(lake, tmp_path / "two", rows("v id", (7, 1), (8, 2)))
    table = lake.diff("main~2", "main", tables=["t"])["t"]
    assert counts(table) == (0, 0, 0, 0)
    assert table.schema_changes == ()
