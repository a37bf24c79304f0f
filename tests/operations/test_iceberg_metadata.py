"""Iceberg metadata over the catalog's own files: PyIceberg, Polars and DuckDB read every commit."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.table import StaticTable

import catalog
from catalog.formats.iceberg.metadata import (
    COMMIT,
    Destination,
    Metadata,
    commit_ids,
    cut,
    extend,
    snapshot_id,
    with_refs,
)
from catalog.formats.iceberg.metadata_files import InPlace
from catalog.formats.iceberg.metadata_manifests import ManifestStore
from catalog.operations.table_line import table_line
from tests.second_reader import SecondReader


class Written:
    """A directory with metadata of a table, over files that stay in the catalog."""

    def __init__(self, cat: catalog.Catalog, folder: Path) -> None:
        self.cat, self.folder = cat, folder
        (folder / "metadata").mkdir(parents=True)

    def destination(self) -> Destination:
        return Destination(
            "t",
            str(self.folder),
            InPlace(self.cat.repository.store),
            ManifestStore(lambda location: Path(location).read_bytes(), self.write),
        )

    def write(self, name: str, content: bytes) -> str:
        path = self.folder / "metadata" / name
        path.write_bytes(content)
        return str(path)

    def put(self, metadata: Metadata) -> str:
        self.write("version-hint.text", b"1")
        return self.write("v1.metadata.json", json.dumps(metadata).encode())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    folder = tmp_path_factory.mktemp("iceberg")
    source = folder / "source"

    def file(partition: str, rows: dict[str, object]) -> None:
        (source / f"p={partition}").mkdir(parents=True)
        schema = pa.schema({"id": pa.int64(), "amt": pa.float64(), "s": pa.string()})
        pq.write_table(pa.table(rows, schema=schema), source / f"p={partition}" / "f.parquet")

    cat = catalog.create(folder / "catalog")
    file("1", {"id": [1, 2], "amt": [1.5, None], "s": ["a", "ü"]})
    file("__HIVE_DEFAULT_PARTITION__", {"id": [3], "amt": [2.5], "s": [None]})
    with cat.transaction(message="first") as changes:
        changes.snapshot("t", source, key=["id"])
    file("2", {"id": [4, 5], "amt": [float("nan"), -0.0], "s": ["x", "y"]})
    with cat.transaction(message="second") as changes:
        changes.snapshot("t", source)
    for statement in (
        "ALTER TABLE t RENAME COLUMN amt TO amount",
        "UPDATE t SET amount = 7 WHERE id = 1",
        "ALTER TABLE t ADD COLUMN z INTEGER",
        "UPDATE t SET z = id",
        "ALTER TABLE t ALTER COLUMN z TYPE BIGINT",
        "DELETE FROM t WHERE p = 2",
    ):
        with cat.transaction(message=statement) as changes:
            changes.sql(statement)
    yield Written(cat, folder / "out")


@pytest.fixture(scope="module")
def metadata(written: Written) -> Metadata:
    head = written.cat.resolve("main").commit_id
    made: Metadata | None = None
    for commit in table_line(written.cat.repository.commits, "t", head):
        made = extend(made, [commit], written.destination())
    assert made is not None
    written.put(made)
    return made


def test_every_snapshot_is_read_as_the_commit_that_it_stands_for(
    written: Written, metadata: Metadata
) -> None:
    table = StaticTable.from_metadata(str(written.folder))

    assert len(table.snapshots()) == 8
    for snapshot in table.snapshots():
        assert snapshot.summary is not None
        commit = snapshot.summary[COMMIT]
        rows = table.scan(snapshot_id=snapshot.snapshot_id).to_arrow().sort_by("id")
        query = f"SELECT * FROM t@{commit} ORDER BY id"
        expected = written.cat.sql(query).to_arrow_table()
        assert str(rows.to_pylist()) == str(expected.to_pylist())  # NaN and -0.0 too
        assert snapshot.snapshot_id == snapshot_id(commit)


def test_another_duckdb_reads_every_snapshot(written: Written, metadata: Metadata) -> None:
    with SecondReader() as reader:
        for commit in commit_ids(metadata):
            scan = f"iceberg_scan('{written.folder}', snapshot_from_id={snapshot_id(commit)})"
            rows = reader.table(f"SELECT * FROM {scan} ORDER BY id")
            query = f"SELECT * FROM t@{commit} ORDER BY id"
            expected = written.cat.sql(query).to_arrow_table()
            assert str(rows.to_pylist()) == str(expected.to_pylist())


def test_metadata_made_again_is_the_same_to_the_byte(written: Written, metadata: Metadata) -> None:
    head = written.cat.resolve("main").commit_id
    before = {path.name: path.read_bytes() for path in (written.folder / "metadata").iterdir()}

    again = extend(
        None, table_line(written.cat.repository.commits, "t", head), written.destination()
    )

    assert again == metadata
    after = {path.name: path.read_bytes() for path in (written.folder / "metadata").iterdir()}
    assert after == before


def test_metadata_cut_to_a_commit_ends_with_it(written: Written, metadata: Metadata) -> None:
    third = commit_ids(metadata)[2]
    tagged = with_refs(metadata, {"v1": ("tag", third), "dev": ("branch", commit_ids(metadata)[5])})

    ended = cut(tagged, third)

    assert tagged["refs"].keys() == {"main", "v1", "dev"}
    assert commit_ids(ended)[-1] == third
    assert ended["current-snapshot-id"] == snapshot_id(third)
    assert ended["refs"].keys() == {"main", "v1"}
    assert ended["refs"]["main"]["snapshot-id"] == snapshot_id(third)
