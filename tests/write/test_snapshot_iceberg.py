"""Snapshots of tables of Iceberg: the rows are those that PyIceberg reads, at every version."""

import datetime
import gzip
import json
import os
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform, IdentityTransform
from pyiceberg.types import (
    BinaryType,
    DateType,
    IcebergType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestampNanoType,
    TimestampType,
    TimestamptzNanoType,
)

import catalog
from catalog import Catalog
from catalog.errors import CatalogError, ErrorKind
from catalog.formats.iceberg.opening import open_iceberg
from catalog.repository import stat_records
from catalog.write.snapshot.outcome import SnapshotReport
from tests.effort import effort
from tests.formats.iceberg_tables import HandWritten

from .iceberg_deletes import Deletions
from .iceberg_histories import History, read

ROWS = Schema(NestedField(1, "id", LongType(), False), NestedField(2, "s", StringType(), False))

WITH_P = Schema(*ROWS.fields, NestedField(3, "p", StringType(), False))

BY_P = PartitionSpec(PartitionField(3, 1000, IdentityTransform(), "p"))

NAMES = [
    {"names": ["id"], "field-id": 1},
    {"names": ["s", "text"], "field-id": 2},
    {"names": ["p"], "field-id": 3},
]
MAPPING = {"schema.name-mapping.default": json.dumps(NAMES)}

MODES = ("copy", "link", "reference")


def rows(first: int, count: int) -> list[dict[str, Any]]:
    return [{"id": n, "s": f"s{n}"} for n in range(first, first + count)]


def taken(cat: Catalog, root: str | Path, **options: Any) -> SnapshotReport:
    with cat.transaction("main") as tx:
        return tx.snapshot("t", str(root), **options)


def plain(value: Any) -> Any:
    """Returns a value in a form that tells apart all that is not the same, and no more."""
    match value:
        case float():
            return "nan" if value != value else repr(value)
        case dict():
            return tuple((name, plain(inner)) for name, inner in value.items())
        case list() | tuple():
            return tuple(map(plain, value))
        case uuid.UUID():
            return str(value)
        case datetime.datetime() if value.tzinfo is not None:
            return value.astimezone(datetime.UTC).replace(tzinfo=None), "UTC"
    return value


def by_row(table: pa.Table) -> Counter[Any]:
    return Counter(plain(row) for row in table.to_pylist())


def check(cat: Catalog, expected: pa.Table, what: object = "") -> None:
    found = cat.sql("SELECT * FROM t").to_arrow_table()
    assert found.column_names == expected.column_names, what
    assert by_row(found) == by_row(expected), what


def check_all(cat: Catalog, made: HandWritten, *, modes: tuple[str, ...] = MODES) -> None:
    """Takes every version in every mode, and compares the rows with what PyIceberg reads."""
    oracle = made.oracle()
    for mode in modes:
        for snapshot in oracle.snapshots():
            taken(cat, made.root, at=str(snapshot.snapshot_id), mode=mode)
            expected = oracle.scan(snapshot_id=snapshot.snapshot_id).to_arrow()
            check(cat, expected, (mode, snapshot.snapshot_id))
        taken(cat, made.root, mode=mode)
        check(cat, oracle.scan().to_arrow(), mode)


@pytest.mark.invariant(
    "A snapshot of an Iceberg table has the rows that PyIceberg reads, at every version"
)
@pytest.mark.parametrize("seed", range(effort(2, 40)))
def test_random_histories_have_the_rows_that_pyiceberg_reads(
    cat: Catalog, tmp_path: Path, seed: int
) -> None:
    history = History(seed, tmp_path / "warehouse")
    for n in range(effort(9, 30)):
        history.step()
        if n % 3 == 2:
            mode = history.random.choice(MODES)
            check_read(cat, history, None, read(history.table.scan()), mode=mode)
    versions = list(history.versions())
    for at, expected in history.random.sample(versions, min(len(versions), effort(3, 100))):
        check_read(cat, history, at, expected, mode="reference")


