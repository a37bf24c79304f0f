"""Branches published as Iceberg, and exported: PyIceberg, Polars and DuckDB read each commit."""

import datetime
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.table import StaticTable

import catalog
from catalog import AlreadyExists, CorruptData, ErrorKind, NotFound, Unsupported
from catalog.catalog import Catalog
from catalog.formats.iceberg.metadata import Metadata, commit_ids, snapshot_id
from catalog.operations.publication.iceberg import IcebergPublication
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


@pytest.mark.invariant("Every version of a published table has exactly the rows of its commit")
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


def commit(cat: Catalog, *statements: str, branch: str = "main") -> str:
    with cat.transaction(branch, message="; ".join(statements)) as changes:
        for statement in statements:
            changes.sql(statement)
    return cat.resolve(branch).commit_id


def test_a_table_without_rows_is_read_without_rows(readers: Readers, tmp_path: Path) -> None:
    cat = catalog.create(tmp_path / "lake")
    commit(cat, "CREATE TABLE t (id BIGINT, s VARCHAR)")
    commit(cat, "INSERT INTO t VALUES (1, 'x')")
    commit(cat, "DELETE FROM t")
    cat.publish("main", str(tmp_path / "out"), format="iceberg")
    cat.export("t", str(tmp_path / "one"), format="iceberg")

    assert len(readers.check(cat, tmp_path / "out" / "t")["snapshots"]) == 3
    readers.check(cat, tmp_path / "one")


def test_names_that_others_may_misread_are_only_names(readers: Readers, tmp_path: Path) -> None:
    """Of columns, partitions, directories and fields."""
    cat = catalog.create(tmp_path / "lake %20")
    odd = ["a b", "%20", "..", 'x"y', "q'", "ü.ä", "a/b", "{}", "\\", "1", "select"]
    columns = ", ".join(
        f'{n} AS "{name.replace(chr(34), 2 * chr(34))}"' for n, name in enumerate(odd)
    )
    values = ", ".join(
        f"('{value.replace(chr(39), 2 * chr(39))}')" for value in (*odd, "*", "?", "#")
    )
    commit(
        cat,
        f"""CREATE TABLE t PARTITIONED BY ("k v.ü", n) AS
        SELECT {columns}, {{'a.b': 1, 'element': [2]}} AS s, p AS "k v.ü", 1 AS n
        FROM (VALUES {values}, (NULL)) AS v(p)""",
    )

    cat.publish("main", str(tmp_path / "it's #1 %20 [x]"), format="iceberg")

    readers.check(cat, tmp_path / "it's #1 %20 [x]" / "t")


def test_a_table_made_anew_begins_a_new_history(readers: Readers, tmp_path: Path) -> None:
    """Its columns are others, though they may have the ids that columns of the old one had."""
    cat = catalog.create(tmp_path / "lake")
    commit(cat, "CREATE TABLE t AS SELECT 1 AS id, 'x' AS s")
    cat.publish("main", str(tmp_path / "out"), format="iceberg")
    commit(cat, "DROP TABLE t")
    cat.publish("main", str(tmp_path / "out"), format="iceberg")
    assert len(readers.check(cat, tmp_path / "out" / "t")["snapshots"]) == 2
    commit(cat, "CREATE TABLE t AS SELECT 'y' AS s, 2 AS id")

    cat.publish("main", str(tmp_path / "out"), format="iceberg")

    assert len(readers.check(cat, tmp_path / "out" / "t")["snapshots"]) == 1


def test_a_branch_that_was_moved_is_published_as_its_new_line(
    readers: Readers, tmp_path: Path
) -> None:
    cat = catalog.create(tmp_path / "lake")
    first = commit(cat, "CREATE TABLE t AS SELECT 1 AS id, 2 AS a")
    commit(cat, "ALTER TABLE t RENAME COLUMN a TO b", "INSERT INTO t VALUES (2, 3)")
    cat.publish("main", str(tmp_path / "out"), format="iceberg")
    cat.reset("main", to=first)
    second = commit(cat, "INSERT INTO t VALUES (7, 8)")

    cat.publish("main", str(tmp_path / "out"), format="iceberg")

    metadata = readers.check(cat, tmp_path / "out" / "t")
    assert commit_ids(metadata) == [first, second]
    assert metadata["properties"]["gc.enabled"] == "false"


