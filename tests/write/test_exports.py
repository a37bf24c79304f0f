"""Exports: plain files that other tools read, written whole or not at all."""

import datetime
import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from catalog.catalog import Catalog
from catalog.errors import AlreadyExists, CatalogError, InvalidInput, NotFound

from .conftest import rows, snap, write


@pytest.fixture
def daily(cat: Catalog, source: Path) -> Path:
    for day in (1, 2):
        column = pa.array([None], pa.int64())
        write(source / f"day=2024-01-0{day}/a.parquet", {"id": [day], "v": column})
    snap(cat, "t", source)
    return source


def read(query: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as con:
        return con.execute(query).fetchall()


DAY = [datetime.date(2024, 1, d) for d in (1, 2)]


def test_files_that_read_as_written_are_copied(cat: Catalog, daily: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cat.export("t", str(out)) == 2
    assert read(f"SELECT id, day FROM '{out}/**/*.parquet' ORDER BY id") == [
        (1, DAY[0]),
        (2, DAY[1]),
    ]
    original = (daily / "day=2024-01-01/a.parquet").read_bytes()
    assert (out / "day=2024-01-01/00000.parquet").read_bytes() == original


def test_files_of_several_schemas_are_written_in_the_tables_own(
    cat: Catalog, daily: Path, tmp_path: Path
) -> None:
    write(tmp_path / "new/day=2024-01-02/b.parquet", pa.table({"id": [3.5], "more": ["x"]}))
    with pytest.raises(InvalidInput):
        snap(cat, "t", tmp_path / "new", scope="append")
    write(tmp_path / "new/day=2024-01-02/b.parquet", pa.table({"id": [3], "more": ["x"]}))
    snap(cat, "t", tmp_path / "new", scope="append")
    cat.export("t", str(tmp_path / "out"))
    for path in (tmp_path / "out").rglob("*.parquet"):
        assert [
            r[0] for r in read(f"DESCRIBE FROM read_parquet('{path}', hive_partitioning = false)")
        ] == [
            "id",
            "v",
            "more",
        ]
    assert read(f"SELECT id, more FROM '{tmp_path}/out/**/*.parquet' ORDER BY id") == [
        (1, None),
        (2, None),
        (3, "x"),
    ]


def test_an_export_can_be_taken_in_again(cat: Catalog, tmp_path: Path, source: Path) -> None:
    values = ["a/b", "", "x=y", "%41", "ü", None, "__HIVE_DEFAULT_PARTITION__", "01", "e."]
    for n, value in enumerate(values):
        from catalog.formats.hive_path import partition_path

        write(source / partition_path(["p"], [value]) / "a.parquet", {"n": [n]})
    snap(cat, "t", source)
    cat.export("t", str(tmp_path / "out"))
    snap(cat, "u", tmp_path / "out")
    assert rows(cat, "SELECT n, p FROM u ORDER BY n") == list(enumerate(values))


def test_csv_is_one_file(cat: Catalog, daily: Path, tmp_path: Path) -> None:
    cat.export("t", str(tmp_path / "t.csv"), format="csv", ref="main")
    assert (tmp_path / "t.csv").read_text() == "id,v,day\n1,,2024-01-01\n2,,2024-01-02\n"


def test_nothing_that_is_there_is_overwritten(cat: Catalog, daily: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    (tmp_path / "file").touch()
    for name, kind in (("full", "parquet"), ("file", "parquet"), ("file", "csv"), ("full", "csv")):
        with pytest.raises(AlreadyExists):
            cat.export("t", str(tmp_path / name), format=kind)  # type: ignore[arg-type]
    with pytest.raises(AlreadyExists):
        cat.write_views(str(tmp_path / "file"))


def test_an_empty_directory_is_taken(cat: Catalog, daily: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    cat.export("t", f"{tmp_path}/empty/")
    assert len(list((tmp_path / "empty").rglob("*.parquet"))) == 2


@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_a_failed_export_leaves_nothing(
    cat: Catalog, daily: Path, tmp_path: Path, format_: str
) -> None:
    for file in cat.files("t")[1:]:
        os.unlink(file.uri)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(CatalogError):
        cat.export("t", str(tmp_path / "out"), format=format_)  # type: ignore[arg-type]
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_a_destination_that_cannot_be_is_said(cat: Catalog, daily: Path, format_: str) -> None:
    with pytest.raises(CatalogError) as caught:
        cat.export("t", str(daily / "day=2024-01-01/a.parquet/out"), format=format_)  # type: ignore[arg-type]
    assert caught.value.hint
    with pytest.raises(CatalogError):
        cat.write_views("/proc/none/views.duckdb")


@pytest.mark.parametrize("format_", ["parquet", "csv", "delta", "iceberg"])
def test_nothing_is_written_into_the_catalog(cat: Catalog, daily: Path, format_: str) -> None:
    place = Path(cat.repository.store.location) / "refs" / "branches" / "out"
    with pytest.raises(InvalidInput, match="is inside the catalog"):
        cat.export("t", str(place), format=format_)  # type: ignore[arg-type]
    assert not place.exists()


def test_unknown_tables_and_formats_are_refused(cat: Catalog, daily: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        cat.export("tt", str(tmp_path / "out"))
    assert caught.value.hint == "did you mean t?"
    with pytest.raises(InvalidInput):
        cat.export("t", str(tmp_path / "out"), format="xls")  # type: ignore[arg-type]


def test_a_table_left_with_its_partition_columns_is_written(cat: Catalog, tmp_path: Path) -> None:
    with cat.transaction("main", message="t") as tx:
        tx.sql("CREATE TABLE t PARTITIONED BY (p) AS SELECT range % 2 p, 1 x FROM range(3)")
        tx.sql("ALTER TABLE t DROP COLUMN x")
    assert cat.export("t", str(tmp_path / "out")) == 3
    assert read(f"SELECT p FROM '{tmp_path}/out/**/*.parquet' ORDER BY p") == [(0,), (0,), (1,)]