def check_read(
    cat: Catalog, history: History, at: str | None, expected: pa.Table | None, *, mode: str
) -> None:
    """Takes a version, which PyIceberg reads, or cannot read."""
    if expected is None:
        with pytest.raises(CatalogError):
            taken(cat, history.root, at=at, mode=mode)
        return
    taken(cat, history.root, at=at, mode=mode)
    check(cat, expected, (at, history.done))


@pytest.mark.parametrize("seed", range(effort(2, 60)))
def test_deletes_and_defaults_are_applied_as_pyiceberg_applies_them(
    cat: Catalog, tmp_path: Path, seed: int
) -> None:
    history = Deletions(seed, tmp_path / "t")
    for n in range(effort(6, 12)):
        history.step()
        if n % effort(2, 1):
            taken(cat, history.made.root, mode=history.random.choice(MODES))
            check(cat, history.made.oracle().scan().to_arrow(), n)
    oracle = history.made.oracle()
    snapshots = oracle.snapshots()
    for one in history.random.sample(snapshots, min(len(snapshots), effort(1, 20))):
        taken(cat, history.made.root, at=str(one.snapshot_id), mode="reference")
        check(cat, oracle.scan(snapshot_id=one.snapshot_id).to_arrow(), one.snapshot_id)


def test_only_what_is_new_is_taken(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stat_records, "REST_NS", -1)  # else files count that are older
    made = HandWritten(tmp_path / "t", ROWS)
    made.commit([made.data(f"{n}.parquet", rows(10 * n, 10)) for n in range(3)])
    made.write()
    assert taken(cat, made.root, mode="reference").files_added == 3
    made.commit([made.data("new.parquet", rows(90, 5))])
    made.write()
    again = taken(cat, made.root, mode="reference")
    assert (again.files_added, again.files_removed, again.files_kept) == (1, 0, 3)
    made.commit(deletes=[made.positions("d.parquet", {"0.parquet": [2]})])
    made.write()
    again = taken(cat, made.root, mode="reference")
    assert (again.files_added, again.files_removed, again.files_kept) == (1, 1, 3)
    assert not taken(cat, made.root, mode="reference").changed
    made.evolve(Schema(*ROWS.fields, NestedField(3, "new", DateType(), False), schema_id=1))
    made.write()
    again = taken(cat, made.root, mode="reference")
    assert (again.files_added, again.files_kept) == (1, 3), "that with deleted rows has the column"


def test_files_without_deleted_rows_stay_as_they_are(cat: Catalog, tmp_path: Path) -> None:
    made = HandWritten(tmp_path / "t", ROWS)
    made.commit([made.data(f"{name}.parquet", rows(10 * n, 10)) for n, name in enumerate("abc")])
    made.commit(deletes=[made.positions("d1.parquet", {"a.parquet": [1, 3]})])
    every = {"a.parquet": [3, 5, 9], "c.parquet": [*range(10)]}
    made.commit([made.data("e.parquet", rows(30, 4))], [made.positions("d2.parquet", every)])
    made.write()
    state = open_iceberg(str(made.root), None).state()
    assert {Path(one.path).name: bool(one.rewritten) for one in state.files} == {
        "a.parquet": True,
        "b.parquet": False,
        "e.parquet": False,
    }
    check_all(cat, made)


def test_deletion_vectors_are_applied(cat: Catalog, tmp_path: Path) -> None:
    made = HandWritten(tmp_path / "t", ROWS, version=3)
    made.commit([made.data(f"{name}.parquet", rows(10 * n, 10)) for n, name in enumerate("abc")])
    made.commit(deletes=made.vectors("v.puffin", {"a.parquet": [0, 1, 2, 3, 9], "b.parquet": [7]}))
    made.commit(deletes=[made.positions("d.parquet", {"c.parquet": [4]})])
    made.write()
    check_all(cat, made, modes=("copy",))
    path = made.root / "data" / "v.puffin"
    path.write_bytes(path.read_bytes().replace(b"\xd1\xd3\x39\x64", b"\xd1\xd3\x39\x65", 1))
    with pytest.raises(CatalogError, match="checksum") as caught:
        taken(cat, made.root, at="102")
    assert caught.value.kind == ErrorKind.LOG_DAMAGED


