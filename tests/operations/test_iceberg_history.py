"""Histories of tables of Iceberg, imported, against what PyIceberg reads of each snapshot."""

from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog
from catalog.storage.local import LocalStore
from tests.effort import effort
from tests.write.conftest import catalog_in
from tests.write.iceberg_histories import History, read
from tests.write.test_snapshot_iceberg import by_row


@pytest.fixture
def lake(tmp_path: Path) -> Catalog:
    return catalog_in(LocalStore(str(tmp_path / "lake")))


def take(cat: Catalog, history: History) -> tuple[str, ...]:
    return cat.import_history(history.root, table="t").warnings


def check(cat: Catalog, ref: str, expected: pa.Table, what: object) -> None:
    found = cat.sql("SELECT * FROM t", ref=ref).to_arrow_table()
    assert found.column_names == expected.column_names, what
    assert by_row(found) == by_row(expected), what


@pytest.mark.parametrize("seed", range(effort(1, 40)))
def test_every_commit_of_a_random_history_has_the_rows_that_pyiceberg_reads(
    lake: Catalog, tmp_path: Path, seed: int
) -> None:
    history = History(seed, tmp_path / "warehouse")
    for n in range(effort(10, 30)):
        history.step()
        if n % 4 == 1:
            lake.import_history(history.root, table="t")
            current = history.table.current_snapshot()
            assert current is not None
            newest = lake.show("import/t").metadata["iceberg.snapshot-id"]
            assert newest == str(current.snapshot_id), history.done
    lake.import_history(history.root, table="t")
    commits = lake.log("import/t")
    assert [len(one.parents) for one in commits] == [1] * (len(commits) - 1) + [0]
    for commit in commits:
        number = int(commit.metadata["iceberg.snapshot-id"])
        expected = read(history.table.scan(snapshot_id=number))
        check(lake, commit.id, expected, (number, history.done))
        snapshot = history.table.snapshot_by_id(number)
        assert snapshot is not None
        assert commit.time.timestamp() * 1000 >= snapshot.timestamp_ms
    lake.merge("import/t")
    assert lake.diff("main", "import/t").tables == ()


def test_a_rollback_is_a_commit(lake: Catalog, tmp_path: Path) -> None:
    history = History(0, tmp_path / "warehouse")
    with pytest.raises(catalog.NotFound, match="tag, branch or snapshot 'nothing'"):
        lake.import_history(history.root, table="t", to_version="nothing")
    first = history.table.snapshots()[0].snapshot_id
    history.table.manage_snapshots().create_tag(first, "begin").commit()
    history.append()
    history.append()
    two = lake.import_history(history.root, table="t", format="iceberg", from_version="begin")
    assert len(two.versions) == 3
    history.table.manage_snapshots().rollback_to_snapshot(first).commit()
    (commit,) = lake.import_history(history.root, table="t").commits
    assert commit.message == f"rolled back to Iceberg version {first}"
    check(lake, "import/t", read(history.table.scan()), "rolled back")
    assert lake.import_history(history.root, table="t").is_up_to_date
    history.append()
    assert len(lake.import_history(history.root, table="t").commits) == 1
    check(lake, "import/t", read(history.table.scan()), "went on")


def test_columns_that_changed_since_the_newest_snapshot_are_told_of(
    lake: Catalog, tmp_path: Path
) -> None:
    history = History(0, tmp_path / "warehouse")
    history.rename()
    assert "come with its next snapshot" in str(take(lake, history))
    history.append()
    assert "come with its next snapshot" not in str(take(lake, history))
    check(lake, "import/t", read(history.table.scan()), "renamed")