def test_a_branch_that_was_moved_to_before_its_table_shows_no_rows(
    readers: Readers, tmp_path: Path
) -> None:
    cat = catalog.create(tmp_path / "lake")
    other = commit(cat, "CREATE TABLE other AS SELECT 1 AS x")
    commit(cat, "CREATE TABLE t AS SELECT 1 AS x")
    made = commit(cat, "INSERT INTO t VALUES (2)")
    for place, rows in ((made, 2), (other, 0), (made, 2), (other, 0)):
        cat.reset("main", to=place)
        cat.publish("main", str(tmp_path / "out"), format="iceberg")
        metadata = readers.check(cat, tmp_path / "out" / "t")
        assert metadata["snapshots"][-1]["summary"]["total-records"] == str(rows)
        assert cat.publish("main", str(tmp_path / "out"), format="iceberg").tables[1].versions == 0


@pytest.mark.invariant("A publication is never continued after what somebody else wrote there")
def test_what_others_write_there_is_found_and_nothing_is_written_after_it(
    readers: Readers, tmp_path: Path
) -> None:
    cat = catalog.create(tmp_path / "lake")
    commit(cat, "CREATE TABLE t AS SELECT 1 AS id")
    cat.publish("main", str(tmp_path / "out"), format="iceberg")
    folder = tmp_path / "out" / "t" / "metadata"
    changed = json.loads((folder / "v1.metadata.json").read_text())
    changed["properties"]["owner"] = "somebody"
    (folder / "v2.metadata.json").write_text(json.dumps(changed))
    commit(cat, "INSERT INTO t VALUES (2)")

    with pytest.raises(AlreadyExists) as caught:
        cat.publish("main", str(tmp_path / "out"), format="iceberg")

    assert caught.value.kind is ErrorKind.FOREIGN_TARGET
    assert not (folder / "v3.metadata.json").exists()
    cat.publish("main", str(tmp_path / "out"), format="iceberg", again=True)
    assert len(readers.check(cat, tmp_path / "out" / "t")["snapshots"]) == 2


@pytest.mark.parametrize("kind", ["-m0.avro", "snap-"])
def test_a_damaged_manifest_is_named_and_the_table_can_be_made_anew(
    tmp_path: Path, kind: str
) -> None:
    cat = catalog.create(tmp_path / "lake")
    commit(cat, "CREATE TABLE t AS SELECT 1 AS id")
    cat.publish("main", str(tmp_path / "out"), format="iceberg")
    (damaged,) = (p for p in (tmp_path / "out" / "t" / "metadata").iterdir() if kind in p.name)
    whole = damaged.read_bytes()
    commit(cat, "DELETE FROM t")

    header = whole[: whole.index(whole[-16:]) + 16]
    for content in (b"Obj\x01", header + b"\x02"):
        damaged.write_bytes(content)
        with pytest.raises(CorruptData, match=f"{damaged.name} is damaged"):
            cat.publish("main", str(tmp_path / "out"), format="iceberg")

    report = cat.publish("main", str(tmp_path / "out"), format="iceberg", again=True)
    assert report.tables[0].versions == 2


@pytest.mark.parametrize(
    ("column", "named"),
    [
        ("INTERVAL 1 DAY", "INTERVAL"),
        ("'12:00:00+00'::TIMETZ", "TIME WITH TIME ZONE"),
        ("now()::TIMESTAMP_NS", "TIMESTAMP_NS"),
        ("{'a': [now()::TIMESTAMP_NS]}", "TIMESTAMP_NS"),
    ],
)
def test_what_iceberg_cannot_say_is_refused_by_name(
    column: str, named: str, tmp_path: Path
) -> None:
    cat = catalog.create(tmp_path / "lake")
    commit(cat, f"CREATE TABLE t AS SELECT 1 AS id, {column} AS odd")

    with pytest.raises(Unsupported, match=rf"no type {named}: column odd") as caught:
        cat.export("t", str(tmp_path / "one"), format="iceberg")

    assert caught.value.hint
    assert os.listdir(tmp_path) == ["lake"]