def test_files_without_ids_and_partition_columns_are_read_by_the_mapping(
    cat: Catalog, tmp_path: Path
) -> None:
    made = HandWritten(tmp_path / "t", WITH_P, BY_P, properties=MAPPING)
    other = pa.table({"text": ["q"], "id": pa.array([7], pa.int64())})
    made.commit(
        [
            made.data("p=a b/x.parquet", rows(0, 5), ["a b"], ids=False),
            made.data("p=n/x.parquet", rows(5, 5), [None], ids=False),
            made.file("p=c/y.parquet", other, ["c"]),
            made.data("x.parquet", [{"id": 1, "s": None, "p": "z"}], ["z"]),
        ]
    )
    made.write()
    report = taken(cat, made.root)
    assert [one for one in report.warnings if "says p=n" in one]
    check_all(cat, made, modes=("link",))
    made.raw["partition-specs"].append({"spec-id": 1, "fields": []})
    made.raw["default-spec-id"], made.spec = 1, PartitionSpec(spec_id=1)
    made.commit([made.data("z.parquet", [{"id": 1, "s": "a", "p": "zz"}])])
    made.write()
    check_all(cat, made, modes=("reference",))
    state = open_iceberg(str(made.root), None).state()
    assert not state.partition_by
    assert "not all files are partitioned by 'p'" in state.warnings[0]


def test_a_file_that_contradicts_its_partition_is_refused(cat: Catalog, tmp_path: Path) -> None:
    made = HandWritten(tmp_path / "t", WITH_P, BY_P)
    made.commit([made.data("a.parquet", [{"id": n, "s": "", "p": "x"} for n in (1, 2)], ["x"])])
    wrong = made.data("b.parquet", [{"id": 1, "s": "", "p": p} for p in ("x", "y")], ["x"])
    made.commit([wrong])
    made.commit(deletes=[made.positions("d.parquet", {"b.parquet": [0]}, ["x"])])
    made.write()
    assert taken(cat, made.root, at="101").rows == 2
    for at in ("102", "103"):
        with pytest.raises(CatalogError, match=r"b\.parquet has other values of 'p'"):
            taken(cat, made.root, at=at)


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        (IntegerType(), 7),
        (StringType(), "é"),
        (DateType(), "2024-01-02"),
        (BinaryType(), "00ff"),
    ],
)
def test_defaults_are_in_files_that_lack_the_column(
    cat: Catalog, tmp_path: Path, kind: IcebergType, default: object
) -> None:
    made = HandWritten(tmp_path / "t", ROWS, version=3)
    made.commit([made.data("a.parquet", rows(0, 3))])
    made.write()
    taken(cat, made.root, mode="reference")
    field = {"id": 3, "name": "d", "required": False, "type": str(kind)}
    fields = [*made.raw["schemas"][0]["fields"], {**field, "initial-default": default}]
    made.raw["schemas"].append({"type": "struct", "schema-id": 1, "fields": fields})
    made.raw["current-schema-id"] = 1
    made.write()
    check_all(cat, made, modes=("reference",))


def test_a_column_that_was_dropped_is_there_in_older_versions(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stat_records, "REST_NS", -1)  # else files count that are older
    made = HandWritten(tmp_path / "t", ROWS)
    made.commit([made.data("a.parquet", rows(0, 5))])
    made.commit(deletes=[made.positions("d.parquet", {"a.parquet": [2]})])
    made.evolve(Schema(ROWS.fields[0], schema_id=1))
    made.write()
    taken(cat, made.root)
    taken(cat, made.root, at="102")
    check(cat, made.oracle().scan(snapshot_id=102).to_arrow())


