"""Branches published as Iceberg, and exported: PyIceberg, Polars and DuckDB read each commit."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.table import StaticTable

import catalog
from catalog import NotFound
from catalog.catalog import Catalog
from catalog.formats.iceberg.metadata import Metadata, commit_ids, snapshot_id
from tests.second_reader import SecondReader, second_python

pytestmark = pytest.mark.filterwarnings("ignore:Iceberg scan planning")


class Readers:
    """Reads snapshots of tables with other libraries."""

    def __init__(self) -> None:
        self.second = SecondReader() if second_python() else None

    def check(self, cat: Catalog, folder: Path, name: str = "t") -> Metadata:
        """Checks every snapshot of a table against the commit that it stands for."""
        hint = int((folder / "metadata" / "version-hint.text").read_text())
        path = folder / "metadata" / f"v{hint}.metadata.json"
        metadata: Metadata = json.loads(path.read_text())
        table = StaticTable.from_metadata(str(folder))
        for commit in commit_ids(metadata):
            query = f'SELECT * FROM "{name}"@{commit}'
            try:
                expected = as_text(cat.sql(query).to_arrow_table())
            except NotFound:  # it was dropped there
                expected = []
            made = snapshot_id(commit)
            read = {"PyIceberg": as_text(table.scan(snapshot_id=made).to_arrow())}
            frame = pl.scan_iceberg(str(path), snapshot_id=made).collect()
            read["Polars"] = as_text(frame.to_arrow())
            if self.second is not None:
                place = str(folder).replace("'", "''")
                scan = f"iceberg_scan('{place}', snapshot_from_id={made})"
                read["DuckDB"] = as_text(self.second.table(f"FROM {scan}"))
            assert read == dict.fromkeys(read, expected), commit
        return metadata


def as_text(rows: pa.Table) -> list[str]:
    """Returns rows as text, which tells NaN, -0.0 and NULL apart, in one order."""
    return sorted(str(list(row.values())) for row in rows.to_pylist())


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    found = Readers()
    yield found
    if found.second is not None:
        found.second.close()


@pytest.fixture(scope="module")
def cat(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A table with partitions, one of them NULL, that is renamed, widened, re-added, merged."""
    folder = tmp_path_factory.mktemp("iceberg")
    source = folder / "source"

    def file(partition: str, rows: dict[str, list[object]]) -> None:
        (source / f"p={partition}").mkdir(parents=True)
        schema = pa.schema({"id": pa.int64(), "amt": pa.float64(), "s": pa.string()})
        pq.write_table(pa.table(rows, schema=schema), source / f"p={partition}" / "f.parquet")

    made = catalog.create(folder / "catalog")
    file("1", {"id": [1, 2], "amt": [1.5, None], "s": ["a", "ü"]})
    file("__HIVE_DEFAULT_PARTITION__", {"id": [3], "amt": [2.5], "s": [None]})
    with made.transaction(message="first") as changes:
        changes.snapshot("t", str(source), key=["id"])
    made.tags.create("v1", at="main")
    file("2", {"id": [4, 5], "amt": [float("nan"), -0.0], "s": ["x", "y"]})
    with made.transaction(message="second") as changes:
        changes.snapshot("t", str(source))
    for statement in (
        "ALTER TABLE t RENAME COLUMN amt TO amount",
        "UPDATE t SET amount = 7 WHERE id = 1",
        "ALTER TABLE t ADD COLUMN z INTEGER",
        "UPDATE t SET z = id",
        "ALTER TABLE t ALTER COLUMN z TYPE DOUBLE",
        "ALTER TABLE t DROP COLUMN s",
        "ALTER TABLE t ADD COLUMN s INTEGER",
        "UPDATE t SET s = 8 WHERE p = 1",
        "ALTER TABLE t ALTER COLUMN s TYPE BIGINT",
        "DELETE FROM t WHERE p = 2",
    ):
        with made.transaction(message=statement) as changes:
            changes.sql(statement)
    made.branches.create("fix", at="main~1")
    with made.transaction("fix", message="fix") as changes:
        changes.sql("INSERT INTO t (id, amount, p) VALUES (9, 9.5, NULL)")
    made.merge("fix", into="main")
    made.revert("main")
    return made


def test_every_snapshot_is_read_as_the_commit_that_it_stands_for(
    cat: Catalog, readers: Readers, tmp_path: Path
) -> None:
    report = cat.publish("main", str(tmp_path), format="iceberg")

    metadata = readers.check(cat, tmp_path / "t")
    assert len(metadata["snapshots"]) == report.tables[0].versions == 14
    assert metadata["refs"]["v1"] == {
        "snapshot-id": snapshot_id(cat.resolve("v1").commit_id),
        "type": "tag",
    }


def test_going_on_gives_the_same_bytes_as_beginning_anew(cat: Catalog, tmp_path: Path) -> None:
    """The branch is published at each of its commits, in another copy all at once."""
    copy = tmp_path / "lake"
    shutil.copytree(cat.repository.store.location, copy)
    other = catalog.open(copy)
    line = [head := other.resolve("main").commit_id]
    while parents := other.show(line[0]).parents:
        line.insert(0, parents[0])
    for commit in line:
        other.reset("main", to=commit)
        other.publish("main", str(tmp_path / "out"), format="iceberg")
    before = contents(tmp_path / "out" / "t")

    other.publish("main", str(tmp_path / "out"), format="iceberg", again=True)

    assert other.resolve("main").commit_id == head
    after = contents(tmp_path / "out" / "t")
    assert before.keys() - after.keys() == {f"metadata/v{n}.metadata.json" for n in range(2, 15)}
    newest, only = before.pop("metadata/v14.metadata.json"), after.pop("metadata/v1.metadata.json")
    assert newest == only
    del after["metadata/version-hint.text"]
    assert {name: before[name] for name in after} == after


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
