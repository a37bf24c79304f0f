"""How contents of file sets get into the catalog: copied, linked to, or left where they lie."""

import os
import shutil
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import CorruptData, ErrorKind, Unsupported
from catalog.operations.status import Source
from tests.write.file_trees import blobs, contents, plant, sha256, take

FILES = {"a/1": b"one", "a/2": b"two", "3": b"three"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return plant(tmp_path / "s", FILES)


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    return Catalog.create(tmp_path / "lake", author="tester")


def content(cat: Catalog, path: str, ref: str = "images") -> bytes:
    with cat.open_file(ref, path) as file:
        return file.read()


def test_referenced_contents_stay_and_are_compared_when_opened(
    cat: Catalog, source: Path, tmp_path: Path
) -> None:
    take(cat, source, mode="reference")
    assert blobs(tmp_path / "lake") == {}
    os.utime(source / "a/1")
    _, commit = take(cat, source, mode="reference")
    assert (commit, content(cat, "a/1")) == (None, b"one")
    (source / "a/2").write_bytes(b"TWO")
    (source / "3").unlink()
    for path in ("a/2", "3"):
        with pytest.raises(CorruptData) as raised:
            content(cat, path)
        assert raised.value.kind is ErrorKind.FILE_CHANGED
        assert "mode='copy'" in raised.value.hint
    with pytest.raises(CorruptData):
        cat.export("images", str(tmp_path / "out"), format="files")
    assert not (tmp_path / "out").exists()


def test_a_referenced_directory_may_move(cat: Catalog, source: Path, tmp_path: Path) -> None:
    take(cat, source, mode="reference")
    moved = source.rename(tmp_path / "elsewhere")
    report, commit = take(cat, moved, mode="reference")
    assert (report.files_added, report.files_removed) == (0, 0)
    assert commit is not None
    assert content(cat, "a/1") == b"one"
    take(cat, moved)
    shutil.rmtree(moved)
    cat.export("images", str(tmp_path / "out"), format="files")
    assert contents(tmp_path / "out") == FILES
    assert set(blobs(tmp_path / "lake")) == {sha256(one) for one in FILES.values()}


def test_deleted_rows_leave_the_places_of_the_others(
    cat: Catalog, source: Path, tmp_path: Path
) -> None:
    take(cat, source, mode="reference")
    with cat.transaction("main") as tx:
        tx.sql("DELETE FROM images WHERE path = '3'")
    cat.export("images", str(tmp_path / "out"), format="files")
    assert contents(tmp_path / "out") == {"a/1": b"one", "a/2": b"two"}


def test_a_link_is_not_taken_for_a_copy(cat: Catalog, source: Path, tmp_path: Path) -> None:
    """Whoever changes a file that is linked to changes what the catalog has of it."""
    take(cat, source, mode="link")
    linked = {name.partition("-")[0] for name in blobs(tmp_path / "lake")}
    assert linked == {sha256(one) for one in FILES.values()}
    _, commit = take(cat, source, mode="link")
    assert commit is None
    again = plant(tmp_path / "copy", FILES)
    with (source / "a/1").open("r+b") as file:
        file.write(b"ONE")
    with pytest.raises(CorruptData):
        content(cat, "a/1")
    take(cat, again, "copies")
    assert content(cat, "a/1", "copies") == b"one"
    take(cat, again)
    assert content(cat, "a/1") == b"one"


def test_sets_of_several_modes_mix(cat: Catalog, source: Path, tmp_path: Path) -> None:
    take(cat, source)
    more = plant(tmp_path / "more", {"b/4": b"four", "a/2": b"one"})
    take(cat, more, scope="append", mode="reference")
    cat.export("images", str(tmp_path / "out"), format="files")
    assert contents(tmp_path / "out") == {**FILES, "b/4": b"four", "a/2": b"one"}
    assert sha256(b"four") not in blobs(tmp_path / "lake")


def test_status_says_what_a_snapshot_would_change(cat: Catalog, source: Path) -> None:
    (new,) = cat.status([Source("images", str(source), format="files")])
    assert (new.state, new.files_added) == ("new", 3)
    take(cat, source)
    plant(source, {"a/1": b"ONE", "5": b"five"})
    (changed,) = cat.status([Source("images", str(source))])
    assert (changed.state, changed.files_added, changed.files_removed) == ("changed", 2, 1)
    take(cat, source)
    (same,) = cat.status([Source("images", str(source))])
    assert (same.state, same.files_kept) == ("unchanged", 4)


def test_a_place_of_an_unknown_kind_is_refused(cat: Catalog) -> None:
    with pytest.raises(Unsupported):
        take(cat, "ftp://somewhere/x")