def test_a_field_that_was_dropped_and_added_again_is_another(cat: Catalog, tmp_path: Path) -> None:
    def with_inner(number: int, schema_id: int) -> Schema:
        inner = StructType(NestedField(number, "a", IntegerType(), False))
        fields = (NestedField(1, "id", LongType(), False), NestedField(2, "in", inner, False))
        return Schema(*fields, schema_id=schema_id)

    made = HandWritten(tmp_path / "t", with_inner(3, 0))
    made.commit([made.data("a.parquet", [{"id": 1, "in": {"a": 1}}])])
    made.evolve(with_inner(4, 1))
    made.commit([made.data("b.parquet", [{"id": 2, "in": {"a": 2}}])])
    made.write()
    check_all(cat, made, modes=("copy",))


def test_nanoseconds_stay(cat: Catalog, tmp_path: Path) -> None:
    schema = Schema(
        NestedField(1, "a", TimestampNanoType(), False),
        NestedField(2, "b", TimestamptzNanoType(), False),
    )
    made = HandWritten(tmp_path / "t", schema, version=3)
    made.commit([made.data("a.parquet", [{"a": n, "b": n} for n in (1, 2**60 + 1)])])
    made.commit(deletes=[made.positions("d.parquet", {"a.parquet": [0]})])
    made.write()
    taken(cat, made.root)
    found = cat.sql("SELECT * FROM t").to_arrow_table()
    assert [found.column(n).cast(pa.int64()).to_pylist() for n in (0, 1)] == [[2**60 + 1]] * 2


def test_versions_are_named_by_id_tag_branch_and_time(cat: Catalog, tmp_path: Path) -> None:
    made = HandWritten(tmp_path / "t", ROWS)
    for n in range(3):
        made.commit([made.data(f"{n}.parquet", rows(10 * n, 10))])
    made.raw["refs"]["2024-01-31"] = {"snapshot-id": 101, "type": "tag"}
    made.write()
    table = open_iceberg(str(made.root), None)
    assert [one.number for one in table.versions()] == [101, 102, 103]
    assert [one.parent for one in table.versions()] == [None, 101, 102]
    known = {
        "101": 10,
        "2024-01-31": 10,
        "main": 30,
        "1970-01-01T00:00:02Z": 20,
        "1970-01-01T00:00:02.9": 20,
        "2024-02-01": 30,
    }
    assert {at: taken(cat, made.root, at=at).rows for at in known} == known
    for at in ("7", "nothing", "1970-01-01"):
        with pytest.raises(CatalogError) as caught:
            taken(cat, made.root, at=at)
        assert caught.value.kind == ErrorKind.VERSION_NOT_FOUND
        assert "101" in caught.value.hint
    del made.raw["snapshots"][0]
    made.write()
    for at in ("2024-01-31", "101", "1970-01-01T00:00:01Z"):
        with pytest.raises(CatalogError) as caught:
            taken(cat, made.root, at=at)
        assert caught.value.kind == ErrorKind.VERSION_NOT_FOUND


def test_the_key_is_that_of_the_table(cat: Catalog, tmp_path: Path) -> None:
    schema = Schema(NestedField(1, "id", LongType(), True), identifier_field_ids=[1])
    made = HandWritten(tmp_path / "t", schema)
    made.commit([made.data("a.parquet", [{"id": 1}, {"id": 2}])])
    made.write()
    taken(cat, made.root)
    assert cat.table("t").key_names == ("id",)


def two_files(tmp_path: Path, **options: Any) -> HandWritten:
    made = HandWritten(tmp_path / "t", ROWS, **options)
    made.commit([made.data("a.parquet", rows(0, 10))])
    made.commit([made.data("b.parquet", rows(10, 10))])
    return made


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[HandWritten], None]:
    def edit(made: HandWritten) -> None:
        change(made.raw)
        made.write()

    return edit


def column(kind: Any, **others: Any) -> Callable[[HandWritten], None]:
    field = {"id": 9, "name": "x", "required": False, "type": kind, **others}
    return edited(lambda raw: raw["schemas"][0]["fields"].append(field))