def test_integers_without_a_sign_are_wider_ones(readers: Readers, tmp_path: Path) -> None:
    """The greatest of each, as values and as partitions."""
    cat = catalog.create(tmp_path / "lake")
    bits = {"UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64}
    values = {kind: 2**width - 1 for kind, width in bits.items()}
    columns = ", ".join(f"{v}::{k} AS {k}" for k, v in values.items())
    columns += ", " + ", ".join(f"{v}::{k} AS p_{k}" for k, v in values.items())
    parts = ", ".join(f"p_{kind}" for kind in values)
    commit(cat, f"CREATE TABLE t PARTITIONED BY ({parts}) AS SELECT [1::UBIGINT] AS l, {columns}")
    cat.publish("main", str(tmp_path / "out"), format="iceberg")

    folder = tmp_path / "out" / "t"
    scan = pl.scan_iceberg(str(folder / "metadata" / "v1.metadata.json"))
    read = [StaticTable.from_metadata(str(folder)).scan().to_arrow(), scan.collect().to_arrow()]
    if readers.second is not None:
        read.append(readers.second.table(f"FROM iceberg_scan('{folder}')"))
    for rows in read:
        assert list(rows.to_pylist()[0].values()) == [[1], *values.values(), *values.values()]


def test_columns_whose_names_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    cat = catalog.create(tmp_path / "lake")
    (tmp_path / "source").mkdir()
    pq.write_table(pa.table({"a": [1], "A": [2]}), tmp_path / "source" / "f.parquet")
    with cat.transaction() as changes:
        changes.snapshot("t", str(tmp_path / "source"))

    with pytest.raises(Unsupported, match="differ in case"):
        cat.export("t", str(tmp_path / "one"), format="iceberg")


def test_files_that_not_all_readers_read_are_written_again(
    readers: Readers, tmp_path: Path
) -> None:
    """Zones, units of time, INT96, other field ids, columns without a type, fixed lengths."""
    cat = catalog.create(tmp_path / "lake")
    (tmp_path / "source").mkdir()
    ids = {name: {"PARQUET:field_id": str(9 - n)} for n, name in enumerate("ab")}
    several = {
        "zone": pa.table({"x": pa.array([5], pa.timestamp("us", "Europe/Berlin"))}),
        "time": pa.table({"t": pa.array([1000], pa.time32("ms"))}),
        "null": pa.table({"s": pa.array([None], pa.null())}),
        "text": pa.table({"s": ["x"]}),
        "fixed": pa.table({"f": pa.array([b"ab"], pa.binary(2))}),
        "wide": pa.table({"d": pa.array([1.5])}),
        "narrow": pa.table({"d": pa.array([7], pa.int32())}),
        "ids": pa.table(
            [[1], [2]], pa.schema([pa.field(n, pa.int64(), metadata=ids[n]) for n in "ab"])
        ),
        "none": pa.table({"a": [3], "b": [4]}),
    }
    for name, rows in several.items():
        pq.write_table(rows, tmp_path / "source" / f"{name}.parquet")
    with cat.transaction() as changes:
        changes.snapshot("t", str(tmp_path / "source"))

    report = cat.publish("main", str(tmp_path / "out"), format="iceberg")

    readers.check(cat, tmp_path / "out" / "t")
    assert report.tables[0].files_rewritten == 5
    assert report.tables[0].files_shared == 4


def test_values_that_readers_misread_in_manifests_are_in_the_files(
    readers: Readers, tmp_path: Path
) -> None:
    """PyIceberg keeps seven digits of a DOUBLE in a manifest, and finds no row by it."""
    cat = catalog.create(tmp_path / "lake")
    commit(cat, "CREATE TABLE t PARTITIONED BY (p) AS SELECT 0.1::DOUBLE AS p, 1 AS id")
    commit(cat, "INSERT INTO t VALUES (NULL, 2), ('nan', 3), (1e300, 4)")

    cat.publish("main", str(tmp_path / "out"), format="iceberg")

    readers.check(cat, tmp_path / "out" / "t")
    table = StaticTable.from_metadata(str(tmp_path / "out" / "t"))
    found = table.scan(row_filter="p < 0.5", selected_fields=("id",)).to_arrow()
    assert found["id"].to_pylist() == [1]


def test_an_export_shares_files_and_names_what_is_at_its_commit(
    cat: Catalog, readers: Readers, tmp_path: Path
) -> None:
    cat.export("t", str(tmp_path / "one"), ref="v1", format="iceberg")

    metadata = readers.check(cat, tmp_path / "one")
    assert metadata["refs"].keys() == {"main", "v1"}
    assert all(path.stat().st_nlink == 2 for path in (tmp_path / "one").rglob("*.parquet"))
    assert not (tmp_path / "one" / ".parquetry").exists()
    since = cat.show("v1").time - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert metadata["snapshots"][0]["timestamp-ms"] == since // datetime.timedelta(milliseconds=1)


def test_a_publication_that_was_killed_is_gone_on_with(
    readers: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its metadata file is there, nothing of it is seen; another table is in the way."""
    cat = catalog.create(tmp_path / "lake")
    commit(cat, "CREATE TABLE t AS SELECT 1 AS id")
    with monkeypatch.context() as patch:
        patch.setattr(IcebergPublication, "flush", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cat.publish("main", str(tmp_path / "out"), format="iceberg")
    folder = tmp_path / "out" / "t"
    assert list(folder.rglob("*.avro")) and not list(folder.rglob("*.json"))
    cat.publish("main", str(tmp_path / "out"), format="iceberg")
    readers.check(cat, folder)

    (folder / "metadata" / "v1.metadata.json").rename(folder / "metadata" / "00000-a.metadata.json")
    with pytest.raises(AlreadyExists):
        cat.publish("main", str(tmp_path / "out"), format="iceberg")
