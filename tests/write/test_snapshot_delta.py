"""Snapshots of tables of Delta: the rows are those that the library reads, at every version."""

import datetime
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from catalog import Catalog
from catalog.errors import InvalidInput
from catalog.operations.tables import find_table
from catalog.write.snapshot.outcome import SnapshotReport

from .conftest import write
from .delta_logs import HandWritten, column, deleted, metadata, protocol, remove

Step = Callable[[str], object]

ROWS = {
    "id": [1, 2, 3, 4],
    "day": ["a", "a b%20", None, "c/d"],
    "x": [1.5, float("nan"), None, -0.0],
    "at": pa.array([1, 2, None, 4], pa.timestamp("us", "UTC")),
}

HISTORY: tuple[Step, ...] = (
    lambda root: write_deltalake(root, pa.table(ROWS), partition_by=["day"]),
    lambda root: write_deltalake(root, pa.table(ROWS), mode="append"),
    lambda root: DeltaTable(root).delete("id = 2"),
    lambda root: DeltaTable(root).update(predicate="id = 3", updates={"x": "7.0"}),
    lambda root: write_deltalake(
        root,
        pa.table({"id": [9], "day": ["z"], "x": [2.0], "note": ["new"]}),
        mode="append",
        schema_mode="merge",
    ),
    lambda root: DeltaTable(root).optimize.compact(),
    lambda root: DeltaTable(root).restore(3),
    lambda root: write_deltalake(
        root, pa.table({"day": [1], "id": ["q"]}), mode="overwrite", schema_mode="overwrite"
    ),
    lambda root: DeltaTable(root).delete(),
)
"""What makes the versions of a table, in order."""