def deep(made: HandWritten) -> None:
    kind: Any = "int"
    for n in range(60):
        kind = {"type": "list", "element-id": 100 + n, "element": kind, "element-required": False}
    column(kind)(made)


def equality(made: HandWritten) -> None:
    rows = pa.table({"id": pa.array([1], pa.int64())})
    made.commit(deletes=[made.equality("e.parquet", rows, [1])])
    made.write()


def moved(location: str) -> Callable[[HandWritten], None]:
    def move(made: HandWritten) -> None:
        file = made.data("c.parquet", rows(0, 3))
        file[1] = location
        made.commit([file])
        made.write()

    return move


def without_ids(made: HandWritten) -> None:
    made.commit([made.data("c.parquet", rows(0, 3), ids=False)])
    made.write()


def other_type(values: pa.Array, kind: IcebergType) -> Callable[[HandWritten], None]:
    """Gives the table one file whose column has other values than the table's type has."""

    def change(made: HandWritten) -> None:
        made.schema = Schema(NestedField(1, "x", kind, False))
        made.raw["schemas"] = [json.loads(made.schema.model_dump_json(by_alias=True))]
        made.manifests.clear()
        field = pa.field("x", values.type, metadata={"PARQUET:field_id": "1"})
        made.commit([made.file("c.parquet", pa.table([values], schema=pa.schema([field])))])
        made.write()

    return change


def without_columns(made: HandWritten) -> None:
    made.raw["schemas"][0]["fields"] = []
    made.raw["snapshots"], made.raw["refs"], made.raw["snapshot-log"] = [], {}, []
    del made.raw["current-snapshot-id"]
    made.write()


def twice(made: HandWritten) -> None:
    made.commit([made.data("c.parquet", rows(0, 3))] * 2)
    made.write()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (edited(lambda raw: raw.update({"format-version": 4})), "format version 4"),
        (edited(lambda raw: raw["properties"].update({"encryption.key-id": "k"})), "encrypted"),
        (edited(lambda raw: raw.update({"current-snapshot-id": 999})), "current snapshot"),
        (column("variant"), "column x of type variant"),
        (column("geometry"), "column x of type geometry"),
        (column("int", required=True), "lacks column 'x'"),
        (edited(lambda raw: raw.update({"view-uuid": "x"})), "a view"),
        (equality, "equality deletes"),
        (deep, "nested in more than 40 levels"),
        (moved("hdfs://host/x.parquet"), "hdfs://"),
        (moved("file://host/x.parquet"), "another machine"),
        (moved("/a/../x.parquet"), "upwards"),
        (moved("/nowhere/x.parquet"), "/nowhere/x.parquet is missing"),
        (without_ids, "field-ids"),
        (twice, "twice"),
        (other_type(pa.array([2**63], pa.uint64()), LongType()), "c.parquet has values that are"),
        (
            other_type(pa.array([1], pa.int32()).cast(pa.date32()), TimestampType()),
            "c.parquet cannot be read",
        ),
        (without_columns, "no columns"),
    ],
)
def test_what_is_not_known_is_refused_by_its_name(
    cat: Catalog, tmp_path: Path, change: Callable[[HandWritten], None], text: str
) -> None:
    made = two_files(tmp_path)
    change(made)
    with pytest.raises(CatalogError, match=text):
        taken(cat, made.root, mode="reference")
    assert not cat.tables()


