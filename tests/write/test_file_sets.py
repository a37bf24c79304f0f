"""File sets: directories of anything, versioned by content."""

import datetime
import os
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, ErrorKind, InvalidInput, NotFound
from catalog.repository.blobs import blobs_of
from tests.write.file_trees import WHEN, blobs, contents, plant, sha256, take

FILES = {
    "a/one.txt": b"one",
    "a/two.bin": b"\x00two",
    "b/deep/er/copy of one.txt": b"one",
    ".hidden": b"h",
    "_SUCCESS": b"",
    "b/été.md": "été".encode(),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return plant(tmp_path / "photos", FILES)


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return Catalog.create(tmp_path / "lake", author="tester")


def rows(cat: Catalog, ref: str = "main") -> dict[str, str]:
    found = cat.sql(f"SELECT path, sha256 FROM images@{ref} ORDER BY path").fetchall()
    return dict(found)


def test_a_directory_becomes_a_table_of_its_files(cat: Catalog, source: Path) -> None:
    report, commit = take(cat, source)
    assert (report.rows, report.files_added, report.size_bytes) == (6, 6, 16)
    assert commit is not None
    assert rows(cat) == {path: sha256(content) for path, content in FILES.items()}
    found = cat.sql("SELECT DISTINCT modified, typeof(perceptual_hash) FROM images").fetchall()
    at = datetime.datetime.fromtimestamp(WHEN // 1000 / 1e6, datetime.UTC)
    assert found == [(at, "UBIGINT")]


@pytest.mark.invariant("A state of a file set is restored byte for byte")
def test_every_state_is_restored_with_its_times(cat: Catalog, source: Path, tmp_path: Path) -> None:
    take(cat, source)
    plant(source, {"a/one.txt": b"ONE", "new": b"n"}, when=WHEN + 5_000_000_000)
    (source / "_SUCCESS").unlink()
    take(cat, source)
    for ref, files in (("main~1", FILES), ("main", contents(source))):
        target = tmp_path / f"out {ref}"
        assert cat.export("images", str(target), ref=ref, format="files") == len(files)
        assert contents(target) == files
    assert (tmp_path / "out main~1/a/one.txt").stat().st_mtime_ns == WHEN
    assert (tmp_path / "out main/a/one.txt").stat().st_mtime_ns == WHEN + 5_000_000_000


@pytest.mark.invariant("Each content of a file set is stored once")
def test_contents_are_stored_once(cat: Catalog, source: Path, tmp_path: Path) -> None:
    take(cat, source)
    wanted = {sha256(content): len(content) for content in FILES.values()}
    assert blobs(tmp_path / "lake") == wanted
    (source / "a").rename(source / "z")
    (source / ".hidden").write_bytes(b"changed")
    report, _ = take(cat, source)
    assert (report.files_added, report.files_removed, report.bytes_copied) == (3, 3, 7)
    assert blobs(tmp_path / "lake") == {**wanted, sha256(b"changed"): 7}


def test_a_touched_file_is_no_change(cat: Catalog, source: Path) -> None:
    take(cat, source)
    os.utime(source / "a/one.txt")
    report, commit = take(cat, source)
    assert (report.changed, commit) == (False, None)
    plant(source, {"a/two.bin": b"other"})
    take(cat, source)
    assert cat.sql("SELECT epoch_us(modified) FROM images WHERE path = 'a/one.txt'").fetchall() == [
        (WHEN // 1000,)
    ]


def test_append_adds_and_replaces_but_removes_nothing(
    cat: Catalog, source: Path, tmp_path: Path
) -> None:
    take(cat, source)
    more = plant(tmp_path / "more", {"a/one.txt": b"better", "c": b"c"})
    report, _ = take(cat, more, scope="append")
    assert (report.files_added, report.files_removed, report.rows) == (2, 1, 7)
    assert rows(cat) == {
        path: sha256(content)
        for path, content in {**FILES, "a/one.txt": b"better", "c": b"c"}.items()
    }


def test_one_file_is_opened(cat: Catalog, source: Path) -> None:
    take(cat, source)
    plant(source, {"a/one.txt": b"ONE"})
    take(cat, source)
    with cat.open_file("images@main~1", "a/one.txt") as file:
        assert (file.read(), file.seek(1), file.read()) == (b"one", 1, b"ne")
    with cat.open_file("images", "a/one.txt") as file:
        assert file.read() == b"ONE"
    for path in ("a/three.txt", "/etc/passwd", "../x", "a"):
        with pytest.raises(NotFound, match="has no file"):
            cat.open_file("images@main", path)


@pytest.mark.invariant("The contents of a file set are listed in the metadata")
def test_contents_are_listed_beside_each_data_file(cat: Catalog, source: Path) -> None:
    def listed() -> set[str]:
        entry = cat.repository.commits.entry(cat.resolve("main").commit_id, "images")
        assert entry is not None
        table = cat.repository.commits.table(entry)
        found = blobs_of(cat.repository.store, cat.repository.commits, table)
        return {blob.sha256 for blob in found}

    take(cat, source)
    assert listed() == set(rows(cat).values())
    with cat.transaction("main") as tx:
        tx.sql("DELETE FROM images WHERE path LIKE 'b/%' OR path = '.hidden'")
    assert listed() == set(rows(cat).values()) == {sha256(b"one"), sha256(b"\x00two"), sha256(b"")}
    with cat.transaction("main") as tx:
        tx.sql("TRUNCATE images")
    assert listed() == set()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO images SELECT * FROM images",
        "UPDATE images SET path = 'x' || path",
        "MERGE INTO images USING images s ON images.path = s.path WHEN MATCHED THEN DELETE",
        "ALTER TABLE images DROP COLUMN width",
        "ALTER TABLE images RENAME path TO name",
        "ALTER TABLE images ADD COLUMN x INTEGER",
        "CREATE OR REPLACE TABLE images AS SELECT 1 AS path",
    ],
)
@pytest.mark.invariant("A file set is written by snapshots of files and DELETE only")
def test_sql_writes_no_rows_of_it(cat: Catalog, source: Path, statement: str) -> None:
    take(cat, source)
    with pytest.raises(InvalidInput) as raised, cat.transaction("main") as tx:
        tx.sql(statement)
    assert raised.value.kind is ErrorKind.FILE_SET
    assert raised.value.hint


@pytest.mark.invariant("A file set is written by snapshots of files and DELETE only")
def test_nothing_else_writes_it(cat: Catalog, source: Path, tmp_path: Path) -> None:
    take(cat, source)
    cat.export("images", str(tmp_path / "parquet"))
    rows_of_it = cat.sql("FROM images").to_arrow_table()
    refused: list[CatalogError] = []
    for mode in ("append", "overwrite", "upsert"):
        with pytest.raises(InvalidInput) as raised, cat.transaction("main") as tx:
            tx.write("images", rows_of_it, mode=mode)  # type: ignore[arg-type]
        refused.append(raised.value)
    with pytest.raises(InvalidInput) as raised, cat.transaction("main") as tx:
        tx.snapshot("images", str(tmp_path / "parquet"))
    refused.append(raised.value)
    with pytest.raises(InvalidInput) as raised:
        cat.derive("images", "SELECT 1 AS x", replace=True)
    refused.append(raised.value)
    with cat.transaction("main") as tx:
        tx.snapshot("plain", str(tmp_path / "parquet"))
    with pytest.raises(InvalidInput) as raised:
        take(cat, source, "plain")
    refused.append(raised.value)
    assert {error.kind for error in refused} == {ErrorKind.FILE_SET}
    assert all(error.hint for error in refused)


def test_it_is_a_table_like_any_other(cat: Catalog, source: Path) -> None:
    take(cat, source)
    joined = cat.sql(
        "SELECT label, size FROM images@main JOIN (VALUES ('_SUCCESS', 'done')) l(path, label) "
        "USING (path)"
    )
    assert joined.fetchall() == [("done", 0)]
    with cat.transaction("main") as tx:
        tx.sql("ALTER TABLE images RENAME TO pictures")
    with cat.open_file("pictures", "_SUCCESS") as file:
        assert file.read() == b""
