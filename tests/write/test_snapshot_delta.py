"""Snapshots of tables of Delta: the rows are those that the library reads, at every version."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from catalog import Catalog
from catalog.write.snapshot.outcome import SnapshotReport

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
    taken(cat, delta, at="1")
    assert by_catalog(cat) == by_library(delta, 1)
    with cat.transaction("main") as tx:
        tx.sql("DELETE FROM t WHERE id = 1")
    taken(cat, delta, at="1")
    assert by_catalog(cat) == by_library(delta, 1)
