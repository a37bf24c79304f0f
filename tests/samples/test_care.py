"""A catalog of format 2: with expired data, files put together, and garbage that is listed."""

import shutil
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.errors import CatalogError, ErrorKind
from catalog.repository.condemned import read_lists, read_notes
from catalog.repository.expired import records

SAMPLE = Path(__file__).parent / "format-2"
ROWS = [
    (0, "mon", "a"),
    (1, "mon", "a"),
    (2, "tue", "a"),
    (3, "mon", "b"),
    (4, "mon", "c"),
    (5, "tue", "b"),
]


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    shutil.copytree(SAMPLE, tmp_path / "lake")
    return Catalog.open(str(tmp_path / "lake"))


def test_its_history_and_rows_are_the_same(cat: Catalog) -> None:
    assert cat.info.format_version == 2
    messages = ["catalog created", "one", "two", "put together", "three"]
    assert [one.message for one in reversed(cat.log())] == messages
    assert cat.sql("FROM orders ORDER BY id").fetchall() == ROWS
    before = [(n, day, "b" if v == "c" else v) for n, day, v in ROWS]
    assert cat.sql("FROM orders@main~1 ORDER BY id").fetchall() == before
    (together,) = [one for one in cat.diff("main~2", "main~1").tables if one.table == "orders"]
    assert together.changes().read_all().num_rows == 0
    (changed,) = cat.diff("main~1", "main").tables
    assert changed.changes().read_all().num_rows == 1


def test_its_expired_data_is_gone_and_told(cat: Catalog) -> None:
    (record,) = records(cat.context.repository.store)
    assert (record.who, record.policy.keep_seconds) == ("sample", 30 * 86_400)
    with pytest.raises(CatalogError) as caught:
        cat.sql("FROM gone@main~3").fetchall()
    assert caught.value.kind == ErrorKind.DATA_EXPIRED


def test_its_list_of_garbage_is_used_as_ever(cat: Catalog) -> None:
    store = cat.context.repository.store
    (one,) = read_lists(store)
    assert one.state == "waiting" and len(one.names) == 3
    assert read_notes(store, one.id) == set(one.names)
    assert [run.removed for run in cat.gc_log()] == [{}, {"packs": 1, "data files": 7}]
    report = cat.gc()
    assert report.removed.total == 0
    assert cat.sql("FROM orders ORDER BY id").fetchall() == ROWS
