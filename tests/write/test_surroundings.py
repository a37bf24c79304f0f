"""What surrounds a catalog and is not as it should be: reported in words that help."""

import os
from pathlib import Path

import pytest

import catalog
from catalog.catalog import Catalog
from catalog.storage.local import LocalStore

from .conftest import catalog_in, snap, write
from .merges import put, values


@pytest.mark.parametrize("place", ["file", "file/lake"])
def test_a_file_where_a_directory_should_be_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    for use in (catalog.create, catalog.open):
        with pytest.raises(catalog.InvalidInput, match="file is a file"):
            use(str(tmp_path / place))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format_version": "1"}'])
def test_a_damaged_description_is_to_be_restored(tmp_path: Path, text: str) -> None:
    catalog.create(tmp_path)
    description = tmp_path / "catalog.json"
    description.unlink()
    description.write_text(text)
    with pytest.raises(catalog.CatalogError) as failed:
        catalog.open(tmp_path)
    assert "from a backup" in (failed.value.hint or "")


def test_a_query_names_a_data_file_that_is_gone(cat: Catalog, root: Path) -> None:
    put(cat, "main", {1: 1})
    (file,) = (root / "data").rglob("*.parquet")
    file.unlink()
    with pytest.raises(catalog.CorruptData, match=f"{file.name} is gone since"):
        cat.sql("SELECT count(v) FROM t").fetchall()
    with pytest.raises(catalog.InvalidInput, match="No files found"):
        cat.sql("FROM 'nowhere.parquet'")


class _FullStore(LocalStore):
    """Writes data files to a device that has no space."""

    is_full = False

    def scratch(self) -> str:
        path = super().scratch()
        if self.is_full:
            os.symlink("/dev/full", path)
        return path


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_reported_as_such_when_rows_are_written(root: Path) -> None:
    store = _FullStore(str(root))
    cat = catalog_in(store)
    put(cat, "main", {1: 1})
    store.is_full = True
    with pytest.raises(catalog.StorageFailure, match="cannot write a data file") as failed:
        put(cat, "main", {1: 2})
    assert failed.value.kind == "no-space"
    store.is_full = False
    assert values(cat) == {1: 1}


def test_a_snapshot_warns_that_the_key_becomes_another(cat: Catalog, source: Path) -> None:
    write(source / "a.parquet", {"k": [1, 2], "v": [1, 1]})
    assert snap(cat, "t", source, key=["k"]).warnings == ()
    assert snap(cat, "t", source).warnings == ()
    assert snap(cat, "t", source, key=["v"]).warnings == (
        "the key of t was k and is now v",
        "1 file that stays was not checked for NULL and duplicates in the key of t (v)",
    )
    assert snap(cat, "t", source, key=[]).warnings == ("the key of t was v and is now none",)