@pytest.fixture(scope="module")
def delta(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = str(tmp_path_factory.mktemp("delta") / "a #table")
    for step in HISTORY:
        step(root)
    return root


def by_library(root: str, version: int | None = None) -> list[str]:
    table = DeltaTable(root, version=version)
    rows = QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all()
    return sorted(map(repr, pa.table(rows).to_pylist()))


def by_catalog(cat: Catalog, ref: str = "main") -> list[str]:
    return sorted(map(repr, cat.sql(f"SELECT * FROM t@{ref}").to_arrow_table().to_pylist()))


def taken(cat: Catalog, root: str | Path, **options: object) -> SnapshotReport:
    with cat.transaction("main") as tx:
        return tx.snapshot("t", str(root), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_every_version_has_the_rows_that_the_library_reads(
    cat: Catalog, delta: str, mode: str
) -> None:
    for version in range(len(HISTORY)):
        report = taken(cat, delta, at=str(version), mode=mode)
        assert by_catalog(cat) == by_library(delta, version), version
        assert report.rows == len(by_library(delta, version))
    assert not taken(cat, delta, mode=mode).changed


def test_an_older_version_is_taken_after_a_newer_one(cat: Catalog, delta: str) -> None:
    for version in (7, 2, 6, 0):
        taken(cat, delta, at=str(version))
        assert by_catalog(cat) == by_library(delta, version)


def steps_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a snapshot fail that looks at all files of the table."""
    from catalog.write.snapshot.file_plan import KnownFiles

    def load(*args: object, **options: object) -> KnownFiles:
        raise AssertionError("all files of the table were listed")

    monkeypatch.setattr(KnownFiles, "load", load)


@pytest.mark.parametrize("mode", ["copy", "link", "reference"])
def test_the_next_version_is_taken_by_the_files_that_differ(
    cat: Catalog,
    delta: str,
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
    trusted_times: None,
) -> None:
    taken(cat, delta, at="0", mode=mode)
    steps_only(monkeypatch)
    for version in (1, 2, 3, 1, 2, 0):
        report = taken(cat, delta, at=str(version), mode=mode)
        assert report.changed
        assert by_catalog(cat) == by_library(delta, version), version


def test_a_table_that_was_changed_here_is_compared_in_full(cat: Catalog, delta: str) -> None:
    taken(cat, delta, at="0")
    with cat.transaction("main") as tx:
        tx.sql("UPDATE t SET x = 9 WHERE id = 1")
    taken(cat, delta, at=1)
    assert by_catalog(cat) == by_library(delta, 1)
    with cat.transaction("main") as tx:
        tx.sql("DELETE FROM t WHERE id = 1")
    taken(cat, delta, at="1")
    assert by_catalog(cat) == by_library(delta, 1)


def field_ids(cat: Catalog) -> dict[str, int]:
    repository = cat.context.repository
    table = find_table(repository, "t", cat.context.resolve("main"))
    assert table is not None
    return {field.name: field.id for field in table.snapshot.schema.fields}


def test_columns_stay_the_same_through_renames_drops_and_new_ones(
    cat: Catalog, tmp_path: Path
) -> None:
    table = HandWritten(tmp_path / "mapped")
    mapped = {"delta.columnMapping.mode": "name"}
    fields = [column("id", "long", "col-1", 1), column("a", "string", "col-2", 2)]
    first = table.file("1.parquet", pa.table({"col-2": ["x", "y"], "col-1": [1, 2]}))
    table.commit(protocol("columnMapping"), metadata(fields, **mapped), first)
    renamed = [fields[0], column("b", "string", "col-2", 2)]
    table.commit(metadata(renamed, **mapped))
    table.commit(metadata([fields[0]], **mapped))
    anew = [fields[0], column("a", "string", "col-3", 3)]
    second = table.file("3.parquet", pa.table({"col-1": [3], "col-3": ["z"]}))
    table.commit(metadata(anew, **mapped), second)
    seen = []
    for version in range(4):
        report = taken(cat, table.root, at=str(version), mode="reference")
        assert by_catalog(cat) == by_library(str(table.root), version), version
        assert (report.files_added, report.files_removed) == (int(version in (0, 3)), 0)
        seen.append(field_ids(cat))
    assert seen == [{"id": 1, "a": 2}, {"id": 1, "b": 2}, {"id": 1}, {"id": 1, "a": 3}]
    taken(cat, table.root, at="0", mode="reference")
    assert field_ids(cat) == seen[0]


@pytest.mark.parametrize("mode", ["copy", "reference"])
def test_only_files_with_deleted_rows_are_written_again(
    cat: Catalog, root: Path, tmp_path: Path, mode: str, trusted_times: None
) -> None:
    table = HandWritten(tmp_path / "deleted")
    fields = [column("id", "long"), column("p", "string")]
    rows = pa.table({"id": list(range(10))})
    parts = [{"partitionValues": {"p": value}} for value in ("a", None)]
    adds = [table.file(f"{n}.parquet", rows, **part) for n, part in enumerate(parts)]
    table.commit(protocol("deletionVectors"), metadata(fields, partition_by=["p"]), *adds)
    vector = deleted([0, 7])
    table.commit(remove("0.parquet"), table.add("0.parquet", deletionVector=vector, **parts[0]))
    table.commit(
        remove("0.parquet", deletionVector=vector),
        table.add("0.parquet", deletionVector=deleted([0, 7, 9]), **parts[0]),
    )
    reports = []
    for version in (0, 1, 2, 1, 0):
        reports.append(taken(cat, table.root, at=str(version), mode=mode))
        assert by_catalog(cat) == by_library(str(table.root), version), version
    assert [(one.files_added, one.files_removed) for one in reports[1:]] == [(1, 1)] * 4
    assert not taken(cat, table.root, at="0", mode=mode).changed
    taken(cat, table.root, at="2", mode=mode)
    with cat.transaction("main") as tx:
        dry = tx.snapshot("t", str(table.root), mode=mode)  # type: ignore[arg-type]
    assert not dry.changed


def test_fields_within_columns_have_the_names_of_the_table(cat: Catalog, tmp_path: Path) -> None:
    table = HandWritten(tmp_path / "nested")

    def inner(first: int) -> dict[str, object]:
        fields = [column("x", "long", "f-1", first), column("y", "date", "f-2", first + 1)]
        return {"type": "struct", "fields": fields}

    many = {"type": "array", "elementType": inner(5), "containsNull": True}
    fields = [column("s", inner(2), "c-s", 1), column("t", many, "c-t", 4)]
    kind = pa.struct({"f-1": pa.int64(), "f-2": pa.date32()})
    value, other = {"f-1": 1, "f-2": None}, {"f-1": None, "f-2": datetime.date(2024, 1, 31)}
    rows = pa.table(
        {"c-s": [value, None, other], "c-t": [[value, None, other], None, []]},
        schema=pa.schema({"c-s": kind, "c-t": pa.list_(kind)}),
    )
    mapped = metadata(fields, **{"delta.columnMapping.mode": "name"})
    table.commit(protocol("columnMapping"), mapped, table.file("1.parquet", rows))
    taken(cat, table.root, mode="reference")
    assert by_catalog(cat) == by_library(str(table.root))


def test_a_dry_run_says_what_would_come_and_writes_nothing(
    cat: Catalog, root: Path, tmp_path: Path
) -> None:
    table = HandWritten(tmp_path / "deleted")
    file = table.file("1.parquet", pa.table({"id": [1, 2, 3]}), deletionVector=deleted([1]))
    table.commit(protocol("deletionVectors"), metadata([column("id", "long")]), file)
    before = sorted(path for path in root.rglob("*"))
    with cat.transaction("main", dry_run=True) as tx:
        report = tx.snapshot("t", str(table.root))
    assert (report.files_added, report.rows) == (1, 2)
    assert sorted(path for path in root.rglob("*")) == before


def test_deleted_rows_are_left_out_whatever_is_declared_and_however_the_file_is_named(
    cat: Catalog, tmp_path: Path
) -> None:
    table = HandWritten(tmp_path / "delta")
    rows = pa.table({"id": [1, 2, 3]})
    files = [
        table.file(name, rows, path=path, deletionVector=deleted([n % 3]))
        for n, (name, path) in enumerate(
            [
                ("a.parquet", "a.parquet"),
                ("b.parquet", "./b.parquet"),
                ("c/d.parquet", "c/./d.parquet"),
                ("e#%20.parquet", "e%23%2520.parquet"),
                ("f.parquet", f"file://{tmp_path}/delta/f.parquet"),
            ]
        )
    ]
    table.commit(protocol(), metadata([column("id", "long")]), *files)
    taken(cat, table.root)
    assert by_catalog(cat) == by_library(str(table.root))


@pytest.mark.parametrize("vector", [False, True])
def test_files_of_other_types_are_read_as_the_library_reads_them(
    cat: Catalog, tmp_path: Path, vector: bool
) -> None:
    table = HandWritten(tmp_path / "delta")
    nanos = pa.array([1999, -1, -1999], pa.timestamp("ns", "UTC"))
    rows = {
        "at": nanos,
        "local": nanos.cast(pa.timestamp("ns")),
        "text": [b"a", b"\xc3\xa4", None],
        "data": ["\\x41", "b", None],
        "n": pa.array([1, None, 2**31 - 1], pa.uint64()),
        "inside": [[{"at": value}] for value in nanos.to_pylist()],
    }
    of_moments = {"type": "struct", "fields": [column("at", "timestamp")]}
    kinds = {
        "at": "timestamp",
        "local": "timestamp_ntz",
        "text": "string",
        "data": "binary",
        "n": "integer",
        "inside": {"type": "array", "elementType": of_moments, "containsNull": True},
    }
    more = {"deletionVector": deleted([1])} if vector else {}
    fields = [column(name, kind) for name, kind in kinds.items()]
    features = protocol("timestampNtz", "deletionVectors")
    table.commit(features, metadata(fields), table.file("a.parquet", pa.table(rows), **more))
    taken(cat, table.root)
    assert by_catalog(cat) == by_library(str(table.root))


@pytest.mark.parametrize("checkpoint", [False, True])
def test_an_empty_text_is_a_partition_value_of_its_own(
    cat: Catalog, tmp_path: Path, checkpoint: bool
) -> None:
    root = str(tmp_path / "texts")
    rows = {"id": [1, 2, 3], "p": ["", None, "a"], "b": [b"", None, b"\x01"]}
    write_deltalake(root, pa.table(rows), partition_by=["p", "b"])
    if checkpoint:
        DeltaTable(root).create_checkpoint()
        write_deltalake(
            root,
            pa.table(
                {"id": [4], "p": [""], "b": [None]},
                schema=pa.schema({"id": pa.int64(), "p": pa.string(), "b": pa.binary()}),
            ),
            mode="append",
        )
    for mode in ("reference", "copy"):
        taken(cat, root, mode=mode)
        assert by_catalog(cat) == by_library(root)


def test_no_version_is_taken_of_what_has_none(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"id": [1]})
    for form in ("auto", "parquet", "files"):
        with pytest.raises(InvalidInput, match="has no version '3'"):
            taken(cat, source, at="3", format=form)


def test_a_table_that_was_altered_here_gets_the_columns_of_its_source_again(
    cat: Catalog, delta: str
) -> None:
    taken(cat, delta, at="0")
    with cat.transaction("main") as tx:
        tx.sql("ALTER TABLE t RENAME COLUMN x TO y")
    report = taken(cat, delta, at="0")
    assert (report.changed, report.files_kept) == (True, 4)
    assert by_catalog(cat) == by_library(delta, 0)
