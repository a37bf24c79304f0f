"""What a snapshot's report says of the table before: rows, schema, keys, partitions."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from catalog.catalog import Catalog
from catalog.write.snapshot.outcome import SnapshotReport

from .conftest import write


def take(
    cat: Catalog, source: Path, *, key: list[str] | None = None, dry_run: bool = False, **how: str
) -> SnapshotReport:
    with cat.transaction("main", dry_run=dry_run) as tx:
        return tx.snapshot("t", str(source), key=key, **how)  # type: ignore[arg-type]


def changes(report: SnapshotReport) -> set[tuple[str | None, ...]]:
    return {(one.change, one.column, one.before, one.after) for one in report.schema_changes}


def moves(report: SnapshotReport) -> list[tuple[str, str]]:
    return [
        (one.change, "/".join(f"{k}={v}" for k, v in one.values.items()))
        for one in report.partitions
    ]


def test_rows_before_are_those_of_the_branch(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", pa.table({"id": range(1000)}))
    assert take(cat, source).rows_before is None
    again = take(cat, source)
    assert (again.changed, again.rows_before, again.rows) == (False, 1000, 1000)
    write(source / "a.parquet", pa.table({"id": range(10)}))
    for dry_run in (True, False):
        report = take(cat, source, dry_run=dry_run)
        assert (report.rows_before, report.rows, report.schema_changes) == (1000, 10, ())


def test_schema_changes_are_those_of_the_diff(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", pa.table({"id": [1], "name": ["a"], "v": [1]}))
    assert take(cat, source).schema_changes == ()
    write(source / "a.parquet", pa.table({"id": [1], "name2": ["a"], "v": [1.0], "extra": [1]}))
    expected = {
        ("column_removed", "name", "VARCHAR", None),
        ("column_added", "name2", None, "VARCHAR"),
        ("column_added", "extra", None, "BIGINT"),
        ("type_changed", "v", "BIGINT", "DOUBLE"),
        ("key_changed", None, None, "id"),
    }
    dry = take(cat, source, key=["id"], dry_run=True)
    assert changes(dry) == expected
    report = take(cat, source, key=["id"])
    assert (changes(report), report.key) == (expected, ("id",))
    found = cat.diff("main~1", "main").to_dict()["tables"][0]["schema_changes"]
    assert {(c["change"], c["column"], c["from"], c["to"]) for c in found} == expected


def test_an_index_of_pandas_is_named(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", pa.table({"id": [1]}))
    assert take(cat, source).warnings == ()
    write(source / "a.parquet", pa.table({"id": [1], "__index_level_0__": [0]}))
    report = take(cat, source)
    assert changes(report) == {("column_added", "__index_level_0__", None, "BIGINT")}
    assert ["__index_level_0__" in text for text in report.warnings] == [True]
    write(source / "b.parquet", pa.table({"id": [2], "__index_level_0__": [1]}))
    assert take(cat, source).warnings == ()


def test_keys_of_rows_that_come_are_counted_or_said_not_to_be(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", pa.table({"id": [1, 1, 1, 2, 3, None]}))
    dry = take(cat, source, key=["id"], dry_run=True)
    assert (dry.null_keys, dry.repeated_keys) == (None, None)
    report = take(cat, source, key=["id"])
    assert (report.null_keys, report.repeated_keys) == (1, 3)
    write(source / "a.parquet", pa.table({"id": [1, 2, 3]}))
    assert take(cat, source).repeated_keys == 0
    write(source / "a.parquet", pa.table({"id": [1, 2, 2]}))
    assert take(cat, source, fingerprints="later").repeated_keys is None
    write(source / "a.parquet", pa.table({"id": [1, 2, 4]}))
    assert take(cat, source, key=[]).repeated_keys is None


def partitions(source: Path, rows: dict[str, int]) -> None:
    for folder in source.glob("*"):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    for value, count in rows.items():
        write(source / f"day={value}" / "a.parquet", pa.table({"n": range(count)}))


def test_partitions_come_go_and_change(cat: Catalog, source: Path) -> None:
    write(source / "day=1" / "a.parquet", pa.table({"n": [1]}))
    assert moves(take(cat, source)) == [("added", "day=1")]
    partitions(source, {"2": 2, "10": 3, "1": 4})
    new = [("changed", "day=1"), ("added", "day=2"), ("added", "day=10")]
    assert moves(take(cat, source, dry_run=True)) == new
    assert moves(take(cat, source)) == new
    partitions(source, {"10": 5, "3": 1})
    gone = [("removed", "day=1"), ("removed", "day=2"), ("added", "day=3"), ("changed", "day=10")]
    assert moves(take(cat, source, dry_run=True)) == gone
    less = [("added", "day=3"), ("changed", "day=10")]
    for scope in ("partitions", "append"):
        assert moves(take(cat, source, scope=scope, dry_run=True)) == less
    assert moves(take(cat, source)) == gone
    partitions(source, {"x": 5})
    assert take(cat, source).partitions == ()  # another type: nothing to compare by


def test_a_table_of_delta_tells_its_partitions_from_the_files_that_differ(
    cat: Catalog, source: Path
) -> None:
    root = str(source)
    old = pa.table({"day": ["a", "a", "b", "c"], "n": [1, 2, 3, 4]})
    write_deltalake(root, old, partition_by=["day"])
    assert [one[0] for one in moves(take(cat, source))] == ["added"] * 3
    write_deltalake(root, pa.table({"day": ["a", "d"], "n": [5, 6]}), mode="append")
    DeltaTable(root).delete("day = 'b'")
    expected = [("changed", "day=a"), ("removed", "day=b"), ("added", "day=d")]
    for dry_run in (True, False):
        report = take(cat, source, dry_run=dry_run)
        assert (moves(report), report.rows_before, report.rows) == (expected, 4, 5)
    again = take(cat, source)
    assert (again.rows_before, again.rows, again.partitions) == (5, 5, ())


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_set_counts_its_files(cat: Catalog, source: Path, dry_run: bool) -> None:
    source.mkdir(exist_ok=True)
    for n in range(3):
        (source / f"{n}.txt").write_text("x")
    assert take(cat, source, format="files").rows_before is None
    (source / "0.txt").unlink()
    report = take(cat, source, format="files", dry_run=dry_run)
    assert (report.rows_before, report.rows, report.key) == (3, 2, ("path",))
    assert (report.schema_changes, report.partitions) == ((), ())
