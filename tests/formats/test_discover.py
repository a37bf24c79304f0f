"""What a source is, and which files it has."""

from pathlib import Path

import pytest

from catalog.errors import ErrorKind, NotFound, Unsupported
from catalog.formats.discover import discover


def touch(folder: Path, *names: str) -> str:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return str(folder)


def test_files_are_listed_with_their_partition_values(tmp_path: Path) -> None:
    source = touch(tmp_path, "day=2/b.parquet", "day=1/a.pq", "day=1/notes.txt", "_x/c.parquet")
    found = discover(source)
    assert [(file.relative, file.hive) for file in found.files] == [
        ("day=1/a.pq", (("day", "1"),)),
        ("day=2/b.parquet", (("day", "2"),)),
    ]
    assert (found.root, found.columns, found.ignored) == (source, ("day",), 1)


@pytest.mark.parametrize(
    ("name", "metadata"),
    [("Delta", "_delta_log/0.json"), ("Iceberg", "metadata/v1.metadata.json")],
)
def test_tables_of_other_formats_are_refused_by_name(
    tmp_path: Path, name: str, metadata: str
) -> None:
    source = touch(tmp_path, "a.parquet", metadata)
    with pytest.raises(Unsupported, match=f"is a table of {name}") as caught:
        discover(source)
    assert caught.value.kind is ErrorKind.OTHER_FORMAT


def test_a_pattern_takes_files_of_a_table_of_another_format(tmp_path: Path) -> None:
    source = touch(tmp_path, "a.parquet", "_delta_log/0.json")
    assert [file.relative for file in discover(f"{source}/*.parquet").files] == ["a.parquet"]


def test_a_missing_source_can_count_as_empty(tmp_path: Path) -> None:
    missing = str(tmp_path / "orders")
    with pytest.raises(NotFound, match="no file or directory"):
        discover(missing)
    found = discover(missing, missing_ok=True)
    assert (found.root, found.files, found.columns) == (missing, (), ())


def test_a_place_that_is_not_read_is_refused_even_if_it_may_be_missing() -> None:
    with pytest.raises(Unsupported):
        discover("ftp://host/orders", missing_ok=True)
