"""``status`` and the listings of tables, partitions and files."""

from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import NotFound
from catalog.operations.status import Source

from .conftest import head, snap, write


def test_status_says_what_a_snapshot_would_change(cat: Catalog, source: Path) -> None:
    for name in ("same", "changed", "new"):
        write(source / name / "a.parquet", {"id": [1]})
        write(source / name / "b.parquet", {"id": [2]})
    snap(cat, "same", source / "same")
    snap(cat, "changed", source / "changed")
    write(source / "changed/b.parquet", {"id": [3]})
    (source / "empty").mkdir()
    before = head(cat)
    names = ("same", "changed", "new", "missing")
    found = cat.status([Source(name, str(source / name)) for name in names])
    assert [(s.table, s.state, s.files_added, s.files_removed, s.files_kept) for s in found] == [
        ("same", "unchanged", 0, 0, 2),
        ("changed", "changed", 1, 1, 1),
        ("new", "new", 2, 0, 0),
        ("missing", "missing", 0, 0, 0),
    ]
    assert head(cat) == before


def test_files_and_partitions_are_listed_with_their_values(cat: Catalog, source: Path) -> None:
    write(source / "day=2024-01-31/a.parquet", {"id": [1, 2]})
    write(source / "day=__HIVE_DEFAULT_PARTITION__/a.parquet", {"id": [3]})
    snap(cat, "s.t", source)
    partitions = cat.partitions("s.t")
    assert [(dict(p.values), p.rows, p.files) for p in partitions] == [
        ({"day": None}, 1, 1),
        ({"day": "2024-01-31"}, 2, 1),
    ]
    files = cat.files("S.T")
    assert [(f.rows, dict(f.partition)) for f in files] == [
        (1, {"day": None}),
        (2, {"day": "2024-01-31"}),
    ]
    assert all(Path(f.uri).stat().st_size == f.size_bytes for f in files)


def test_an_unknown_table_lists_those_there_are(cat: Catalog, source: Path) -> None:
    with pytest.raises(NotFound) as caught:
        cat.files("orders")
    assert caught.value.hint == "it has no tables yet"
    write(source / "a.parquet", {"id": [1]})
    snap(cat, "orders", source)
    snap(cat, "customers", source)
    with pytest.raises(NotFound) as caught:
        cat.files("xyz")
    assert caught.value.hint == "its tables are: customers, orders"
