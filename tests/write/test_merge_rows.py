"""Merges of rows where files, types and keys are out of the ordinary."""

from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog.catalog import Catalog

from .conftest import rows, snap, write


def file_of(cat: Catalog, root: Path, table: str, data: pa.Table) -> bytes:
    """Returns the bytes of the file that the catalog writes for some rows."""
    with cat.transaction() as tx:
        tx.write(table, data, mode="overwrite", partition_by=["p"])
    (found,) = (root / "data" / table).rglob("*.parquet")
    return found.read_bytes()


def test_a_file_rewritten_into_the_content_of_another_is_not_taken_for_it(
    cat: Catalog, root: Path, source: Path
) -> None:
    twos = pa.table({"x": [2, 2], "p": ["a", "a"]})
    alike = file_of(cat, root, "other", twos)
    write(source / "p=a" / "one.parquet", {"x": [1, 2, 2]})
    (source / "p=a" / "two.parquet").write_bytes(alike)
    snap(cat, "t", source)
    cat.branches.create("work")
    write(source / "p=a" / "more.parquet", {"x": [9]})
    snap(cat, "t", source)
    (source / "p=a" / "more.parquet").unlink()
    write(source / "p=a" / "one.parquet", {"x": [2, 2]}, compression="none")
    snap(cat, "t", source, "work")
    cat.merge("work")
    assert rows(cat, "SELECT x FROM t ORDER BY x") == [(2,), (2,), (2,), (2,), (9,)]
    files = [file.path for file in cat.files("t")]
    assert len(set(files)) == len(files) == 3


@pytest.mark.parametrize("mode", ["link", "reference"])
def test_a_linked_file_that_changed_is_an_error(cat: Catalog, source: Path, mode: str) -> None:
    write(source / "p=a" / "1.parquet", {"k": [1, 2], "x": [1, 2]})
    snap(cat, "t", source, key=["k"])
    cat.branches.create("work")
    write(source / "p=a" / "1.parquet", {"k": [1, 2], "x": [1, 3]})
    snap(cat, "t", source, "work")
    linked = write(source / "p=a" / "1.parquet", {"k": [1, 2], "x": [4, 2]})
    snap(cat, "t", source, mode=mode)
    before = cat.resolve("main").commit_id
    data = linked.read_bytes()
    linked.write_bytes(data[:-9] + b"\0" + data[-8:])
    with pytest.raises(catalog.CorruptData):
        cat.merge("work")
    assert cat.resolve("main").commit_id == before