@pytest.mark.parametrize(
    "name",
    [
        "metadata/v1.metadata.json",
        "metadata/list-102.avro",
        "metadata/data-102.avro",
        "data/b.parquet",
    ],
)
def test_missing_and_damaged_files_are_named(cat: Catalog, tmp_path: Path, name: str) -> None:
    made = two_files(tmp_path)
    made.write()
    path = made.root / name
    whole = path.read_bytes()
    step = effort(max(1, len(whole) // 3), 1)
    for size in range(0, len(whole) - 1, step):
        path.write_bytes(whole[:size])
        with pytest.raises(CatalogError, match=path.name):
            taken(cat, made.root)
    path.unlink()
    with pytest.raises(CatalogError, match=path.name if "v1" not in name else "no metadata file"):
        taken(cat, made.root)
    os.mkfifo(path)
    with pytest.raises(CatalogError, match=path.name):
        taken(cat, made.root)
    assert not cat.tables()


def test_what_a_tables_properties_name_is_not_run(cat: Catalog, tmp_path: Path) -> None:
    made = two_files(tmp_path, properties={"py-io-impl": "antigravity.Nothing"})
    made.write()
    assert taken(cat, made.root).rows == 20


def test_the_current_metadata_file_is_found_or_asked_for(cat: Catalog, tmp_path: Path) -> None:
    made = two_files(tmp_path)
    folder = made.root / "metadata"
    old = dict(made.raw)
    made.write("00000-aaa")
    made.commit([made.data("c.parquet", rows(20, 10))])
    made.write("00001-bbb")
    assert taken(cat, made.root).rows == 30
    made.write("00001-ccc")  # of two writers who raced, one lost: only the catalog knows who
    with pytest.raises(CatalogError, match="which of its files is the current one"):
        taken(cat, made.root)
    (folder / "00001-ccc.metadata.json").unlink()
    made.raw = {**old, "table-uuid": str(uuid.UUID(int=1))}
    made.write("00000-new")  # dropped and created again: the smaller number is the current one
    with pytest.raises(CatalogError, match="different tables"):
        taken(cat, made.root)
    assert taken(cat, folder / "00000-new.metadata.json").rows == 20
    (folder / "v3.gz.metadata.json").write_bytes(gzip.compress(json.dumps(made.raw).encode()))
    (folder / "version-hint.text").write_text("2")
    with pytest.raises(CatalogError, match="version-hint"):
        taken(cat, made.root)
    (folder / "version-hint.text").write_text("3")
    assert taken(cat, made.root).rows == 20


def test_a_table_is_named_by_a_catalog_of_pyiceberg(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, warehouse = f"sqlite:///{tmp_path}/db", f"file://{tmp_path}/ware house"
    sql = SqlCatalog("own", uri=uri, warehouse=warehouse)
    sql.create_namespace("ns")
    spec = PartitionSpec(PartitionField(2, 1000, DayTransform(), "day"))
    columns = NestedField(1, "id", LongType(), False), NestedField(2, "at", DateType(), False)
    schema = Schema(*columns)
    table = sql.create_table("ns.t", schema, partition_spec=spec)
    day = datetime.date(2024, 1, 31)
    table.append(pa.table({"id": [1, 2], "at": [day, None]}, schema=table.schema().as_arrow()))
    sql.close()
    monkeypatch.setenv("PYICEBERG_CATALOG__OWN__URI", uri)
    monkeypatch.setenv("PYICEBERG_CATALOG__OWN__TYPE", "sql")
    report = taken(cat, "iceberg:own/ns.t")
    assert report.rows == 2
    assert "'at' is partitioned by day" in report.warnings[0]
    check(cat, table.scan().to_arrow())
    assert not taken(cat, table.location().removeprefix("file://")).changed
    with pytest.raises(catalog.NotFound, match=r"no table ns\.u"):
        taken(cat, "iceberg:own/ns.u")
    with pytest.raises(catalog.InvalidInput, match="no catalog 'other'"):
        taken(cat, "iceberg:other/ns.t")


def test_a_missing_library_is_named(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_files(tmp_path).write()
    monkeypatch.setitem(sys.modules, "pyiceberg.table", None)
    with pytest.raises(catalog.Unsupported) as caught:
        taken(cat, tmp_path / "t")
    assert caught.value.kind == ErrorKind.EXTRA_NOT_INSTALLED
    assert "parquetry[iceberg]" in caught.value.hint


def test_a_directory_that_is_no_table_is_not_one(cat: Catalog, tmp_path: Path) -> None:
    with pytest.raises(catalog.NotFound, match=r"metadata/\*\.metadata\.json"):
        taken(cat, tmp_path, format="iceberg")
